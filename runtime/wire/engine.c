/* Engine: its life, the calls and replies begun on this end, and time. What comes in is in engine_in.c. */
#include "wire/engine.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "wire/engine_own.h"

enum { STATUS_TEXT_BYTES = 120, KEEPALIVE_MS_MIN = 1000 };
static_assert(STATUS_TEXT_BYTES < 128, "its length is one byte");

static void check_config(const struct hm_engine_config *config)
{
	const struct hm_hello *hello = &config->hello;

	assert(hello->version_min <= hello->version_max && hello->version_max <= UINT8_MAX);
	assert(hello->packet_bytes_max >= HM_PACKET_BYTES_MIN);
	assert(hello->calls_max && hello->calls_max <= HM_CALLS_LIMIT);
	assert(config->side == HM_CLIENT || (hello->calls_max >= HM_CALLS_MIN && hello->slots_max >= HM_SLOTS_MIN));
	assert(hello->streams_max <= HM_STREAMS_LIMIT && hello->stream_window_bytes <= HM_STREAM_CREDIT_MAX);
	assert(!hello->stream_window_bytes || hello->stream_window_bytes >= HM_STREAM_WINDOW_MIN);
	assert(config->side == HM_CLIENT || !hello->streams_max || hello->streams_max >= HM_STREAMS_MIN);
	(void)hello;
}

struct hm_engine *hm_engine_open(const struct hm_engine_config *config, int64_t now_us)
{
	struct hm_engine *engine = calloc(1, sizeof *engine);

	if (!engine)
		abort();
	check_config(config);
	engine->side = config->side;
	engine->own = config->hello;
	engine->version = (uint8_t)config->hello.version_min;
	engine->packet_bytes_max = HM_PACKET_BYTES_MIN;
	engine->calls_max = config->hello.calls_max;
	engine->slots_max = config->hello.slots_max;
	hm_streams_init(&engine->streams, config);
	engine->now_us = engine->heard_us = now_us;
	if (config->side == HM_CLIENT) {
		engine->calls_max = engine->calls_max < HM_CALLS_MIN ? engine->calls_max : HM_CALLS_MIN;
		engine->slots_max = HM_SLOTS_MIN;
		hm_calls_init(&engine->calls, now_us);
		hm_engine_introduce(engine);
	}
	return engine;
}

void hm_engine_close(struct hm_engine *engine)
{
	if (!engine)
		return;
	hm_outgoing_fini(&engine->outgoing);
	hm_calls_fini(&engine->calls);
	hm_streams_fini(&engine->streams);
	free(engine->served);
	free(engine);
}

void hm_engine_introduce(struct hm_engine *engine)
{
	hm_hello_encode(&engine->own, engine->own_hello);
	memcpy(hm_outgoing_add(&engine->outgoing, &(struct hm_frame){ HM_HELLO_BYTES, 0, HM_FRAME_HELLO, 0, 0 }),
	       engine->own_hello, HM_HELLO_BYTES);
	if (engine->side == HM_SERVER && engine->going_away)
		hm_engine_goaway(engine);
}

static hm_status may_call(const struct hm_engine *engine, const struct hm_call_head *head, size_t body_bytes)
{
	size_t packet_bytes = HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + hm_call_head_bytes(head);

	assert(engine->side == HM_CLIENT);
	if (engine->error)
		return hm_raise(UNAVAILABLE, "the connection is broken: %s", engine->error_text);
	if (engine->going_away)
		return hm_raise(UNAVAILABLE, "the connection takes no new calls: its server is going away");
	if (head->slot >= engine->slots_max ||
	    (head->idempotency_key &&
	     (!head->idempotency_key_bytes || head->idempotency_key_bytes > HM_CALL_KEY_BYTES_MAX)))
		return hm_raise(INVALID_ARGUMENT, "slot %u (of %u) or an idempotency key of %u bytes (1 to %d)",
				head->slot, engine->slots_max, head->idempotency_key_bytes, HM_CALL_KEY_BYTES_MAX);
	if (engine->calls.waiting + engine->calls.left >= engine->calls_max)
		return hm_raise(RESOURCE_EXHAUSTED, "%u calls are under way on the connection, its limit%s",
				engine->calls_max, engine->introduced ? "" : " before the server's HELLO");
	if (head->stream && !engine->streams.count_max)
		return hm_raise(UNIMPLEMENTED, "the server is an older one, which knows no streams");
	if (head->stream && engine->streams.count >= engine->streams.count_max)
		return hm_raise(RESOURCE_EXHAUSTED, "%u streams are under way on the connection, its limit%s",
				engine->streams.count_max, engine->introduced ? "" : " before the server's HELLO");
	if (body_bytes > engine->packet_bytes_max - packet_bytes)
		return hm_raise(RESOURCE_EXHAUSTED, "a request of %zu bytes; the server takes packets of %zu",
				body_bytes, engine->packet_bytes_max);
	return HM_OK;
}

