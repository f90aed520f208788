/* Streams of the engine: what two honest ends do for each other. Accidents are in engine_sim_test.c. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/engine_pair.h"

enum { BOTH = HM_STREAM_REQUESTS | HM_STREAM_REPLIES };

/* A pair that knows each other, with a stream the server has been told of. */
static struct pair *pair_with(uint8_t halves, uint32_t *ret_call)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);

	pair_greet(pair);
	*ret_call = pair_begin(pair, halves, 0);
	pair_move(pair, pair->client, pair->server);
	cr_assert_eq(pair_next(pair->server, HM_EVENT_CALL).head.stream, halves);
	return pair;
}

static void has_data(struct hm_engine *engine, uint32_t call, size_t size, char letter)
{
	struct hm_event event = pair_next(engine, HM_EVENT_DATA);

	cr_assert(event.call == call && event.body_bytes == size);
	cr_assert(!size || (event.body[0] == letter && event.body[size - 1] == letter));
}

Test(engine_streams, messages_go_both_ways_in_order_until_the_reply)
{
	uint32_t call;
	struct pair *pair = pair_with(BOTH, &call);
	uint8_t *body;

	cr_assert_eq(pair_send(pair->client, call, 5, 'a'), HM_SENT);
	cr_assert_eq(pair_send(pair->client, call, 0, 'b'), HM_SENT);
	hm_engine_end(pair->client, call);
	hm_engine_end(pair->client, call);
	cr_assert_eq(pair_send(pair->client, call, 1, 'c'), HM_SEND_OVER);
	pair_move(pair, pair->client, pair->server);
	has_data(pair->server, call, 5, 'a');
	has_data(pair->server, call, 0, 'b');
	cr_assert_eq(pair_next(pair->server, HM_EVENT_END).call, call);
	pair_no_event(pair->server);
	cr_assert_eq(pair_send(pair->server, call, 7, 'x'), HM_SENT);
	cr_assert_eq(pair_send(pair->server, call, 8, 'y'), HM_SENT);
	cr_assert(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
	cr_assert_eq(pair_send(pair->server, call, 1, 'z'), HM_SEND_OVER);
	pair_move(pair, pair->server, pair->client);
	has_data(pair->client, call, 7, 'x');
	has_data(pair->client, call, 8, 'y');
	cr_assert_eq(pair_next(pair->client, HM_EVENT_REPLY).user, pair);
	pair_no_event(pair->client);
	hm_engine_consume(pair->client, call, hm_stream_cost(7));
	cr_assert_eq(pair_send(pair->client, call, 1, 'c'), HM_SEND_OVER);
	pair_close(pair);
}

Test(engine_streams, a_half_that_is_no_stream_takes_nothing)
{
	uint32_t call, unary;
	struct pair *pair = pair_with(HM_STREAM_REPLIES, &call);

	unary = pair_call(pair, 0, 0);
	pair_move(pair, pair->client, pair->server);
	pair_next(pair->server, HM_EVENT_CALL);
	cr_assert_eq(pair_send(pair->client, call, 1, 'a'), HM_SEND_OVER);
	cr_assert_eq(pair_send(pair->client, unary, 1, 'a'), HM_SEND_OVER);
	cr_assert_eq(pair_send(pair->server, unary, 1, 'a'), HM_SEND_OVER);
	cr_assert_eq(pair_send(pair->server, 0x30007, 1, 'a'), HM_SEND_OVER);
	cr_assert_eq(pair_send(pair->server, call, 1, 'a'), HM_SENT);
	pair_close(pair);
}

Test(engine_streams, a_writer_stops_after_a_window_and_goes_on_after_half_of_it_was_read)
{
	enum { SIZE = 1024 - HM_FRAME_HEAD_BYTES, N = HM_STREAM_WINDOW_MIN / 1024 };
	uint32_t call;
	struct pair *pair = pair_with(HM_STREAM_REPLIES, &call);
	struct hm_event event;

	cr_assert_eq(pair_fill(pair->server, call, SIZE), N);
	pair_move_all(pair, pair->server, pair->client);
	hm_engine_consume(pair->client, call, HM_STREAM_WINDOW_MIN / 2 - 1);
	cr_assert_eq(hm_engine_pending_bytes(pair->client), 0);
	hm_engine_consume(pair->client, call, 1);
	cr_assert_eq(hm_engine_pending_bytes(pair->client), HM_FRAME_HEAD_BYTES + 4);
	pair_move(pair, pair->client, pair->server);
	event = pair_next(pair->server, HM_EVENT_WRITABLE);
	cr_assert(event.call == call && !event.user);
	pair_no_event(pair->server);
	cr_assert_eq(pair_fill(pair->server, call, SIZE), N / 2);
	pair_close(pair);
}

Test(engine_streams, a_writer_that_ends_while_it_is_blocked_is_not_told_to_go_on)
{
	uint32_t call;
	struct pair *pair = pair_with(HM_STREAM_REQUESTS, &call);

	pair_fill(pair->client, call, 1000);
	pair_move_all(pair, pair->client, pair->server);
	hm_engine_consume(pair->server, call, HM_STREAM_WINDOW_MIN / 2);
	hm_engine_end(pair->client, call);
	cr_assert_gt(pair_move(pair, pair->server, pair->client), 0);
	pair_no_event(pair->client);
	pair_close(pair);
}

Test(engine_streams, after_its_end_a_writer_is_given_no_credit)
{
	uint32_t call;
	struct pair *pair = pair_with(HM_STREAM_REQUESTS, &call);

	cr_assert_eq(pair_send(pair->client, call, HM_STREAM_WINDOW_MIN, 'l'), HM_SENT);
	hm_engine_end(pair->client, call);
	pair_move_all(pair, pair->client, pair->server);
	hm_engine_consume(pair->server, call, hm_stream_cost(HM_STREAM_WINDOW_MIN));
	cr_assert_eq(hm_engine_pending_bytes(pair->server), 0);
	pair_close(pair);
}

Test(engine_streams, a_message_larger_than_the_window_passes_whole)
{
	enum { LARGE = 3 * HM_STREAM_WINDOW_MIN };
	uint32_t call;
	struct pair *pair = pair_with(HM_STREAM_REQUESTS, &call);

	cr_assert_eq(pair_send(pair->client, call, LARGE, 'l'), HM_SENT);
	cr_assert_eq(pair_send(pair->client, call, 0, 'm'), HM_SEND_BLOCKED);
	pair_move(pair, pair->client, pair->server);
	has_data(pair->server, call, LARGE, 'l');
	pair_no_event(pair->server);
	hm_engine_consume(pair->server, call, LARGE); /* but for its head */
	pair_move(pair, pair->server, pair->client);
	cr_assert_eq(pair_next(pair->client, HM_EVENT_WRITABLE).user, pair);
	cr_assert_eq(pair_send(pair->client, call, LARGE, 'm'), HM_SENT);
	pair_close(pair);
}

Test(engine_streams, a_slow_reader_slows_its_own_stream_alone)
{
	uint32_t slow, quick;
	struct pair *pair = pair_with(HM_STREAM_REPLIES, &slow);

	quick = pair_begin(pair, HM_STREAM_REPLIES, 0);
	pair_move_all(pair, pair->client, pair->server);
	pair_fill(pair->server, slow, 1000);
	for (int i = 0; i < 1000; i++) {
		cr_assert_eq(pair_send(pair->server, quick, 1000, 'q'), HM_SENT);
		pair_move_all(pair, pair->server, pair->client);
		hm_engine_consume(pair->client, quick, hm_stream_cost(1000));
		pair_move_all(pair, pair->client, pair->server);
	}
	cr_assert_eq(pair_send(pair->server, slow, 1, 's'), HM_SEND_BLOCKED);
	pair_close(pair);
}

Test(engine_streams, before_hello_a_client_keeps_to_what_every_server_takes)
{
	struct pair *pair = pair_open_with_window(256 << 10);
	uint32_t call = pair_begin(pair, HM_STREAM_REQUESTS, 0), large = pair_begin(pair, HM_STREAM_REQUESTS, 0);
	size_t most = HM_PACKET_BYTES_MIN - HM_PACKET_HEAD_BYTES - HM_FRAME_HEAD_BYTES;

	cr_assert_eq(pair_fill(pair->client, call, 1024 - HM_FRAME_HEAD_BYTES), 64);
	cr_assert_eq(pair_send(pair->client, large, most + 1, 'l'), HM_SEND_BLOCKED);
	pair_no_event(pair->client);
	pair_move(pair, pair->client, pair->server);
	while (hm_engine_next_event(pair->server, &(struct hm_event){ 0 }))
		;
	pair_move(pair, pair->server, pair->client);
	pair_next(pair->client, HM_EVENT_HELLO);
	cr_assert_eq(pair_next(pair->client, HM_EVENT_WRITABLE).call, call);
	cr_assert_eq(pair_next(pair->client, HM_EVENT_WRITABLE).call, large);
	pair_no_event(pair->client);
	cr_assert_eq(pair_fill(pair->client, call, 1024 - HM_FRAME_HEAD_BYTES), 3 * 64);
	cr_assert_eq(pair_send(pair->client, large, most + 1, 'l'), HM_SENT);
	cr_assert_eq(pair_send(pair->client, large, (1 << 20) - 19, 'l'), HM_SEND_TOO_LARGE);
	pair_close(pair);
}

/* HELLO as it was before streams: 100 bytes. */
Test(engine_streams, a_shorter_hello_means_the_smallest_window_and_no_streams)
{
	for (int side = 0; side < 2; side++) {
		struct pair *pair = pair_open_with_window(256 << 10);
		struct hm_engine *from = side ? pair->server : pair->client, *to = side ? pair->client : pair->server;
		uint8_t packet[HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + HM_HELLO_BYTES];
		size_t size = sizeof packet - (HM_HELLO_BYTES - HM_HELLO_BYTES_MIN);

		if (side)
			pair_move_all(pair, pair->client, pair->server);
		cr_assert_eq(hm_engine_packet_size(from), sizeof packet);
		hm_engine_take_packet(from, packet);
		hm_put32(packet + HM_PACKET_HEAD_BYTES, HM_HELLO_BYTES_MIN);
		cr_assert_eq(hm_engine_feed(to, packet, size, 0), HM_OK);
		pair_next(to, HM_EVENT_HELLO);
		pair_no_event(to);
		cr_assert_eq(hm_engine_peer(to)->stream_window_bytes, HM_STREAM_WINDOW_MIN);
		cr_assert_eq(hm_engine_peer(to)->streams_max, 0);
		pair_close(pair);
	}
}

Test(engine_streams, no_more_streams_than_the_server_takes)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_call_head head = { .method = 1, .stream = BOTH };
	uint32_t call, first = pair_begin(pair, BOTH, 0);
	uint8_t *body;

	pair_greet(pair);
	for (int i = 1; i < HM_STREAMS_MIN; i++)
		pair_begin(pair, BOTH, 0);
	cr_assert_eq(hm_engine_call(pair->client, &head, 0, 0, 0, pair, &call, &body), HM_RESOURCE_EXHAUSTED);
	pair_call(pair, 0, 0); /* a unary call is none */
	pair_move_all(pair, pair->client, pair->server);
	cr_assert(hm_engine_cancel(pair->client, first, NULL));
	cr_assert_eq(hm_engine_call(pair->client, &head, 0, 0, 0, pair, &call, &body), HM_RESOURCE_EXHAUSTED);
	cr_assert(hm_engine_reply(pair->server, first, HM_OK, NULL, 0, &body));
	pair_move_all(pair, pair->server, pair->client);
	pair_begin(pair, BOTH, 0);
	pair_move_all(pair, pair->client, pair->server);
	pair_close(pair);
}

