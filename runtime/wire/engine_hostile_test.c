/* Engine against a peer that breaks the protocol: each way has its words, and none costs memory without bound. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine_forge.h"
#include "tests/engine_pair.h"

static uint8_t zeros[5000], brand64[66] = { 64, 'b' }, with_nul[] = "\4lo\0p",
			    key[HM_CALL_HEAD_BYTES + 2] = { [38] = 3 };
static uint8_t slot16[HM_CALL_HEAD_BYTES] = { [36] = HM_SLOTS_MIN };

/* One frame, behind a fine handshake, to one side. */
static const struct {
	enum hm_side to;
	struct hm_frame frame;
	const uint8_t *body;
	const char *words;
} frames[] = {
	{ HM_SERVER, { HM_HELLO_BYTES, 0, HM_FRAME_HELLO, 0, 0 }, zeros, "HELLO has a packet_bytes_max under 64 KiB" },
	{ HM_SERVER, { 99, 0, HM_FRAME_HELLO, 0, 0 }, zeros, "HELLO has a body of 99 bytes" },
	{ HM_SERVER, { 0, 0, 0, 0, 0 }, NULL, "type 0 is not known" },
	{ HM_SERVER, { 0, 0, HM_FRAME_TYPES, 0, 0 }, NULL, "type 13 is not known" },
	{ HM_SERVER, { 0, 0, 255, 0, 0 }, NULL, "type 255 is not known" },
	{ HM_SERVER, { 0, 0x10000, HM_FRAME_REPLY, 0, 0 }, NULL, "REPLY does not belong here" },
	{ HM_SERVER, { 0, 0, HM_FRAME_GOAWAY, 0, 0 }, NULL, "GOAWAY does not belong here" },
	{ HM_SERVER, { HM_CALL_HEAD_BYTES, 0x10000, HM_FRAME_CALL, 8, 0 }, zeros, "CALL has unknown flags 08" },
	{ HM_SERVER, { 39, 0x10000, HM_FRAME_CALL, 0, 0 }, zeros, "CALL has a body of 39 bytes" },
	{ HM_SERVER, { HM_CALL_HEAD_BYTES, 0, HM_FRAME_CALL, 0, 0 }, zeros, "CALL 00000000 has no generation" },
	{ HM_SERVER, { HM_CALL_HEAD_BYTES, 0x0001, HM_FRAME_CALL, 0, 0 }, zeros, "CALL 00000001 has no generation" },
	{ HM_SERVER, { HM_CALL_HEAD_BYTES, 0x10400, HM_FRAME_CALL, 0, 0 }, zeros, "or an index over calls_max (1024)" },
	{ HM_SERVER, { HM_CALL_HEAD_BYTES, 0x10000, HM_FRAME_CALL, 0, 0 }, slot16, "has a slot out of range" },
	{ HM_SERVER, { sizeof key, 0x10000, HM_FRAME_CALL, 0, 0 }, key, "has metadata longer than its body" },
	{ HM_SERVER, { 0, 0x10000, HM_FRAME_CANCEL, 0, 0 }, NULL, "CANCEL 00010000 of no call" },
	{ HM_SERVER, { 0, 0, HM_FRAME_CANCEL, 0, 0 }, NULL, "CANCEL 00000000 of no call" },
	{ HM_SERVER, { 0, 0xffffffff, HM_FRAME_CANCEL, 0, 0 }, NULL, "CANCEL ffffffff of no call" },
	{ HM_SERVER, { 0, 0, HM_FRAME_BIND, 0, 0 }, NULL, "BIND has a body of 0 bytes" },
	{ HM_SERVER, { 1, 16, HM_FRAME_BIND, 0, 0 }, zeros, "BIND of slot 16, but there are 16" },
	{ HM_SERVER, { 66, 0, HM_FRAME_BIND, 0, 0 }, brand64, "BIND of 66 bytes has a brand of 64 (most: 63)" },
	{ HM_SERVER, { 4, 0, HM_FRAME_BIND, 0, 0 }, with_nul, "BIND of 4 bytes has a brand of 4" },
	{ HM_SERVER, { 5, 0, HM_FRAME_BIND, 0, 0 }, with_nul, "BIND has a NUL in brand or token" },
	{ HM_SERVER, { 1 + 4097, 0, HM_FRAME_BIND, 0, 0 }, zeros, "BIND has a token of 4097 bytes" },
	{ HM_SERVER, { 7, 0, HM_FRAME_PING, 0, 0 }, zeros, "PING has a body of 7 bytes" },
	{ HM_CLIENT, { 9, 0, HM_FRAME_PONG, 0, 0 }, zeros, "PONG has a body of 9 bytes" },
	{ HM_SERVER, { 0, 0, HM_FRAME_AUTH, HM_FRAME_OPTIONAL, 0 }, NULL, "AUTH has a body of 0 bytes" },
	{ HM_SERVER, { HM_AUTH_BYTES_MAX + 1, 0, HM_FRAME_AUTH, 0, 0 }, zeros, "AUTH has a body of 257 bytes" },
	{ HM_CLIENT, { HM_CALL_HEAD_BYTES, 0x10000, HM_FRAME_CALL, 0, 0 }, zeros, "CALL does not belong here" },
	{ HM_CLIENT, { 0, 0, HM_FRAME_REPLY, 0, 0 }, NULL, "REPLY 00000000 to no call" },
	{ HM_CLIENT, { 0, 0x10000, HM_FRAME_REPLY, 0, 0 }, NULL, "REPLY 00010000 to no call" },
	{ HM_CLIENT, { 0, 0xffffffff, HM_FRAME_REPLY, 0, 0 }, NULL, "REPLY ffffffff to no call" },
};

