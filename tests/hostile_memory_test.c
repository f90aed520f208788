/*
 * Hostile for memory: peers that ask and never listen, bind again and again, or flood with SOLO packets. What they can make the
 * server hold is bounded.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "echo/v1/echo.hm.h"
#include "tests/rpc_world.h"
#include "tests/siege.h"

#define MIB (1 << 20)

/* Resident memory; sanitizers keep what is freed, so with them it says nothing. */
static int64_t memory(void)
{
	long pages = 0, resident = 0;
	FILE *file = fopen("/proc/self/statm", "r");

	cr_assert(file && fscanf(file, "%ld %ld", &pages, &resident) == 2);
	fclose(file);
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	resident = 0;
#endif
	return (int64_t)resident * sysconf(_SC_PAGESIZE);
}

static void write_echo(struct hm_buffer *ret_body, size_t payload_bytes)
{
	const Echo__EchoMessage echo = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
					 .payload = { payload_bytes, calloc(1, payload_bytes) } };
	size_t bytes = echo__echo_message__get_packed_size(&echo);

	echo__echo_message__pack(&echo, (uint8_t *)hm_buffer_reserve(ret_body, bytes));
	hm_buffer_advance(ret_body, bytes);
	free(echo.payload.data);
}

/* It goes on asking, and neither reads nor acknowledges. */
Test(hostile, a_client_that_takes_no_replies_runs_out_of_credit, .timeout = 120)
{
	enum { PAYLOAD = MIB / 4, CALLS = 4000 };
	struct siege siege = siege_begin();
	struct hm_buffer body = { 0 }, packet = { 0 };
	struct raw_peer peer = raw_greet(siege.urls[1]);
	int64_t before = memory();
	uint32_t calls = 0;

	write_echo(&body, PAYLOAD);
	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_bind(&packet, 0, "loop", "");
	while (raw_send(&peer, &packet) && calls < CALLS) {
		raw_begin(&packet, 0);
		raw_call(&packet, &(struct raw_call){ .call = 0x10000 + calls++,
						      .method = hm_method_find(&echo_table, "Echo"),
						      .body = body.data,
						      .body_bytes = body.size });
	}
	cr_assert_lt(calls, CALLS);
	cr_assert_lt(memory() - before, 100LL * MIB);
	raw_close(&peer);
	hm_buffer_fini(&body);
	hm_buffer_fini(&packet);
	siege_holds(&siege, siege.urls[1]);
}

static void send(struct hm_stream *stream, size_t payload_bytes)
{
	const Echo__EchoMessage echo = { ECHO_ECHO_MESSAGE_BASE, .has_payload = 1,
					 .payload = { payload_bytes, calloc(1, payload_bytes) } };

	must(hm_stream_send(stream, &echo.base));
	free(echo.payload.data);
}

/* Each stream's handler stands in its answer, which nobody reads, when the last message comes. */
Test(hostile, messages_a_method_does_not_allow_are_not_kept_for_it, .timeout = 120)
{
	enum { STREAMS = 18, WARM_UP = 2, WINDOW = 70000, PAYLOAD = 7 * MIB };
	struct hm_method chat = *hm_method_find(&echo_table, "Chat");
	struct hm_stream *streams[STREAMS];
	struct rpc_world world;
	ProtobufCMessage *message;
	Echo__EchoMessage *reply;
	int64_t before = 0;

	chat.request_bytes = 0; /* this client sends what it likes */
	rpc_world_open(&world, "tcp");
	for (int i = 0; i < STREAMS; i++) {
		if (i == WARM_UP)
			before = memory(); /* buffers of the connection have grown to what one message takes */
		must(hm_stream_open(world.channel, world.context, &chat, NULL, &streams[i]));
		send(streams[i], WINDOW);
		send(streams[i], 1);
		send(streams[i], PAYLOAD);
		must(echo_echo(world.channel, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE }, &reply));
	}
	cr_assert_lt(memory() - before, STREAMS * PAYLOAD / 2, "%lld MiB", (long long)(memory() - before) / MIB);
	for (int i = 0; i < STREAMS; i++) {
		must(hm_stream_next(streams[i], &message));
		must(hm_stream_next(streams[i], &message));
		refuses(RESOURCE_EXHAUSTED, hm_stream_next(streams[i], &message));
		hm_stream_close(streams[i]);
	}
	rpc_world_close(&world);
}

/* Reads until so many packets that carry frames are acknowledged. */
static bool wait_for_credit(struct raw_peer *peer, uint32_t packets, uint32_t *acknowledged)
{
	struct hm_buffer packet = { 0 };
	bool is_open = true;

	while (*acknowledged < packets && (is_open = raw_receive(peer, &packet)))
		*acknowledged = hm_packet_head_decode((const uint8_t *)packet.data).acknowledged;
	hm_buffer_fini(&packet);
	return is_open;
}

