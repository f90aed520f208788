/* Limiter: against simulated servers whose capacity is known. */
#include "server/limiter.h"

#include <criterion/criterion.h>

enum { MIN = 4, MAX = 64, MS = 1000, CALLS_MAX = 1024 };

/* A server: so many calls go on at full speed, more share what there is. */
struct simulation {
	struct hm_limiter limiter;
	unsigned capacity;
	int64_t service_us, now_us;
	struct {
		int64_t began_us, left_us;
	} calls[CALLS_MAX];
	unsigned n;
	uint64_t served;
};

static struct simulation begin(unsigned capacity, int64_t service_us)
{
	struct simulation simulation = { .capacity = capacity, .service_us = service_us, .now_us = MS };

	hm_limiter_init(&simulation.limiter, MIN, MAX);
	return simulation;
}

static void end_call(struct simulation *simulation, unsigned i)
{
	hm_limiter_feed(&simulation->limiter, simulation->now_us, simulation->now_us - simulation->calls[i].began_us,
			simulation->n, HM_OUTCOME_SERVED);
	simulation->calls[i] = simulation->calls[--simulation->n];
	simulation->served++;
}

/* Offers `offered` calls at all times, of which the limit lets some in, for a time. Returns how many were served a second. */
static unsigned run(struct simulation *simulation, unsigned offered, int64_t ms)
{
	const int64_t step_us = simulation->service_us / 20;
	const uint64_t before = simulation->served;

	for (int64_t end_us = simulation->now_us + ms * MS; simulation->now_us < end_us;
	     simulation->now_us += step_us) {
		const unsigned limit = hm_limiter_get(&simulation->limiter);
		int64_t progress_us;

		while (simulation->n < offered && simulation->n < limit) {
			simulation->calls[simulation->n].began_us = simulation->now_us;
			/* No two are quite alike, or they would all end at once. */
			simulation->calls[simulation->n++].left_us =
				simulation->service_us * (75 + simulation->now_us / step_us % 51) / 100;
		}
		progress_us =
			simulation->n > simulation->capacity ? step_us * simulation->capacity / simulation->n : step_us;
		for (unsigned i = simulation->n; i-- > 0;)
			if ((simulation->calls[i].left_us -= progress_us) <= 0)
				end_call(simulation, i);
	}
	return (unsigned)((simulation->served - before) * 1000 / (uint64_t)ms);
}

Test(limiter, begins_at_the_most_and_stays_there_while_calls_are_not_in_each_others_way)
{
	struct simulation simulation = begin(100, 10 * MS);

	cr_assert_eq(hm_limiter_get(&simulation.limiter), MAX);
	run(&simulation, MAX, 20000);
	cr_expect_geq(hm_limiter_get(&simulation.limiter), MAX / 2); /* a probe may be under way */
	cr_expect_geq(simulation.limiter.limit, MAX - 4);
}

Test(limiter, comes_down_near_the_capacity_under_overload_and_loses_no_throughput)
{
	struct simulation simulation = begin(10, 10 * MS);
	unsigned rate;

	run(&simulation, 3, 3000); /* quiet: it learns what a call takes */
	run(&simulation, CALLS_MAX, 3000);
	rate = run(&simulation, CALLS_MAX, 20000);
	cr_expect_leq(simulation.limiter.limit, 30, "%f", simulation.limiter.limit);
	cr_expect_geq(simulation.limiter.limit, 10, "%f", simulation.limiter.limit);
	cr_expect_geq(rate, 950, "%u of 1000 a second", rate);
}

/* Few CPUs behind it: each call that runs beside what they can do makes all others slower, a quiet brand's too. */
Test(limiter, leaves_few_waiting_inside_where_the_capacity_is_small)
{
	struct simulation simulation = begin(3, 10 * MS);
	unsigned rate;

	run(&simulation, 2, 3000);
	run(&simulation, CALLS_MAX, 5000);
	cr_expect_leq(simulation.limiter.limit, 8, "%f", simulation.limiter.limit);
	rate = run(&simulation, CALLS_MAX, 20000);
	cr_expect_leq(simulation.limiter.limit, 8, "%f", simulation.limiter.limit);
	cr_expect_geq(rate, 285, "%u of 300 a second", rate);
}

