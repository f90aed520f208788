/*
 * Fuzzer of the engine: the input is a list of packets from a hostile peer, cut where their lengths say, for a client with calls
 * under way (one unary, three streams) or for a server that answers some of what it is asked. Streams read what comes and write
 * as much as they may.
 *
 *     input   u8 side, then: u16 size, bytes of one packet; …
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "wire/engine.h"
#include "wire/packet_codec.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct hm_engine *open_engine(bool server)
{
	struct hm_engine_config config = {
		server ? HM_SERVER : HM_CLIENT,
		{ 1, 1, HM_PACKET_BYTES_MIN, HM_CALLS_MIN, HM_SLOTS_MIN, 100, { 0 }, "fuzz", 0, 0 }
	};
	struct hm_engine *engine = hm_engine_open(&config, 0);
	struct hm_call_head head = { .method = 1 };
	uint8_t *body;
	uint32_t call;

	for (uint8_t i = 0; !server && i < 4; i++) {
		head.stream = (i & 1 ? HM_STREAM_REQUESTS : 0) | (i & 2 ? HM_STREAM_REPLIES : 0);
		if (hm_engine_call(engine, &head, 0, i * 1000, 0, &config, &call, &body))
			abort();
	}
	return engine;
}

/* Reads half of what comes; writes two messages for each that came and when it may again; a message of one byte ends the client's half. */
static void go_on(struct hm_engine *engine, const struct hm_event *event)
{
	uint8_t *body;

	if (event->type == HM_EVENT_DATA)
		hm_engine_consume(engine, event->call, hm_stream_cost(event->body_bytes) / 2);
	for (int i = 0; i < 2 && hm_engine_send(engine, event->call, 3000, &body) == HM_SENT; i++)
		memset(body, 0, 3000);
	if (event->body_bytes == 1 && event->user)
		hm_engine_end(engine, event->call);
}

/* Touches all an event points to, so that the sanitizer sees what reaches too far, and answers calls of even methods. */
static void take_events(struct hm_engine *engine, size_t *live)
{
	struct hm_event event;
	struct hm_buffer seen = { 0 };
	uint8_t *body;

	while (hm_engine_next_event(engine, &event)) {
		hm_buffer_reset(&seen);
		hm_buffer_add(&seen, event.body, event.body_bytes);
		hm_buffer_add(&seen, event.brand, event.brand_bytes);
		hm_buffer_add(&seen, event.head.idempotency_key, event.head.idempotency_key_bytes);
		*live -= event.type == HM_EVENT_REPLY || event.type == HM_EVENT_EXPIRED;
		go_on(engine, &event);
		if (event.type == HM_EVENT_CALL && !event.solo && event.head.method % 2 == 0 &&
		    !hm_engine_reply(engine, event.call, 0, &event.head.request_id, event.body_bytes, &body))
			abort();
	}
	hm_buffer_fini(&seen);
}

static void take_packets(struct hm_engine *engine)
{
	for (size_t size; (size = hm_engine_packet_size(engine));) {
		uint8_t *out = malloc(size);

		if (!out)
			abort();
		hm_engine_take_packet(engine, out);
		free(out);
	}
}

/* Feeds one packet, in memory of exactly its size. */
static bool feed(struct hm_engine *engine, const uint8_t *bytes, size_t size, int64_t now_us, size_t *live)
{
	uint8_t *packet = malloc(size);
	bool fine;

	if (size && !packet)
		abort();
	if (size)
		memcpy(packet, bytes, size);
	fine = !hm_engine_feed(engine, packet, size, now_us);
	take_events(engine, live);
	free(packet);
	hm_engine_tick(engine, now_us);
	take_events(engine, live);
	take_packets(engine);
	return fine && !hm_engine_error(engine);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	bool server = size && data[0] & 1;
	size_t live = server ? 0 : 4, at = 1, packet_bytes;
	struct hm_engine *engine = open_engine(server);
	int64_t now_us = 0;
	void *user;

	take_packets(engine);
	for (bool fine = true; fine && at + 2 <= size; at += packet_bytes) {
		packet_bytes = hm_get16(data + at);
		at += 2;
		packet_bytes = packet_bytes < size - at ? packet_bytes : size - at;
		fine = feed(engine, data + at, packet_bytes, now_us += 700, &live);
	}
	while (hm_engine_fail_calls(engine, &user))
		live--;
	if (live)
		abort();
	hm_engine_close(engine);
	return 0;
}
