/*
 * Streams: what this end sends, and who waits for it.
 *
 *   CREDIT   of the stream: its reader's. A writer without waits for a CREDIT.
 *   ROOM     of the connection: under 1 MiB of frames wait to leave. Writers that find none queue up, and are told WRITABLE when half of it
 *            is free; until the queue is empty nobody else gets more than that half, so that who waits is not passed by for ever. A
 *            client's writer that lacks credit before the server's HELLO, which may allow more, waits here too.
 *
 * No stall. Who waits for credit has sent a window or more, so once its reader has taken all, a window is owed, more than the half
 * at which it is granted; a CREDIT waits for nobody. Who waits for room waits for frames to leave, which they do (engine_flow.c).
 */
#include <assert.h>

#include "wire/engine_own.h"

enum { ROOM_BYTES = 1 << 20, DATA_HEADS_BYTES = HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES };

static void unlink_waiting(struct hm_streams *streams, const struct hm_stream *stream)
{
	if (stream->previous)
		streams->table[stream->previous - 1].next = stream->next;
	else
		streams->first = stream->next;
	if (stream->next)
		streams->table[stream->next - 1].previous = stream->previous;
	else
		streams->last = stream->previous;
}

static void link_waiting(struct hm_streams *streams, uint16_t place)
{
	struct hm_stream *stream = &streams->table[place - 1];

	stream->next = 0;
	stream->previous = streams->last;
	if (streams->last)
		streams->table[streams->last - 1].next = place;
	else
		streams->first = place;
	streams->last = place;
}

void hm_streams_wait(struct hm_streams *streams, uint16_t place, enum hm_stream_wait wait)
{
	struct hm_stream *stream = &streams->table[place - 1];

	if (stream->wait == wait)
		return;
	if (stream->wait == HM_STREAM_WAITS_ROOM)
		unlink_waiting(streams, stream);
	if (wait == HM_STREAM_WAITS_ROOM)
		link_waiting(streams, place);
	stream->wait = (uint8_t)wait;
}

static bool has_credit(const struct hm_engine *engine, const struct hm_stream *stream)
{
	return engine->streams.peer_window + stream->granted > 0;
}

static bool has_room(const struct hm_engine *engine)
{
	return hm_outgoing_pending(&engine->outgoing) < (engine->streams.first ? ROOM_BYTES / 2 : ROOM_BYTES);
}

/* The place of a stream that this end may still write to; 0: it may not. */
static uint16_t find_writable(const struct hm_engine *engine, uint32_t call)
{
	bool is_client = engine->side == HM_CLIENT;
	uint16_t place = engine->error ? 0 : hm_streams_place(engine, call);
	const struct hm_stream *stream;

	if (!place || place == HM_STREAM_GONE || hm_streams_is_over(engine, call))
		return 0;
	stream = &engine->streams.table[place - 1];
	if (!(stream->halves & (is_client ? HM_STREAM_REQUESTS : HM_STREAM_REPLIES)))
		return 0;
	return is_client && stream->has_ended ? 0 : place;
}

/* What a writer has to wait for; before the peer's HELLO nothing is known for good. */
static enum hm_stream_wait wait_of(const struct hm_engine *engine, const struct hm_stream *stream, size_t body_bytes)
{
	if (!engine->introduced &&
	    (!has_credit(engine, stream) || body_bytes > engine->packet_bytes_max - DATA_HEADS_BYTES))
		return HM_STREAM_WAITS_ROOM;
	if (!has_credit(engine, stream))
		return HM_STREAM_WAITS_CREDIT;
	return has_room(engine) ? HM_STREAM_FLOWS : HM_STREAM_WAITS_ROOM;
}

enum hm_sent hm_engine_send(struct hm_engine *engine, uint32_t call, size_t body_bytes, uint8_t **ret_body)
{
	uint16_t place = find_writable(engine, call);
	enum hm_stream_wait wait;

