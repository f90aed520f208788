/* Engine: what two honest ends do for each other. Accidents are in engine_sim_test.c, malice is in engine_hostile_test.c. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine_forge.h"
#include "tests/engine_pair.h"

Test(engine, a_server_says_nothing_before_the_client_has_introduced_itself)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);

	hm_engine_goaway(pair->server);
	cr_assert_eq(hm_engine_packet_size(pair->server), 0);
	cr_assert_eq(pair_move(pair, pair->client, pair->server),
		     HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + HM_HELLO_BYTES);
	pair_next(pair->server, HM_EVENT_HELLO);
	cr_assert_str_eq(hm_engine_peer(pair->server)->name, "pair");
	pair_move(pair, pair->server, pair->client);
	pair_next(pair->client, HM_EVENT_HELLO);
	pair_next(pair->client, HM_EVENT_GOAWAY);
	pair_close(pair);
}

Test(engine, bind_and_call_may_follow_the_hello_at_once)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_event event;

	cr_assert_eq(hm_engine_bind(pair->client, 3, "loop", "token"), HM_OK);
	pair_call(pair, 5, 0);
	pair_move(pair, pair->client, pair->server);
	pair_next(pair->server, HM_EVENT_HELLO);
	event = pair_next(pair->server, HM_EVENT_BIND);
	cr_assert(event.slot == 3 && event.brand_bytes == 4 && event.body_bytes == 5 && !event.solo);
	cr_assert(!memcmp(event.brand, "loop", 4) && !memcmp(event.body, "token", 5));
	event = pair_next(pair->server, HM_EVENT_CALL);
	cr_assert(event.body_bytes == 5 && !event.solo && !event.head.idempotency_key);
	cr_assert_eq(hm_engine_calls(pair->server), 1);
	pair_close(pair);
}

Test(engine, refuses_more_calls_than_the_limit)
{
	struct pair *pair = pair_open(2, 0);
	uint32_t first = pair_call(pair, 0, 0), call;
	uint8_t *body;

	pair_call(pair, 0, 0);
	cr_assert(hm_engine_cancel(pair->client, first, NULL));
	cr_assert_eq(hm_engine_calls(pair->client), 1);
	cr_assert_eq(hm_engine_room(pair->client), 0);
	cr_assert_eq(hm_engine_call(pair->client, &(struct hm_call_head){ 0 }, 0, 0, 0, NULL, &call, &body),
		     HM_RESOURCE_EXHAUSTED, "a cancelled call holds its place until the server has answered");
	pair_close(pair);
}

Test(engine, refuses_requests_and_slots_the_server_does_not_take)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	size_t most = HM_PACKET_BYTES_MIN - HM_PACKET_HEAD_BYTES - HM_FRAME_HEAD_BYTES - HM_CALL_HEAD_BYTES;
	struct hm_call_head head = { .slot = HM_SLOTS_MIN };
	char brand[65] = "";
	uint32_t call;
	uint8_t *body;

	cr_assert_eq(hm_engine_call(pair->client, &head, 0, 0, 0, NULL, &call, &body), HM_INVALID_ARGUMENT);
	head.slot = 0;
	cr_assert_eq(hm_engine_call(pair->client, &head, most + 1, 0, 0, NULL, &call, &body), HM_RESOURCE_EXHAUSTED);
	pair_call(pair, most, 0);
	pair_greet(pair);
	pair_call(pair, most + 1, 0);
	memset(brand, 'b', 64);
	cr_assert_eq(hm_engine_bind(pair->client, 0, brand, NULL), HM_INVALID_ARGUMENT);
	cr_assert_eq(hm_engine_bind(pair->client, 0, brand + 1, NULL), HM_OK);
	cr_assert_eq(hm_engine_bind(pair->client, HM_SLOTS_MIN, "loop", NULL), HM_INVALID_ARGUMENT);
	pair_close(pair);
}

Test(engine, a_cancelled_call_is_answered_with_nothing_in_it)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t call = pair_call(pair, 0, 0);
	struct hm_id id = { "an audit id" };
	struct hm_event event;
	void *user = NULL;
	uint8_t *body;

	pair_greet(pair);
	cr_assert(hm_engine_cancel(pair->client, call, &user) && user == pair);
	cr_assert_not(hm_engine_cancel(pair->client, call, NULL));
	pair_move(pair, pair->client, pair->server);
	cr_assert_eq(pair_next(pair->server, HM_EVENT_CANCEL).call, call);
	cr_assert(hm_engine_reply(pair->server, call, HM_OK, &id, 100000, &body));
	memset(body, 1, 100000);
	cr_assert_not(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
	cr_assert_eq(pair_move(pair, pair->server, pair->client), HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES);
	cr_assert_not(hm_engine_next_event(pair->client, &event));
	cr_assert_eq(hm_engine_room(pair->client), HM_CALLS_MIN);
	cr_assert_neq(pair_call(pair, 0, 0), call, "the place is free again, under another id");
	pair_close(pair);
}

Test(engine, a_cancel_that_crosses_the_reply_is_no_event)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t call = pair_call(pair, 0, 0);
	uint8_t *body;

	pair_greet(pair);
	cr_assert(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
	cr_assert(hm_engine_cancel(pair->client, call, NULL));
	cr_assert_gt(pair_move(pair, pair->client, pair->server), 0);
	pair_no_event(pair->server);
	pair_close(pair);
}

Test(engine, an_id_comes_again_after_65535_uses_of_its_index_and_none_is_without_generation)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t first = pair_call(pair, 0, 0), call = first;
	uint8_t *body;

	pair_greet(pair);
	for (uint32_t n = 0; n < UINT16_MAX; n++) {
		cr_assert(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
		pair_move_all(pair, pair->server, pair->client);
		call = pair_call(pair, 0, 0);
		cr_assert_gt(call >> 16, 0);
		cr_assert_eq(call & UINT16_MAX, first & UINT16_MAX);
		cr_assert(n == UINT16_MAX - 1 || call != first, "%u", n);
		pair_move_all(pair, pair->client, pair->server);
	}
	cr_assert_eq(call, first);
	pair_close(pair);
}

Test(engine, failed_calls_carry_their_audit_id_too)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t call = pair_call(pair, 0, 0);
	struct hm_id id = { "an audit id" };
	struct hm_event event;
	uint8_t *body;

	pair_greet(pair);
	cr_assert(hm_engine_reply(pair->server, call, HM_NOT_FOUND, &id, 6, &body));
	memcpy(body, "status", 6);
	pair_move(pair, pair->server, pair->client);
	event = pair_next(pair->client, HM_EVENT_REPLY);
	cr_assert(event.status == HM_NOT_FOUND && hm_id_equal(&event.audit_id, &id) && event.user == pair);
	cr_assert(event.body_bytes == 6 && !memcmp(event.body, "status", 6));
	pair_close(pair);
}

Test(engine, a_reply_over_the_clients_limit_becomes_a_failure_it_can_read)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	size_t most = (1 << 20) - HM_PACKET_HEAD_BYTES - HM_FRAME_HEAD_BYTES - sizeof(struct hm_id);
	struct hm_id id = { "an audit id" };
	struct hm_event event;
	uint8_t *body;

	for (size_t size = most; size <= most + 1; size++) {
		uint32_t call = pair_call(pair, 0, 0);

		pair_move_all(pair, pair->client, pair->server);
		cr_assert(hm_engine_reply(pair->server, call, HM_OK, &id, size, &body));
		memset(body, 0, size);
		do
			pair_move(pair, pair->server, pair->client);
		while (hm_engine_next_event(pair->client, &event) && event.type != HM_EVENT_REPLY);
		cr_assert_eq(event.status, size == most ? HM_OK : HM_RESOURCE_EXHAUSTED);
		cr_assert(hm_id_equal(&event.audit_id, &id));
		cr_assert_not(hm_engine_next_event(pair->client, &(struct hm_event){ 0 }));
	}
	cr_assert_eq(event.body[1], HM_RESOURCE_EXHAUSTED);
	cr_assert_not_null(memmem(event.body, event.body_bytes, "does not go into", 16));
	pair_close(pair);
}

Test(engine, a_solo_call_needs_no_introduction)
{
	static const uint8_t bind[] = "\4loopT", request[] = "hey";
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint8_t packet[200] = { 0 }, reply[HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + 16 + 4], *body, *at = packet;
	struct hm_event event;

	hm_packet_head_encode(&(struct hm_packet_head){ 'H', 1, HM_PACKET_SOLO, 0, 7 }, at);
	hm_frame_encode(&(struct hm_frame){ 6, 0, HM_FRAME_BIND, 0, 0 }, at += HM_PACKET_HEAD_BYTES);
	memcpy(at += HM_FRAME_HEAD_BYTES, bind, 6);
	hm_frame_encode(&(struct hm_frame){ HM_CALL_HEAD_BYTES + 3, 9, HM_FRAME_CALL, 0, 0 }, at += 6);
	hm_call_head_encode(&(struct hm_call_head){ .method = 5 }, at += HM_FRAME_HEAD_BYTES);
	memcpy(at += HM_CALL_HEAD_BYTES, request, 3);
	cr_assert_eq(hm_engine_feed(pair->server, packet, (size_t)(at + 3 - packet), 0), HM_OK);
	event = pair_next(pair->server, HM_EVENT_BIND);
	cr_assert(event.solo && event.slot == 0 && event.brand_bytes == 4 && event.body_bytes == 1);
	event = pair_next(pair->server, HM_EVENT_CALL);
	cr_assert(event.solo && event.head.method == 5 && event.body_bytes == 3 && !memcmp(event.body, "hey", 3));
	cr_assert_not(hm_engine_next_event(pair->server, &event));
	cr_assert_eq(hm_engine_packet_size(pair->server), 0, "nothing but the answer goes to an nng REQ client");
	cr_assert_eq(hm_engine_solo_reply(9, HM_OK, &(struct hm_id){ "id" }, 4, reply, &body), sizeof reply);
	cr_assert_eq(body, reply + sizeof reply - 4);
	cr_assert_eq(hm_packet_head_decode(reply).flags, HM_PACKET_SOLO);
	pair_close(pair);
}

Test(engine, no_more_than_32_packets_leave_unacknowledged)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	size_t n = 0;

	pair_greet(pair);
	pair_call(pair, 0, 0);
	pair_move_all(pair, pair->client, pair->server); /* and so the server's HELLO is acknowledged */
	for (int i = 0; i < 40; i++)
		pair_call(pair, HM_PACKET_FRAMES_BYTES, 0);
	for (size_t size; (size = hm_engine_packet_size(pair->client)); n++)
		hm_engine_take_packet(pair->client, pair->packet);
	cr_assert_eq(n, HM_PACKETS_UNACKNOWLEDGED_MAX - 1, "with the call before that makes 32");
	cr_assert_gt(hm_engine_pending_bytes(pair->client), 8u * HM_PACKET_FRAMES_BYTES);
	pair_close(pair);
}