Test(engine_streams, frames_that_cross_the_reply_are_passed_over)
{
	uint32_t call;
	struct pair *pair = pair_with(BOTH, &call);
	uint8_t *body;

	pair_fill(pair->server, call, 1000);
	pair_move_all(pair, pair->server, pair->client);
	cr_assert(hm_engine_reply(pair->server, call, HM_INTERNAL, NULL, 0, &body));
	cr_assert_eq(pair_send(pair->client, call, 5, 'a'), HM_SENT);
	hm_engine_consume(pair->client, call, HM_STREAM_WINDOW_MIN);
	hm_engine_end(pair->client, call);
	pair_move(pair, pair->client, pair->server);
	pair_no_event(pair->server);
	pair_close(pair);
}

Test(engine_streams, after_its_cancel_a_call_gives_no_more_events_but_may_be_answered)
{
	uint32_t call;
	struct pair *pair = pair_with(BOTH, &call);
	uint8_t *body;

	pair_fill(pair->client, call, 1000);
	cr_assert_eq(pair_send(pair->server, call, 40000, 'x'), HM_SENT);
	cr_assert(hm_engine_cancel(pair->client, call, NULL));
	cr_assert_eq(pair_send(pair->client, call, 1, 'a'), HM_SEND_OVER);
	hm_engine_consume(pair->client, call, hm_stream_cost(40000));
	pair_move_all(pair, pair->server, pair->client);
	pair_move_all(pair, pair->client, pair->server);
	cr_assert_eq(pair_send(pair->server, call, 1, 'y'), HM_SEND_OVER);
	hm_engine_consume(pair->server, call, 1000);
	cr_assert(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
	pair_move(pair, pair->server, pair->client);
	pair_no_event(pair->client);
	pair_close(pair);
}

Test(engine_streams, an_expired_stream_is_not_writable_again)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t call = pair_begin(pair, BOTH, 5000);
	struct hm_event event;

	pair_greet(pair);
	pair_fill(pair->client, call, 1000);
	pair_move_all(pair, pair->client, pair->server);
	cr_assert_eq(pair_send(pair->server, call, 10, 'x'), HM_SENT);
	hm_engine_consume(pair->server, call, 40000);
	hm_engine_tick(pair->client, pair->now_us = 9000);
	event = pair_next(pair->client, HM_EVENT_EXPIRED);
	cr_assert(event.call == call && event.user == pair);
	cr_assert_eq(pair_send(pair->client, call, 1, 'a'), HM_SEND_OVER);
	cr_assert_gt(pair_move(pair, pair->server, pair->client), 0);
	pair_no_event(pair->client);
	pair_close(pair);
}

