/* Streams: their ends, whoever makes them, and reading without a thread that waits. */
#include <pthread.h>

#include "base/clock_manual.h"
#include "tests/streams.h"

static const Echo__LingerRequest lingering = { ECHO_LINGER_REQUEST_BASE };

static struct echo_linger *linger(struct rpc_world *world)
{
	struct echo_linger *stream;
	Echo__EchoMessage *message;

	well(echo_linger(world->channel, world->context, &lingering, &stream));
	well(echo_linger_next(stream, &message));
	cr_assert_str_eq(message->text, "here");
	return stream;
}

static void handler_ended(hm_status status)
{
	rpc_wait_for(atomic_load(&echo_streaming) == 0);
	cr_assert_eq(atomic_load(&echo_last_status), status, "%s", hm_status_name(atomic_load(&echo_last_status)));
}

RPC_TEST(stream_end, closing_it_cancels_the_handler)
{
	echo_linger_close(linger(world));
	handler_ended(HM_CANCELLED);
}

RPC_TEST(stream_end, its_deadline_ends_both_ends, .init = hm_clock_hold)
{
	Echo__EchoMessage *message;
	struct echo_linger *stream;

	hm_context_set_timeout(world->context, 4000);
	stream = linger(world);
	hm_clock_advance_ms(4000 + 3); /* the wheel of deadlines goes by 2 ms */
	expect_status(DEADLINE_EXCEEDED, echo_linger_next(stream, &message));
	rpc_wait_for(atomic_load(&echo_streaming) == 0);
	echo_linger_close(stream);
}

RPC_TEST(stream_end, a_reader_out_of_patience_ends_it)
{
	SCOPED(echo_linger) stream = NULL;
	Echo__EchoMessage *message;

	hm_context_set_patience(world->context, 300);
	stream = linger(world);
	expect_status(DEADLINE_EXCEEDED, echo_linger_next(stream, &message));
	handler_ended(HM_CANCELLED);
}

static void *cancel(void *context)
{
	rpc_wait_for(atomic_load(&echo_streaming) == 1);
	hm_context_cancel(context);
	return NULL;
}

RPC_TEST(stream_end, cancelling_its_context_wakes_who_waits)
{
	struct echo_linger *stream = linger(world);
	Echo__EchoMessage *message;
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, cancel, world->context), 0);
	expect_status(CANCELLED, echo_linger_next(stream, &message));
	pthread_join(thread, NULL);
	handler_ended(HM_CANCELLED);
	echo_linger_close(stream);
}

RPC_TEST(stream_end, cancelling_wakes_who_waits_to_write)
{
	enum { BYTES = 16 << 10 };
	SCOPED(echo_chat) stream = NULL;
	pthread_t thread;
	hm_status status;

	well(echo_chat(world->channel, world->context, &stream));
	cr_assert_eq(pthread_create(&thread, NULL, cancel, world->context), 0);
	do
		status = echo_chat_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, ZEROS(BYTES) });
	while (status == HM_OK);
	cr_assert_eq(status, HM_CANCELLED, "%s", hm_error_get()->message);
	pthread_join(thread, NULL);
	handler_ended(HM_CANCELLED);
}

RPC_TEST(stream_end, a_closed_channel_ends_it_and_it_is_closed_later)
{
	struct echo_linger *stream = linger(world);
	Echo__EchoMessage *message;

	hm_channel_close(take(&world->channel));
	expect_status(CANCELLED, echo_linger_next(stream, &message));
	echo_linger_close(stream);
	handler_ended(HM_CANCELLED);
}

RPC_TEST(stream_end, a_lost_connection_ends_it)
{
	struct echo_linger *stream = linger(world);
	Echo__EchoMessage *message;

	hm_server_close(take(&world->server));
	expect_status(UNAVAILABLE, echo_linger_next(stream, &message));
	echo_linger_close(stream);
}

RPC_TEST(stream_end, without_a_server_it_ends_unavailable)
{
	SCOPED(echo_gather) stream = NULL;
	hm_status status;
	Echo__GatherReply *reply;

	hm_server_close(take(&world->server));
	status = echo_gather(world->channel, world->context, &stream);
	if (status == HM_OK)
		status = echo_gather_send(stream, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "?" });
	cr_assert_eq(status, HM_UNAVAILABLE);
	if (stream)
		expect_status(UNAVAILABLE, echo_gather_finish(stream, &reply));
}

/* ---- The server's limits and its end -------------------------------------------------------------------------------- */

RPC_TEST(stream_end, a_drained_server_ends_what_waits_for_nothing_but_time)
{
	struct echo_linger *stream = linger(world);
	SCOPED(echo_gather) upload = NULL;
	Echo__EchoMessage *message;

	well(echo_gather(world->channel, world->context, &upload));
	well(echo_gather_send(upload, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "one" }));
	rpc_wait_for(atomic_load(&echo_streaming) == 2);
	hm_server_drain(world->server, 1);
	expect_status(UNAVAILABLE, echo_linger_next(stream, &message));
	echo_linger_close(stream);
	cr_assert_eq(atomic_load(&echo_streaming), 1, "the upload is under way and goes on");
}