Test(engine, small_frames_gather_while_packets_are_under_way)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	size_t n = 0;

	pair_greet(pair);
	for (int i = 0; i < 100; i++) {
		pair_call(pair, 64, 0);
		for (size_t size; (size = hm_engine_packet_size(pair->client)); n++)
			hm_engine_take_packet(pair->client, pair->packet);
	}
	cr_assert_lt(n, 5);
	cr_assert_gt(hm_engine_pending_bytes(pair->client), 90u * 64);
	pair_close(pair);
}

Test(engine, frames_of_later_versions_are_passed_over_if_they_are_optional)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint8_t packet[HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + 3] = { 0 };

	pair_greet(pair);
	hm_packet_head_encode(&(struct hm_packet_head){ 'H', 1, 0, 0, 1 }, packet);
	hm_frame_encode(&(struct hm_frame){ 3, 0, 77, HM_FRAME_OPTIONAL, 0 }, packet + HM_PACKET_HEAD_BYTES);
	cr_assert_eq(hm_engine_feed(pair->server, packet, sizeof packet, 0), HM_OK);
	cr_assert_not(hm_engine_next_event(pair->server, &(struct hm_event){ 0 }));
	cr_assert_eq(hm_engine_error(pair->server), HM_OK);
	pair_close(pair);
}

