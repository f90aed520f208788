/*
 * Clock, by hand: two times, and a list of who sleeps until one. While they run, a thread sleeps by the machine's clock until the first
 * is due and wakes it; while they stand, whoever moves them does. The lock is taken last of all; who is woken is woken
 * without it, since that takes the sleeper's own lock, under which it came here.
 */
#include "base/clock_manual.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/clock_own.h"
#include "base/sleep.h"

enum { NAP_US = 60 * HM_US_PER_S }; /* the thread looks again after that, so that no sum overflows */

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the time, the list, or a sleeper has been woken */
	int64_t us[HM_CLOCKS]; /* standing: the time; running: how far it is ahead of the machine's */
	bool stands;
	struct hm_sleeper *first;
	unsigned n_sleepers;
} manual = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* With the lock held. */
static int64_t now_us(enum hm_clock clock)
{
	return manual.us[clock] + (manual.stands ? 0 : hm_clock_read_us(clock));
}

int64_t hm_clock_manual_us(enum hm_clock clock)
{
	int64_t us;

	pthread_mutex_lock(&manual.lock);
	us = now_us(clock);
	pthread_mutex_unlock(&manual.lock);
	return us;
}

/* ---- Who sleeps ----------------------------------------------------------------------------------------------------- */

/* With the lock held. */
static void take_out(struct hm_sleeper *sleeper)
{
	struct hm_sleeper **link = &manual.first;

	while (*link != sleeper)
		link = &(*link)->next;
	*link = sleeper->next;
	sleeper->is_listed = false;
	manual.n_sleepers--;
}

/* With the lock held: who is due first; NULL: nobody sleeps. */
static struct hm_sleeper *find_first(void)
{
	struct hm_sleeper *first = manual.first;

	for (struct hm_sleeper *sleeper = manual.first; sleeper; sleeper = sleeper->next)
		if (sleeper->until_us < first->until_us)
			first = sleeper;
	return first;
}

/* With the lock held, but for the waking itself. */
static void wake_due(void)
{
	struct hm_sleeper *sleeper;

	while ((sleeper = find_first()) && sleeper->until_us <= now_us(HM_CLOCK_MONO)) {
		take_out(sleeper);
		sleeper->is_being_woken = true;
		pthread_mutex_unlock(&manual.lock);
		sleeper->wake(sleeper);
		pthread_mutex_lock(&manual.lock);
		sleeper->is_being_woken = false;
		pthread_cond_broadcast(&manual.changed);
	}
}

bool hm_sleeper_begin(struct hm_sleeper *sleeper)
{
	bool sleeps;

	pthread_mutex_lock(&manual.lock);
	sleeps = sleeper->until_us > now_us(HM_CLOCK_MONO);
	if (sleeps) {
		sleeper->next = manual.first;
		sleeper->is_listed = true;
		manual.first = sleeper;
		manual.n_sleepers++;
		pthread_cond_broadcast(&manual.changed);
	}
	pthread_mutex_unlock(&manual.lock);
	return sleeps;
}

void hm_sleeper_end(struct hm_sleeper *sleeper)
{
	pthread_mutex_lock(&manual.lock);
	if (sleeper->is_listed)
		take_out(sleeper);
	while (sleeper->is_being_woken)
		pthread_cond_wait(&manual.changed, &manual.lock);
	pthread_mutex_unlock(&manual.lock);
}

unsigned hm_clock_sleepers(void)
{
	unsigned n;

	pthread_mutex_lock(&manual.lock);
	n = manual.n_sleepers;
	pthread_mutex_unlock(&manual.lock);
	return n;
}

/* ---- While time runs ------------------------------------------------------------------------------------------------ */

/* With the lock held: until the sleeper is due, or something changes. */
static void sleep_until_due(const struct hm_sleeper *sleeper)
{
	int64_t left_us = sleeper->until_us - now_us(HM_CLOCK_MONO);
	struct timespec until;

	if (left_us > NAP_US)
		left_us = NAP_US;
	until = hm_clock_timespec(hm_clock_read_us(HM_CLOCK_MONO) + left_us);
	pthread_cond_clockwait(&manual.changed, &manual.lock, CLOCK_MONOTONIC, &until);
}

static void *run(void *unused)
{
	const struct hm_sleeper *first;

	(void)unused;
	pthread_mutex_lock(&manual.lock);
	for (;;) {
		wake_due();
		first = find_first();
		if (first && !manual.stands)
			sleep_until_due(first);
		else
			pthread_cond_wait(&manual.changed, &manual.lock);
	}
	return NULL;
}

static void start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;

	sigfillset(&all); /* signals are for the threads of the program's own */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&thread, NULL, run, NULL))
		abort();
	pthread_detach(thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* ---- Whose time it is ----------------------------------------------------------------------------------------------- */

void hm_clock_take(void)
{
	int owner = HM_CLOCK_UNTOUCHED;

	if (atomic_compare_exchange_strong(&hm_clock_owner, &owner, HM_CLOCK_MANUAL)) {
		start_thread();
	} else if (owner == HM_CLOCK_MACHINES) {
		fputs("hm_clock_take: something has slept by the machine's clock already, and moving the time would "
		      "not wake "
		      "it: take it first, before anything is opened\n",
		      stderr);
		abort();
	}
}

/* With the lock held. The machine's time is taken in, or out again. */
static void set_standing(bool stands)
{
	if (stands == manual.stands)
		return;
	for (int i = 0; i < HM_CLOCKS; i++)
		manual.us[i] += stands ? hm_clock_read_us(i) : -hm_clock_read_us(i);
	manual.stands = stands;
	pthread_cond_broadcast(&manual.changed);
}

static void stand(bool stands)
{
	hm_clock_take();
	pthread_mutex_lock(&manual.lock);
	set_standing(stands);
	pthread_mutex_unlock(&manual.lock);
}

void hm_clock_hold(void)
{
	stand(true);
}

void hm_clock_release(void)
{
	stand(false);
}

void hm_clock_advance_ms(int64_t ms)
{
	assert(ms >= 0);
	hm_clock_take();
	pthread_mutex_lock(&manual.lock);
	for (int i = 0; i < HM_CLOCKS; i++)
		manual.us[i] += ms * HM_US_PER_MS;
	wake_due();
	pthread_mutex_unlock(&manual.lock);
}