RPC_TEST(stream_end, an_upload_under_way_ends_well_although_the_server_is_drained)
{
	SCOPED(echo_gather) upload = NULL;
	Echo__GatherReply *reply;

	well(echo_gather(world->channel, world->context, &upload));
	well(echo_gather_send(upload, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "one" }));
	rpc_wait_for(atomic_load(&echo_streaming) == 1);
	hm_server_drain(world->server, 1);
	well(echo_gather_send(upload, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "two" }));
	well(echo_gather_finish(upload, &reply));
	cr_assert_eq(reply->messages, 2);
}

Test(stream_end, more_than_a_service_has_threads_for_are_refused_and_calls_go_on, .timeout = 60)
{
	struct rpc_world world;
	struct echo_linger *streams[4] = { NULL }, *beyond;
	Echo__EchoMessage *message, *reply;

	rpc_world_open_with(&world, "inproc", &(struct hm_server_config){ .streams_max = 4 });
	for (int i = 0; i < 4; i++)
		streams[i] = linger(&world);
	well(echo_linger(world.channel, world.context, &lingering, &beyond));
	expect_status(RESOURCE_EXHAUSTED, echo_linger_next(beyond, &message));
	echo_linger_close(beyond);
	well(echo_echo(world.channel, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "!" },
		       &reply));
	echo_linger_close(streams[0]);
	rpc_wait_for(atomic_load(&echo_streaming) == 3);
	streams[0] = NULL;
	while (!streams[0]) { /* the thread is free a moment after its handler's end */
		well(echo_linger(world.channel, world.context, &lingering, &streams[0]));
		if (echo_linger_next(streams[0], &message) != HM_OK)
			echo_linger_close(take(&streams[0]));
	}
	for (int i = 0; i < 4; i++)
		echo_linger_close(streams[i]);
	rpc_world_close(&world);
}

Test(stream_end, a_brand_that_has_none_finds_a_thread_although_anothers_took_all, .timeout = 60)
{
	struct echo_linger *streams[4], *first, *second;
	SCOPED(hm_context) nova = NULL;
	Echo__EchoMessage *message;
	struct rpc_world world;

	well(hm_context_open("nova", NULL, &nova));
	rpc_world_open_with(&world, "inproc", &(struct hm_server_config){ .streams_max = 4 });
	for (int i = 0; i < 4; i++)
		streams[i] = linger(&world);
	well(echo_linger(world.channel, nova, &lingering, &first));
	well(echo_linger_next(first, &message));
	well(echo_linger(world.channel, nova, &lingering, &second));
	expect_status(RESOURCE_EXHAUSTED, echo_linger_next(second, &message));
	echo_linger_close(second);
	echo_linger_close(first);
	for (int i = 0; i < 4; i++)
		echo_linger_close(streams[i]);
	rpc_world_close(&world);
}

/* A contract that says otherwise than the server's, as two versions may. */
Test(stream_end, a_caller_that_takes_it_for_unary_is_refused, .timeout = 60)
{
	const struct hm_method *count = hm_method_find(&echo_table, "Count");
	struct hm_method unary = *count;
	struct rpc_world world;
	ProtobufCMessage *reply;

	unary.kind = HM_UNARY;
	rpc_world_open(&world, "inproc");
	expect_status(INVALID_ARGUMENT, hm_channel_call(world.channel, world.context, &unary,
							&(Echo__CountRequest){ ECHO_COUNT_REQUEST_BASE }.base, &reply));
	rpc_world_close(&world);
}

/* ---- Without waiting ------------------------------------------------------------------------------------------------ */

struct reader {
	struct echo_count *stream;
	_Atomic unsigned received, ended;
	_Atomic int status;
	bool closes;
};

/* All that is there, on a transport thread. */
static void read_ready(void *user)
{
	struct reader *reader = user;
	Echo__EchoMessage *message = NULL;
	bool would_block;

	while (!atomic_load(&reader->ended)) {
		hm_status status = echo_count_try_next(reader->stream, &message, &would_block);

		if (status == HM_OK && would_block)
			return;
		if (status == HM_OK && message) {
			atomic_fetch_add(&reader->received, 1);
			continue;
		}
		atomic_store(&reader->status, status);
		if (reader->closes)
			echo_count_close(reader->stream);
		atomic_store(&reader->ended, 1);
	}
}

RPC_TEST(stream_end, ready_and_try_next_read_it_without_a_thread_that_waits)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 2000), HM_SET(bytes, 500) };
	struct reader reader = { .stream = NULL };

	well(echo_count(world->channel, world->context, &request, &reader.stream));
	echo_count_on_ready(reader.stream, read_ready, &reader);
	rpc_wait_for(atomic_load(&reader.ended));
	cr_assert_eq(atomic_load(&reader.received), 2000);
	cr_assert_eq(atomic_load(&reader.status), HM_OK);
	echo_count_close(reader.stream);
}

RPC_TEST(stream_end, ready_may_close_its_stream)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, 10), HM_SET(code, HM_ABORTED) };
	struct reader reader = { .closes = true };

	well(echo_count(world->channel, world->context, &request, &reader.stream));
	echo_count_on_ready(reader.stream, read_ready, &reader);
	rpc_wait_for(atomic_load(&reader.ended));
	cr_assert_eq(atomic_load(&reader.received), 10);
	cr_assert_eq(atomic_load(&reader.status), HM_ABORTED);
}
