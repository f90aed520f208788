/* Channel: what a caller sees of calls that go well and of calls that do not, over every kind of endpoint. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock_manual.h"
#include "rpc/wait.h"
#include "tests/rpc_world.h"

static const Echo__SleepRequest standing = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 1) };

static hm_status echo_text(struct rpc_world *world, const char *text, Echo__EchoMessage **ret_reply)
{
	return echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = text },
			 ret_reply);
}

static void still_answers(struct rpc_world *world)
{
	Echo__EchoMessage *reply = NULL;

	cr_assert_eq(echo_text(world, "still there", &reply), HM_OK, "%s", hm_error_get()->message);
	cr_assert_str_eq(reply->text, "still there");
}

RPC_TEST(channel, brings_back_what_the_handler_answered)
{
	Echo__EchoMessage *reply = NULL;

	cr_assert_eq(echo_text(world, "Grüße", &reply), HM_OK, "%s", hm_error_get()->message);
	cr_assert_str_eq(reply->text, "Grüße");
	cr_assert_not(reply->has_payload);
}

RPC_TEST(channel, brings_back_an_error_with_reason_retry_and_violations)
{
	Echo__FailReply *reply = NULL;
	const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, HM_INVALID_ARGUMENT),
					    .message = "two are wrong" };
	const struct hm_error *error = hm_error_get();

	cr_assert_eq(echo_fail(world->channel, world->context, &request, &reply), HM_INVALID_ARGUMENT);
	cr_expect_str_eq(error->message, "two are wrong");
	cr_expect_str_eq(error->reason, "AS_ASKED");
	cr_expect_eq(error->retry_after_ms, 250);
	cr_assert_eq(error->n_violations, 2);
	cr_expect_str_eq(error->violations[0].field, "entries[2].amount");
	cr_expect_str_eq(error->violations[1].description, "is missing");
	cr_expect_null(error->file, "where it was raised is the server's own affair");
	cr_expect_not(error->maybe_processed);
	cr_expect_null(reply);
}

RPC_TEST(channel, carries_brand_token_and_request_id)
{
	Echo__WhoamiReply *reply = NULL;
	char id[HM_ID_TEXT_BYTES];

	hm_id_format(&world->context->request_id, id);
	cr_assert_eq(
		echo_whoami(world->channel, world->context, &(Echo__WhoamiRequest){ ECHO_WHOAMI_REQUEST_BASE }, &reply),
		HM_OK);
	cr_expect_str_eq(reply->brand, "loop");
	cr_expect_str_eq(reply->actor_id, "a-token");
	cr_expect_str_eq(reply->request_id, id);
	cr_expect(strstr(reply->actor_type, strstr(world->url, "inproc") ? "inproc"
					    : strstr(world->url, "ipc")  ? "ipc uid="
					    : strstr(world->url, "tls")  ? "tls 127.0.0.1:"
									 : "tcp 127.0.0.1:"),
		  "peer was %s", reply->actor_type);
}

RPC_TEST(channel, speaks_for_more_people_than_there_are_slots)
{
	for (int i = 0; i < 200; i++) {
		SCOPED(hm_context) context = NULL;
		Echo__WhoamiReply *reply = NULL;
		char token[32];

		snprintf(token, sizeof token, "token-%d", i % 100);
		cr_assert_eq(hm_context_open("loop", token, &context), HM_OK);
		cr_assert_eq(echo_whoami(world->channel, context, &(Echo__WhoamiRequest){ ECHO_WHOAMI_REQUEST_BASE },
					 &reply),
			     HM_OK);
		cr_assert_str_eq(reply->actor_id, token);
	}
}

static struct hm_error why; /* call_standing failed */

static void *call_standing(void *user)
{
	struct rpc_world *world = user;
	Echo__SleepReply *reply = NULL;
	hm_status status = echo_sleep(world->channel, world->context, &standing, &reply);

	why = *hm_error_get();
	return (void *)(intptr_t)status;
}

RPC_TEST(channel, ends_a_call_at_its_deadline, .init = hm_clock_hold)
{
	pthread_t thread;
	void *status;

	still_answers(world);
	rpc_gate_shut();
	hm_context_set_timeout(world->context, 4000);
	pthread_create(&thread, NULL, call_standing, world);
	rpc_gate_wait(1);
	hm_clock_advance_ms(3999);
	cr_expect_eq(world->context->waiting, HM_WAIT_WAITING);
	hm_clock_advance_ms(1);
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_DEADLINE_EXCEEDED);
	cr_expect(why.maybe_processed);
	hm_context_set_timeout(world->context, 0);
	still_answers(world);
	rpc_wait_for(rpc_gate_cancelled() == 1); /* the server was told */
	rpc_gate_open();
}

