/*
 * Clock stress: threads sleep until a time in every way there is, others call them before it, timers are set and stopped, and all the while
 * the time stands, runs and is moved. Nobody may wake by time before it has come; nobody may sleep through it; nothing may hang.
 *
 * A plain program because Criterion does not run under ThreadSanitizer: make VARIANT=tsan stress.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/clock_manual.h"
#include "base/id.h"
#include "base/sleep.h"
#include "net/timer.h"
#include "rpc/wait.h"

enum { SLEEPERS_A_WAY = 3, CALLERS = 2, TIMERS = 8, SECONDS = 4, NAP_MS_MAX = 40 };

struct bed {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int pipe[2];
	_Atomic uint32_t word;
	bool is_called;
};

static _Atomic bool is_over;
static _Atomic unsigned long n_in_time, n_called, n_early;
static struct bed beds[3 * SLEEPERS_A_WAY];

static int64_t some_of(int64_t most)
{
	uint32_t chance;

	hm_random(&chance, sizeof chance);
	return (int64_t)(most * chance >> 32);
}

static bool sleep_on_condition(struct bed *bed, int64_t until_us)
{
	bool goes_on = true;

	pthread_mutex_lock(&bed->lock);
	while (goes_on && !bed->is_called)
		goes_on = hm_sleep_on(&bed->changed, &bed->lock, until_us);
	bed->is_called = false;
	pthread_mutex_unlock(&bed->lock);
	return goes_on;
}

static bool sleep_on_descriptor(struct bed *bed, int64_t until_us)
{
	struct pollfd file = { .fd = bed->pipe[0], .events = POLLIN };
	bool is_called = hm_sleep_poll(&file, until_us);
	char byte;

	return is_called && read(bed->pipe[0], &byte, 1) == 1;
}

static bool sleep_on_word(struct bed *bed, int64_t until_us)
{
	atomic_store(&bed->word, HM_WAIT_WAITING);
	return hm_wait_until(&bed->word, until_us) == HM_WAIT_ENDED;
}

static bool (*const ways[])(struct bed *bed, int64_t until_us) = { sleep_on_condition, sleep_on_descriptor,
								   sleep_on_word };

static void *sleep_again_and_again(void *user)
{
	struct bed *bed = user;

	while (!atomic_load(&is_over)) {
		int64_t until_us = hm_clock_mono_us() + some_of(NAP_MS_MAX * HM_US_PER_MS);

		if (ways[(bed - beds) / SLEEPERS_A_WAY](bed, until_us))
			atomic_fetch_add(&n_called, 1);
		else if (hm_clock_mono_us() < until_us)
			atomic_fetch_add(&n_early, 1);
		else
			atomic_fetch_add(&n_in_time, 1);
	}
	return NULL;
}

static void call(struct bed *bed)
{
	pthread_mutex_lock(&bed->lock);
	bed->is_called = true;
	pthread_cond_broadcast(&bed->changed);
	pthread_mutex_unlock(&bed->lock);
	if (write(bed->pipe[1], "", 1) != 1)
		abort();
	if (hm_wait_move(&bed->word, HM_WAIT_ENDED))
		hm_wait_wake(&bed->word);
}

static void *call_again_and_again(void *unused)
{
	(void)unused;
	while (!atomic_load(&is_over)) {
		call(&beds[some_of(3 * SLEEPERS_A_WAY)]);
		usleep(200);
	}
	return NULL;
}

static struct timer {
	struct hm_timer timer;
	_Atomic int64_t due_us;
} timers[TIMERS];

static void fire(void *user)
{
	struct timer *timer = user;
	int64_t now_us = hm_clock_mono_us();

	atomic_fetch_add(now_us < atomic_load(&timer->due_us) ? &n_early : &n_in_time, 1);
	if (atomic_load(&is_over))
		return;
	atomic_store(&timer->due_us, now_us + some_of(NAP_MS_MAX * HM_US_PER_MS));
	hm_timer_set(&timer->timer, atomic_load(&timer->due_us));
}

static void move_time(void)
{
	for (int64_t until_us = hm_clock_machine_us() + SECONDS * HM_US_PER_S; hm_clock_machine_us() < until_us;) {
		hm_clock_hold();
		for (int i = 0; i < 20; i++) {
			hm_clock_advance_ms(some_of(NAP_MS_MAX));
			usleep((unsigned)some_of(500));
		}
		hm_clock_release();
		usleep((unsigned)some_of(5000));
	}
}

int main(void)
{
	pthread_t sleepers[3 * SLEEPERS_A_WAY], callers[CALLERS];

	hm_clock_take();
	for (int i = 0; i < TIMERS; i++) {
		hm_timer_init(&timers[i].timer, fire, &timers[i]);
		hm_timer_set(&timers[i].timer, 0);
	}
	for (int i = 0; i < 3 * SLEEPERS_A_WAY; i++) {
		pthread_mutex_init(&beds[i].lock, NULL);
		pthread_cond_init(&beds[i].changed, NULL);
		if (pipe(beds[i].pipe) || pthread_create(&sleepers[i], NULL, sleep_again_and_again, &beds[i]))
			abort();
	}
	for (int i = 0; i < CALLERS; i++)
		if (pthread_create(&callers[i], NULL, call_again_and_again, NULL))
			abort();
	move_time();
	atomic_store(&is_over, true);
	for (int i = 0; i < CALLERS; i++)
		pthread_join(callers[i], NULL);
	for (int i = 0; i < 3 * SLEEPERS_A_WAY; i++)
		pthread_join(sleepers[i], NULL);
	for (int i = 0; i < TIMERS; i++)
		hm_timer_stop(&timers[i].timer);
	printf("clock_stress: %lu woke in time, %lu were called, %lu early\n", n_in_time, n_called, n_early);
	return n_early || !n_in_time || !n_called;
}
