/* Streams of the engine: the room that all of a connection's share, and who waits for it. */
#include <criterion/criterion.h>

#include "tests/engine_pair.h"

enum { ROOM_BYTES = 1 << 20 };

enum { MANY = 32 };

/* Begins streams of replies and fills their windows, most of them in vain, but for the last one's; returns that. */
static uint32_t fill_connection(struct pair *pair)
{
	uint32_t calls[MANY];

	for (int i = 0; i < MANY; i++)
		calls[i] = pair_begin(pair, HM_STREAM_REPLIES, 0);
	pair_move_all(pair, pair->client, pair->server);
	for (int i = 0; i < MANY - 1; i++)
		pair_fill(pair->server, calls[i], 30000);
	return calls[MANY - 1];
}

Test(engine_streams_room, what_waits_to_leave_is_bounded_for_all_streams_together)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t unary;
	uint8_t *body;

	pair_greet(pair);
	unary = pair_call(pair, 0, 0);
	fill_connection(pair);
	cr_assert_lt(hm_engine_pending_bytes(pair->server), ROOM_BYTES + 31000);
	cr_assert_geq(hm_engine_pending_bytes(pair->server), ROOM_BYTES);
	cr_assert(hm_engine_reply(pair->server, unary, HM_OK, NULL, 100, &body), "a reply needs no room");
	pair_close(pair);
}

Test(engine_streams_room, who_waits_for_room_is_told_in_turn_once_packets_have_left)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t last, previous = 0;
	struct hm_event event = { 0 };

	pair_greet(pair);
	last = fill_connection(pair);
	cr_assert_eq(pair_send(pair->server, last, 30000, 'r'), HM_SEND_BLOCKED);
	cr_assert_eq(hm_engine_next_tick_us(pair->server), INT64_MAX);
	pair_no_event(pair->server);
	while (hm_engine_pending_bytes(pair->server) >= ROOM_BYTES / 2)
		hm_engine_take_packet(pair->server, pair->packet);
	cr_assert_leq(hm_engine_next_tick_us(pair->server), pair->now_us, "there is something to tell");
	while (hm_engine_next_event(pair->server, &event)) {
		cr_assert_eq(event.type, HM_EVENT_WRITABLE);
		cr_assert_gt(event.call & UINT16_MAX, previous);
		previous = event.call & UINT16_MAX;
	}
	cr_assert_eq(event.call, last);
	cr_assert_eq(hm_engine_next_tick_us(pair->server), INT64_MAX);
	cr_assert_eq(pair_send(pair->server, last, 30000, 'r'), HM_SENT);
	pair_close(pair);
}

/* Until the queue is empty nobody gets more than half the room. */
Test(engine_streams_room, who_waits_for_room_is_not_passed_by)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t newcomer;

	pair_greet(pair);
	newcomer = fill_connection(pair);
	hm_engine_take_packet(pair->server, pair->packet);
	hm_engine_take_packet(pair->server, pair->packet);
	cr_assert_lt(hm_engine_pending_bytes(pair->server), ROOM_BYTES);
	cr_assert_eq(pair_send(pair->server, newcomer, 1, 'n'), HM_SEND_BLOCKED);
	pair_close(pair);
}

Test(engine_streams_room, a_stream_that_is_answered_waits_no_more)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_event event;
	uint32_t last;
	uint8_t *body;

	pair_greet(pair);
	last = fill_connection(pair);
	cr_assert_eq(pair_send(pair->server, last, 30000, 'r'), HM_SEND_BLOCKED);
	for (uint32_t i = 0; i < MANY - 1; i++)
		cr_assert(hm_engine_reply(pair->server, last - (last & UINT16_MAX) + i, HM_OK, NULL, 0, &body));
	while (hm_engine_pending_bytes(pair->server) >= ROOM_BYTES / 2)
		hm_engine_take_packet(pair->server, pair->packet);
	event = pair_next(pair->server, HM_EVENT_WRITABLE);
	cr_assert_eq(event.call, last);
	pair_no_event(pair->server);
	pair_close(pair);
}