RPC_TEST(channel, makes_no_call_when_no_time_is_left)
{
	Echo__EchoMessage *reply = NULL;
	unsigned ran = rpc_counts.ran;

	world->context->deadline_us = hm_clock_mono_us() - 1;
	cr_assert_eq(echo_text(world, "late", &reply), HM_DEADLINE_EXCEEDED);
	cr_expect_not(hm_error_get()->maybe_processed);
	cr_expect_eq(rpc_counts.ran, ran);
}

RPC_TEST(channel, refuses_a_request_that_was_not_begun_with_its_base)
{
	const Echo__EchoMessage request = { .text = "no base" };
	Echo__EchoMessage *reply = NULL;

	cr_assert_eq(echo_echo(world->channel, world->context, &request, &reply), HM_INVALID_ARGUMENT);
	cr_expect(strstr(hm_error_get()->message, "_BASE"), "%s", hm_error_get()->message);
	still_answers(world);
}

RPC_TEST(channel, makes_no_call_within_a_transaction)
{
	Echo__EchoMessage *reply = NULL;
	unsigned ran = rpc_counts.ran;

	world->context->in_transaction = true;
	cr_assert_eq(echo_text(world, "nested", &reply), HM_FAILED_PRECONDITION);
	cr_expect_eq(rpc_counts.ran, ran);
	world->context->in_transaction = false;
	still_answers(world);
}

RPC_TEST(channel, cancels_a_waiting_call_from_another_thread)
{
	pthread_t thread;
	void *status;

	rpc_gate_shut();
	pthread_create(&thread, NULL, call_standing, world);
	rpc_gate_wait(1);
	hm_context_cancel(world->context);
	pthread_join(thread, &status);
	cr_assert_eq((intptr_t)status, HM_CANCELLED);
	rpc_wait_for(rpc_gate_cancelled() == 1);
	rpc_gate_open();
	hm_context_cancel(world->context); /* nothing to cancel: no harm to the next call */
	still_answers(world);
}

static _Atomic int closed_status;

static void note_status(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)reply;
	atomic_store(&closed_status, status);
}

RPC_TEST(channel, cancels_what_is_under_way_when_it_is_closed)
{
	pthread_t thread;
	void *status;

	rpc_gate_shut();
	closed_status = -1;
	cr_assert_eq(echo_sleep_start(world->channel, world->context, &standing, note_status, NULL), HM_OK);
	pthread_create(&thread, NULL, call_standing, world);
	rpc_gate_wait(2);
	hm_channel_close(take(&world->channel));
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_CANCELLED);
	cr_expect_eq(closed_status, HM_CANCELLED, "the callback had returned when close did");
	rpc_wait_for(rpc_gate_cancelled() == 2); /* the connection's end cancels them on the server too */
	rpc_gate_open();
}

enum { MANY = 10000 };
static _Atomic unsigned char ended[MANY];
static _Atomic unsigned n_ended, n_wrong;

static void note_end(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	size_t i = (size_t)(intptr_t)user;
	uint32_t number = 0;

	if (status == HM_OK && reply->payload.len == sizeof number)
		memcpy(&number, reply->payload.data, sizeof number);
	if (status != HM_OK || number != i || atomic_fetch_add(&ended[i], 1))
		atomic_fetch_add(&n_wrong, 1);
	atomic_fetch_add(&n_ended, 1);
}

RPC_TEST(channel, ends_each_of_ten_thousand_started_calls_exactly_once)
{
	for (size_t i = 0; i < MANY; i++)
		atomic_store(&ended[i], 0);
	n_ended = n_wrong = 0;
	for (uint32_t i = 0; i < MANY; i++) {
		const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
						    .payload = { sizeof i, (uint8_t *)&i } };

		cr_assert_eq(echo_echo_start(world->channel, world->context, &request, note_end, (void *)(intptr_t)i),
			     HM_OK, "%u: %s", i, hm_error_get()->message);
	}
	rpc_wait_for(n_ended == MANY);
	cr_expect_eq(n_wrong, 0);
	still_answers(world);
	cr_expect_eq(n_ended, MANY);
}