Test(engine_hostile, frames_that_break_the_protocol_are_named)
{
	for (size_t i = 0; i < sizeof frames / sizeof frames[0]; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		pair_greet(pair);
		forge_packet(&packet, 0, 1);
		forge_add(&packet, (struct hm_frame){ 8, 0, HM_FRAME_PONG, 0, 0 }, zeros);
		forge_add(&packet, frames[i].frame, frames[i].body);
		forge_breaks(frames[i].to == HM_CLIENT ? pair->client : pair->server, &packet, frames[i].words);
		cr_assert_not_null(strstr(hm_error_get()->message, "in packet 2, frame 2 at byte 28: "), "%s",
				   hm_error_get()->message);
		pair_close(pair);
	}
}

/* The head of a packet, as bytes. */
static const struct {
	const char *bytes;
	size_t size;
	const char *words;
} heads[] = {
	{ "", 0, "0 bytes that are no packet" },
	{ "H\1\0\0\1\0\0", 7, "7 bytes that are no packet" },
	{ "h\1\0\0\1\0\0\0", 8, "8 bytes that are no packet" },
	{ "H\2\0\0\1\0\0\0", 8, "version 2, but this end speaks 1 to 1" },
	{ "H\1\2\0\1\0\0\0", 8, "flags 02 00 are not known" },
	{ "H\1\0\1\1\0\0\0", 8, "flags 00 01 are not known" },
	{ "H\1\0\0\2\0\0\0", 8, "it acknowledges 2 packets; 1 were sent and 0 acknowledged before" },
	{ "H\1\0\0\xff\xff\xff\xff", 8, "it acknowledges 4294967295 packets" },
	{ "H\1\0\0\1\0\0\0?", 9, "1 bytes left, too few for a frame's head" },
	{ "H\1\0\0\1\0\0\0\1\0\0\0\0\0\0\0\10\0\0\0", 20, "a body of 1 bytes where 0 are left" },
	{ "H\1\0\0\1\0\0\0\xff\xff\xff\xff\0\0\0\0\10\0\0\0", 20, "a body of 4294967295 bytes where 0 are left" },
	{ "H\1\1\0\1\0\0\0", 8, "SOLO, but no CALL in it" },
};

Test(engine_hostile, heads_and_lengths_that_lie_are_named)
{
	for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet = { .size = heads[i].size };

		memcpy(packet.bytes, heads[i].bytes, packet.size);
		pair_move_all(pair, pair->client, pair->server); /* the server's HELLO stays unacknowledged */
		hm_engine_take_packet(pair->server, pair->packet);
		forge_breaks(pair->server, &packet, heads[i].words);
		pair_close(pair);
	}
}

Test(engine_hostile, acknowledgements_do_not_go_back)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	forge_is_fine(pair->server, &packet);
	forge_packet(&packet, 0, 0);
	forge_breaks(pair->server, &packet, "it acknowledges 0 packets; 1 were sent and 1 acknowledged before");
	pair_close(pair);
}

Test(engine_hostile, packets_over_the_credit_are_refused)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	forge_add(&packet, (struct hm_frame){ 8, 0, HM_FRAME_PONG, 0, 0 }, zeros);
	for (int i = 0; i < HM_PACKETS_UNACKNOWLEDGED_MAX; i++)
		forge_is_fine(pair->server, &packet);
	forge_breaks(pair->server, &packet, "more than 32 packets came unacknowledged");
	pair_close(pair);
}

