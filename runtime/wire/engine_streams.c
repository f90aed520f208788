/*
 * Streams: the table, and what the frames that come in mean. Sending is in engine_send.c.
 *
 * Late frames: a server's DATA and CREDIT leave before its REPLY, so to a client a frame for a call it does not know is never late.
 * A client's frames may cross the REPLY; the server knows them by their id, still the last at its index, for the client uses
 * the index again only behind them. A frame for a call that nobody waits for any more is counted, and no event.
 */
#include "wire/engine_streams.h"

#include <stdlib.h>

#include "wire/engine_own.h"

enum { FIRST_STREAMS = 8 };

void hm_streams_init(struct hm_streams *streams, const struct hm_engine_config *config)
{
	const struct hm_hello *own = &config->hello;

	*streams = (struct hm_streams){ .count_max = HM_STREAMS_MIN,
					.own_window = HM_STREAM_WINDOW_MIN,
					.peer_window = HM_STREAM_WINDOW_MIN };
	if (own->stream_window_bytes)
		streams->own_window = own->stream_window_bytes;
	if (config->side == HM_SERVER && own->streams_max)
		streams->count_max = own->streams_max;
}

void hm_streams_fini(struct hm_streams *streams)
{
	free(streams->table);
	*streams = (struct hm_streams){ 0 };
}

void hm_streams_greet(struct hm_engine *engine)
{
	const struct hm_hello *peer = &engine->peer;
	uint32_t count_max = peer->streams_max < HM_STREAMS_LIMIT ? peer->streams_max : HM_STREAMS_LIMIT;

	engine->streams.peer_window = peer->stream_window_bytes;
	if (engine->side == HM_CLIENT)
		engine->streams.count_max = count_max;
}

static uint16_t take_place(struct hm_streams *streams)
{
	uint16_t place = streams->free;

	if (place) {
		streams->free = streams->table[place - 1].next;
		return place;
	}
	if (streams->used == streams->capacity) {
		streams->capacity = streams->capacity ? 2 * streams->capacity : FIRST_STREAMS;
		streams->table = reallocarray(streams->table, streams->capacity, sizeof *streams->table);
		if (!streams->table)
			abort();
	}
	return (uint16_t)++streams->used;
}

uint16_t hm_streams_begin(struct hm_streams *streams, uint32_t call, uint8_t halves)
{
	uint16_t place = take_place(streams);

	streams->table[place - 1] =
		(struct hm_stream){ .allowance = streams->own_window, .call = call, .halves = halves };
	streams->count++;
	return place;
}

void hm_streams_begin_call(struct hm_engine *engine, uint32_t call, uint8_t halves)
{
	hm_calls_find(&engine->calls, call)->stream = hm_streams_begin(&engine->streams, call, halves);
}

void hm_streams_free(struct hm_streams *streams, uint16_t place)
{
	hm_streams_wait(streams, place, HM_STREAM_FLOWS);
	streams->table[place - 1].next = streams->free;
	streams->free = place;
	streams->count--;
}

uint16_t hm_streams_place(const struct hm_engine *engine, uint32_t call)
{
	uint32_t index = call & UINT16_MAX;
	const struct hm_call_slot *slot;

	if (engine->side == HM_CLIENT) {
		slot = hm_calls_find(&engine->calls, call);
		return slot ? slot->stream : 0;
	}
	if (index >= engine->served_capacity || engine->served[index].call != call)
		return 0;
	return engine->served[index].stream;
}

bool hm_streams_is_over(const struct hm_engine *engine, uint32_t call)
{
	uint32_t index = call & UINT16_MAX;

	if (engine->side == HM_CLIENT)
		return engine->calls.slots[index].state != HM_CALL_WAITING;
	return engine->served[index].cancelled;
}

/* The place a frame speaks of, if its call has that half; 0: the frame is late, or broke the protocol. */
static uint16_t place_of(struct hm_engine *engine, const struct hm_frame *frame, uint8_t half, const char *name)
{
	uint16_t place = hm_streams_place(engine, frame->call);

	if (place == HM_STREAM_GONE)
		return 0;
	if (place && engine->streams.table[place - 1].halves & half)
		return place;
	hm_engine_violation(engine, "%s %08x to no such stream", name, frame->call);
	return 0;
}

bool hm_streams_take_data(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			  struct hm_event *event)
{
	bool to_client = engine->side == HM_CLIENT;
	uint16_t place = place_of(engine, frame, to_client ? HM_STREAM_REPLIES : HM_STREAM_REQUESTS, "DATA");
	struct hm_stream *stream = place ? &engine->streams.table[place - 1] : NULL;

	if (!stream)
		return false;
	if (stream->allowance <= 0 || (!to_client && stream->has_ended)) {
		hm_engine_violation(engine, "DATA %08x %s", frame->call,
				    stream->allowance <= 0 ? "over its credit" : "after its END");
		return false;
	}
	stream->allowance -= (int64_t)hm_stream_cost(frame->body_bytes);
	event->type = HM_EVENT_DATA;
	event->user = to_client ? engine->calls.slots[frame->call & UINT16_MAX].user : NULL;
	event->body = body;
	event->body_bytes = frame->body_bytes;
	return !hm_streams_is_over(engine, frame->call);
}

bool hm_streams_take_end(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *,
			 struct hm_event *event)
{
	uint16_t place = place_of(engine, frame, HM_STREAM_REQUESTS, "END");

	if (!place)
		return false;
	if (engine->streams.table[place - 1].has_ended) {
		hm_engine_violation(engine, "END %08x again", frame->call);
		return false;
	}
	engine->streams.table[place - 1].has_ended = true;
	event->type = HM_EVENT_END;
	return !hm_streams_is_over(engine, frame->call);
}

bool hm_streams_take_credit(struct hm_engine *engine, const struct hm_frame *frame, const uint8_t *body,
			    struct hm_event *event)
{
	uint8_t half = engine->side == HM_CLIENT ? HM_STREAM_REQUESTS : HM_STREAM_REPLIES;
	uint16_t place = place_of(engine, frame, half, "CREDIT");
	struct hm_stream *stream = place ? &engine->streams.table[place - 1] : NULL;
	uint32_t bytes = hm_get32(body);

	if (!stream)
		return false;
	if (!bytes || engine->streams.peer_window + stream->granted + bytes > HM_STREAM_CREDIT_MAX) {
		hm_engine_violation(engine, "CREDIT %08x of %u bytes: none, or over 2 GiB together", frame->call,
				    bytes);
		return false;
	}
	stream->granted += bytes;
	return stream->wait == HM_STREAM_WAITS_CREDIT && hm_streams_wake(engine, place, event);
}