/* Each BIND has the server keep a token, and let go of the one before. */
Test(hostile, slots_bound_anew_keep_one_token_each, .timeout = 120)
{
	enum { PACKETS = 200, BINDS = 128 };
	static char token[HM_SLOT_TOKEN_BYTES_MAX];
	struct siege siege = siege_begin();
	struct hm_buffer packet = { 0 };
	struct raw_peer peer = raw_greet(siege.urls[0]);
	int64_t before = memory();
	uint32_t acknowledged = 0;

	memset(token, 'x', sizeof token - 1);
	for (uint32_t i = 0; i < PACKETS; i++) {
		raw_begin(&packet, 0);
		if (!i)
			raw_hello(&packet);
		for (uint32_t slot = 0; slot < BINDS; slot++)
			raw_bind(&packet, slot % 64, "loop", token);
		cr_assert(raw_send(&peer, &packet));
		cr_assert(i < 16 || wait_for_credit(&peer, i - 16, &acknowledged));
	}
	cr_assert_lt(memory() - before, 30LL * MIB);
	raw_close(&peer);
	hm_buffer_fini(&packet);
	siege_holds(&siege, siege.urls[0]);
}

/* Whose token names no brand may name one; that costs the server's tables nothing unless there is such a brand. */
Test(hostile, brands_an_operator_makes_up_take_no_brands_place, .timeout = 120)
{
	enum { BRANDS = 4200, BINDS = 32 };
	struct siege siege = siege_begin();
	struct hm_server *server = hm_host_server(siege.f.host);
	const char *token = fixture_operator(&siege.f, NULL)->token;
	struct hm_buffer packet = { 0 };
	struct raw_peer peer = raw_greet(siege.urls[0]);
	uint32_t acknowledged = 0;

	for (uint32_t i = 0; i < BRANDS / BINDS; i++) {
		raw_begin(&packet, 0);
		if (!i)
			raw_hello(&packet);
		for (uint32_t slot = 0; slot < BINDS; slot++) {
			char brand[32];

			snprintf(brand, sizeof brand, "made-up-%u-%u", i, slot);
			raw_bind(&packet, slot, brand, token);
		}
		cr_assert(raw_send(&peer, &packet));
		cr_assert(i < 16 || wait_for_credit(&peer, i - 16, &acknowledged));
	}
	cr_assert(wait_for_credit(&peer, BRANDS / BINDS - 1, &acknowledged));
	must(hm_server_set_quota(server, "opened-later", 5, 0));
	raw_close(&peer);
	hm_buffer_fini(&packet);
	siege_holds(&siege, siege.urls[0]);
}

/* Calls go on for a moment when their peer is gone. */
static void wait_for_calls(struct siege *siege)
{
	int64_t until_us = hm_clock_mono_us() + 30LL * HM_US_PER_S;
	struct hm_server_stats stats;

	do
		hm_server_stats(hm_host_server(siege->f.host), &stats);
	while (stats.calls_ended != stats.calls_started && hm_clock_mono_us() < until_us);
	cr_assert_eq(stats.calls_ended, stats.calls_started);
}

/* More SOLO packets at once than the server answers: those it drops were no calls, the others are audited once each. */
Test(hostile, a_flood_of_solo_packets_is_audited_as_far_as_it_is_answered, .timeout = 120)
{
	enum { PACKETS = 500 };
	struct siege siege = siege_begin();
	struct hm_id request_id = hm_id_new();
	struct hm_buffer body = { 0 }, packet = { 0 };
	struct raw_peer peer = raw_greet(siege.urls[1]);
	const char *token = siege_token(&siege);
	int64_t rows = siege_rows(&siege), added;

	siege_note(&body, "flood");
	raw_begin(&packet, HM_PACKET_SOLO);
	raw_bind(&packet, 0, "loop", token);
	raw_call(&packet, &(struct raw_call){ .method = hm_method_find(&notes_table, "AddNote"),
					      .request_id = request_id,
					      .body = body.data,
					      .body_bytes = body.size });
	for (int i = 0; i < PACKETS && raw_send(&peer, &packet); i++)
		;
	cr_assert_eq(raw_answer(&peer, 0), HM_OK);
	raw_close(&peer);
	hm_buffer_fini(&body);
	hm_buffer_fini(&packet);
	siege.fds += 2 * 16; /* every worker may have opened connections to PostgreSQL, of either role */
	siege_holds(&siege, siege.urls[1]);
	wait_for_calls(&siege);
	added = siege_rows(&siege) - rows - 1;
	cr_assert(added >= 1 && added <= PACKETS);
	cr_assert_eq(siege_outcomes(&siege, &request_id, "OK"), added);
}