Test(engine_hostile, a_packet_over_the_size_it_was_told_is_refused)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	size_t size = (1 << 20) + 1;
	uint8_t *packet = calloc(1, size);

	pair_greet(pair);
	cr_assert_not_null(packet);
	packet[0] = 'H';
	cr_assert_eq(hm_engine_feed(pair->server, packet, size, 0), HM_INVALID_ARGUMENT);
	cr_assert_not_null(strstr(hm_error_get()->message, "1048577 bytes, over the 1048576 it was told"));
	free(packet);
	pair_close(pair);
}

/* An index is free once its reply has left, not when it was made: else replies would pile up without bound. */
Test(engine_hostile, a_client_that_does_not_wait_for_its_reply_gets_no_second_one)
{
	for (int is_cancelled = 0; is_cancelled < 2; is_cancelled++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged first, second;
		uint8_t *body;

		pair_greet(pair);
		forge_packet(&first, 0, 1);
		forge_packet(&second, 0, 1);
		forge_call(&first, 0x10005);
		if (is_cancelled)
			forge_add(&first, (struct hm_frame){ 0, 0x10005, HM_FRAME_CANCEL, 0, 0 }, NULL);
		forge_call(&second, 0x20005);
		forge_is_fine(pair->server, &first);
		cr_assert(hm_engine_reply(pair->server, 0x10005, HM_OK, NULL, 4, &body));
		forge_breaks(pair->server, &second,
			     "CALL 00020005, but the last at its index, 00010005, has no answer yet");
		pair_close(pair);
	}
}

Test(engine_hostile, an_index_whose_call_runs_takes_no_other)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	forge_call(&packet, 0x10005);
	forge_call(&packet, 0x20005);
	forge_breaks(pair->server, &packet, "CALL 00020005, but the last at its index, 00010005, has no answer yet");
	pair_close(pair);
}

/* The replies of such a client would wait without bound, were its packets acknowledged for ever. */
Test(engine_hostile, a_client_that_never_takes_its_replies_runs_out_of_credit)
{
	enum { REPLY_BYTES = 256 << 10 };
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;
	struct hm_event event;
	hm_status status = HM_OK;
	uint32_t calls = 0;

	pair_greet(pair);
	while (status == HM_OK && calls < 1000) {
		forge_packet(&packet, 0, 1);
		forge_call(&packet, 0x10000 + calls++);
		status = hm_engine_feed(pair->server, packet.bytes, packet.size, 0);
		while (hm_engine_next_event(pair->server, &event)) {
			uint8_t *body;

			cr_assert(hm_engine_reply(pair->server, event.call, HM_OK, NULL, REPLY_BYTES, &body));
		}
		while (hm_engine_packet_size(pair->server))
			hm_engine_take_packet(pair->server, pair->packet);
	}
	cr_assert_eq(status, HM_INVALID_ARGUMENT);
	cr_assert_not_null(strstr(hm_error_get()->message, "more than 32 packets came unacknowledged"));
	cr_assert_lt(hm_engine_pending_bytes(pair->server), 16 << 20);
	pair_close(pair);
}

Test(engine_hostile, an_id_is_not_used_twice)
{
	for (int has_left = 0; has_left < 2; has_left++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;
		uint8_t *body;

		pair_greet(pair);
		forge_packet(&packet, 0, 1);
		forge_call(&packet, 0x10005);
		forge_is_fine(pair->server, &packet);
		if (has_left) {
			cr_assert(hm_engine_reply(pair->server, 0x10005, HM_OK, NULL, 0, &body));
			hm_engine_take_packet(pair->server, pair->packet);
		}
		forge_breaks(pair->server, &packet, "CALL 00010005, but the last at its index, 00010005, has no");
		cr_assert_eq(hm_engine_calls(pair->server), !has_left);
		pair_close(pair);
	}
}

Test(engine_hostile, a_cancel_is_of_the_call_that_runs_and_comes_once)
{
	static const struct {
		uint32_t first, second;
		const char *words;
	} cancels[] = { { 0x20005, 0, "CANCEL 00020005 of no call" },
			{ 0x10005, 0x10005, "CANCEL 00010005 of no call, or again" } };

	for (size_t i = 0; i < sizeof cancels / sizeof cancels[0]; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		pair_greet(pair);
		forge_packet(&packet, 0, 1);
		forge_call(&packet, 0x10005);
		forge_add(&packet, (struct hm_frame){ 0, cancels[i].first, HM_FRAME_CANCEL, 0, 0 }, NULL);
		if (cancels[i].second)
			forge_add(&packet, (struct hm_frame){ 0, cancels[i].second, HM_FRAME_CANCEL, 0, 0 }, NULL);
		forge_breaks(pair->server, &packet, cancels[i].words);
		pair_close(pair);
	}
}

