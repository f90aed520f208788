/* Clock, by hand: it stands, it is moved, it runs on, and who sleeps until a time wakes when that comes and not before. */
#include "base/clock_manual.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/sleep.h"

static void pass_by_machine(int64_t us)
{
	for (int64_t until_us = hm_clock_machine_us() + us; hm_clock_machine_us() < until_us;)
		sched_yield();
}

static void wait_for_sleepers(unsigned count)
{
	while (hm_clock_sleepers() != count)
		sched_yield();
}

Test(clock_manual, both_times_stand_still_and_are_moved_together)
{
	int64_t mono_us, wall_us;

	hm_clock_hold();
	mono_us = hm_clock_mono_us();
	wall_us = hm_clock_wall_us();
	pass_by_machine(2000);
	cr_expect_eq(hm_clock_mono_us(), mono_us);
	cr_expect_eq(hm_clock_wall_us(), wall_us);
	hm_clock_advance_ms(15LL * 60 * 1000);
	cr_expect_eq(hm_clock_mono_us(), mono_us + 15LL * 60 * HM_US_PER_S);
	cr_expect_eq(hm_clock_wall_us(), wall_us + 15LL * 60 * HM_US_PER_S);
}

Test(clock_manual, time_runs_on_from_where_it_stood)
{
	int64_t mono_us;

	hm_clock_hold();
	hm_clock_advance_ms(3600 * 1000);
	mono_us = hm_clock_mono_us();
	hm_clock_release();
	cr_expect_geq(hm_clock_mono_us(), mono_us);
	pass_by_machine(2000);
	cr_expect_geq(hm_clock_mono_us(), mono_us + 2000);
	hm_clock_hold();
	mono_us = hm_clock_mono_us();
	hm_clock_hold();
	cr_expect_eq(hm_clock_mono_us(), mono_us, "held twice is held");
}

Test(clock_manual, a_time_that_runs_can_be_moved_too)
{
	int64_t mono_us, wall_us;

	hm_clock_take();
	mono_us = hm_clock_mono_us();
	wall_us = hm_clock_wall_us();
	hm_clock_advance_ms(3600 * 1000);
	cr_expect_geq(hm_clock_mono_us(), mono_us + 3600LL * HM_US_PER_S);
	cr_expect_geq(hm_clock_wall_us(), wall_us + 3600LL * HM_US_PER_S);
}

/* ---- Sleepers ------------------------------------------------------------------------------------------------------- */

struct bed {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	int pipe[2];
	int64_t until_us;
	_Atomic int64_t woke_us; /* 0: asleep */
	_Atomic bool is_wanted;
	bool was_in_time; /* before until_us */
};

static void *sleep_on_condition(void *user)
{
	struct bed *bed = user;
	bool goes_on = true;

	pthread_mutex_lock(&bed->lock);
	while (goes_on && !bed->is_wanted)
		goes_on = hm_sleep_on(&bed->changed, &bed->lock, bed->until_us);
	pthread_mutex_unlock(&bed->lock);
	bed->was_in_time = goes_on;
	atomic_store(&bed->woke_us, hm_clock_mono_us());
	return NULL;
}

static void *sleep_on_descriptor(void *user)
{
	struct bed *bed = user;
	struct pollfd file = { .fd = bed->pipe[0], .events = POLLIN };

	bed->was_in_time = hm_sleep_poll(&file, bed->until_us);
	atomic_store(&bed->woke_us, hm_clock_mono_us());
	return NULL;
}

typedef void *way_fn(void *bed);
static way_fn *const ways[] = { sleep_on_condition, sleep_on_descriptor };
enum { WAYS = sizeof ways / sizeof *ways };

static void make(struct bed *bed, int64_t until_us)
{
	*bed = (struct bed){ .lock = PTHREAD_MUTEX_INITIALIZER,
			     .changed = PTHREAD_COND_INITIALIZER,
			     .until_us = until_us };
	cr_assert_eq(pipe(bed->pipe), 0);
}

