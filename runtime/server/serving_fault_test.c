/* A server that does wrong as it was told, over every kind of endpoint, and what its callers make of it. */
#include "server/serving_fault.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <string.h>

#include "base/clock_manual.h"
#include "rpc/fault.h"
#include "tests/rpc_world.h"

static struct hm_faults faults;

static void open_faulty(struct rpc_world *world, const char *kind, const char *rules)
{
	char text[200];

	memcpy(text, rules, strlen(rules) + 1);
	faults = (struct hm_faults){ 0 };
	cr_assert_eq(hm_fault_parse("rules", text, &faults.rules), HM_OK);
	atomic_store(&rpc_counts.ran, 0);
	atomic_store(&rpc_counts.refused, 0);
	rpc_world_open_with(world, kind, &(struct hm_server_config){ .faults = &faults });
	hm_context_set_wait_for_ready(world->context, true);
}

static hm_status ask(struct rpc_world *world, const char *words)
{
	Echo__EchoMessage *reply;

	TRY(echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = words },
		      &reply));
	cr_assert_str_eq(reply->text, words);
	return HM_OK;
}

/* FAULTY_TEST defines a test of a server with these rules, that is run over every kind of endpoint. */
#define FAULTY_TEST(name, rules, ...)                                  \
	static void faulty_##name(struct rpc_world *world);            \
	Test(serving_fault, name, .timeout = 120, ##__VA_ARGS__)       \
	{                                                              \
		for (int kind_ = 0; kind_ < RPC_KINDS; kind_++) {      \
			struct rpc_world world_;                       \
			open_faulty(&world_, rpc_kinds[kind_], rules); \
			faulty_##name(&world_);                        \
			rpc_world_close(&world_);                      \
		}                                                      \
	}                                                              \
	static void faulty_##name(struct rpc_world *world)

FAULTY_TEST(an_aborted_call_is_refused_before_it_runs, "abort=INTERNAL echo.v1.Echo/Echo count=1")
{
	cr_assert_eq(ask(world, "first"), HM_INTERNAL);
	cr_assert_str_eq(hm_error_get()->reason, "FAULT");
	cr_assert(rpc_counts.ran == 0 && rpc_counts.refused == 1);
	cr_assert_eq(ask(world, "second"), HM_OK);
	cr_assert_eq(rpc_counts.ran, 1);
}

static hm_status ask_to_fail(struct rpc_world *world)
{
	Echo__FailReply *reply;

	return echo_fail(world->channel, world->context,
			 &(Echo__FailRequest){ ECHO_FAIL_REQUEST_BASE, HM_SET(code, HM_NOT_FOUND) }, &reply);
}

/* The delay is longer than the test may take: it ends with its caller. */
FAULTY_TEST(a_delayed_call_ends_with_its_callers_patience, "delay=600000ms echo.v1.Echo/Fail")
{
	cr_assert_eq(ask(world, "first"), HM_OK);
	hm_context_set_timeout(world->context, 50);
	cr_assert_eq(ask_to_fail(world), HM_DEADLINE_EXCEEDED);
	rpc_wait_for(rpc_counts.refused == 1);
	hm_context_set_timeout(world->context, 0);
	cr_assert_eq(ask(world, "third"), HM_OK);
	cr_assert_eq(rpc_counts.ran, 2);
}

FAULTY_TEST(a_delayed_call_is_done_all_the_same, "delay=1ms")
{
	cr_assert_eq(ask(world, "first"), HM_OK);
}

static void *ask_to_fail_aside(void *world)
{
	return (void *)(intptr_t)ask_to_fail(world);
}

FAULTY_TEST(a_lost_reply_ends_its_call_alone_at_its_deadline, "drop echo.v1.Echo/Fail", .init = hm_clock_hold)
{
	struct hm_server_stats stats;
	pthread_t thread;
	void *status;

	cr_assert_eq(ask(world, "first"), HM_OK);
	cr_assert_eq(pthread_create(&thread, NULL, ask_to_fail_aside, world), 0);
	rpc_wait_for(rpc_counts.ran == 2);
	hm_clock_advance_ms(5000); /* the contract's */
	pthread_join(thread, &status);
	cr_assert_eq((intptr_t)status, HM_DEADLINE_EXCEEDED);
	cr_assert_eq(ask(world, "third"), HM_OK);
	hm_server_stats(world->server, &stats);
	cr_assert_eq(stats.connections, 1);
}

FAULTY_TEST(a_broken_connection_says_that_the_call_may_have_been_done, "disconnect echo.v1.Echo/Fail count=1")
{
	cr_assert_eq(ask_to_fail(world), HM_UNAVAILABLE);
	cr_assert(hm_error_get()->maybe_processed);
	cr_assert_eq(rpc_counts.ran, 1);
	cr_assert_eq(ask(world, "second"), HM_OK);
}

FAULTY_TEST(a_reply_that_comes_twice_is_one_reply, "duplicate after=1 count=1")
{
	struct hm_server_stats stats;
	hm_status status;

	cr_assert_eq(ask(world, "first"), HM_OK);
	cr_assert_eq(ask(world, "second"), HM_OK);
	/* The copy answers a call that has ended, which breaks the connection: before the next call or during it. */
	status = ask(world, "third");
	cr_assert(status == HM_OK || hm_error_get()->maybe_processed, "%s", hm_error_get()->message);
	cr_assert_eq(ask(world, "fourth"), HM_OK);
	hm_server_stats(world->server, &stats);
	cr_assert_eq(stats.connections, 2);
}

struct outcome {
	const char *words;
	_Atomic unsigned ended, answered, doubtful;
};

static void note(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	struct outcome *outcome = user;

	atomic_fetch_add(&outcome->answered, status == HM_OK && !strcmp(reply->text, outcome->words));
	atomic_fetch_add(&outcome->doubtful, status != HM_OK && hm_error_get()->maybe_processed);
	atomic_fetch_add(&outcome->ended, 1);
}

static void start(struct rpc_world *world, struct outcome *outcome)
{
	const Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE, .text = outcome->words };

	cr_assert_eq(echo_echo_start(world->channel, world->context, &message, note, outcome), HM_OK);
}

