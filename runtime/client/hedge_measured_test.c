/* Hedging after what was measured: the delay is a percentile of what a method's answers took, with real servers. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "tests/farm.h"
#include "tests/rpc_world.h"

enum { FIRST = 1 << 1, SECOND = 1 << 2 };

static void open_farm(struct farm *farm)
{
	farm_open(farm, 2, ";hedge=p95");
	farm_connect(farm, 2);
}

/* The first attempt hangs; the second is answered when both stand, so that the first is one that runs. */
static void *answer_the_second(void *user)
{
	struct farm *farm = user;

	rpc_wait_for(atomic_load(&farm->stood) == 2);
	atomic_store(&farm->hanging, FIRST);
	return NULL;
}

static pthread_t hang_the_first(struct farm *farm)
{
	pthread_t thread;

	atomic_store(&farm->hanging, FIRST | SECOND);
	pthread_create(&thread, NULL, answer_the_second, farm);
	return thread;
}

static hm_status call_method(struct farm *farm, const struct hm_method *method)
{
	const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, 1) };
	ProtobufCMessage *reply;

	return hm_channel_call(farm->channel, farm->context, method, &request.base, &reply);
}

static uint32_t measured(struct farm *farm)
{
	const struct hm_latency *latency;
	uint32_t n;

	pthread_mutex_lock(&farm->channel->lock);
	latency = hm_latencies_find(farm->channel->latencies, hm_method_find(&echo_table, "Sleep")->id);
	n = latency->n[0] + latency->n[1];
	pthread_mutex_unlock(&farm->channel->lock);
	return n;
}

Test(hedge_measured, once_enough_answers_were_seen_another_server_answers_for_one_that_takes_longer, .timeout = 60)
{
	enum { BEFORE = HM_LATENCY_SAMPLES - 10 };
	struct farm farm;
	pthread_t thread;
	uint32_t seen;

	open_farm(&farm);
	for (int i = 0; i < BEFORE; i++)
		cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(farm_calls(&farm), BEFORE, "none was hedged, with too few answers to tell by");
	while (measured(&farm) < HM_LATENCY_SAMPLES)
		cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	seen = measured(&farm);
	thread = hang_the_first(&farm);
	cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	pthread_join(thread, NULL);
	rpc_wait_for(atomic_load(&farm.cancelled) == 1);
	cr_expect_eq(measured(&farm), seen + 2, "what hung counts with the time until it was given up");
	farm_close(&farm);
}

Test(hedge_measured, until_enough_answers_were_seen_the_contract_says_when, .timeout = 60)
{
	struct hm_method method = *hm_method_find(&echo_table, "Fail");
	struct farm farm;
	pthread_t thread;

	open_farm(&farm);
	method.idempotency = HM_IDEMPOTENT;
	method.hedge_after_ms = 1;
	thread = hang_the_first(&farm);
	cr_expect_eq(call_method(&farm, &method), HM_OK, "%s", hm_error_get()->message);
	pthread_join(thread, NULL);
	rpc_wait_for(atomic_load(&farm.cancelled) == 1);
	farm_close(&farm);
}

Test(hedge_measured, what_may_be_done_once_is_not_even_measured, .timeout = 60)
{
	struct farm farm;

	open_farm(&farm);
	cr_expect_eq(farm_change(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(hm_latencies_find(farm.channel->latencies, hm_method_find(&echo_table, "Fail")->id)->n[0], 0);
	cr_expect_eq(farm_call(&farm), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(measured(&farm), 1, "a read is");
	farm_close(&farm);
}