hm_status hm_engine_call(struct hm_engine *engine, const struct hm_call_head *head, size_t body_bytes,
			 int64_t deadline_us, int64_t now_us, void *user, uint32_t *ret_call, uint8_t **ret_body)
{
	size_t head_bytes = hm_call_head_bytes(head);
	struct hm_frame frame = { .type = HM_FRAME_CALL, .flags = head->stream };
	uint8_t *body;

	TRY(may_call(engine, head, body_bytes));
	engine->now_us = now_us;
	frame.call = hm_calls_begin(&engine->calls, deadline_us, user);
	if (head->stream)
		hm_streams_begin_call(engine, frame.call, head->stream);
	frame.body_bytes = (uint32_t)(head_bytes + body_bytes);
	body = hm_outgoing_add(&engine->outgoing, &frame);
	hm_call_head_encode(head, body);
	*ret_call = frame.call;
	*ret_body = body + head_bytes;
	return HM_OK;
}

hm_status hm_engine_bind(struct hm_engine *engine, uint16_t slot, const char *brand, const char *token)
{
	size_t brand_bytes = strlen(brand), token_bytes = token ? strlen(token) : 0;
	struct hm_frame frame = { .call = slot, .type = HM_FRAME_BIND };
	uint8_t *body;

	assert(engine->side == HM_CLIENT);
	if (slot >= engine->slots_max)
		return hm_raise(INVALID_ARGUMENT, "no slot %u on this connection: it has %u", slot, engine->slots_max);
	if (brand_bytes > HM_SLOT_BRAND_BYTES_MAX || token_bytes > HM_SLOT_TOKEN_BYTES_MAX)
		return hm_raise(INVALID_ARGUMENT, "a brand of %zu bytes (most: %d) or a token of %zu (most: %d)",
				brand_bytes, HM_SLOT_BRAND_BYTES_MAX, token_bytes, HM_SLOT_TOKEN_BYTES_MAX);
	frame.body_bytes = (uint32_t)(1 + brand_bytes + token_bytes);
	body = hm_outgoing_add(&engine->outgoing, &frame);
	body[0] = (uint8_t)brand_bytes;
	memcpy(body + 1, brand, brand_bytes);
	if (token)
		memcpy(body + 1 + brand_bytes, token, token_bytes);
	return HM_OK;
}

bool hm_engine_cancel(struct hm_engine *engine, uint32_t call, void **ret_user)
{
	struct hm_call_slot *slot = hm_calls_find(&engine->calls, call);

	if (!slot || slot->state != HM_CALL_WAITING)
		return false;
	if (ret_user)
		*ret_user = slot->user;
	hm_calls_leave(&engine->calls, slot);
	hm_outgoing_add(&engine->outgoing, &(struct hm_frame){ .call = call, .type = HM_FRAME_CANCEL });
	return true;
}

bool hm_engine_fail_calls(struct hm_engine *engine, void **ret_user)
{
	engine->going_away = true;
	return hm_calls_fail(&engine->calls, ret_user);
}

/* Writes a hallmark.Status with code and message, by hand: field 1 varint, field 2 string. */
static size_t write_status(uint8_t code, const char *text, uint8_t ret_bytes[static 4 + STATUS_TEXT_BYTES])
{
	size_t text_bytes = strnlen(text, STATUS_TEXT_BYTES);

	memcpy(ret_bytes, (const uint8_t[]){ 1 << 3, code, 2 << 3 | 2, (uint8_t)text_bytes }, 4);
	memcpy(ret_bytes + 4, text, text_bytes);
	return 4 + text_bytes;
}

static uint8_t *add_reply(struct hm_engine *engine, struct hm_frame *frame, const struct hm_id *audit_id,
			  size_t body_bytes)
{
	size_t id_bytes = audit_id ? sizeof *audit_id : 0;
	uint8_t *body;

	frame->flags = audit_id ? HM_FRAME_AUDITED : 0;
	frame->body_bytes = (uint32_t)(id_bytes + body_bytes);
	body = hm_outgoing_add(&engine->outgoing, frame);
	if (audit_id)
		memcpy(body, audit_id->bytes, sizeof audit_id->bytes);
	return body + id_bytes;
}

/* The client waits for some answer; that this one does not fit is one it can read. */
static void add_too_large(struct hm_engine *engine, struct hm_frame *frame, const struct hm_id *audit_id,
			  size_t body_bytes)
{
	uint8_t status[4 + STATUS_TEXT_BYTES];
	char text[STATUS_TEXT_BYTES];
	size_t size;

	snprintf(text, sizeof text, "the reply of %zu bytes does not go into the client's packets of %zu", body_bytes,
		 engine->packet_bytes_max);
	size = write_status(HM_RESOURCE_EXHAUSTED, text, status);
	frame->status = HM_RESOURCE_EXHAUSTED;
	memcpy(add_reply(engine, frame, audit_id, size), status, size);
}