RPC_TEST(channel, tells_a_started_call_of_its_deadline, .init = hm_clock_hold)
{
	rpc_gate_shut();
	closed_status = -1;
	hm_context_set_timeout(world->context, 4000);
	cr_assert_eq(echo_sleep_start(world->channel, world->context, &standing, note_status, NULL), HM_OK);
	rpc_gate_wait(1);
	hm_clock_advance_ms(3999);
	cr_expect_eq(closed_status, -1);
	hm_clock_advance_ms(1 + 3); /* the wheel of deadlines goes by 2 ms: never early, a little late */
	rpc_wait_for(closed_status != -1);
	cr_expect_eq(closed_status, HM_DEADLINE_EXCEEDED);
	rpc_gate_open();
}

RPC_TEST(channel, fails_at_once_when_nobody_listens_and_connects_when_somebody_does, .init = hm_clock_take)
{
	Echo__EchoMessage *reply = NULL;

	still_answers(world);
	hm_server_close(take(&world->server));
	rpc_wait_for(echo_text(world, "nobody", &reply) == HM_UNAVAILABLE &&
		     strstr(hm_error_get()->message, "connect:") && !hm_error_get()->maybe_processed);
	cr_expect(strstr(hm_error_get()->message, world->url), "the peer is named: %s", hm_error_get()->message);
	rpc_world_serve(world);
	hm_clock_advance_ms(120000); /* the longest back-off there is */
	rpc_wait_for(echo_text(world, "back", &reply) == HM_OK);
	cr_expect_str_eq(reply->text, "back");
}

RPC_TEST(channel, says_that_a_call_may_have_run_when_the_server_goes_away)
{
	pthread_t thread;
	void *status;

	rpc_gate_shut();
	closed_status = -1;
	cr_assert_eq(echo_sleep_start(world->channel, world->context, &standing, note_status, NULL), HM_OK);
	pthread_create(&thread, NULL, call_standing, world);
	rpc_gate_wait(2);
	hm_server_close(take(&world->server));
	pthread_join(thread, &status);
	cr_expect_eq((intptr_t)status, HM_UNAVAILABLE);
	rpc_wait_for(closed_status == HM_UNAVAILABLE);
	rpc_gate_open();
}

RPC_TEST(channel, refuses_a_request_larger_than_the_method_allows)
{
	static uint8_t bytes[(1 << 20) + 1];
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
					    .payload = { sizeof bytes, bytes } };
	Echo__EchoMessage *reply = NULL;

	cr_assert_eq(echo_echo(world->channel, world->context, &request, &reply), HM_RESOURCE_EXHAUSTED);
	still_answers(world);
}

RPC_TEST(channel, carries_a_request_of_nearly_a_megabyte)
{
	static uint8_t bytes[1000000];
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
					    .payload = { sizeof bytes, bytes } };
	Echo__EchoMessage *reply = NULL;

	bytes[999999] = 7;
	cr_assert_eq(echo_echo(world->channel, world->context, &request, &reply), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(reply->payload.len, sizeof bytes);
	cr_expect_eq(reply->payload.data[999999], 7);
}

Test(channel, goes_where_the_endpoint_says)
{
	struct rpc_world world;
	Echo__EchoMessage *reply = NULL;
	SCOPED(hm_channel) named = NULL;

	rpc_world_open(&world, "tcp");
	cr_assert_eq(hm_endpoint_set("somewhere", "tcp://127.0.0.1:1"), HM_OK);
	cr_assert_eq(hm_endpoint_set("somewhere", world.url), HM_OK);
	cr_expect_str_eq(hm_endpoint_get("somewhere"), world.url);
	cr_expect_null(hm_endpoint_get("nowhere"));
	cr_assert_eq(hm_channel_open("somewhere", &named), HM_OK);
	cr_expect_eq(
		echo_echo(named, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "x" }, &reply),
		HM_OK);
	rpc_world_close(&world);
}

Test(channel, looks_in_the_run_folder_where_no_endpoint_is_set)
{
	struct rpc_world world;
	Echo__EchoMessage *reply = NULL;
	SCOPED(hm_channel) named = NULL;

	rpc_world_open(&world, "ipc");
	setenv("HALLMARK_RUN", world.folder, 1);
	cr_assert_eq(hm_channel_open("echo", &named), HM_OK);
	cr_expect_eq(
		echo_echo(named, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "x" }, &reply),
		HM_OK);
	rpc_world_close(&world);
}
