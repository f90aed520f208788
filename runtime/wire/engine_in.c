/* Packets in: the head at once, then one frame for each event asked for, so a packet of a thousand calls needs no list of them. */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

#include "wire/engine_own.h"

void hm_engine_break(struct hm_engine *engine, hm_status status, const char *format, ...)
{
	va_list arguments;

	if (engine->error)
		return;
	engine->error = status;
	va_start(arguments, format);
	vsnprintf(engine->error_text, sizeof engine->error_text, format, arguments);
	va_end(arguments);
}

void hm_engine_violation(struct hm_engine *engine, const char *format, ...)
{
	const struct hm_incoming *in = &engine->in;
	char what[HM_ENGINE_TEXT_BYTES / 2], where[48] = "its head";
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	if (in->frames)
		snprintf(where, sizeof where, "frame %u at byte %zu", in->frames, in->frame_at);
	hm_engine_break(engine, HM_INVALID_ARGUMENT, "the %s broke the protocol in packet %u, %s: %s",
			engine->side == HM_CLIENT ? "server" : "client", engine->received, where, what);
}

hm_status hm_engine_error(const struct hm_engine *engine)
{
	if (!engine->error)
		return HM_OK;
	return hm_raise_at(__FILE__, __LINE__, engine->error, "%s", engine->error_text);
}

/* Whether the packet begins with a frame of HELLO; only then can it begin a conversation. */
static bool says_hello(const uint8_t *packet, size_t size)
{
	return size >= HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES &&
	       hm_frame_decode(packet + HM_PACKET_HEAD_BYTES).type == HM_FRAME_HELLO;
}

static bool speaks(const struct hm_engine *engine, uint8_t version)
{
	return version >= engine->own.version_min && version <= engine->own.version_max;
}

/* Looks at the packet's head. False: the packet is not for this engine, or broke it. */
static bool head_is_fine(struct hm_engine *engine, const uint8_t *packet, size_t size)
{
	struct hm_packet_head head;
	bool first;

	if (size < HM_PACKET_HEAD_BYTES || packet[0] != HM_PACKET_MAGIC) {
		hm_engine_violation(engine, "%zu bytes that are no packet", size);
		return false;
	}
	if (size > engine->own.packet_bytes_max) {
		hm_engine_violation(engine, "%zu bytes, over the %u it was told", size, engine->own.packet_bytes_max);
		return false;
	}
	head = hm_packet_head_decode(packet);
	engine->in.solo = head.flags & HM_PACKET_SOLO;
	first = !engine->introduced && !engine->in.solo;
	if (first && !says_hello(packet, size))
		return false;
	if (head.flags & ~HM_PACKET_SOLO || head.zero)
		hm_engine_violation(engine, "flags %02x %02x are not known", head.flags, head.zero);
	else if (!first && !speaks(engine, head.version))
		hm_engine_violation(engine, "version %u, but this end speaks %u to %u", head.version,
				    engine->own.version_min, engine->own.version_max);
	else if (engine->in.solo && engine->side == HM_CLIENT)
		hm_engine_violation(engine, "SOLO packets are for servers");
	else if (!engine->in.solo)
		hm_engine_packet_arrived(engine, head.acknowledged, size > HM_PACKET_HEAD_BYTES);
	return !engine->error;
}

hm_status hm_engine_feed(struct hm_engine *engine, const void *packet, size_t size, int64_t now_us)
{
	assert(engine->error || engine->in.at == engine->in.size);
	if (!engine->error) {
		engine->now_us = now_us;
		engine->in = (struct hm_incoming){ .bytes = packet };
		if (head_is_fine(engine, packet, size)) {
			engine->heard_us = now_us;
			engine->pinged = false;
			engine->in.at = HM_PACKET_HEAD_BYTES;
			engine->in.size = size;
		}
		if (engine->side == HM_CLIENT)
			hm_calls_expire(&engine->calls, now_us);
	}
	return hm_engine_error(engine);
}

/* Reads the next frame. True: that gave an event. */
static bool take_frame(struct hm_engine *engine, struct hm_event *ret_event)
{
	struct hm_incoming *in = &engine->in;
	size_t left = in->size - in->at;
	struct hm_frame frame;

	in->frames++;
	in->frame_at = in->at;
	if (left < HM_FRAME_HEAD_BYTES) {
		hm_engine_violation(engine, "%zu bytes left, too few for a frame's head", left);
		return false;
	}
	frame = hm_frame_decode(in->bytes + in->at);
	left -= HM_FRAME_HEAD_BYTES;
	if (frame.body_bytes > left) {
		hm_engine_violation(engine, "a body of %u bytes where %zu are left", frame.body_bytes, left);
		return false;
	}
	in->at += HM_FRAME_HEAD_BYTES + frame.body_bytes;
	return hm_engine_frame_take(engine, &frame, in->bytes + in->frame_at + HM_FRAME_HEAD_BYTES, ret_event);
}

/* The frames of a packet come before deadlines, so a reply that came in time is one. */
static bool next_expired(struct hm_engine *engine, struct hm_event *ret_event)
{
	struct hm_frame cancel = { .type = HM_FRAME_CANCEL };
	struct hm_call_slot *slot;

	if (engine->side != HM_CLIENT || !hm_calls_next_due(&engine->calls, &cancel.call))
		return false;
	slot = hm_calls_find(&engine->calls, cancel.call);
	*ret_event = (struct hm_event){ .type = HM_EVENT_EXPIRED, .call = cancel.call, .user = slot->user };
	hm_calls_leave(&engine->calls, slot);
	hm_outgoing_add(&engine->outgoing, &cancel);
	return true;
}

bool hm_engine_next_event(struct hm_engine *engine, struct hm_event *ret_event)
{
	while (!engine->error && engine->in.at < engine->in.size)
		if (take_frame(engine, ret_event))
			return true;
	if (engine->in.solo && !engine->in.solo_called && engine->in.size)
		hm_engine_violation(engine, "SOLO, but no CALL in it");
	if (engine->error)
		return false;
	return next_expired(engine, ret_event) || hm_streams_next_writable(engine, ret_event);
}
