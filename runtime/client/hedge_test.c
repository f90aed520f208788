/* Hedge: calls of which two attempts are under way, with real servers; which attempts hang, fail and are refused goes by their number. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>

#include "base/clock_manual.h"
#include "tests/farm.h"
#include "tests/rpc_world.h"

enum { FIRST = 1 << 1, SECOND = 1 << 2, THIRD = 1 << 3, DEADLINE_MS = 5000 /* the contract's */ };

static void open_farm(struct farm *farm, unsigned servers, const char *options)
{
	farm_open(farm, servers, options);
	farm_connect(farm, servers);
	farm_ended = farm_ended_well = 0;
}

static bool is_armed(struct farm *farm)
{
	bool is_there;

	pthread_mutex_lock(&farm->channel->lock);
	is_there = farm->channel->hedges.first;
	pthread_mutex_unlock(&farm->channel->lock);
	return is_there;
}

static unsigned last_attempt(const struct farm *farm)
{
	unsigned last = 0;

	for (size_t i = 0; i < farm->count; i++)
		if (atomic_load(&farm->servers[i].last_attempt) > last)
			last = atomic_load(&farm->servers[i].last_attempt);
	return last;
}

static void *call(void *farm)
{
	return (void *)(intptr_t)farm_call(farm);
}

static void *change(void *farm)
{
	return (void *)(intptr_t)farm_change(farm);
}

/* With time standing still: the first attempt has come to its server, and the second is due. */
static void hedge_now(struct farm *farm)
{
	rpc_wait_for(atomic_load(&farm->stood) == 1);
	cr_expect_eq(farm_calls(farm), 1);
	hm_clock_advance_ms(1);
}

/* ---- One answers ------------------------------------------------------------------------------------------------------- */

Test(hedge, another_server_answers_for_the_one_that_hangs_which_hears_that_nobody_waits, .timeout = 60,
     .init = hm_clock_hold)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST);
	pthread_create(&thread, NULL, call, &farm);
	hedge_now(&farm);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_OK);
	rpc_wait_for(atomic_load(&farm.cancelled) == 1);
	cr_expect_eq(farm.servers[0].calls, 1);
	cr_expect_eq(farm.servers[1].calls, 1);
	cr_expect_eq(last_attempt(&farm), 2);
	farm_close(&farm);
}

Test(hedge, a_started_call_is_answered_so_too, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST);
	farm_start(&farm);
	hedge_now(&farm);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	rpc_wait_for(atomic_load(&farm.cancelled) == 1);
	farm_close(&farm);
}

Test(hedge, the_second_attempt_is_cancelled_when_the_first_answers_after_all, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	farm_start(&farm);
	hedge_now(&farm);
	rpc_wait_for(atomic_load(&farm.stood) == 2);
	atomic_store(&farm.hanging, SECOND);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	rpc_wait_for(atomic_load(&farm.cancelled) == 1);
	farm_close(&farm);
}

/* Fail, with a contract of the test's. */
static struct hm_method method;

static void *call_method(void *user)
{
	const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, 1) };
	const struct farm *farm = user;
	ProtobufCMessage *reply;

	return (void *)(intptr_t)hm_channel_call(farm->channel, farm->context, &method, &request.base, &reply);
}

Test(hedge, a_contract_is_enough_and_so_is_the_key_of_a_write, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 2, "");
	method = *hm_method_find(&echo_table, "Fail");
	method.effect = HM_EFFECT_WRITE;
	method.hedge_after_ms = 1;
	farm.context->idempotency_key = "once";
	atomic_store(&farm.hanging, FIRST);
	pthread_create(&thread, NULL, call_method, &farm);
	hedge_now(&farm);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_OK);
	rpc_wait_for(atomic_load(&farm.cancelled) == 1);
	cr_expect_eq(farm_calls(&farm), 2);
	farm_close(&farm);
}

/* ---- Both answer --------------------------------------------------------------------------------------------------------- */

Test(hedge, a_call_that_both_answer_ends_once, .timeout = 60)
{
	enum { CALLS = 50 };
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	for (unsigned i = 1; i <= CALLS; i++) {
		atomic_store(&farm.hanging, FIRST | SECOND);
		farm_start(&farm);
		rpc_wait_for(atomic_load(&farm.stood) == 2 * i);
		atomic_store(&farm.hanging, 0);
		rpc_wait_for(farm_ended == i);
	}
	hm_channel_close(take(&farm.channel));
	cr_expect_eq(farm_ended, CALLS);
	cr_expect_eq(farm_ended_well, CALLS);
	farm_close(&farm);
}

Test(hedge, a_call_waits_for_its_other_attempt_when_one_fails_in_passing, .timeout = 60)
{
	static const unsigned failing[] = { FIRST, SECOND };

	for (int i = 0; i < 2; i++) {
		struct farm farm;

		open_farm(&farm, 2, ";hedge=1");
		atomic_store(&farm.hanging, FIRST | SECOND);
		atomic_store(&farm.failing, failing[i]);
		farm_start(&farm);
		rpc_wait_for(atomic_load(&farm.stood) == 2);
		atomic_store(&farm.hanging, (FIRST | SECOND) & ~failing[i]);
		cr_expect_eq(farm_ended, 0);
		atomic_store(&farm.hanging, 0);
		rpc_wait_for(farm_ended == 1);
		cr_expect_eq(farm_ended_well, 1);
		cr_expect_eq(farm_calls(&farm), 2);
		farm_close(&farm);
	}
}