Test(engine, after_goaway_calls_end_but_none_begin)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t call = pair_call(pair, 0, 0), another;
	uint8_t *body;

	pair_greet(pair);
	hm_engine_goaway(pair->server);
	hm_engine_goaway(pair->server);
	cr_assert_eq(hm_engine_pending_bytes(pair->server), HM_FRAME_HEAD_BYTES, "it is said once");
	pair_call(pair, 0, 0); /* crosses it */
	cr_assert(hm_engine_reply(pair->server, call, HM_OK, NULL, 0, &body));
	pair_move(pair, pair->server, pair->client);
	pair_next(pair->client, HM_EVENT_GOAWAY);
	pair_next(pair->client, HM_EVENT_REPLY);
	cr_assert_eq(hm_engine_call(pair->client, &(struct hm_call_head){ 0 }, 0, 0, 0, NULL, &another, &body),
		     HM_UNAVAILABLE);
	pair_move(pair, pair->client, pair->server);
	pair_next(pair->server, HM_EVENT_CALL);
	pair_close(pair);
}

Test(engine, a_pong_says_what_its_ping_said)
{
	static const uint8_t words[8] = "a ping!";
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	forge_add(&packet, (struct hm_frame){ sizeof words, 0, HM_FRAME_PING, 0, 0 }, words);
	forge_is_fine(pair->server, &packet);
	cr_assert_eq(hm_engine_packet_size(pair->server), HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + sizeof words);
	hm_engine_take_packet(pair->server, pair->packet);
	cr_assert_eq(hm_frame_decode(pair->packet + HM_PACKET_HEAD_BYTES).type, HM_FRAME_PONG);
	cr_assert_arr_eq(pair->packet + HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES, words, sizeof words);
	pair_close(pair);
}

