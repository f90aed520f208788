/*
 * AUTH: the engine carries what an end says to prove a name, and knows the transcript that must be in it: both HELLOs as they crossed
 * the wire. What is a proof and whom it convinces is for who feeds the engine; no crypto here.
 */
#include <assert.h>
#include <string.h>

#include "wire/engine_own.h"

enum { LENGTH_BYTES = 4 };

void hm_engine_auth(struct hm_engine *engine, const void *proof, size_t proof_bytes)
{
	const struct hm_frame frame = { .body_bytes = (uint32_t)proof_bytes,
					.type = HM_FRAME_AUTH,
					.flags = HM_FRAME_OPTIONAL };

	assert(engine->introduced && proof_bytes && proof_bytes <= HM_AUTH_BYTES_MAX);
	memcpy(hm_outgoing_add(&engine->outgoing, &frame), proof, proof_bytes);
}

void hm_engine_auth_hello(struct hm_engine *engine, const uint8_t *body, uint32_t body_bytes)
{
	engine->peer_hello_bytes = body_bytes;
	memcpy(engine->peer_hello, body, body_bytes < HM_HELLO_KEPT_BYTES ? body_bytes : HM_HELLO_KEPT_BYTES);
}

bool hm_engine_auth_take(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			 struct hm_event *event)
{
	if (engine->has_asked || engine->auths == HM_AUTHS_MAX) {
		hm_engine_violation(engine, "AUTH behind a BIND or CALL, or the %dth", HM_AUTHS_MAX + 1);
		return false;
	}
	engine->auths++;
	event->type = HM_EVENT_AUTH;
	event->body = body;
	event->body_bytes = frame->body_bytes;
	return true;
}

/* The length that came, of what was kept. */
static size_t put_hello(uint8_t *to, const uint8_t *hello, uint32_t bytes)
{
	size_t kept = bytes < HM_HELLO_KEPT_BYTES ? bytes : HM_HELLO_KEPT_BYTES;

	hm_put32(to, bytes);
	memcpy(to + LENGTH_BYTES, hello, kept);
	return LENGTH_BYTES + kept;
}

size_t hm_engine_transcript(const struct hm_engine *engine, uint8_t ret_bytes[static HM_TRANSCRIPT_BYTES_MAX])
{
	bool is_client = engine->side == HM_CLIENT;
	const uint8_t *own = engine->own_hello;
	size_t size;

	assert(engine->introduced);
	size = put_hello(ret_bytes, is_client ? own : engine->peer_hello,
			 is_client ? HM_HELLO_BYTES : engine->peer_hello_bytes);
	return size + put_hello(ret_bytes + size, is_client ? engine->peer_hello : own,
				is_client ? engine->peer_hello_bytes : HM_HELLO_BYTES);
}