Test(hedge, a_call_of_which_both_attempts_failed_is_made_again, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	atomic_store(&farm.failing, FIRST | SECOND);
	farm_start(&farm);
	rpc_wait_for(atomic_load(&farm.stood) == 2);
	atomic_store(&farm.hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	cr_expect_eq(last_attempt(&farm), 3);
	farm_close(&farm);
}

/* ---- Nobody wants it any more ---------------------------------------------------------------------------------------------- */

Test(hedge, a_caller_that_cancels_cancels_both_attempts, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(atomic_load(&farm.stood) == 2);
	hm_context_cancel(farm.context);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	rpc_wait_for(atomic_load(&farm.cancelled) == 2);
	farm_close(&farm);
}

Test(hedge, a_caller_that_cancels_cancels_the_attempt_that_is_left, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	atomic_store(&farm.failing, FIRST);
	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(atomic_load(&farm.stood) == 2);
	atomic_store(&farm.hanging, SECOND);
	hm_context_cancel(farm.context);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	rpc_wait_for(atomic_load(&farm.cancelled) >= 1);
	farm_close(&farm);
}

Test(hedge, both_attempts_end_with_the_deadline, .timeout = 60, .init = hm_clock_take)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(atomic_load(&farm.stood) == 2);
	hm_clock_advance_ms(DEADLINE_MS);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_DEADLINE_EXCEEDED);
	rpc_wait_for(atomic_load(&farm.cancelled) == 2);
	farm_start(&farm);
	rpc_wait_for(atomic_load(&farm.stood) == 4);
	hm_clock_advance_ms(DEADLINE_MS);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 0);
	rpc_wait_for(atomic_load(&farm.cancelled) == 4);
	farm_close(&farm);
}

Test(hedge, both_attempts_end_with_their_channel, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	farm_start(&farm);
	rpc_wait_for(atomic_load(&farm.stood) == 2);
	hm_channel_close(take(&farm.channel));
	cr_expect_eq(farm_ended, 1);
	cr_expect_eq(farm_ended_well, 0);
	rpc_wait_for(atomic_load(&farm.cancelled) == 2);
	farm_close(&farm);
}

/* ---- No second attempt ----------------------------------------------------------------------------------------------------- */

/* With time standing still: the first attempt at a call stands, and its time comes and goes; it gets no second one, and ends well. */
static void expect_no_second(struct farm *farm)
{
	atomic_store(&farm->hanging, FIRST | SECOND);
	farm_start(farm);
	hedge_now(farm);
	rpc_wait_for(!is_armed(farm));
	atomic_store(&farm->hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	cr_expect_eq(farm_calls(farm), 1);
	farm_close(farm);
}

Test(hedge, with_one_endpoint_there_is_no_second_attempt, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	open_farm(&farm, 1, ";hedge=1");
	expect_no_second(&farm);
}

Test(hedge, a_target_has_the_last_word, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=0");
	method = *hm_method_find(&echo_table, "Fail");
	method.idempotency = HM_IDEMPOTENT;
	method.hedge_after_ms = 1;
	atomic_store(&farm.failing, FIRST);
	cr_expect_eq((intptr_t)call_method(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_not(is_armed(&farm));
	cr_expect_eq(last_attempt(&farm), 2, "it is made again, but not before it has failed");
	cr_expect_eq(farm_calls(&farm), 2);
	farm_close(&farm);
}

Test(hedge, a_call_that_is_answered_in_time_leaves_nothing_behind, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=60000");
	for (int i = 0; i < 100; i++)
		cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_not(is_armed(&farm));
	cr_expect_null(farm.channel->free, "and no twin was ever made");
	cr_expect_eq(farm_calls(&farm), 100);
	farm_close(&farm);
}

Test(hedge, without_a_word_of_it_there_is_no_second_attempt, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	open_farm(&farm, 2, "");
	expect_no_second(&farm);
}

Test(hedge, with_an_empty_budget_there_is_no_second_attempt, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	pthread_mutex_lock(&farm.channel->lock);
	while (hm_retry_budget_take(&farm.channel->budget, hm_clock_mono_us()))
		continue;
	pthread_mutex_unlock(&farm.channel->lock);
	expect_no_second(&farm);
}

/* One endpoint of two is gone. */
Test(hedge, while_no_other_endpoint_takes_calls_there_is_no_second_attempt, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	hm_server_close(farm.servers[1].server);
	farm.servers[1].server = NULL;
	rpc_wait_for(farm_members(&farm) == 1);
	expect_no_second(&farm);
}

Test(hedge, a_server_that_says_when_to_come_back_is_not_gone_round, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1");
	for (int i = 0; i < 2; i++)
		atomic_store(&farm.servers[i].refused_for_ms, 5);
	atomic_store(&farm.refusing, FIRST);
	atomic_store(&farm.hanging, SECOND | THIRD);
	farm_start(&farm);
	rpc_wait_for(atomic_load(&farm.stood) == 1);
	rpc_wait_for(!is_armed(&farm));
	atomic_store(&farm.hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	cr_expect_eq(farm_calls(&farm), 1);
	farm_close(&farm);
}

Test(hedge, a_call_that_may_be_done_once_gets_no_second_attempt, .timeout = 60, .init = hm_clock_hold)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 2, ";hedge=1");
	atomic_store(&farm.hanging, FIRST | SECOND);
	pthread_create(&thread, NULL, change, &farm);
	hedge_now(&farm);
	cr_expect_not(is_armed(&farm));
	atomic_store(&farm.hanging, 0);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_OK);
	cr_expect_eq(farm_calls(&farm), 1);
	farm_close(&farm);
}
