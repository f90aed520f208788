/* Call faults and further attempts: what retries and hedging make of attempts that go wrong at the caller, with real servers. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "rpc/fault.h"
#include "tests/farm.h"
#include "tests/rpc_world.h"

enum { FIRST = 1 << 1, SECOND = 1 << 2 };

static struct hm_faults faults;

static void open_farm(struct farm *farm, unsigned servers, const char *options, const char *rules)
{
	char text[200];

	memcpy(text, rules, strlen(rules) + 1);
	faults = (struct hm_faults){ 0 };
	cr_assert_eq(hm_fault_parse("rules", text, &faults.rules), HM_OK, "%s", hm_error_get()->message);
	farm_open(farm, servers, options);
	farm_connect(farm, servers);
	hm_channel_set_faults(farm->channel, &faults);
	farm_ended = farm_ended_well = 0;
}

static size_t lost(struct farm *farm)
{
	size_t count = 0;

	pthread_mutex_lock(&farm->channel->lock);
	for (const struct hm_pending *pending = farm->channel->lost.first; pending; pending = pending->next)
		count++;
	pthread_mutex_unlock(&farm->channel->lock);
	return count;
}

/* ---- Made again ---------------------------------------------------------------------------------------------------------- */

Test(call_fault_again, what_never_left_is_made_again_whatever_it_does, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 1, "", "abort=UNAVAILABLE at=caller count=1");
	cr_expect_eq(farm_change(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(farm_calls(&farm), 1);
	cr_expect_eq(farm.servers[0].last_attempt, 2);
	farm_close(&farm);
}

Test(call_fault_again, where_nothing_is_made_again_the_caller_hears_that_it_was_not_processed, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 1, ";attempts=1", "abort=UNAVAILABLE at=caller count=1");
	cr_expect_eq(farm_change(&farm), HM_UNAVAILABLE);
	cr_expect_not(hm_error_get()->maybe_processed);
	cr_expect_eq(farm_calls(&farm), 0);
	farm_close(&farm);
}

Test(call_fault_again, each_attempt_is_delayed_as_the_rules_say, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 1, "", "delay=1ms at=caller; abort=UNAVAILABLE at=caller count=2");
	cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(faults.matched[0], 3);
	cr_expect_eq(farm.servers[0].last_attempt, 3);
	farm_close(&farm);
}

Test(call_fault_again, what_may_have_been_done_is_made_again_only_if_that_does_no_harm, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 1, "", "disconnect at=caller count=2");
	hm_context_set_wait_for_ready(farm.context, true);
	cr_expect_eq(farm_change(&farm), HM_UNAVAILABLE);
	cr_expect(hm_error_get()->maybe_processed);
	cr_expect_eq(farm_calls(&farm), 1);
	cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(farm_calls(&farm), 3);
	farm_close(&farm);
}

Test(call_fault_again, an_attempt_that_never_left_does_not_take_the_doubt_about_an_earlier_one, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 1, "", "disconnect at=caller count=1; abort=INTERNAL at=caller after=1");
	cr_expect_eq(farm_call(&farm), HM_INTERNAL);
	cr_expect(hm_error_get()->maybe_processed);
	cr_expect_eq(farm_calls(&farm), 1);
	farm_close(&farm);
}

/* ---- Hedged -------------------------------------------------------------------------------------------------------------- */

Test(call_fault_again, another_server_answers_for_the_answer_that_was_lost, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1", "drop at=caller count=1");
	atomic_store(&farm.hanging, SECOND);
	farm_start(&farm);
	rpc_wait_for(lost(&farm) == 1);
	atomic_store(&farm.hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	cr_expect_eq(farm_calls(&farm), 2);
	cr_expect_eq(lost(&farm), 0);
	farm_close(&farm);
}

Test(call_fault_again, a_second_attempt_is_lost_as_well_as_a_first, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1", "drop at=caller after=1 count=1");
	atomic_store(&farm.hanging, FIRST);
	farm_start(&farm);
	rpc_wait_for(lost(&farm) == 1);
	cr_expect_eq(farm_ended, 0);
	atomic_store(&farm.hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	cr_expect_eq(lost(&farm), 0);
	farm_close(&farm);
}

Test(call_fault_again, a_call_whose_answers_are_both_lost_ends_once_at_its_deadline, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1", "drop at=caller");
	hm_context_set_timeout(farm.context, 1000);
	cr_expect_eq(farm_call(&farm), HM_DEADLINE_EXCEEDED);
	cr_expect(hm_error_get()->maybe_processed);
	farm_start(&farm);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 0);
	cr_expect_eq(lost(&farm), 0);
	hm_channel_close(take(&farm.channel));
	cr_expect_eq(farm_ended, 1);
	farm_close(&farm);
}

Test(call_fault_again, a_second_attempt_that_is_aborted_is_not_made, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1", "abort=INTERNAL at=caller after=1");
	atomic_store(&farm.hanging, FIRST);
	farm_start(&farm);
	rpc_wait_for(faults.matched[0] == 2);
	atomic_store(&farm.hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	cr_expect_eq(farm_calls(&farm), 1);
	farm_close(&farm);
}

Test(call_fault_again, both_attempts_leave_twice_and_their_call_ends_once, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm, 2, ";hedge=1", "duplicate at=caller");
	atomic_store(&farm.hanging, FIRST | SECOND);
	farm_start(&farm);
	rpc_wait_for(atomic_load(&farm.stood) == 4);
	atomic_store(&farm.hanging, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	hm_channel_close(take(&farm.channel));
	cr_expect_eq(farm_ended, 1);
	farm_close(&farm);
}

/* ---- Given up ------------------------------------------------------------------------------------------------------------ */

static void *call(void *farm)
{
	return (void *)(intptr_t)farm_call(farm);
}

Test(call_fault_again, who_waits_for_a_lost_answer_can_cancel, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_farm(&farm, 1, "", "drop at=caller");
	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(lost(&farm) == 1);
	hm_context_cancel(farm.context);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	cr_expect_eq(lost(&farm), 0);
	farm_close(&farm);
}

Test(call_fault_again, a_lost_answer_ends_with_the_endpoint_that_leaves_the_list, .timeout = 60)
{
	const struct hm_endpoints none = { 0 };
	struct farm farm;

	open_farm(&farm, 1, ";attempts=1", "drop at=caller");
	farm_start(&farm);
	rpc_wait_for(lost(&farm) == 1);
	pthread_mutex_lock(&farm.channel->lock);
	hm_balance_apply(farm.channel, &none, hm_clock_mono_us());
	pthread_mutex_unlock(&farm.channel->lock);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 0);
	cr_expect_eq(lost(&farm), 0);
	farm_close(&farm);
}
