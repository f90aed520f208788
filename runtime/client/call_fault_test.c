/* Channels that do wrong as they were told with the calls made by them, over real sockets: what their callers and servers make of it. */
#include "client/balance.h"

#include <criterion/criterion.h>
#include <string.h>

#include "rpc/fault.h"
#include "tests/rpc_world.h"

static struct hm_faults faults;

static struct hm_faults *rules_of(const char *rules)
{
	char text[200];

	memcpy(text, rules, strlen(rules) + 1);
	faults = (struct hm_faults){ 0 };
	cr_assert_eq(hm_fault_parse("rules", text, &faults.rules), HM_OK, "%s", hm_error_get()->message);
	return &faults;
}

static hm_status ask(struct rpc_world *world, const char *words)
{
	Echo__EchoMessage *reply;

	TRY(echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = words },
		      &reply));
	cr_assert_str_eq(reply->text, words);
	return HM_OK;
}

/* Fail is no idempotent method: what may have been done is not done again. */
static hm_status change(struct rpc_world *world)
{
	Echo__FailReply *reply;

	return echo_fail(world->channel, world->context,
			 &(Echo__FailRequest){ ECHO_FAIL_REQUEST_BASE, HM_SET(code, HM_NOT_FOUND) }, &reply);
}

/* A channel of which no call is made again, so that what goes wrong is seen. */
static void make_once(struct rpc_world *world)
{
	rpc_world_once(world);
	hm_channel_set_faults(world->channel, &faults);
}

/* FAULTY_TEST defines a test of a channel with these rules, that is run over every kind of endpoint. */
#define FAULTY_TEST(name, rules)                                                \
	static void faulty_##name(struct rpc_world *world);                     \
	Test(call_fault, name, .timeout = 120)                                  \
	{                                                                       \
		for (int kind_ = 0; kind_ < RPC_KINDS; kind_++) {               \
			struct rpc_world world_;                                \
			rpc_world_open(&world_, rpc_kinds[kind_]);              \
			atomic_store(&rpc_counts.ran, 0);                       \
			hm_context_set_wait_for_ready(world_.context, true);    \
			hm_channel_set_faults(world_.channel, rules_of(rules)); \
			faulty_##name(&world_);                                 \
			rpc_world_close(&world_);                               \
		}                                                               \
	}                                                                       \
	static void faulty_##name(struct rpc_world *world)

/* ---- Alone ------------------------------------------------------------------------------------------------------------- */

FAULTY_TEST(an_aborted_call_never_leaves, "abort=INTERNAL echo.v1.Echo/Echo at=caller count=1")
{
	cr_assert_eq(ask(world, "first"), HM_INTERNAL);
	cr_assert_str_eq(hm_error_get()->reason, "FAULT");
	cr_assert_not(hm_error_get()->maybe_processed);
	cr_assert_eq(rpc_counts.ran, 0);
	cr_assert_eq(ask(world, "second"), HM_OK);
	cr_assert_eq(rpc_counts.ran, 1);
}

FAULTY_TEST(a_delayed_call_is_done_all_the_same, "delay=1ms at=caller")
{
	cr_assert_eq(ask(world, "first"), HM_OK);
	cr_assert_eq(change(world), HM_NOT_FOUND);
}

/* The delay is longer than the test may take: it ends with its caller. */
FAULTY_TEST(a_delayed_call_ends_at_its_deadline_and_was_not_processed, "delay=600000ms echo.v1.Echo/Echo at=caller")
{
	hm_context_set_timeout(world->context, 50);
	cr_assert_eq(ask(world, "first"), HM_DEADLINE_EXCEEDED);
	cr_assert_not(hm_error_get()->maybe_processed);
	hm_context_set_timeout(world->context, 0);
	cr_assert_eq(change(world), HM_NOT_FOUND);
	cr_assert_eq(rpc_counts.ran, 1);
}