Test(engine_hostile, pings_get_one_pong_at_a_time)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	for (int i = 0; i < 300; i++)
		forge_add(&packet, (struct hm_frame){ 8, 0, HM_FRAME_PING, 0, 0 }, zeros);
	forge_is_fine(pair->server, &packet);
	forge_is_fine(pair->server, &packet);
	cr_assert_eq(hm_engine_pending_bytes(pair->server), HM_FRAME_HEAD_BYTES + 8);
	pair_close(pair);
}

Test(engine_hostile, goaway_again_and_again_is_one_event)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	forge_packet(&packet, 0, 1);
	for (int i = 0; i < 3; i++)
		forge_add(&packet, (struct hm_frame){ 0, 0, HM_FRAME_GOAWAY, 0, 0 }, NULL);
	cr_assert_eq(hm_engine_feed(pair->client, packet.bytes, packet.size, 0), HM_OK);
	pair_next(pair->client, HM_EVENT_GOAWAY);
	cr_assert_not(hm_engine_next_event(pair->client, &(struct hm_event){ 0 }));
	pair_close(pair);
}

Test(engine_hostile, a_cut_audit_id_and_a_second_reply_are_refused)
{
	struct forged packet;

	for (int second = 0; second < 2; second++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		uint32_t call = pair_call(pair, 0, 0);

		pair_greet(pair);
		forge_packet(&packet, 0, 1);
		if (second)
			forge_add(&packet, (struct hm_frame){ 0, call, HM_FRAME_REPLY, 0, 0 }, NULL);
		forge_add(&packet, (struct hm_frame){ 15, call, HM_FRAME_REPLY, HM_FRAME_AUDITED, 0 }, zeros);
		forge_breaks(pair->client, &packet, second ? "to no call" : "is cut off in its audit id");
		pair_close(pair);
	}
}

/* What may not stand in a SOLO packet, as the types and calls of its frames. */
static const struct {
	struct hm_frame frames[3];
	const char *words;
} solos[] = {
	{ { { 1, 1, HM_FRAME_BIND, 0, 0 }, { HM_CALL_HEAD_BYTES, 1, HM_FRAME_CALL, 0, 0 } },
	  "SOLO is at most one BIND of slot 0" },
	{ { { 1, 0, HM_FRAME_BIND, 0, 0 }, { 1, 0, HM_FRAME_BIND, 0, 0 } }, "SOLO is at most one BIND of slot 0" },
	{ { { HM_CALL_HEAD_BYTES, 1, HM_FRAME_CALL, 0, 0 }, { HM_CALL_HEAD_BYTES, 2, HM_FRAME_CALL, 0, 0 } },
	  "then one CALL" },
	{ { { HM_CALL_HEAD_BYTES, 1, HM_FRAME_CALL, 0, 0 }, { 1, 0, HM_FRAME_BIND, 0, 0 } }, "then one CALL" },
	{ { { 8, 0, HM_FRAME_PING, 0, 0 }, { HM_CALL_HEAD_BYTES, 1, HM_FRAME_CALL, 0, 0 } },
	  "PING does not belong here" },
	{ { { 1, 0, HM_FRAME_BIND, 0, 0 }, { 0, 0, 99, HM_FRAME_OPTIONAL, 0 } }, "type 99 is not known" },
	{ { { 1, 0, HM_FRAME_BIND, 0, 0 } }, "SOLO, but no CALL in it" },
};

Test(engine_hostile, solo_packets_hold_one_call_and_nothing_else)
{
	for (size_t i = 0; i < sizeof solos / sizeof solos[0]; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		forge_packet(&packet, HM_PACKET_SOLO, 0);
		for (size_t k = 0; k < 3 && solos[i].frames[k].type; k++)
			forge_add(&packet, solos[i].frames[k], zeros);
		forge_breaks(pair->server, &packet, solos[i].words);
		pair_close(pair);
	}
}

Test(engine_hostile, solo_calls_are_for_servers_and_know_slot_0_alone)
{
	static const uint8_t slot1[HM_CALL_HEAD_BYTES] = { [36] = 1 };
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	forge_packet(&packet, HM_PACKET_SOLO, 0);
	forge_add(&packet, (struct hm_frame){ HM_CALL_HEAD_BYTES, 1, HM_FRAME_CALL, 0, 0 }, slot1);
	forge_breaks(pair->client, &packet, "SOLO packets are for servers");
	forge_breaks(pair->server, &packet, "CALL 00000001 has a slot out of range");
	pair_close(pair);
}