bool hm_engine_reply(struct hm_engine *engine, uint32_t call, uint16_t status, const struct hm_id *audit_id,
		     size_t body_bytes, uint8_t **ret_body)
{
	uint32_t index = call & UINT16_MAX;
	struct hm_served *served = index < engine->served_capacity ? &engine->served[index] : NULL;
	struct hm_frame frame = { .call = call, .type = HM_FRAME_REPLY, .status = status };

	if (!served || !served->running || served->call != call)
		return false;
	served->running = false;
	engine->running--;
	if (served->stream) {
		hm_streams_free(&engine->streams, served->stream);
		served->stream = HM_STREAM_GONE;
	}
	if (!served->cancelled && body_bytes <= engine->packet_bytes_max - HM_REPLY_HEADS_BYTES) {
		*ret_body = add_reply(engine, &frame, audit_id, body_bytes);
		served->leaves = hm_outgoing_end(&engine->outgoing);
		return true;
	}
	if (served->cancelled) {
		frame.status = HM_CANCELLED;
		add_reply(engine, &frame, NULL, 0);
	} else {
		add_too_large(engine, &frame, audit_id, body_bytes);
	}
	served->leaves = hm_outgoing_end(&engine->outgoing);
	*ret_body = hm_outgoing_reserve(&engine->outgoing, body_bytes); /* scratch, behind the frames */
	return true;
}

size_t hm_engine_solo_reply(uint32_t call, uint16_t status, const struct hm_id *audit_id, size_t body_bytes, void *out,
			    uint8_t **ret_body)
{
	const struct hm_packet_head head = { HM_PACKET_MAGIC, HM_PROTOCOL_VERSION, HM_PACKET_SOLO, 0, 0 };
	size_t id_bytes = audit_id ? sizeof *audit_id : 0;
	uint8_t *at = out;

	hm_packet_head_encode(&head, at);
	hm_frame_encode(&(struct hm_frame){ (uint32_t)(id_bytes + body_bytes), call, HM_FRAME_REPLY,
					    audit_id ? HM_FRAME_AUDITED : 0, status },
			at + HM_PACKET_HEAD_BYTES);
	at += HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES;
	if (audit_id)
		memcpy(at, audit_id->bytes, id_bytes);
	*ret_body = at + id_bytes;
	return HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + id_bytes + body_bytes;
}

/* Before the client's HELLO it waits for hm_engine_introduce: an nng REQ client with a SOLO call must get nothing else. */
void hm_engine_goaway(struct hm_engine *engine)
{
	assert(engine->side == HM_SERVER);
	engine->going_away = true;
	if (!engine->introduced || engine->goaway_told)
		return;
	engine->goaway_told = true;
	hm_outgoing_add(&engine->outgoing, &(struct hm_frame){ .type = HM_FRAME_GOAWAY });
}

/* This end's wish, or the peer's if that is shorter; but a peer does not get more than a PING a second by its wish. */
static uint32_t keepalive_ms(const struct hm_engine *engine)
{
	uint32_t own_ms = engine->own.keepalive_ms, peer_ms = engine->introduced ? engine->peer.keepalive_ms : 0;

	if (peer_ms && peer_ms < KEEPALIVE_MS_MIN)
		peer_ms = KEEPALIVE_MS_MIN;
	return own_ms && peer_ms && peer_ms < own_ms ? peer_ms : own_ms;
}

/* When silence means something next: after keepalive_ms a PING, after twice that without any answer the end. */
static int64_t silence_us(const struct hm_engine *engine)
{
	int64_t keepalive_us = (int64_t)keepalive_ms(engine) * HM_US_PER_MS;

	if (!keepalive_us || engine->error || (engine->side == HM_SERVER && !engine->introduced))
		return INT64_MAX;
	return engine->pinged ? engine->pinged_us + 2 * keepalive_us : engine->heard_us + keepalive_us;
}

static void break_silence(struct hm_engine *engine)
{
	if (engine->pinged) {
		hm_engine_break(engine, HM_UNAVAILABLE, "the %s has been silent for %lld ms",
				engine->side == HM_CLIENT ? "server" : "client",
				(long long)(engine->now_us - engine->heard_us) / HM_US_PER_MS);
		return;
	}
	engine->pinged = true;
	engine->pinged_us = engine->now_us;
	hm_put64(hm_outgoing_add(&engine->outgoing, &(struct hm_frame){ HM_PING_BYTES, 0, HM_FRAME_PING, 0, 0 }),
		 (uint64_t)engine->now_us);
}

void hm_engine_tick(struct hm_engine *engine, int64_t now_us)
{
	engine->now_us = now_us;
	if (engine->side == HM_CLIENT)
		hm_calls_expire(&engine->calls, now_us);
	if (now_us >= silence_us(engine))
		break_silence(engine);
}

int64_t hm_engine_next_tick_us(const struct hm_engine *engine)
{
	int64_t silence = hm_streams_can_wake(engine) ? engine->now_us : silence_us(engine);
	int64_t deadline = engine->side == HM_CLIENT ? hm_calls_next_us(&engine->calls) : INT64_MAX;

	return silence < deadline ? silence : deadline;
}

size_t hm_engine_room(const struct hm_engine *engine)
{
	return engine->calls_max - engine->calls.waiting - engine->calls.left;
}

size_t hm_engine_calls(const struct hm_engine *engine)
{
	return engine->side == HM_CLIENT ? engine->calls.waiting : engine->running;
}

const struct hm_hello *hm_engine_peer(const struct hm_engine *engine)
{
	return engine->introduced ? &engine->peer : NULL;
}