FAULTY_TEST(a_lost_answer_ends_its_call_alone_at_its_deadline, "drop echo.v1.Echo/Fail at=caller")
{
	struct hm_server_stats stats;

	cr_assert_eq(ask(world, "first"), HM_OK);
	hm_context_set_timeout(world->context, 1000);
	cr_assert_eq(change(world), HM_DEADLINE_EXCEEDED);
	cr_assert(hm_error_get()->maybe_processed);
	cr_assert_eq(rpc_counts.ran, 2);
	hm_context_set_timeout(world->context, 0);
	cr_assert_eq(ask(world, "third"), HM_OK);
	hm_server_stats(world->server, &stats);
	cr_assert_eq(stats.connections, 1);
}

FAULTY_TEST(a_broken_connection_says_that_the_call_may_have_been_done, "disconnect echo.v1.Echo/Fail at=caller count=1")
{
	cr_assert_eq(change(world), HM_UNAVAILABLE);
	cr_assert(hm_error_get()->maybe_processed);
	cr_assert_eq(rpc_counts.ran, 1);
	cr_assert_eq(change(world), HM_NOT_FOUND);
	cr_assert_eq(rpc_counts.ran, 2);
}

FAULTY_TEST(a_call_that_leaves_twice_is_done_twice_and_answered_once, "duplicate at=caller count=1")
{
	struct hm_server_stats stats;

	cr_assert_eq(ask(world, "first"), HM_OK);
	rpc_wait_for(rpc_counts.ran == 2);
	cr_assert_eq(ask(world, "second"), HM_OK);
	cr_assert_eq(rpc_counts.ran, 3);
	hm_server_stats(world->server, &stats);
	cr_assert_eq(stats.connections, 1);
}

RPC_TEST(call_fault, a_server_that_is_told_does_wrong_only_where_it_was_started_so)
{
	hm_channel_set_faults(world->channel, rules_of("abort=ABORTED echo.*"));
	cr_assert_eq(ask(world, "first"), HM_OK, "rules for servers are nothing to a caller");
	world->context->fault = "abort=ABORTED at=caller";
	cr_assert_eq(ask(world, "second"), HM_OK);
}

/* ---- Started calls ------------------------------------------------------------------------------------------------------- */

struct outcome {
	_Atomic unsigned ended;
	_Atomic int status;
	_Atomic bool is_in_doubt;
};

static void note(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	struct outcome *outcome = user;

	(void)reply;
	atomic_store(&outcome->status, status);
	atomic_store(&outcome->is_in_doubt, status != HM_OK && hm_error_get()->maybe_processed);
	atomic_fetch_add(&outcome->ended, 1);
}

static hm_status start(struct rpc_world *world, struct outcome *outcome)
{
	const Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE, .text = "started" };

	return echo_echo_start(world->channel, world->context, &message, note, outcome);
}

FAULTY_TEST(started_calls_go_wrong_the_same_way,
	    "delay=600000ms at=caller count=1; drop at=caller after=1 count=1; disconnect at=caller after=2 count=1")
{
	struct outcome delayed = { 0 }, dropped = { 0 }, cut = { 0 };

	make_once(world);
	hm_context_set_timeout(world->context, 1000);
	cr_assert_eq(start(world, &delayed), HM_OK);
	cr_assert_eq(start(world, &dropped), HM_OK);
	rpc_wait_for(rpc_counts.ran == 1);
	rpc_wait_for(delayed.ended && dropped.ended);
	cr_expect(delayed.status == HM_DEADLINE_EXCEEDED && !delayed.is_in_doubt);
	cr_expect(dropped.status == HM_DEADLINE_EXCEEDED && dropped.is_in_doubt);
	hm_context_set_timeout(world->context, 0);
	cr_assert_eq(start(world, &cut), HM_OK);
	rpc_wait_for(cut.ended);
	cr_expect(cut.status == HM_UNAVAILABLE && cut.is_in_doubt);
	cr_expect(delayed.ended == 1 && dropped.ended == 1 && cut.ended == 1);
}

/* ---- Whoever waits is let go --------------------------------------------------------------------------------------------- */

FAULTY_TEST(a_lost_call_ends_with_its_connection, "drop at=caller count=1")
{
	struct outcome outcome = { 0 };

	make_once(world);
	cr_assert_eq(start(world, &outcome), HM_OK);
	rpc_wait_for(rpc_counts.ran == 1);
	hm_server_close(world->server);
	world->server = NULL;
	rpc_wait_for(outcome.ended);
	cr_expect(outcome.status == HM_UNAVAILABLE && outcome.is_in_doubt);
}

