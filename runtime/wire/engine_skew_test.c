/* Skew: ends of different releases of the protocol, one of them written by hand. */
#include <criterion/criterion.h>

#include "tests/engine_forge.h"
#include "tests/engine_pair.h"

enum { LONGER = HM_HELLO_BYTES + 60 };

/* A peer's first packet: HELLO, as long as its release has it, and its own range of versions. */
static void forge_hello(struct forged *packet, size_t bytes, uint16_t version_min, uint16_t version_max)
{
	const struct hm_hello hello = { version_min, version_max, 1 << 20, HM_CALLS_MIN, HM_SLOTS_MIN, 0,
					{ 0 },       "other",     0,       200 };
	uint8_t body[LONGER];

	memset(body, 0xee, sizeof body);
	hm_hello_encode(&hello, body);
	forge_packet(packet, 0, 0);
	packet->bytes[1] = (uint8_t)version_min;
	forge_add(packet, (struct hm_frame){ (uint32_t)bytes, 0, HM_FRAME_HELLO, 0, 0 }, body);
}

static hm_status begin(struct pair *pair, uint8_t halves)
{
	const struct hm_call_head head = { .method = 1, .stream = halves };
	uint8_t *body;
	uint32_t call;

	return hm_engine_call(pair->client, &head, 0, 0, 0, pair, &call, &body);
}

static const struct {
	size_t bytes;
	hm_status stream; /* what becomes of a stream */
} servers[] = {
	{ HM_HELLO_BYTES_MIN, HM_UNIMPLEMENTED },
	{ HM_HELLO_BYTES_MIN + 4, HM_UNIMPLEMENTED },
	{ HM_HELLO_BYTES, HM_OK },
	{ LONGER, HM_OK },
};

Test(engine_skew, a_server_of_any_release_is_called_and_sent_no_streams_before_it_knows_them)
{
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		forge_hello(&packet, servers[i].bytes, 1, 1);
		forge_is_fine(pair->client, &packet);
		cr_assert_not_null(hm_engine_peer(pair->client));
		cr_expect_eq(begin(pair, HM_STREAM_NONE), HM_OK);
		cr_expect_eq(begin(pair, HM_STREAM_REPLIES), servers[i].stream, "%zu bytes", servers[i].bytes);
		pair_close(pair);
	}
}

Test(engine_skew, a_client_of_any_release_is_served)
{
	for (size_t i = 0; i < sizeof servers / sizeof *servers; i++) {
		struct pair *pair = pair_open(HM_CALLS_MIN, 0);
		struct forged packet;

		forge_hello(&packet, servers[i].bytes, 1, 1);
		forge_is_fine(pair->server, &packet);
		cr_expect_not_null(hm_engine_peer(pair->server));
		forge_packet(&packet, 0, 0);
		forge_add(&packet, (struct hm_frame){ 3, 0, 77, HM_FRAME_OPTIONAL, 0 }, "new");
		forge_call(&packet, 0x10000);
		forge_is_fine(pair->server, &packet);
		cr_expect_eq(hm_engine_calls(pair->server), 1, "what is optional is passed over");
		pair_close(pair);
	}
}

static const struct {
	uint16_t own_min, own_max, peer_min, peer_max;
	bool agree;
} ranges[] = {
	{ 1, 1, 1, 1, true }, { 1, 1, 1, 3, true },  { 1, 3, 1, 1, true },  { 1, 2, 2, 5, true },
	{ 2, 3, 1, 2, true }, { 1, 1, 2, 3, false }, { 2, 3, 1, 1, false }, { 3, 5, 1, 2, false },
};

static struct hm_engine *open_keeping(enum hm_side side, uint16_t version_min, uint16_t version_max,
				      uint32_t keepalive_ms)
{
	const struct hm_engine_config config = { side,
						 { .version_min = version_min,
						   .version_max = version_max,
						   .packet_bytes_max = HM_PACKET_BYTES_MIN,
						   .calls_max = HM_CALLS_MIN,
						   .slots_max = HM_SLOTS_MIN,
						   .keepalive_ms = keepalive_ms } };

	return hm_engine_open(&config, 0);
}

static struct hm_engine *open_range(enum hm_side side, uint16_t version_min, uint16_t version_max)
{
	return open_keeping(side, version_min, version_max, 0);
}

/* Takes all that leaves one end to the other; false: that broke it. */
static bool move(struct hm_engine *from, struct hm_engine *to)
{
	static uint8_t packet[1 << 16];
	struct hm_event event;
	size_t size;

	while ((size = hm_engine_packet_size(from))) {
		cr_assert_leq(size, sizeof packet);
		hm_engine_take_packet(from, packet);
		if (hm_engine_feed(to, packet, size, 0) != HM_OK)
			return false;
		while (hm_engine_next_event(to, &event))
			;
	}
	return hm_engine_error(to) == HM_OK;
}

Test(engine_skew, two_ends_talk_if_their_versions_overlap_and_part_with_words_if_not)
{
	for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++) {
		struct hm_engine *client = open_range(HM_CLIENT, ranges[i].own_min, ranges[i].own_max);
		struct hm_engine *server = open_range(HM_SERVER, ranges[i].peer_min, ranges[i].peer_max);
		bool agree = move(client, server) && move(server, client) && hm_engine_peer(client) != NULL;

		cr_expect_eq(agree, ranges[i].agree, "case %zu: %s", i, hm_error_get()->message);
		if (!ranges[i].agree)
			cr_expect(strstr(hm_error_get()->message, "version"), "%s", hm_error_get()->message);
		hm_engine_close(client);
		hm_engine_close(server);
	}
}

/* What each end wants to hear of the other; when each asks. */
static const struct {
	uint32_t client_ms, server_ms;
	int64_t client_us, server_us;
} wishes[] = {
	{ 15000, 30000, 15000000, 15000000 }, { 30000, 15000, 15000000, 15000000 },
	{ 1, 30000, 1000, 1000000 }, /* its own affair; the other does not do more for it than once a second */
	{ 0, 30000, INT64_MAX, 30000000 },    { 15000, 0, 15000000, INT64_MAX },
};

Test(engine_skew, both_ends_ask_as_often_as_the_one_that_wants_it_more)
{
	for (size_t i = 0; i < sizeof wishes / sizeof *wishes; i++) {
		struct hm_engine *client = open_keeping(HM_CLIENT, 1, 1, wishes[i].client_ms);
		struct hm_engine *server = open_keeping(HM_SERVER, 1, 1, wishes[i].server_ms);

		cr_assert(move(client, server) && move(server, client));
		cr_expect_eq(hm_engine_next_tick_us(client), wishes[i].client_us, "case %zu", i);
		cr_expect_eq(hm_engine_next_tick_us(server), wishes[i].server_us, "case %zu", i);
		hm_engine_close(client);
		hm_engine_close(server);
	}
}