	if (!place)
		return HM_SEND_OVER;
	if (engine->introduced && body_bytes > engine->packet_bytes_max - DATA_HEADS_BYTES)
		return HM_SEND_TOO_LARGE;
	wait = wait_of(engine, &engine->streams.table[place - 1], body_bytes);
	hm_streams_wait(&engine->streams, place, wait);
	if (wait != HM_STREAM_FLOWS)
		return HM_SEND_BLOCKED;
	engine->streams.table[place - 1].granted -= (int64_t)hm_stream_cost(body_bytes);
	*ret_body = hm_outgoing_add(
		&engine->outgoing,
		&(struct hm_frame){ .body_bytes = (uint32_t)body_bytes, .call = call, .type = HM_FRAME_DATA });
	return HM_SENT;
}

void hm_engine_end(struct hm_engine *engine, uint32_t call)
{
	uint16_t place = find_writable(engine, call);

	assert(engine->side == HM_CLIENT);
	if (!place)
		return;
	hm_streams_wait(&engine->streams, place, HM_STREAM_FLOWS);
	engine->streams.table[place - 1].has_ended = true;
	hm_outgoing_add(&engine->outgoing, &(struct hm_frame){ .call = call, .type = HM_FRAME_END });
}

/* One CREDIT of a stream waits at a time: what comes together meanwhile is added to it, so that a peer that takes no packets does
 * not make them pile up. */
static void grant(struct hm_engine *engine, struct hm_stream *stream)
{
	struct hm_outgoing *outgoing = &engine->outgoing;
	uint8_t *body;
	uint32_t waiting = 0;

	if (stream->credit_leaves > outgoing->taken) {
		body = outgoing->bytes + outgoing->head + (stream->credit_leaves - outgoing->taken) - sizeof waiting;
		waiting = hm_get32(body);
		if (waiting + stream->owed > HM_STREAM_CREDIT_MAX)
			return; /* a peer that used credit before it was told of it */
	} else {
		body = hm_outgoing_add(outgoing,
				       &(struct hm_frame){ sizeof waiting, stream->call, HM_FRAME_CREDIT, 0, 0 });
		stream->credit_leaves = hm_outgoing_end(outgoing);
	}
	hm_put32(body, waiting + (uint32_t)stream->owed);
	stream->allowance += stream->owed;
	stream->owed = 0;
}

void hm_engine_consume(struct hm_engine *engine, uint32_t call, size_t bytes)
{
	uint16_t place = hm_streams_place(engine, call);
	struct hm_stream *stream;

	if (engine->error || !place || place == HM_STREAM_GONE || hm_streams_is_over(engine, call))
		return;
	stream = &engine->streams.table[place - 1];
	stream->owed += (int64_t)bytes;
	assert(stream->owed + stream->allowance <= engine->streams.own_window);
	if (engine->side == HM_SERVER && stream->has_ended)
		return;
	if (2 * stream->owed >= engine->streams.own_window)
		grant(engine, stream);
}

/* True: the writer may send, and the event says so. Else it waits for what it lacks now, unless nobody waits for the call. */
bool hm_streams_wake(struct hm_engine *engine, uint16_t place, struct hm_event *ret_event)
{
	const struct hm_stream *stream = &engine->streams.table[place - 1];
	enum hm_stream_wait wait = HM_STREAM_FLOWS;
	bool is_over = hm_streams_is_over(engine, stream->call);

	if (!is_over)
		wait = wait_of(engine, stream, 0);
	hm_streams_wait(&engine->streams, place, wait);
	if (is_over || wait != HM_STREAM_FLOWS)
		return false;
	*ret_event = (struct hm_event){ .type = HM_EVENT_WRITABLE, .call = stream->call };
	if (engine->side == HM_CLIENT)
		ret_event->user = engine->calls.slots[stream->call & UINT16_MAX].user;
	return true;
}

bool hm_streams_can_wake(const struct hm_engine *engine)
{
	return engine->streams.first && engine->introduced && !engine->error && has_room(engine);
}

bool hm_streams_next_writable(struct hm_engine *engine, struct hm_event *ret_event)
{
	while (hm_streams_can_wake(engine))
		if (hm_streams_wake(engine, engine->streams.first, ret_event))
			return true;
	return false;
}
