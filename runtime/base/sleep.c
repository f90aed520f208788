/* Sleep: pthread_cond_clockwait and poll; with the time a test's, a list entry and no time-out. */
#include "base/sleep.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/clock_own.h"

bool hm_sleep_is_manual(void)
{
	int owner = atomic_load_explicit(&hm_clock_owner, memory_order_relaxed);

	if (owner == HM_CLOCK_UNTOUCHED)
		atomic_compare_exchange_strong(&hm_clock_owner, &owner, HM_CLOCK_MACHINES);
	return owner == HM_CLOCK_MANUAL;
}

/* ---- On a condition ------------------------------------------------------------------------------------------------- */

struct on_condition {
	struct hm_sleeper sleeper; /* first */
	pthread_cond_t *condition;
	pthread_mutex_t *lock;
};

/* Whoever sleeps holds the lock until it does, and so cannot miss this. */
static void wake_condition(struct hm_sleeper *sleeper)
{
	struct on_condition *sleep = (struct on_condition *)sleeper;

	pthread_mutex_lock(sleep->lock);
	pthread_cond_broadcast(sleep->condition);
	pthread_mutex_unlock(sleep->lock);
}

/* Being woken takes the lock, so the end of that is waited for without it. */
static bool sleep_on_manually(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us)
{
	struct on_condition sleep = { { .until_us = until_us, .wake = wake_condition }, condition, lock };

	if (!hm_sleeper_begin(&sleep.sleeper))
		return false;
	pthread_cond_wait(condition, lock);
	pthread_mutex_unlock(lock);
	hm_sleeper_end(&sleep.sleeper);
	pthread_mutex_lock(lock);
	return hm_clock_mono_us() < until_us;
}

bool hm_sleep_on(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us)
{
	const struct timespec until = hm_clock_timespec(until_us);

	if (!until_us)
		return !pthread_cond_wait(condition, lock);
	if (hm_sleep_is_manual())
		return sleep_on_manually(condition, lock, until_us);
	return pthread_cond_clockwait(condition, lock, CLOCK_MONOTONIC, &until) != ETIMEDOUT;
}

/* ---- On a descriptor ------------------------------------------------------------------------------------------------ */

struct on_descriptor {
	struct hm_sleeper sleeper; /* first */
	int bell;
};

static void ring(struct hm_sleeper *sleeper)
{
	(void)eventfd_write(((struct on_descriptor *)sleeper)->bell, 1);
}

static bool poll_manually(struct pollfd *file, int64_t until_us)
{
	struct on_descriptor sleep = { { .until_us = until_us, .wake = ring }, eventfd(0, EFD_CLOEXEC) };
	struct pollfd files[] = { *file, { .fd = sleep.bell, .events = POLLIN } };

	if (sleep.bell < 0)
		abort();
	while (poll(files, 2, hm_sleeper_begin(&sleep.sleeper) ? -1 : 0) < 0)
		hm_sleeper_end(&sleep.sleeper); /* a signal */
	hm_sleeper_end(&sleep.sleeper);
	close(sleep.bell);
	*file = files[0];
	return file->revents;
}

/* Rounded up: not a moment before its time. */
static int left_ms(int64_t until_us)
{
	int64_t left_us = until_us - hm_clock_mono_us();

	if (left_us <= 0)
		return 0;
	return left_us / HM_US_PER_MS < INT_MAX ? (int)(left_us / HM_US_PER_MS + 1) : INT_MAX;
}

bool hm_sleep_poll(struct pollfd *file, int64_t until_us)
{
	int n;

	if (until_us && hm_sleep_is_manual())
		return poll_manually(file, until_us);
	do
		n = poll(file, 1, until_us ? left_ms(until_us) : -1);
	while (n < 0); /* a signal */
	return n > 0;
}
