/* Streams of the engine against a peer that breaks their rules: each way has its words; what may be late is passed over. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/engine_forge.h"
#include "tests/engine_pair.h"

enum { BOTH = HM_STREAM_REQUESTS | HM_STREAM_REPLIES, CALL = 0x10000, LARGE = 6000 };

#define CREDIT_OF(name, a, b, c, d) static const uint8_t name[] = { a, b, c, d }
CREDIT_OF(nothing, 0, 0, 0, 0);
CREDIT_OF(little, 16, 0, 0, 0);
CREDIT_OF(fits, 0xff, 0xff, 0xfe, 0x7f); /* with a window of 64 KiB: 2^31 - 1 */
CREDIT_OF(overflows, 0, 0, 0xff, 0x7f);
CREDIT_OF(most, 0xff, 0xff, 0xff, 0xff);

/* Frames to one side, behind a handshake and a CALL with these halves. words NULL: they are fine. */
static const struct {
	enum hm_side to;
	uint8_t halves;
	struct hm_frame frames[2];
	const uint8_t *body;
	const char *words;
} cases[] = {
	{ HM_SERVER, BOTH, { { LARGE, CALL, HM_FRAME_DATA, 0, 0 }, { 0, CALL, HM_FRAME_END, 0, 0 } }, NULL, NULL },
	{ HM_SERVER,
	  BOTH,
	  { { 0, CALL, HM_FRAME_END, 0, 0 }, { 1, CALL, HM_FRAME_DATA, 0, 0 } },
	  NULL,
	  "DATA 00010000 after its END" },
	{ HM_SERVER,
	  BOTH,
	  { { 0, CALL, HM_FRAME_END, 0, 0 }, { 0, CALL, HM_FRAME_END, 0, 0 } },
	  NULL,
	  "END 00010000 again" },
	{ HM_SERVER, 0, { { 1, CALL, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00010000 to no such stream" },
	{ HM_SERVER, 0, { { 0, CALL, HM_FRAME_END, 0, 0 } }, NULL, "END 00010000 to no such stream" },
	{ HM_SERVER, 0, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, little, "CREDIT 00010000 to no such stream" },
	{ HM_SERVER, HM_STREAM_REPLIES, { { 0, CALL, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00010000 to no such" },
	{ HM_SERVER, HM_STREAM_REPLIES, { { 0, CALL, HM_FRAME_END, 0, 0 } }, NULL, "END 00010000 to no such" },
	{ HM_SERVER, HM_STREAM_REQUESTS, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, little, "CREDIT 00010000 to no" },
	{ HM_SERVER, BOTH, { { 1, 0x20000, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00020000 to no such stream" },
	{ HM_SERVER, BOTH, { { 1, 0x10001, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00010001 to no such stream" },
	{ HM_SERVER, BOTH, { { 1, 0, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00000000 to no such stream" },
	{ HM_SERVER, BOTH, { { 0, 0xffffffff, HM_FRAME_END, 0, 0 } }, NULL, "END ffffffff to no such stream" },
	{ HM_SERVER, BOTH, { { 1, CALL, HM_FRAME_END, 0, 0 } }, nothing, "END has a body of 1 bytes" },
	{ HM_SERVER, BOTH, { { 3, CALL, HM_FRAME_CREDIT, 0, 0 } }, little, "CREDIT has a body of 3 bytes" },
	{ HM_SERVER, BOTH, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, nothing, "CREDIT 00010000 of 0 bytes" },
	{ HM_SERVER, BOTH, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, fits, NULL },
	{ HM_SERVER, BOTH, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, overflows, "CREDIT 00010000 of 2147418112 bytes" },
	{ HM_SERVER, BOTH, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, most, "CREDIT 00010000 of 4294967295 bytes" },
	{ HM_SERVER, BOTH, { { 0, CALL, HM_FRAME_CANCEL, 0, 0 }, { 9, CALL, HM_FRAME_DATA, 0, 0 } }, NULL, NULL },
	{ HM_SERVER, BOTH, { { 0, CALL, HM_FRAME_DATA, 1, 0 } }, NULL, "DATA has unknown flags 01" },
	{ HM_CLIENT, BOTH, { { LARGE, CALL, HM_FRAME_DATA, 0, 0 } }, NULL, NULL },
	{ HM_CLIENT, BOTH, { { 0, CALL, HM_FRAME_END, 0, 0 } }, NULL, "END does not belong here" },
	{ HM_CLIENT, 0, { { 0, CALL, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00010000 to no such stream" },
	{ HM_CLIENT, HM_STREAM_REQUESTS, { { 0, CALL, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00010000 to no such" },
	{ HM_CLIENT, HM_STREAM_REPLIES, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, little, "CREDIT 00010000 to no" },
	{ HM_CLIENT, BOTH, { { 4, CALL, HM_FRAME_CREDIT, 0, 0 } }, overflows, "CREDIT 00010000 of 2147418112 bytes" },
	{ HM_CLIENT, BOTH, { { 1, 0x10001, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA 00010001 to no such stream" },
	{ HM_CLIENT, BOTH, { { 1, 0xffffffff, HM_FRAME_DATA, 0, 0 } }, NULL, "DATA ffffffff to no such stream" },
	{ HM_CLIENT,
	  BOTH,
	  { { 0, CALL, HM_FRAME_REPLY, 0, 0 }, { 0, CALL, HM_FRAME_DATA, 0, 0 } },
	  NULL,
	  "DATA 00010000 to no such stream" },
};

/* The client's packet with a CALL that nobody checks, so that the server meets it as it was forged. */
static void forge_stream(struct forged *packet, uint32_t call, uint8_t halves)
{
	forge_packet(packet, 0, 1);
	forge_add(packet, (struct hm_frame){ HM_CALL_HEAD_BYTES, call, HM_FRAME_CALL, halves, 0 }, NULL);
}

static struct pair *pair_with_call(enum hm_side to, uint8_t halves, struct forged *ret_packet)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct hm_call_head head = { .method = 1, .stream = halves };
	uint8_t *body;
	uint32_t call;

	pair_greet(pair);
	if (to == HM_SERVER) {
		forge_stream(ret_packet, CALL, halves);
		return pair;
	}
	cr_assert_eq(hm_engine_call(pair->client, &head, 0, 0, 0, pair, &call, &body), HM_OK);
	cr_assert_eq(call, CALL);
	forge_packet(ret_packet, 0, 1);
	return pair;
}

Test(engine_streams_hostile, frames_that_break_the_rules_of_streams_are_named)
{
	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct forged packet;
		struct pair *pair = pair_with_call(cases[i].to, cases[i].halves, &packet);
		struct hm_engine *engine = cases[i].to == HM_CLIENT ? pair->client : pair->server;

		for (size_t k = 0; k < 2 && cases[i].frames[k].type; k++)
			forge_add(&packet, cases[i].frames[k], cases[i].body);
		if (cases[i].words)
			forge_breaks(engine, &packet, cases[i].words);
		else
			forge_is_fine(engine, &packet);
		pair_close(pair);
	}
}

/* The credit of 64 KiB may be overdrawn by the message that uses it up, and by no other. */
Test(engine_streams_hostile, data_over_the_credit_is_refused)
{
	for (enum hm_side to = HM_CLIENT; to <= HM_SERVER; to++) {
		struct forged packet;
		struct pair *pair = pair_with_call(to, BOTH, &packet);
		struct hm_engine *engine = to == HM_CLIENT ? pair->client : pair->server;

		forge_is_fine(engine, &packet);
		forge_packet(&packet, 0, 1);
		forge_add(&packet, (struct hm_frame){ LARGE, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
		for (int i = 0; i <= HM_STREAM_WINDOW_MIN / (LARGE + HM_FRAME_HEAD_BYTES); i++)
			forge_is_fine(engine, &packet);
		forge_breaks(engine, &packet, "DATA 00010000 over its credit");
		pair_close(pair);
	}
}

Test(engine_streams_hostile, when_the_credit_is_just_used_up_nothing_is_left)
{
	enum { COST = 4096 };

	for (enum hm_side to = HM_CLIENT; to <= HM_SERVER; to++) {
		struct forged packet;
		struct pair *pair = pair_with_call(to, BOTH, &packet);
		struct hm_engine *engine = to == HM_CLIENT ? pair->client : pair->server;

		forge_is_fine(engine, &packet);
		forge_packet(&packet, 0, 1);
		forge_add(&packet, (struct hm_frame){ COST - HM_FRAME_HEAD_BYTES, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
		for (int i = 0; i < HM_STREAM_WINDOW_MIN / COST; i++)
			forge_is_fine(engine, &packet);
		forge_packet(&packet, 0, 1);
		forge_add(&packet, (struct hm_frame){ 0, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
		forge_breaks(engine, &packet, "DATA 00010000 over its credit");
		pair_close(pair);
	}
}

Test(engine_streams_hostile, empty_messages_use_credit_too)
{
	struct forged packet;
	struct pair *pair = pair_with_call(HM_SERVER, BOTH, &packet);

	forge_is_fine(pair->server, &packet);
	forge_packet(&packet, 0, 1);
	for (int i = 0; i < 600; i++)
		forge_add(&packet, (struct hm_frame){ 0, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
	for (int i = 0; i < HM_STREAM_WINDOW_MIN / (600 * HM_FRAME_HEAD_BYTES); i++)
		forge_is_fine(pair->server, &packet);
	forge_breaks(pair->server, &packet, "DATA 00010000 over its credit");
	pair_close(pair);
}

/* What was read but not granted yet is no credit. */
Test(engine_streams_hostile, consuming_less_than_half_a_window_allows_no_more)
{
	struct forged packet;
	struct pair *pair = pair_with_call(HM_SERVER, BOTH, &packet);

	forge_is_fine(pair->server, &packet);
	forge_packet(&packet, 0, 1);
	forge_add(&packet, (struct hm_frame){ 8192 - 8 - 12, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
	for (int i = 0; i < 9; i++)
		forge_is_fine(pair->server, &packet);
	hm_engine_consume(pair->server, CALL, HM_STREAM_WINDOW_MIN / 2 - 1);
	forge_breaks(pair->server, &packet, "DATA 00010000 over its credit");
	pair_close(pair);
}

Test(engine_streams_hostile, late_frames_are_passed_over_only_of_the_last_call_and_a_stream)
{
	static const struct {
		uint8_t halves;
		uint32_t call;
		bool is_fine;
	} lates[] = {
		{ BOTH, CALL, true }, { HM_STREAM_REQUESTS, CALL, true }, { 0, CALL, false }, { BOTH, 0x20000, false }
	};
	uint8_t *body;

	for (size_t i = 0; i < sizeof lates / sizeof lates[0]; i++) {
		struct forged packet;
		struct pair *pair = pair_with_call(HM_SERVER, lates[i].halves, &packet);

		forge_is_fine(pair->server, &packet);
		cr_assert(hm_engine_reply(pair->server, CALL, HM_OK, NULL, 0, &body));
		forge_packet(&packet, 0, 1);
		forge_add(&packet, (struct hm_frame){ 8, lates[i].call, HM_FRAME_DATA, 0, 0 }, NULL);
		if (lates[i].is_fine)
			forge_is_fine(pair->server, &packet);
		else
			forge_breaks(pair->server, &packet, "to no such stream");
		pair_close(pair);
	}
}

/* The next call at an index is begun behind all frames of the last. */
Test(engine_streams_hostile, a_frame_of_the_call_before_at_its_index_is_refused)
{
	struct forged packet;
	struct pair *pair = pair_with_call(HM_SERVER, BOTH, &packet);
	uint8_t *body;

	forge_is_fine(pair->server, &packet);
	cr_assert(hm_engine_reply(pair->server, CALL, HM_OK, NULL, 0, &body));
	hm_engine_take_packet(pair->server, pair->packet);
	forge_stream(&packet, 0x20000, BOTH);
	forge_add(&packet, (struct hm_frame){ 8, 0x20000, HM_FRAME_DATA, 0, 0 }, NULL);
	forge_is_fine(pair->server, &packet);
	forge_packet(&packet, 0, 1);
	forge_add(&packet, (struct hm_frame){ 8, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
	forge_breaks(pair->server, &packet, "DATA 00010000 to no such stream");
	pair_close(pair);
}

/* In one packet. */
static void begin_streams(struct pair *pair, uint32_t streams)
{
	struct forged packet;

	forge_packet(&packet, 0, 1);
	for (uint32_t i = 0; i < streams; i++)
		forge_add(&packet, (struct hm_frame){ HM_CALL_HEAD_BYTES, CALL + i, HM_FRAME_CALL, BOTH, 0 }, NULL);
	forge_is_fine(pair->server, &packet);
}

Test(engine_streams_hostile, more_streams_than_the_server_takes_are_refused)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	pair_greet(pair);
	begin_streams(pair, HM_STREAMS_MIN);
	forge_stream(&packet, CALL + HM_STREAMS_MIN, HM_STREAM_REPLIES);
	forge_breaks(pair->server, &packet, "CALL 00010040 is a stream, but 64 are under way");
	pair_close(pair);
}

Test(engine_streams_hostile, a_server_that_says_more_streams_takes_them)
{
	enum { STREAMS = HM_STREAMS_MIN + 36 };
	struct hm_engine_config config = { HM_SERVER,
					   { 1, 1, 1 << 20, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "", 0, STREAMS } };
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	hm_engine_close(pair->server);
	pair->server = hm_engine_open(&config, 0);
	pair_greet(pair);
	begin_streams(pair, STREAMS);
	forge_stream(&packet, CALL + STREAMS, BOTH);
	forge_breaks(pair->server, &packet, "CALL 00010064 is a stream, but 100 are under way");
	pair_close(pair);
}

Test(engine_streams_hostile, a_solo_call_is_no_stream)
{
	struct pair *pair = pair_open(HM_CALLS_MIN, 0);
	struct forged packet;

	forge_packet(&packet, HM_PACKET_SOLO, 0);
	forge_add(&packet, (struct hm_frame){ HM_CALL_HEAD_BYTES, CALL, HM_FRAME_CALL, HM_STREAM_REPLIES, 0 }, NULL);
	forge_breaks(pair->server, &packet, "CALL 00010000 has a stream, in a SOLO packet");
	pair_close(pair);
}

/* A peer that uses credit it has not been told of gets it in one CREDIT that does not overflow. */
Test(engine_streams_hostile, a_peer_that_takes_no_packets_makes_no_credits_pile_up)
{
	struct forged packet;
	struct pair *pair = pair_with_call(HM_CLIENT, HM_STREAM_REPLIES, &packet);

	forge_packet(&packet, 0, 1);
	forge_add(&packet, (struct hm_frame){ LARGE, CALL, HM_FRAME_DATA, 0, 0 }, NULL);
	hm_engine_take_packet(pair->client, pair->packet); /* CALL */
	for (int i = 0; i < 10000; i++) {
		forge_is_fine(pair->client, &packet);
		hm_engine_consume(pair->client, CALL, hm_stream_cost(LARGE));
		while (hm_engine_packet_size(pair->client))
			hm_engine_take_packet(pair->client, pair->packet);
	}
	cr_assert_leq(hm_engine_pending_bytes(pair->client), HM_FRAME_HEAD_BYTES + 4);
	pair_close(pair);
}
