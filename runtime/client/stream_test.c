/* Streams: each kind of call over every kind of endpoint, going well, waiting, stopping. How they end is in stream_end_test.c. */
#include <pthread.h>
#include <stdio.h>
#include <string.h>

#include "tests/streams.h"

/* Reads a Count to its end and checks that its messages came once each and in order. */
static void read_count(struct echo_count *stream, unsigned from, unsigned count)
{
	Echo__EchoMessage *message;
	char text[16];

	for (unsigned i = from; i < count; i++) {
		snprintf(text, sizeof text, "%u", i);
		well(echo_count_next(stream, &message));
		cr_assert(message, "the end after %u messages", i);
		cr_assert_str_eq(message->text, text);
	}
	well(echo_count_next(stream, &message));
	cr_assert_null(message);
}

RPC_TEST(stream, replies_come_in_order_each_once_and_then_the_end)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 5000), HM_SET(bytes, 100) };
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;

	well(echo_count(world->channel, world->context, &request, &stream));
	read_count(stream, 0, 5000);
	well(echo_count_next(stream, &message)); /* the end stays */
	cr_assert_null(message);
}

RPC_TEST(stream, messages_sent_before_a_failure_come_before_it)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 3), HM_SET(code, HM_ABORTED) };
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message;

	well(echo_count(world->channel, world->context, &request, &stream));
	for (int i = 0; i < 3; i++) {
		well(echo_count_next(stream, &message));
		cr_assert(message);
	}
	expect_status(ABORTED, echo_count_next(stream, &message));
	cr_assert_str_eq(hm_error_get()->message, "as asked");
	expect_status(ABORTED, echo_count_next(stream, &message));
}

RPC_TEST(stream, a_message_that_was_not_begun_with_its_base_is_refused_and_the_stream_goes_on)
{
	SCOPED(echo_chat) stream = NULL;
	Echo__EchoMessage *reply;

	well(echo_chat(world->channel, world->context, &stream));
	cr_assert_eq(echo_chat_send(stream, &(Echo__EchoMessage){ .text = "no base" }), HM_INVALID_ARGUMENT);
	well(echo_chat_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "base" }));
	well(echo_chat_next(stream, &reply));
	cr_expect_str_eq(reply->text, "base");
}

RPC_TEST(stream, requests_are_gathered_into_one_reply)
{
	Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE, ZEROS(1000) };
	SCOPED(echo_gather) stream = NULL;
	Echo__GatherReply *reply;
	char text[16];

	well(echo_gather(world->channel, world->context, &stream));
	for (int i = 0; i < 2000; i++) {
		snprintf(text, sizeof text, "%d", i);
		message.text = text;
		well(echo_gather_send(stream, &message));
	}
	well(echo_gather_finish(stream, &reply));
	cr_assert_eq(reply->messages, 2000);
	cr_assert_eq(reply->bytes, 2000 * 1000);
	cr_assert_str_eq(reply->text, "1999");
	expect_status(FAILED_PRECONDITION, echo_gather_send(stream, &message));
}

RPC_TEST(stream, no_request_at_all_is_a_stream_too)
{
	SCOPED(echo_gather) stream = NULL;
	Echo__GatherReply *reply;

	well(echo_gather(world->channel, world->context, &stream));
	well(echo_gather_finish(stream, &reply));
	cr_assert_eq(reply->messages, 0);
}

/* The service needs not read all; who goes on sending is told. */
RPC_TEST(stream, a_service_may_answer_before_the_last_request)
{
	SCOPED(echo_gather) stream = NULL;
	Echo__GatherReply *reply;
	hm_status status;

	well(echo_gather(world->channel, world->context, &stream));
	well(echo_gather_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "one" }));
	do
		status = echo_gather_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "stop" });
	while (status == HM_OK);
	cr_assert_eq(status, HM_FAILED_PRECONDITION, "%s", hm_error_get()->message);
	well(echo_gather_finish(stream, &reply));
	cr_assert_eq(reply->messages, 1);
}

