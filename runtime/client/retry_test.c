/* Retry: calls that are made again, with real servers that fail, refuse, vanish and come back. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/clock_manual.h"
#include "tests/farm.h"
#include "tests/rpc_world.h"

enum { SERVERS = 3, LONG_MS = 3000 /* less than the methods' five seconds */ };

/* ---- Servers that answer -------------------------------------------------------------------------------------------- */

Test(retry, an_idempotent_call_that_failed_is_made_elsewhere, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, SERVERS, ";balancing=round_robin");
	farm_connect(&farm, SERVERS);
	for (int i = 0; i < SERVERS - 1; i++)
		atomic_store(&farm.servers[i].fails, true);
	cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(farm.servers[SERVERS - 1].calls, 1);
	cr_expect_eq(farm.context->attempts, farm_calls(&farm));
	farm_close(&farm);
}

Test(retry, another_call_that_failed_is_not, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].fails, true);
	cr_expect_eq(farm_change(&farm), HM_UNAVAILABLE);
	cr_expect_eq(farm_calls(&farm), 1);
	farm_close(&farm);
}

Test(retry, ends_with_the_failure_when_the_attempts_are_used_up, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].fails, true);
	cr_expect_eq(farm_call(&farm), HM_UNAVAILABLE);
	cr_expect_str_eq(hm_error_get()->message, "as asked");
	cr_expect_eq(farm_calls(&farm), 4);
	cr_expect_eq(farm.servers[0].last_attempt, 4);
	cr_expect_eq(farm.context->attempts, 4);
	farm_close(&farm);
}

Test(retry, what_a_server_does_not_know_of_an_attempt_its_caller_hears_whatever_the_last_one_found, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.doubting, 1 << 1);
	atomic_store(&farm.refusing, ~(1U << 1));
	cr_expect_eq(farm_call(&farm), HM_UNAVAILABLE);
	cr_expect_str_eq(hm_error_get()->message, "refused");
	cr_expect(hm_error_get()->maybe_processed);
	farm_close(&farm);
}

Test(retry, as_many_attempts_are_made_as_the_target_says, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, ";attempts=2");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].fails, true);
	cr_expect_eq(farm_call(&farm), HM_UNAVAILABLE);
	cr_expect_eq(farm_calls(&farm), 2);
	farm_close(&farm);
}

Test(retry, stops_when_the_budget_is_spent, .timeout = 60)
{
	enum { CALLS = 200 };
	struct farm farm;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].fails, true);
	farm_ended = 0;
	for (int i = 0; i < CALLS; i++)
		farm_start(&farm);
	rpc_wait_for(farm_ended == CALLS);
	cr_expect_leq(farm_calls(&farm), (CALLS + 1) * 12 / 10 + 100, "%u", farm_calls(&farm));
	cr_expect_gt(farm_calls(&farm), CALLS);
	farm_close(&farm);
}

/* ---- Servers that refuse ---------------------------------------------------------------------------------------------- */

Test(retry, a_refused_call_is_made_once_more_at_once_whatever_it_does, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 2, ";balancing=round_robin");
	farm_connect(&farm, 2);
	atomic_store(&farm.servers[0].refusals, 1);
	atomic_store(&farm.servers[1].refusals, 1);
	cr_expect_eq(farm_change(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(farm_calls(&farm), 1, "it ran once");
	farm_close(&farm);
}

static void *change(void *farm)
{
	return (void *)(intptr_t)farm_change(farm);
}

static bool is_resting(struct farm *farm)
{
	bool is_there;

	pthread_mutex_lock(&farm->channel->lock);
	is_there = farm->channel->resting.first;
	pthread_mutex_unlock(&farm->channel->lock);
	return is_there;
}

/* A little later, by chance, so that who was refused together does not come back together. */
Test(retry, a_call_comes_back_when_the_server_says, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].refused_for_ms, 50);
	atomic_store(&farm.servers[0].refusals, 2);
	pthread_create(&thread, NULL, change, &farm);
	for (int left = 1; left >= 0; left--) {
		rpc_wait_for(atomic_load(&farm.servers[0].refusals) == left && is_resting(&farm));
		hm_clock_advance_ms(49);
		cr_expect(is_resting(&farm), "never sooner than that");
		hm_clock_advance_ms(50);
	}
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_OK);
	cr_expect_eq(farm.servers[0].last_attempt, 3);
	farm_close(&farm);
}

Test(retry, a_call_that_could_not_come_back_in_time_fails_now, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].refused_for_ms, 600000);
	atomic_store(&farm.servers[0].refusals, 1);
	cr_expect_eq(farm_call(&farm), HM_UNAVAILABLE, "and not DEADLINE_EXCEEDED");
	cr_expect_eq(hm_error_get()->retry_after_ms, 600000);
	cr_expect_eq(atomic_load(&farm.servers[0].refusals), 0);
	cr_expect_eq(farm_calls(&farm), 0);
	farm_close(&farm);
}