/* The reply is held until a packet behind it has left. If that acknowledges more, the held one takes it back and breaks the connection. */
FAULTY_TEST(replies_out_of_order_end_each_call_once_and_with_its_own, "reorder after=1 count=1")
{
	struct outcome held = { .words = "held" }, quick = { .words = "quick" };

	cr_assert_eq(ask(world, "first"), HM_OK);
	start(world, &held);
	rpc_wait_for(rpc_counts.ran == 2);
	start(world, &quick);
	rpc_wait_for(held.ended && quick.ended);
	cr_assert_eq(ask(world, "fourth"), HM_OK);
	cr_assert(held.ended == 1 && held.answered + held.doubtful == 1);
	cr_assert(quick.ended == 1 && quick.answered + quick.doubtful == 1);
}

FAULTY_TEST(a_call_says_itself_what_is_to_go_wrong_with_it, "# no rules")
{
	cr_assert_eq(ask(world, "first"), HM_OK);
	world->context->fault = "abort=ABORTED echo.*; delay=1ms";
	cr_assert_eq(ask(world, "second"), HM_ABORTED);
	world->context->fault = "abort=ABORTED other.*";
	cr_assert_eq(ask(world, "third"), HM_OK);
	world->context->fault = "explode";
	cr_assert_eq(ask(world, "fourth"), HM_INVALID_ARGUMENT);
	world->context->fault = NULL;
	cr_assert_eq(ask(world, "fifth"), HM_OK);
}

RPC_TEST(serving_fault, a_server_without_faults_passes_over_what_calls_say)
{
	world->context->fault = "abort=ABORTED";
	cr_assert_eq(ask(world, "first"), HM_OK);
	world->context->fault = "explode";
	cr_assert_eq(ask(world, "second"), HM_OK);
}
