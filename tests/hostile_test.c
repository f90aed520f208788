/*
 * Hostile peers, below the call: bytes that are no packets, packets that break the protocol, connections that say nothing. Each
 * costs its own connection and nothing else.
 */
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "echo/v1/echo.hm.h"
#include "tests/siege.h"

/* One attack, made over tcp and over ipc. */
typedef void attack_fn(struct siege *siege, const char *url);

static void attack_both_ways(attack_fn *attack)
{
	struct siege siege = siege_begin();

	for (size_t i = 0; i < 2; i++) {
		attack(&siege, siege.urls[i]);
		siege_holds(&siege, siege.urls[i]);
	}
}

static struct hm_server_stats stats_of(struct siege *siege)
{
	struct hm_server_stats stats;

	hm_server_stats(hm_host_server(siege->f.host), &stats);
	return stats;
}

/* The packet is the last the server takes of this peer. */
static void ends_the_connection(struct siege *siege, const char *url, const struct hm_buffer *packet, const char *what)
{
	uint64_t bad = stats_of(siege).packets_bad;
	struct raw_peer peer = raw_greet(url);

	cr_assert(raw_send(&peer, packet));
	cr_assert(raw_is_closed(&peer), "%s: %s", url, what);
	cr_assert_eq(stats_of(siege).packets_bad, bad + 1, "%s: %s", url, what);
	raw_close(&peer);
}

static void send_noise(struct siege *siege, const char *url)
{
	static uint8_t noise[20000];

	(void)siege;
	for (int i = 0; i < 50; i++) {
		struct raw_peer peer = i % 2 ? raw_connect(url) : raw_greet(url);

		hm_random(noise, sizeof noise);
		noise[0] = 0x40 | (noise[0] & 0x3f); /* the begin of a length that no message may have */
		raw_write(&peer, noise, 50 + noise[1] * 50u);
		cr_assert(raw_is_closed(&peer), "%s: noise", url);
		raw_close(&peer);
	}
}

Test(hostile, noise_on_the_line_is_cut_off, .timeout = 120)
{
	attack_both_ways(send_noise);
}

static void send_noise_packets(struct siege *siege, const char *url)
{
	struct hm_buffer packet = { 0 };

	for (size_t size = 1; size < 2000; size += 97) {
		hm_buffer_reset(&packet);
		hm_random(hm_buffer_reserve(&packet, size), size);
		hm_buffer_advance(&packet, size);
		packet.data[0] = 'h'; /* never by chance a packet that is merely ignored */
		ends_the_connection(siege, url, &packet, "noise");
	}
	hm_buffer_fini(&packet);
}

Test(hostile, packets_of_noise_are_cut_off, .timeout = 120)
{
	attack_both_ways(send_noise_packets);
}

/* A good conversation in one packet: HELLO, BIND, CALL. */
static void write_conversation(struct siege *siege, struct hm_buffer *packet, const struct hm_id *request_id)
{
	struct hm_buffer body = { 0 };

	siege_note(&body, "cut");
	raw_begin(packet, 0);
	raw_hello(packet);
	raw_bind(packet, 3, "loop", siege_token(siege));
	raw_call(packet, &(struct raw_call){ .method = hm_method_find(&notes_table, "AddNote"),
					     .request_id = *request_id,
					     .slot = 3,
					     .body = body.data,
					     .body_bytes = body.size });
	hm_buffer_fini(&body);
}

static void send_cut_packets(struct siege *siege, const char *url)
{
	struct hm_id request_id = hm_id_new();
	struct hm_buffer whole = { 0 }, cut = { 0 };
	int64_t rows = siege_rows(siege);

	write_conversation(siege, &whole, &request_id);
	for (size_t size = 0; size < whole.size; size += size < 150 || size + 80 > whole.size ? 1 : 37) {
		struct raw_peer peer = raw_greet(url);

		hm_buffer_reset(&cut);
		hm_buffer_add(&cut, whole.data, size);
		cr_assert(raw_send(&peer, &cut));
		raw_close(&peer);
	}
	cr_assert_eq(siege_rows(siege), rows);
	cr_assert_eq(siege_entries(siege, &request_id), 0);
	struct raw_peer peer = raw_greet(url);

	cr_assert(raw_send(&peer, &whole));
	cr_assert_eq(raw_answer(&peer, 0), HM_OK);
	cr_assert_eq(siege_entries(siege, &request_id), 1);
	raw_close(&peer);
	hm_buffer_fini(&whole);
	hm_buffer_fini(&cut);
}