Test(engine_streams, a_lost_connection_ends_streams_once)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t call = pair_begin(pair, BOTH, 0);
	void *user;

	pair_fill(pair->client, call, 1000);
	cr_assert(hm_engine_fail_calls(pair->client, &user) && user == pair);
	cr_assert_not(hm_engine_fail_calls(pair->client, &user));
	cr_assert_eq(pair_send(pair->client, call, 1, 'a'), HM_SEND_OVER);
	hm_engine_end(pair->client, call);
	hm_engine_consume(pair->client, call, 1);
	pair_no_event(pair->client);
	pair_close(pair);
}

Test(engine_streams, streams_go_on_after_goaway)
{
	uint32_t call;
	struct pair *pair = pair_with(BOTH, &call);
	uint8_t *body;

	hm_engine_goaway(pair->server);
	cr_assert_eq(pair_send(pair->server, call, 3, 'x'), HM_SENT);
	pair_move(pair, pair->server, pair->client);
	pair_next(pair->client, HM_EVENT_GOAWAY);
	has_data(pair->client, call, 3, 'x');
	cr_assert_eq(pair_send(pair->client, call, 4, 'a'), HM_SENT);
	pair_move(pair, pair->client, pair->server);
	has_data(pair->server, call, 4, 'a');
	cr_assert(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
	pair_move(pair, pair->server, pair->client);
	pair_next(pair->client, HM_EVENT_REPLY);
	pair_close(pair);
}

/* Else a peer that takes no packets makes CREDITs pile up. */
Test(engine_streams, one_credit_of_a_stream_waits_at_a_time)
{
	uint32_t call;
	struct pair *pair = pair_with(HM_STREAM_REPLIES, &call);

	pair_fill(pair->server, call, 1000);
	pair_move_all(pair, pair->server, pair->client);
	hm_engine_consume(pair->client, call, HM_STREAM_WINDOW_MIN / 2);
	hm_engine_consume(pair->client, call, HM_STREAM_WINDOW_MIN / 2);
	cr_assert_eq(hm_engine_pending_bytes(pair->client), HM_FRAME_HEAD_BYTES + 4);
	hm_engine_take_packet(pair->client, pair->packet);
	cr_assert_eq(hm_get32(pair->packet + HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES), HM_STREAM_WINDOW_MIN);
	pair_close(pair);
}