static size_t lost(struct rpc_world *world)
{
	size_t count = 0;

	pthread_mutex_lock(&world->channel->lock);
	for (const struct hm_pending *pending = world->channel->lost.first; pending; pending = pending->next)
		count++;
	pthread_mutex_unlock(&world->channel->lock);
	return count;
}

FAULTY_TEST(lost_and_delayed_calls_end_with_their_channel, "drop at=caller count=1; delay=600000ms at=caller after=1")
{
	struct outcome dropped = { 0 }, delayed = { 0 };

	cr_assert_eq(start(world, &dropped), HM_OK);
	cr_assert_eq(start(world, &delayed), HM_OK);
	rpc_wait_for(lost(world) == 1);
	hm_channel_close(take(&world->channel));
	cr_expect(dropped.ended == 1 && dropped.status == HM_CANCELLED && dropped.is_in_doubt);
	cr_expect(delayed.ended == 1 && delayed.status == HM_CANCELLED && !delayed.is_in_doubt);
}

/* ---- Streams ------------------------------------------------------------------------------------------------------------- */

static const Echo__CountRequest three = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 3) };

static void read_three(struct echo_count *stream)
{
	Echo__EchoMessage *message;

	for (int i = 0; i < 3; i++)
		cr_assert(echo_count_next(stream, &message) == HM_OK && message, "%s", hm_error_get()->message);
}

FAULTY_TEST(of_a_stream_the_end_is_lost, "drop echo.v1.Echo/Count at=caller")
{
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;

	hm_context_set_timeout(world->context, 1000);
	cr_assert_eq(echo_count(world->channel, world->context, &three, &stream), HM_OK);
	read_three(stream);
	cr_assert_eq(echo_count_next(stream, &message), HM_DEADLINE_EXCEEDED);
	cr_assert(hm_error_get()->maybe_processed);
}

FAULTY_TEST(a_stream_whose_end_was_lost_can_be_closed, "drop echo.v1.Echo/Gather at=caller")
{
	const Echo__EchoMessage stop = { ECHO_ECHO_MESSAGE_BASE, .text = "stop" };
	SCOPED(echo_gather) stream = NULL;

	cr_assert_eq(echo_gather(world->channel, world->context, &stream), HM_OK);
	cr_assert_eq(echo_gather_send(stream, &stop), HM_OK);
	rpc_wait_for(lost(world) == 1);
	echo_gather_close(take(&stream));
	cr_assert_eq(lost(world), 0);
}

FAULTY_TEST(a_stream_breaks_with_its_connection_at_its_end, "disconnect echo.v1.Echo/Count at=caller")
{
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;
	hm_status status;

	cr_assert_eq(echo_count(world->channel, world->context, &three, &stream), HM_OK);
	while ((status = echo_count_next(stream, &message)) == HM_OK)
		cr_assert(message, "the end, which was to be lost");
	cr_assert_eq(status, HM_UNAVAILABLE);
	cr_assert(hm_error_get()->maybe_processed);
}

FAULTY_TEST(a_stream_is_delayed_and_aborted_as_a_call_is, "delay=1ms at=caller; abort=INTERNAL at=caller after=1")
{
	SCOPED(echo_count) stream = NULL;
	SCOPED(echo_count) another = NULL;

	cr_assert_eq(echo_count(world->channel, world->context, &three, &stream), HM_OK);
	read_three(stream);
	rpc_wait_for(rpc_counts.ran == 1);
	/* It is delayed first, so it is the reader that hears of it. */
	cr_assert_eq(echo_count(world->channel, world->context, &three, &another), HM_OK);
	cr_assert_eq(echo_count_next(another, &(Echo__EchoMessage *){ NULL }), HM_INTERNAL);
	cr_assert_eq(rpc_counts.ran, 1);
}

FAULTY_TEST(a_stream_leaves_once, "duplicate at=caller")
{
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;

	cr_assert_eq(echo_count(world->channel, world->context, &three, &stream), HM_OK);
	read_three(stream);
	cr_assert(echo_count_next(stream, &message) == HM_OK && !message);
	cr_assert_eq(rpc_counts.ran, 1);
}