Test(retry, a_stream_that_was_refused_is_opened_again, .timeout = 60)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 3) };
	struct echo_count *stream = NULL;
	Echo__EchoMessage *message;
	struct farm farm;
	int messages = 0;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].refusals, 1);
	cr_assert_eq(echo_count(farm.channel, farm.context, &request, &stream), HM_OK);
	while (echo_count_next(stream, &message) == HM_OK && message)
		messages++;
	cr_expect_eq(messages, 3, "%s", hm_error_get()->message);
	echo_count_close(stream);
	atomic_store(&farm.servers[0].refusals, 2);
	cr_assert_eq(echo_count(farm.channel, farm.context, &request, &stream), HM_OK);
	cr_expect_eq(echo_count_next(stream, &message), HM_UNAVAILABLE, "but once");
	echo_count_close(stream);
	farm_close(&farm);
}

/* ---- Calls that rest -------------------------------------------------------------------------------------------------- */

static void *call(void *farm)
{
	return (void *)(intptr_t)farm_call(farm);
}

static void begin_resting(struct farm *farm, pthread_t *ret_thread)
{
	farm_open(farm, 1, "");
	farm_connect(farm, 1);
	atomic_store(&farm->servers[0].refused_for_ms, LONG_MS);
	atomic_store(&farm->servers[0].refusals, 1);
	pthread_create(ret_thread, NULL, call, farm);
	rpc_wait_for(is_resting(farm));
}

Test(retry, a_resting_call_is_cancelled_at_once, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	begin_resting(&farm, &thread);
	hm_context_cancel(farm.context);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	cr_expect_not(is_resting(&farm));
	cr_expect_eq(farm_calls(&farm), 0);
	farm_close(&farm);
}

Test(retry, a_resting_call_ends_with_its_channel, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	begin_resting(&farm, &thread);
	hm_channel_close(take(&farm.channel));
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	farm_close(&farm);
}

Test(retry, started_calls_rest_too_and_end_with_their_channel, .timeout = 60)
{
	struct farm farm;

	farm_open(&farm, 1, "");
	farm_connect(&farm, 1);
	atomic_store(&farm.servers[0].refusals, 10);
	farm_ended = farm_ended_well = 0;
	farm_start(&farm);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 0, "five refusals are too many");
	atomic_store(&farm.servers[0].refusals, 1);
	farm_start(&farm);
	rpc_wait_for(farm_ended == 2);
	cr_expect_eq(farm_ended_well, 1);
	atomic_store(&farm.servers[0].refused_for_ms, LONG_MS);
	atomic_store(&farm.servers[0].refusals, 1);
	farm_start(&farm);
	rpc_wait_for(is_resting(&farm));
	hm_channel_close(take(&farm.channel));
	cr_expect_eq(farm_ended, 3);
	farm_close(&farm);
}

/* ---- Servers that die ------------------------------------------------------------------------------------------------- */

/* One of two is killed by the first call that runs there. Returns once it has been: how many calls failed until then. */
static unsigned call_until_killed(struct farm *farm, hm_status (*make)(struct farm *farm), struct hm_error *ret_error)
{
	unsigned failed = 0;
	char target[2 * HM_URL_BYTES + 32];
	pid_t mortal;

	farm_make(farm, 2);
	mortal = farm_fork_mortal(farm, 0);
	farm_serve(farm, 1);
	snprintf(target, sizeof target, "%s,%s;balancing=round_robin", farm->servers[0].url, farm->servers[1].url);
	cr_assert_eq(hm_channel_open_url(target, &farm->channel), HM_OK);
	while (!waitpid(mortal, NULL, WNOHANG)) {
		if (make(farm) == HM_OK)
			continue;
		failed++;
		*ret_error = *hm_error_get();
	}
	return failed;
}

Test(retry, nobody_notices_that_a_server_was_killed_in_an_idempotent_call, .timeout = 60)
{
	struct hm_error error;
	struct farm farm;

	cr_expect_eq(call_until_killed(&farm, farm_call, &error), 0);
	farm_close(&farm);
}

Test(retry, any_other_call_fails_and_may_have_been_processed, .timeout = 60)
{
	struct hm_error error;
	struct farm farm;

	cr_assert_eq(call_until_killed(&farm, farm_change, &error), 1);
	cr_expect_eq(error.code, HM_UNAVAILABLE);
	cr_expect(error.maybe_processed);
	farm_close(&farm);
}

/* The last attempt found nobody; the first one may have been at work. */
Test(retry, a_call_in_doubt_stays_so_whatever_came_of_its_later_attempts, .timeout = 60)
{
	struct farm farm;
	pid_t mortal;

	farm_make(&farm, 1);
	mortal = farm_fork_mortal(&farm, 0);
	cr_assert_eq(hm_channel_open_url(farm.servers[0].url, &farm.channel), HM_OK);
	hm_context_set_wait_for_ready(farm.context, true);
	while (!waitpid(mortal, NULL, WNOHANG)) {
		hm_context_set_timeout(farm.context, 1000);
		cr_assert_neq(farm_call(&farm), HM_OK);
	}
	cr_expect(hm_error_get()->maybe_processed, "%s", hm_error_get()->message);
	farm_close(&farm);
}
