/* Timer: order, change of mind, and that stop means stopped. */
#include "net/timer.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <stdatomic.h>

#include "base/clock.h"
#include "base/clock_manual.h"

enum { TIMERS = 200 };

static struct hm_timer timers[TIMERS];
static _Atomic int n_fired, n_late;
static _Atomic int64_t last_due_us;

static void note(void *user)
{
	const struct hm_timer *timer = user;

	if (timer->due_us < atomic_load(&last_due_us))
		atomic_fetch_add(&n_late, 1);
	atomic_store(&last_due_us, timer->due_us);
	atomic_fetch_add(&n_fired, 1);
}

Test(timer, fires_each_once_in_the_order_of_their_times, .timeout = 30, .init = hm_clock_hold)
{
	int64_t start_us = hm_clock_mono_us() + 50 * HM_US_PER_MS;

	for (int i = 0; i < TIMERS; i++) {
		hm_timer_init(&timers[i], note, &timers[i]);
		hm_timer_set(&timers[i], start_us + i * 7919 % TIMERS * 10);
	}
	hm_clock_advance_ms(49);
	cr_expect_eq(n_fired, 0);
	hm_clock_advance_ms(1);
	while (!atomic_load(&n_fired))
		sched_yield();
	cr_expect_eq(n_fired, 1, "the others are some microseconds away");
	hm_clock_advance_ms(2);
	while (atomic_load(&n_fired) < TIMERS)
		sched_yield();
	cr_expect_eq(n_late, 0);
}

Test(timer, fires_at_the_time_set_last, .timeout = 30)
{
	struct hm_timer timer;

	hm_timer_init(&timer, note, &timer);
	hm_timer_set(&timer, hm_clock_mono_us() + 3600LL * HM_US_PER_S);
	hm_timer_set(&timer, 0);
	while (!atomic_load(&n_fired))
		sched_yield();
	hm_timer_stop(&timer);
	cr_expect_eq(n_fired, 1);
}

static _Atomic int running, is_released;

static void stay(void *user)
{
	struct hm_timer *timer = user;

	atomic_store(&running, 1);
	while (!atomic_load(&is_released))
		sched_yield();
	hm_timer_set(timer, 0); /* sets itself again: stop wins all the same */
	atomic_store(&running, 0);
}

static void release(void *user)
{
	(void)user;
	atomic_store(&is_released, 1);
}

Test(timer, is_not_running_when_stop_returns, .timeout = 30)
{
	struct hm_timer timer;

	hm_timer_init(&timer, stay, &timer);
	hm_timer_set(&timer, 0);
	while (!atomic_load(&running))
		sched_yield();
	release(NULL);
	hm_timer_stop(&timer);
	cr_expect_eq(running, 0);
	cr_expect_eq(timer.place, 0);
}

Test(timer, does_not_fire_after_it_was_stopped, .timeout = 30, .init = hm_clock_hold)
{
	struct hm_timer stopped, after;

	hm_timer_init(&stopped, note, &stopped);
	hm_timer_init(&after, release, NULL);
	hm_timer_set(&stopped, hm_clock_mono_us() + 20 * HM_US_PER_MS);
	hm_timer_set(&after, hm_clock_mono_us() + 40 * HM_US_PER_MS);
	hm_timer_stop(&stopped);
	hm_clock_advance_ms(40);
	while (!atomic_load(&is_released))
		sched_yield();
	cr_expect_eq(n_fired, 0);
}
