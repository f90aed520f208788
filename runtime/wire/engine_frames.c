/*
 * What each type of frame means to the end it comes to: one row says which end may get it, its flags and its sizes; only what
 * passes the row reaches the row's function. Those of streams are in engine_streams.c.
 */
#include <stdlib.h>
#include <string.h>

#include "wire/engine_own.h"

enum { TO_CLIENT = 1, TO_SERVER = 2, SOLO = 4, ID_BYTES = sizeof(struct hm_id) };

typedef bool take_fn(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
		     struct hm_event *event);

static uint32_t smaller(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

static bool agree_on_version(struct hm_engine *engine)
{
	const struct hm_hello *own = &engine->own, *peer = &engine->peer;
	uint32_t version = smaller(own->version_max, peer->version_max);

	if (version < own->version_min || version < peer->version_min) {
		hm_engine_violation(engine, "it speaks versions %u to %u, this end %u to %u", peer->version_min,
				    peer->version_max, own->version_min, own->version_max);
		return false;
	}
	engine->version = (uint8_t)version;
	return true;
}

static bool take_hello(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
		       struct hm_event *event)
{
	const char *wrong = hm_hello_decode(body, frame->body_bytes, &engine->peer);

	if (wrong || engine->introduced || engine->in.frames > 1) {
		hm_engine_violation(engine, "HELLO has %s", wrong ? wrong : "come before");
		return false;
	}
	if (!agree_on_version(engine))
		return false;
	engine->packet_bytes_max = engine->peer.packet_bytes_max;
	hm_engine_auth_hello(engine, body, frame->body_bytes);
	hm_streams_greet(engine);
	if (engine->side == HM_SERVER) {
		engine->introduced = true;
		hm_engine_introduce(engine);
	} else {
		const struct hm_hello *peer = &engine->peer;

		if (peer->calls_max < HM_CALLS_MIN || peer->slots_max < HM_SLOTS_MIN ||
		    (peer->streams_max && peer->streams_max < HM_STREAMS_MIN)) {
			hm_engine_violation(
				engine,
				"HELLO has a calls_max of %u (least: %d), slots_max of %u (%d), streams_max of %u (%d)",
				peer->calls_max, HM_CALLS_MIN, peer->slots_max, HM_SLOTS_MIN, peer->streams_max,
				HM_STREAMS_MIN);
			return false;
		}
		engine->introduced = true;
		engine->calls_max = smaller(engine->own.calls_max, smaller(engine->peer.calls_max, HM_CALLS_LIMIT));
		engine->slots_max = engine->peer.slots_max;
	}
	event->type = HM_EVENT_HELLO;
	return true;
}

/* In a SOLO packet: at most one BIND, of slot 0, then one CALL. */
static bool solo_order_is_fine(struct hm_engine *engine, const struct hm_frame *frame)
{
	struct hm_incoming *in = &engine->in;
	bool binds = frame->type == HM_FRAME_BIND;

	if (!in->solo)
		return true;
	if (in->solo_called || (binds && (in->solo_bound || frame->call))) {
		hm_engine_violation(engine, "SOLO is at most one BIND of slot 0, then one CALL");
		return false;
	}
	in->solo_bound |= binds;
	in->solo_called |= !binds;
	return true;
}

/* Brand and token become C strings above, where what follows a NUL would be lost: "acme\0x" must not read as "acme". */
static bool take_bind(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
		      struct hm_event *event)
{
	size_t brand_bytes = body[0];

	if (!solo_order_is_fine(engine, frame))
		return false;
	if (frame->call >= engine->slots_max)
		hm_engine_violation(engine, "BIND of slot %u, but there are %u", frame->call, engine->slots_max);
	else if (brand_bytes > HM_SLOT_BRAND_BYTES_MAX || brand_bytes >= frame->body_bytes)
		hm_engine_violation(engine, "BIND of %u bytes has a brand of %zu (most: %d)", frame->body_bytes,
				    brand_bytes, HM_SLOT_BRAND_BYTES_MAX);
	else if (frame->body_bytes - 1 - brand_bytes > HM_SLOT_TOKEN_BYTES_MAX)
		hm_engine_violation(engine, "BIND has a token of %zu bytes (most: %d)",
				    frame->body_bytes - 1 - brand_bytes, HM_SLOT_TOKEN_BYTES_MAX);
	else if (memchr(body + 1, '\0', frame->body_bytes - 1))
		hm_engine_violation(engine, "BIND has a NUL in brand or token");
	if (engine->error)
		return false;
	engine->has_asked = true;
	event->type = HM_EVENT_BIND;
	event->slot = (uint16_t)frame->call;
	event->brand = (const char *)body + 1;
	event->brand_bytes = brand_bytes;
	event->body = body + 1 + brand_bytes;
	event->body_bytes = frame->body_bytes - 1 - brand_bytes;
	return true;
}

/* The place of a call on the server, grown to hold it. */
static struct hm_served *served_at(struct hm_engine *engine, uint32_t index)
{
	uint32_t capacity = engine->served_capacity ? engine->served_capacity : 64;

	while (capacity <= index)
		capacity *= 2;
	if (capacity != engine->served_capacity) {
		engine->served = reallocarray(engine->served, capacity, sizeof *engine->served);
		if (!engine->served)
			abort();
		memset(engine->served + engine->served_capacity, 0,
		       (capacity - engine->served_capacity) * sizeof *engine->served);
		engine->served_capacity = capacity;
	}
	return &engine->served[index];
}

/* An index is taken until its REPLY has left, not only until it was made: so a client that calls and never reads cannot make
 * more than calls_max replies wait here. */
static bool begin_serving(struct hm_engine *engine, uint32_t call, uint8_t stream)
{
	struct hm_served *served;

	if (!(call >> 16) || (call & UINT16_MAX) >= engine->calls_max) {
		hm_engine_violation(engine, "CALL %08x has no generation, or an index over calls_max (%u)", call,
				    engine->calls_max);
		return false;
	}
	served = served_at(engine, call & UINT16_MAX);
	if (served->running || served->leaves > engine->outgoing.taken || served->call == call) {
		hm_engine_violation(engine,
				    "CALL %08x, but the last at its index, %08x, has no answer yet or is the same",
				    call, served->call);
		return false;
	}
	if (stream && engine->streams.count >= engine->streams.count_max) {
		hm_engine_violation(engine, "CALL %08x is a stream, but %u are under way, the most", call,
				    engine->streams.count);
		return false;
	}
	*served = (struct hm_served){ .call = call, .running = true };
	if (stream)
		served->stream = hm_streams_begin(&engine->streams, call, stream);
	engine->running++;
	return true;
}

static bool take_call(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
		      struct hm_event *event)
{
	size_t head_bytes = 0;
	const char *wrong = hm_call_head_decode(body, frame->body_bytes, &event->head, &head_bytes);

	if (!solo_order_is_fine(engine, frame))
		return false;
	event->head.stream = frame->flags & (HM_FRAME_OPEN | HM_FRAME_STREAM);
	if (engine->in.solo && event->head.stream)
		wrong = "a stream, in a SOLO packet";
	if (wrong || event->head.slot >= (engine->in.solo ? 1 : engine->slots_max)) {
		hm_engine_violation(engine, "CALL %08x has %s", frame->call, wrong ? wrong : "a slot out of range");
		return false;
	}
	if (!engine->in.solo && !begin_serving(engine, frame->call, event->head.stream))
		return false;
	engine->has_asked = true;
	event->type = HM_EVENT_CALL;
	event->body = body + head_bytes;
	event->body_bytes = frame->body_bytes - head_bytes;
	return true;
}

static bool take_reply(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
		       struct hm_event *event)
{
	struct hm_call_slot *slot = hm_calls_find(&engine->calls, frame->call);
	size_t id_bytes = frame->flags & HM_FRAME_AUDITED ? ID_BYTES : 0;
	bool waiting;

	if (!slot || frame->body_bytes < id_bytes) {
		hm_engine_violation(engine, "REPLY %08x %s", frame->call,
				    slot ? "is cut off in its audit id" : "to no call");
		return false;
	}
	waiting = slot->state == HM_CALL_WAITING;
	event->type = HM_EVENT_REPLY;
	event->user = slot->user;
	event->status = frame->status;
	if (id_bytes)
		memcpy(event->audit_id.bytes, body, ID_BYTES);
	event->body = body + id_bytes;
	event->body_bytes = frame->body_bytes - id_bytes;
	if (slot->stream)
		hm_streams_free(&engine->streams, slot->stream);
	hm_calls_free(&engine->calls, slot);
	return waiting;
}

/* A CANCEL may cross the REPLY: then the id is still the last at its index. */
static bool take_cancel(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *, struct hm_event *event)
{
	uint32_t index = frame->call & UINT16_MAX;
	struct hm_served *served = index < engine->served_capacity ? &engine->served[index] : NULL;

	if (!served || !frame->call || served->call != frame->call || served->cancelled) {
		hm_engine_violation(engine, "CANCEL %08x of no call, or again", frame->call);
		return false;
	}
	served->cancelled = true;
	event->type = HM_EVENT_CANCEL;
	return served->running;
}

static bool take_goaway(struct hm_engine *engine, const struct hm_frame *, const uint8_t *, struct hm_event *event)
{
	bool first = !engine->goaway_event;

	engine->going_away = engine->goaway_event = true;
	event->type = HM_EVENT_GOAWAY;
	return first;
}

/* One PONG at a time waits: PINGs that come faster than packets leave share it. */
static bool take_ping(struct hm_engine *engine, const struct hm_frame *, const uint8_t *body, struct hm_event *)
{
	if (engine->pong_leaves <= engine->outgoing.taken) {
		memcpy(hm_outgoing_add(&engine->outgoing, &(struct hm_frame){ HM_PING_BYTES, 0, HM_FRAME_PONG, 0, 0 }),
		       body, HM_PING_BYTES);
		engine->pong_leaves = hm_outgoing_end(&engine->outgoing);
	}
	return false;
}

static bool take_nothing(struct hm_engine *, const struct hm_frame *, const uint8_t *, struct hm_event *)
{
	return false;
}

static const struct frame_rule {
	const char *name;
	uint8_t where, flags;
	uint32_t bytes_min, bytes_max;
	take_fn *take;
} rules[HM_FRAME_TYPES] = {
	[HM_FRAME_HELLO] = { "HELLO", TO_CLIENT | TO_SERVER, 0, HM_HELLO_BYTES_MIN, UINT32_MAX, take_hello },
	[HM_FRAME_BIND] = { "BIND", TO_SERVER | SOLO, 0, 1, UINT32_MAX, take_bind },
	[HM_FRAME_CALL] = { "CALL", TO_SERVER | SOLO, HM_FRAME_OPEN | HM_FRAME_STREAM, HM_CALL_HEAD_BYTES, UINT32_MAX,
			    take_call },
	[HM_FRAME_REPLY] = { "REPLY", TO_CLIENT, HM_FRAME_AUDITED, 0, UINT32_MAX, take_reply },
	[HM_FRAME_CANCEL] = { "CANCEL", TO_SERVER, 0, 0, 0, take_cancel },
	[HM_FRAME_GOAWAY] = { "GOAWAY", TO_CLIENT, 0, 0, UINT32_MAX, take_goaway },
	[HM_FRAME_PING] = { "PING", TO_CLIENT | TO_SERVER, 0, HM_PING_BYTES, HM_PING_BYTES, take_ping },
	[HM_FRAME_PONG] = { "PONG", TO_CLIENT | TO_SERVER, 0, HM_PING_BYTES, HM_PING_BYTES, take_nothing },
	[HM_FRAME_DATA] = { "DATA", TO_CLIENT | TO_SERVER, 0, 0, UINT32_MAX, hm_streams_take_data },
	[HM_FRAME_END] = { "END", TO_SERVER, 0, 0, 0, hm_streams_take_end },
	[HM_FRAME_AUTH] = { "AUTH", TO_CLIENT | TO_SERVER, 0, 1, HM_AUTH_BYTES_MAX, hm_engine_auth_take },
	[HM_FRAME_CREDIT] = { "CREDIT", TO_CLIENT | TO_SERVER, 0, 4, 4, hm_streams_take_credit },
};

bool hm_engine_frame_take(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			  struct hm_event *ret_event)
{
	const struct frame_rule *rule = frame->type < HM_FRAME_TYPES ? &rules[frame->type] : &rules[0];
	uint8_t here = engine->side == HM_CLIENT ? TO_CLIENT : TO_SERVER;

	if (!rule->take && frame->flags & HM_FRAME_OPTIONAL && !engine->in.solo)
		return false;
	if (!rule->take)
		hm_engine_violation(engine, "type %u is not known", frame->type);
	else if (!(rule->where & here) || (engine->in.solo && !(rule->where & SOLO)))
		hm_engine_violation(engine, "%s does not belong here", rule->name);
	else if (frame->flags & ~(rule->flags | HM_FRAME_OPTIONAL))
		hm_engine_violation(engine, "%s has unknown flags %02x", rule->name, frame->flags);
	else if (frame->body_bytes < rule->bytes_min || frame->body_bytes > rule->bytes_max)
		hm_engine_violation(engine, "%s has a body of %u bytes", rule->name, frame->body_bytes);
	if (engine->error)
		return false;
	*ret_event = (struct hm_event){ .call = frame->call, .solo = engine->in.solo };
	return rule->take(engine, frame, body, ret_event);
}