static void call(struct bed *bed)
{
	pthread_mutex_lock(&bed->lock);
	atomic_store(&bed->is_wanted, true);
	pthread_cond_broadcast(&bed->changed);
	pthread_mutex_unlock(&bed->lock);
	cr_assert_eq(write(bed->pipe[1], "", 1), 1);
}

/* Two beds each way: an hour, and a millisecond more, which is not woken by what wakes the first. */
Test(clock_manual, who_sleeps_until_a_time_wakes_when_it_comes_and_not_before, .timeout = 60)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct bed first, second;
		pthread_t threads[2];
		int64_t start_us;

		hm_clock_hold();
		start_us = hm_clock_mono_us();
		make(&first, start_us + 3600LL * HM_US_PER_S);
		make(&second, first.until_us + HM_US_PER_MS);
		cr_assert_eq(pthread_create(&threads[0], NULL, ways[i], &first), 0);
		cr_assert_eq(pthread_create(&threads[1], NULL, ways[i], &second), 0);
		wait_for_sleepers(2);
		hm_clock_advance_ms(3600 * 1000 - 1);
		cr_expect_eq(hm_clock_sleepers(), 2);
		hm_clock_advance_ms(1);
		pthread_join(threads[0], NULL);
		cr_expect_eq(first.woke_us, first.until_us);
		cr_expect_not(first.was_in_time);
		cr_expect_eq(hm_clock_sleepers(), 1);
		cr_expect_eq(second.woke_us, 0);
		hm_clock_advance_ms(1);
		pthread_join(threads[1], NULL);
		cr_expect_eq(second.woke_us, second.until_us);
	}
}

Test(clock_manual, who_is_called_wakes_though_time_stands, .timeout = 60)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct bed bed;
		pthread_t thread;

		hm_clock_hold();
		make(&bed, hm_clock_mono_us() + 1);
		cr_assert_eq(pthread_create(&thread, NULL, ways[i], &bed), 0);
		wait_for_sleepers(1);
		call(&bed);
		pthread_join(thread, NULL);
		cr_expect(bed.was_in_time);
		cr_expect_eq(hm_clock_sleepers(), 0);
	}
}

Test(clock_manual, a_time_that_has_come_is_not_slept_for, .timeout = 60)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct bed bed;

		hm_clock_hold();
		make(&bed, hm_clock_mono_us());
		ways[i](&bed);
		cr_expect_not(bed.was_in_time);
	}
}

Test(clock_manual, a_descriptor_is_looked_at_though_the_time_has_come)
{
	struct bed bed;

	hm_clock_hold();
	make(&bed, hm_clock_mono_us());
	call(&bed);
	sleep_on_descriptor(&bed);
	cr_expect(bed.was_in_time);
}

Test(clock_manual, who_began_to_sleep_while_time_ran_is_held_with_it_and_wakes_when_it_runs_again, .timeout = 60)
{
	for (size_t i = 0; i < WAYS; i++) {
		struct bed bed;
		pthread_t thread;

		hm_clock_take();
		hm_clock_release();
		make(&bed, hm_clock_mono_us() + 3600LL * HM_US_PER_S);
		cr_assert_eq(pthread_create(&thread, NULL, ways[i], &bed), 0);
		wait_for_sleepers(1);
		hm_clock_hold();
		hm_clock_advance_ms((bed.until_us - hm_clock_mono_us() - 1) / HM_US_PER_MS);
		pass_by_machine(5 * HM_US_PER_MS);
		cr_expect_eq(hm_clock_sleepers(), 1);
		hm_clock_release();
		pthread_join(thread, NULL);
		cr_expect_geq(bed.woke_us, bed.until_us);
	}
}

/* One that could not be woken any more would make a test that hangs. */
Test(clock_manual, cannot_be_taken_once_something_has_slept_by_the_machines_clock, .signal = SIGABRT)
{
	struct bed bed;

	make(&bed, hm_clock_mono_us() + 1);
	sleep_on_condition(&bed);
	hm_clock_hold();
}