RPC_TEST(stream, both_ways_a_question_at_a_time)
{
	SCOPED(echo_chat) stream = NULL;
	Echo__EchoMessage *answer;
	char text[16];

	well(echo_chat(world->channel, world->context, &stream));
	for (int i = 0; i < 200; i++) {
		snprintf(text, sizeof text, "%d", i);
		well(echo_chat_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = text }));
		well(echo_chat_next(stream, &answer));
		cr_assert_str_eq(answer->text, text);
	}
	well(echo_chat_end(stream));
	well(echo_chat_end(stream));
	well(echo_chat_next(stream, &answer));
	cr_assert_null(answer);
}

enum { MANY = 3000, PAYLOAD = 700 };

static void *send_many(void *user)
{
	struct echo_chat *stream = user;

	for (int i = 0; i < MANY; i++)
		well(echo_chat_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, ZEROS(PAYLOAD) }));
	well(echo_chat_end(stream));
	return NULL;
}

RPC_TEST(stream, one_thread_may_write_while_another_reads)
{
	SCOPED(echo_chat) stream = NULL;
	Echo__EchoMessage *message;
	pthread_t writer;
	int count = -1;

	well(echo_chat(world->channel, world->context, &stream));
	cr_assert_eq(pthread_create(&writer, NULL, send_many, stream), 0);
	do {
		well(echo_chat_next(stream, &message));
		count++;
	} while (message);
	pthread_join(writer, NULL);
	cr_assert_eq(count, MANY);
}

/* 100 messages of 64 KiB each are far more than a window: the writer stands still until they are read. Calls and another
 * stream on the same connection go on. */
RPC_TEST(stream, a_slow_reader_stops_its_own_stream_and_no_other)
{
	const Echo__CountRequest large = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 100), HM_SET(bytes, 64 << 10) };
	const Echo__CountRequest small = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 1000), HM_SET(bytes, 1000) };
	SCOPED(echo_count) slow = NULL;
	SCOPED(echo_count) quick = NULL;
	unsigned long before = atomic_load(&echo_written);
	Echo__EchoMessage *reply;

	well(echo_count(world->channel, world->context, &large, &slow));
	rpc_wait_for(atomic_load(&echo_written) > before);
	well(echo_count(world->channel, world->context, &small, &quick));
	read_count(quick, 0, 1000);
	well(echo_echo(world->channel, world->context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "!" },
		       &reply));
	cr_assert_leq(atomic_load(&echo_written) - before, 1000 + 2, "the slow stream's writer went on");
	cr_assert_eq(atomic_load(&echo_streaming), 1);
	read_count(slow, 0, 100);
	cr_assert_eq(atomic_load(&echo_written) - before, 1100);
}

/* Nobody reads what comes back, so Chat stops reading and the client may not send on; when it reads, all is there. */
RPC_TEST(stream, try_send_would_block_before_anything_is_dropped)
{
	enum { BYTES = 16 << 10 };
	const Echo__EchoMessage message = { ECHO_ECHO_MESSAGE_BASE, ZEROS(BYTES) };
	SCOPED(echo_chat) stream = NULL;
	Echo__EchoMessage *answer;
	bool would_block = false;
	int sent = 0, received = -1;

	well(echo_chat(world->channel, world->context, &stream));
	well(echo_chat_send(stream, &message));
	for (sent = 1; !would_block; sent += !would_block)
		well(echo_chat_try_send(stream, &message, &would_block));
	cr_assert_lt(sent, 100);
	well(echo_chat_end(stream));
	do {
		well(echo_chat_next(stream, &answer));
		received++;
	} while (answer);
	cr_assert_eq(received, sent);
}

RPC_TEST(stream, a_message_larger_than_the_window_passes)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 5), HM_SET(bytes, 1 << 20) };
	SCOPED(echo_count) stream = NULL;

	well(echo_count(world->channel, world->context, &request, &stream));
	read_count(stream, 0, 5);
}

RPC_TEST(stream, a_request_larger_than_the_method_allows_is_refused_and_the_stream_goes_on)
{
	enum { BYTES = 2 << 20 };
	SCOPED(echo_gather) stream = NULL;
	Echo__GatherReply *reply;

	well(echo_gather(world->channel, world->context, &stream));
	expect_status(RESOURCE_EXHAUSTED,
		      echo_gather_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, ZEROS(BYTES) }));
	well(echo_gather_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "small" }));
	well(echo_gather_finish(stream, &reply));
	cr_assert_eq(reply->messages, 1);
}