Test(hostile, a_packet_cut_anywhere_does_nothing, .timeout = 120)
{
	attack_both_ways(send_cut_packets);
}

/* Lengths in nng's framing: nothing is allocated for a message nobody may send. */
static void send_long_messages(struct siege *siege, const char *url)
{
	static const uint64_t lengths[] = { UINT64_MAX, (uint64_t)INT64_MAX, 1ull << 40, (8 << 20) + 5 };

	(void)siege;
	for (size_t i = 0; i < sizeof lengths / sizeof *lengths; i++) {
		struct raw_peer peer = raw_greet(url);
		uint64_t length = htobe64(lengths[i]);

		if (peer.is_ipc)
			cr_assert(raw_write(&peer, "\1", 1));
		cr_assert(raw_write(&peer, &length, sizeof length));
		cr_assert(raw_is_closed(&peer), "%s: a message of %llu bytes", url, (unsigned long long)lengths[i]);
		raw_close(&peer);
	}
}

Test(hostile, a_message_longer_than_any_may_be_is_cut_off_at_its_length, .timeout = 120)
{
	attack_both_ways(send_long_messages);
}

static void send_short_messages(struct siege *, const char *url)
{
	uint64_t length = htobe64(2);
	struct raw_peer peer = raw_greet(url);

	if (peer.is_ipc)
		cr_assert(raw_write(&peer, "\1", 1));
	cr_assert(raw_write(&peer, &length, sizeof length) && raw_write(&peer, "xy", 2));
	cr_assert(raw_is_closed(&peer), "%s: less than a request id", url);
	raw_close(&peer);
}

Test(hostile, a_message_shorter_than_its_head_is_cut_off, .timeout = 120)
{
	attack_both_ways(send_short_messages);
}

/* Frames that do not belong where they stand, or say what is not so. */
static void send_bad_frames(struct siege *siege, const char *url)
{
	static const struct {
		const char *what;
		enum hm_frame_type type;
		uint32_t call;
		size_t body_bytes;
	} frames[] = {
		{ "HELLO again", HM_FRAME_HELLO, 0, HM_HELLO_BYTES },
		{ "REPLY to a server", HM_FRAME_REPLY, 0x10000, 0 },
		{ "GOAWAY to a server", HM_FRAME_GOAWAY, 0, 0 },
		{ "DATA of no stream", HM_FRAME_DATA, 0x10000, 8 },
		{ "an unknown type", 77, 0, 0 },
		{ "CANCEL of no call", HM_FRAME_CANCEL, 0x10000, 0 },
		{ "PING of 7 bytes", HM_FRAME_PING, 0, 7 },
		{ "CALL without a head", HM_FRAME_CALL, 0x10000, HM_CALL_HEAD_BYTES - 1 },
		{ "CALL without a generation", HM_FRAME_CALL, 5, HM_CALL_HEAD_BYTES },
		{ "CALL over calls_max", HM_FRAME_CALL, 0x1ffff, HM_CALL_HEAD_BYTES },
		{ "BIND without a body", HM_FRAME_BIND, 0, 0 },
		{ "BIND of slot 64", HM_FRAME_BIND, 64, 5 },
		{ "BIND of slot 2^31", HM_FRAME_BIND, 1u << 31, 5 },
		{ "BIND of a 5 KB token", HM_FRAME_BIND, 0, 5 << 10 },
		{ "BIND with NULs", HM_FRAME_BIND, 0, 9 },
	};
	static const uint8_t zeros[8192];
	struct hm_buffer packet = { 0 };

	for (size_t i = 0; i < sizeof frames / sizeof *frames; i++) {
		raw_begin(&packet, 0);
		raw_hello(&packet);
		raw_frame(&packet, frames[i].type, frames[i].call, zeros, frames[i].body_bytes);
		ends_the_connection(siege, url, &packet, frames[i].what);
	}
	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_frame(&packet, HM_FRAME_PING, 0, zeros, 8);
	memset(packet.data + packet.size - 8 - HM_FRAME_HEAD_BYTES, 0xff, 4);
	ends_the_connection(siege, url, &packet, "a frame longer than its packet");
	hm_buffer_fini(&packet);
}

