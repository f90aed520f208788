/* Wait-for-ready: calls that would rather wait for a server than hear that there is none. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdint.h>
#include <string.h>

#include "tests/farm.h"
#include "tests/rpc_world.h"

static void *call(void *farm)
{
	return (void *)(intptr_t)farm_call(farm);
}

static void open_without_server(struct farm *farm)
{
	farm_make(farm, 1);
	cr_assert_eq(hm_channel_open_url(farm->servers[0].url, &farm->channel), HM_OK);
}

/* A first call fails, so that the endpoint is known not to be reached. */
static void find_nobody(struct farm *farm)
{
	cr_assert_eq(farm_call(farm), HM_UNAVAILABLE);
	cr_assert_not(hm_error_get()->maybe_processed);
	hm_context_set_wait_for_ready(farm->context, true);
}

static bool is_parked(struct farm *farm)
{
	bool is_there;

	pthread_mutex_lock(&farm->channel->lock);
	is_there = farm->channel->parked.first;
	pthread_mutex_unlock(&farm->channel->lock);
	return is_there;
}

Test(ready, a_call_waits_for_the_server_that_comes, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_without_server(&farm);
	find_nobody(&farm);
	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(is_parked(&farm));
	farm_serve(&farm, 0);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_OK);
	cr_expect_eq(farm.servers[0].calls, 1);
	farm_close(&farm);
}

Test(ready, a_started_call_waits_too, .timeout = 60)
{
	struct farm farm;

	open_without_server(&farm);
	find_nobody(&farm);
	farm_ended = 0;
	farm_start(&farm);
	cr_expect(is_parked(&farm));
	farm_serve(&farm, 0);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 1);
	farm_close(&farm);
}

Test(ready, a_call_waits_no_longer_than_its_deadline, .timeout = 60)
{
	struct farm farm;

	open_without_server(&farm);
	find_nobody(&farm);
	hm_context_set_timeout(farm.context, 100);
	farm_ended = farm_ended_well = 0;
	farm_start(&farm);
	cr_expect_eq(farm_call(&farm), HM_DEADLINE_EXCEEDED);
	cr_expect_not(hm_error_get()->maybe_processed);
	rpc_wait_for(farm_ended == 1);
	cr_expect_eq(farm_ended_well, 0);
	cr_expect_not(is_parked(&farm));
	farm_close(&farm);
}

Test(ready, a_waiting_call_can_be_cancelled_and_ends_with_its_channel, .timeout = 60)
{
	struct farm farm;
	pthread_t thread;
	void *status;

	open_without_server(&farm);
	find_nobody(&farm);
	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(is_parked(&farm));
	hm_context_cancel(farm.context);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);

	pthread_create(&thread, NULL, call, &farm);
	rpc_wait_for(is_parked(&farm));
	hm_channel_close(take(&farm.channel));
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	farm_close(&farm);
}

Test(ready, others_fail_at_once_meanwhile, .timeout = 60)
{
	SCOPED(hm_context) impatient = NULL;
	Echo__SleepReply *reply;
	struct farm farm;

	open_without_server(&farm);
	find_nobody(&farm);
	farm_start(&farm);
	cr_assert_eq(hm_context_open("loop", NULL, &impatient), HM_OK);
	for (int i = 0; i < 10; i++)
		cr_expect_eq(echo_sleep(farm.channel, impatient,
					&(Echo__SleepRequest){ ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 0) }, &reply),
			     HM_UNAVAILABLE);
	cr_expect(is_parked(&farm));
	farm_close(&farm);
}