/* Deadlines in this rotation of the wheel, later ones, one long past and one that never comes. */
Test(engine, deadlines_come_in_time_and_never_early)
{
	static const int64_t deadlines_us[] = { 1, 2048, 5000, 999999, 4194304, 4200001, 60000000, 61000000 };
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_event event;
	size_t n = 0;

	for (size_t i = 0; i < sizeof deadlines_us / sizeof deadlines_us[0]; i++)
		pair_call(pair, 0, deadlines_us[i]);
	pair_call(pair, 0, INT64_MAX);
	for (int64_t next; (next = hm_engine_next_tick_us(pair->client)) != INT64_MAX;) {
		hm_engine_tick(pair->client, next);
		while (hm_engine_next_event(pair->client, &event)) {
			cr_assert(event.type == HM_EVENT_EXPIRED && event.user == pair);
			cr_assert(deadlines_us[n] <= next && next <= deadlines_us[n] + 3000, "%zu at %lld", n,
				  (long long)next);
			n++;
		}
	}
	cr_assert_eq(n, sizeof deadlines_us / sizeof deadlines_us[0]);
	cr_assert_eq(hm_engine_calls(pair->client), 1);
	pair_close(pair);
}

Test(engine, a_reply_that_comes_with_its_deadline_has_come_in_time)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t answered = pair_call(pair, 0, 5000), late = pair_call(pair, 0, 5000);
	uint8_t *body;

	pair_greet(pair);
	cr_assert(hm_engine_reply(pair->server, answered, HM_OK, NULL, 0, &body));
	pair->now_us = 9000;
	cr_assert_gt(pair_move(pair, pair->server, pair->client), 0);
	cr_assert_eq(pair_next(pair->client, HM_EVENT_REPLY).call, answered);
	cr_assert_eq(pair_next(pair->client, HM_EVENT_EXPIRED).call, late);
	pair_no_event(pair->client);
	pair_close(pair);
}

Test(engine, a_silent_peer_is_asked_and_then_given_up)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 100);

	pair_greet(pair);
	cr_assert_eq(hm_engine_next_tick_us(pair->client), 100000);
	hm_engine_tick(pair->client, pair->now_us = 100000);
	pair_move_all(pair, pair->client, pair->server);
	pair_move_all(pair, pair->server, pair->client);
	cr_assert_eq(hm_engine_next_tick_us(pair->client), 200000, "the PONG was a sign of life");
	hm_engine_tick(pair->client, 200000);
	cr_assert_gt(hm_engine_packet_size(pair->client), 0);
	hm_engine_tick(pair->client, 399999);
	cr_assert_eq(hm_engine_error(pair->client), HM_OK);
	hm_engine_tick(pair->client, 400000);
	cr_assert_eq(hm_engine_error(pair->client), HM_UNAVAILABLE);
	cr_assert_str_eq(hm_error_get()->message, "the server has been silent for 300 ms");
	cr_assert_eq(hm_engine_packet_size(pair->client), 0);
	cr_assert_eq(hm_engine_next_tick_us(pair->client), INT64_MAX);
	pair_close(pair);
}

Test(engine, ends_are_the_callers_even_when_the_connection_is_lost)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	uint32_t cancelled = pair_call(pair, 0, 0), call;
	uint8_t *body;
	void *user;

	pair_call(pair, 0, 5000);
	pair_call(pair, 0, 0);
	cr_assert(hm_engine_cancel(pair->client, cancelled, NULL));
	cr_assert(hm_engine_fail_calls(pair->client, &user) && user == pair);
	cr_assert(hm_engine_fail_calls(pair->client, &user));
	cr_assert_not(hm_engine_fail_calls(pair->client, &user));
	cr_assert_eq(hm_engine_call(pair->client, &(struct hm_call_head){ 0 }, 0, 0, 0, NULL, &call, &body),
		     HM_UNAVAILABLE);
	cr_assert_eq(hm_engine_next_tick_us(pair->client) <= 8192, true, "early is allowed");
	hm_engine_tick(pair->client, 100000);
	cr_assert_not(hm_engine_next_event(pair->client, &(struct hm_event){ 0 }));
	pair_close(pair);
}