Test(hostile, a_frame_that_does_not_belong_ends_the_connection, .timeout = 120)
{
	attack_both_ways(send_bad_frames);
}

/* What a HELLO claims: refused if nobody could keep to it, harmless if not. */
static void send_strange_hellos(struct siege *siege, const char *url)
{
	static const struct {
		struct hm_hello hello;
		bool is_fine;
	} hellos[] = {
		{ { 1, 1, 0, 1024, 16, 0, { 0 }, "no packets", 0, 0 }, false },
		{ { 2, 1, 1 << 20, 1024, 16, 0, { 0 }, "backwards", 0, 0 }, false },
		{ { 7, 9, 1 << 20, 1024, 16, 0, { 0 }, "of the future", 0, 0 }, false },
		{ { 0, UINT16_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, { 0 }, "\x1b[2J", 0, 0 }, true },
		{ { 1, 1, HM_PACKET_BYTES_MIN, 0, 0, 1, { 0 }, "", 0, 0 }, true },
		{ { 1, 1, 1 << 20, 1024, 16, 0, { 0 }, "no window", 1, 0 }, false },
		{ { 1, 1, 1 << 20, 1024, 16, 0, { 0 }, "endless window", UINT32_MAX, 0 }, false },
		{ { 1, 1, 1 << 20, 1024, 16, 0, { 0 }, "streams", HM_STREAM_CREDIT_MAX, UINT32_MAX }, true },
	};
	struct hm_buffer packet = { 0 };

	for (size_t i = 0; i < sizeof hellos / sizeof *hellos; i++) {
		const struct raw_call echo = { .method = hm_method_find(&echo_table, "Echo") };
		struct raw_peer peer = raw_greet(url);
		uint8_t body[HM_HELLO_BYTES];

		hm_hello_encode(&hellos[i].hello, body);
		raw_begin(&packet, 0);
		raw_frame(&packet, HM_FRAME_HELLO, 0, body, sizeof body);
		raw_bind(&packet, 0, "loop", "");
		raw_call(&packet, &echo);
		cr_assert(raw_send(&peer, &packet));
		cr_assert_eq(raw_answer(&peer, 0), hellos[i].is_fine ? HM_OK : -1, "%s: HELLO %zu", url, i);
		raw_close(&peer);
	}
	(void)siege;
	hm_buffer_fini(&packet);
}

Test(hostile, what_a_hello_claims_is_refused_or_harmless, .timeout = 120)
{
	attack_both_ways(send_strange_hellos);
}

/* Half of them have not even made the handshake of nng's framing; the rest fill every place the server has. */
static void open_many(struct siege *siege, const char *url)
{
	enum { MANY = 2400 };
	static struct raw_peer peers[MANY];
	struct rlimit limit;

	cr_assert_eq(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	cr_assert_eq(setrlimit(RLIMIT_NOFILE, &limit), 0);
	SCOPED(hm_channel) early = NULL;
	struct hm_context *ana = fixture_user(&siege->f, "loop", "ana");
	const Notes__ListNotesRequest list = { NOTES_LIST_NOTES_REQUEST_BASE };
	Notes__ListNotesReply *reply;

	must(hm_channel_open_url(url, &early));
	must(notes_list_notes(early, ana, &list, &reply));
	for (size_t i = 0; i < MANY; i++) {
		peers[i] = raw_connect(url);
		if (i % 2)
			raw_write(&peers[i], "\0SP\0\0\x30\0\0", 8);
	}
	hm_context_reset(ana);
	must(notes_list_notes(early, ana, &list, &reply));
	for (size_t i = 0; i < MANY; i++)
		raw_close(&peers[i]);
	hm_context_reset(ana);
	must(notes_list_notes(early, ana, &list, &reply));
}

Test(hostile, thousands_of_silent_connections_leave_no_trace, .timeout = 120)
{
	attack_both_ways(open_many);
}