/* A window: ten calls, and a tenth of a second. */
static void feed_window(struct hm_limiter *limiter, int64_t began_us, int64_t latency_us)
{
	for (int64_t i = 0; i <= 10; i++)
		hm_limiter_feed(limiter, began_us + i * 10 * MS, latency_us, 1, HM_OUTCOME_SERVED);
}

/* In which connections are made and statements prepared. */
Test(limiter, learns_nothing_from_its_first_window)
{
	struct hm_limiter limiter;

	hm_limiter_init(&limiter, MIN, MAX);
	feed_window(&limiter, MS, 500 * MS);
	cr_assert_eq(limiter.unhurried_us, 0, "%f", limiter.unhurried_us);
	feed_window(&limiter, 1000 * MS, 5 * MS);
	cr_expect_eq(limiter.unhurried_us, 5 * MS, "%f", limiter.unhurried_us);
}

Test(limiter, knows_within_a_second_that_calls_have_become_faster)
{
	struct simulation simulation = begin(10, 100 * MS);

	run(&simulation, 3, 5000);
	cr_assert_geq(simulation.limiter.unhurried_us, 75 * MS, "%f", simulation.limiter.unhurried_us);
	simulation.service_us = 2 * MS;
	run(&simulation, 3, 1000);
	cr_expect_leq(simulation.limiter.unhurried_us, 4 * MS, "%f", simulation.limiter.unhurried_us);
}

/* Who begins overloaded has never seen an unhurried call: the probes find out. */
Test(limiter, finds_the_capacity_even_if_it_never_saw_a_quiet_moment)
{
	struct simulation simulation = begin(10, 10 * MS);

	run(&simulation, CALLS_MAX, 60000);
	cr_expect_leq(simulation.limiter.limit, 30, "%f", simulation.limiter.limit);
	cr_expect_geq(simulation.limiter.limit, 10, "%f", simulation.limiter.limit);
}

Test(limiter, rises_again_when_the_server_has_become_faster)
{
	struct simulation simulation = begin(5, 10 * MS);

	run(&simulation, 3, 3000);
	run(&simulation, CALLS_MAX, 10000);
	cr_assert_leq(simulation.limiter.limit, 20, "%f", simulation.limiter.limit);
	simulation.capacity = 100;
	run(&simulation, CALLS_MAX, 30000);
	cr_expect_geq(simulation.limiter.limit, 50, "%f", simulation.limiter.limit);
}

Test(limiter, never_leaves_its_bounds_whatever_calls_take)
{
	struct hm_limiter limiter;
	uint64_t state = 42;

	hm_limiter_init(&limiter, MIN, MAX);
	for (int64_t now_us = 1; now_us < 100000000; now_us += 500) {
		state = state * 6364136223846793005 + 1442695040888963407;
		hm_limiter_feed(&limiter, now_us, (int64_t)(state >> 40) - MS, (uint32_t)(state >> 32) % 100,
				(enum hm_outcome)(state >> 30 & 3) % 3);
		cr_assert_leq(hm_limiter_get(&limiter), MAX);
		cr_assert_geq(hm_limiter_get(&limiter), MIN);
	}
}

/* Or callers with absurd deadlines could make the server look fast, or slow. */
Test(limiter, learns_nothing_from_calls_that_failed_or_were_cut_off_early)
{
	struct simulation simulation = begin(10, 10 * MS);
	struct hm_limiter before;

	run(&simulation, 5, 3000);
	before = simulation.limiter;
	for (int i = 0; i < 10000; i++) {
		hm_limiter_feed(&simulation.limiter, simulation.now_us + i * MS, 10, MAX, HM_OUTCOME_NONE);
		hm_limiter_feed(&simulation.limiter, simulation.now_us + i * MS, 10, MAX, HM_OUTCOME_LATE);
	}
	cr_expect_eq(before.limit, simulation.limiter.limit);
	cr_expect_eq(before.unhurried_us, simulation.limiter.unhurried_us);
}

Test(limiter, is_fixed_where_its_bounds_are_one)
{
	struct simulation simulation = begin(10, 10 * MS);

	hm_limiter_init(&simulation.limiter, 7, 7);
	run(&simulation, CALLS_MAX, 20000);
	cr_expect_eq(hm_limiter_get(&simulation.limiter), 7);
}
