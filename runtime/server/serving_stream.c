/* Serving, streaming: what arrives for a handler, what it writes, and how it sleeps. */
#include "server/serving_stream.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/wait.h"
#include "wire/message.h"

enum {
	OWED_MAX = HM_STREAM_WINDOW_MIN / 2,
	NAP_US = 250 * HM_US_PER_MS, /* after that long a sleeper asks whether it may go on */
};

void hm_serving_stream_begin(struct hm_serving *serving)
{
	serving->stream = calloc(1, sizeof *serving->stream);
	if (!serving->stream)
		abort();
	serving->call.counts = &serving->stream->counts;
	serving->call.turns = serving->stream->turns;
}

void hm_serving_stream_close(struct hm_serving_stream *stream)
{
	if (!stream)
		return;
	hm_buffer_fini(&stream->arrived);
	hm_buffer_fini(&stream->reading);
	hm_arena_fini(&stream->arena);
	hm_arena_fini(&stream->turns[0]);
	hm_arena_fini(&stream->turns[1]);
	free(stream);
}

/* ---- What arrives --------------------------------------------------------------------------------------------------- */

void hm_serving_stream_wake(struct hm_serving *serving)
{
	if (serving->stream && hm_wait_move(&serving->stream->waiting, HM_WAIT_ENDED))
		hm_wait_wake(&serving->stream->waiting);
}

static bool is_allowed(const struct hm_serving *serving, size_t bytes)
{
	return bytes <= serving->row->method->request_bytes;
}

static void keep(struct hm_serving *serving, const struct hm_event *event)
{
	struct hm_buffer *arrived = &serving->stream->arrived;

	hm_buffer_add(arrived, &event->body_bytes, sizeof event->body_bytes);
	if (is_allowed(serving, event->body_bytes))
		hm_buffer_add(arrived, event->body, event->body_bytes);
}

void hm_serving_stream_take(struct hm_peer *peer, const struct hm_event *event)
{
	struct hm_serving *serving = hm_peer_find_running(peer, event->call);
	struct hm_serving_stream *stream = serving ? serving->stream : NULL;

	if (!stream)
		return; /* refused, and about to be answered */
	if (event->type == HM_EVENT_DATA)
		keep(serving, event);
	stream->no_more_requests |= event->type == HM_EVENT_END;
	hm_serving_stream_wake(serving);
}

void hm_serving_stream_wake_writers(struct hm_peer *peer)
{
	struct hm_event event;

	while (hm_engine_next_event(peer->engine, &event))
		if (event.type == HM_EVENT_WRITABLE)
			hm_serving_stream_take(peer, &event);
}

/* ---- Sleeping ------------------------------------------------------------------------------------------------------- */

static struct hm_serving *serving_of(struct hm_call *call)
{
	return call->transport;
}

static hm_status check_use(const struct hm_call *call, const struct hm_method *method, enum hm_method_kind half)
{
	const struct hm_serving *serving = call->transport;

	if (!serving->stream || method->id != call->method->id || !(method->kind & half))
		return hm_raise(INTERNAL, "%s reads or writes the stream of %s", call->method->name, method->name);
	return HM_OK;
}

/* Whether the call may go on: asked before each read, write or wait is OK, and while it sleeps. */
static hm_status check_going_on(struct hm_call *call)
{
	const struct hm_interceptor *interceptor = call->server->config.interceptor;
	const struct hm_binding *binding = serving_of(call)->binding;

	if (call->context.in_transaction)
		return hm_raise(
			FAILED_PRECONDITION,
			"%s: a transaction is open; hm_release or hm_step must end it before a stream is waited for",
			call->method->name);
	if (hm_call_cancelled(call))
		return hm_raise(CANCELLED, "%s: the caller no longer waits", call->method->name);
	if (call->context.deadline_us && call->context.deadline_us <= hm_clock_mono_us())
		return hm_raise(DEADLINE_EXCEEDED, "%s: its time is up", call->method->name);
	if (!interceptor->still_allowed || call->service->is_built_in)
		return HM_OK;
	return interceptor->still_allowed(interceptor->user, call, binding ? binding->principal : NULL);
}

/* Sleeps until something happens, until_us (0: no such time), the call's deadline, or for a nap, whichever is first. */
static void nap(struct hm_call *call, int64_t until_us)
{
	int64_t wake_us = hm_clock_mono_us() + NAP_US, deadline_us = call->context.deadline_us;

	if (until_us && until_us < wake_us)
		wake_us = until_us;
	if (deadline_us && deadline_us < wake_us)
		wake_us = deadline_us;
	hm_wait_until(&serving_of(call)->stream->waiting, wake_us);
}

/* With the lock held. A cancellation in between finds the word, or is found by it. */
static void begin_nap(struct hm_serving *serving)
{
	atomic_store(&serving->stream->waiting, hm_call_cancelled(&serving->call) ? HM_WAIT_IDLE : HM_WAIT_WAITING);
}

hm_status hm_call_wait(struct hm_call *call, uint32_t ms)
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)ms * HM_US_PER_MS;
	struct hm_serving *serving = serving_of(call);

	TRY(check_use(call, call->method, HM_BIDI_STREAM));
	for (;;) {
		TRY(check_going_on(call));
		if (atomic_load(&call->server->is_draining))
			return hm_raise(UNAVAILABLE, "%s: the server is going away: call again", call->method->name);
		if (hm_clock_mono_us() >= until_us)
			return HM_OK;
		pthread_mutex_lock(&serving->peer->lock);
		begin_nap(serving);
		pthread_mutex_unlock(&serving->peer->lock);
		if (!atomic_load(&call->server->is_draining)) /* a drain in between finds the word, or is found by it */
			nap(call, until_us);
	}
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

/* Takes over what has arrived and gives credit for what was read; false: nothing has, and *ret_is_over says whether nothing will. */
static bool fill(struct hm_serving *serving, bool *ret_is_over)
{
	struct hm_serving_stream *stream = serving->stream;
	struct hm_peer *peer = serving->peer;
	struct hm_buffer empty = stream->reading;

	hm_buffer_reset(&empty);
	stream->read = 0;
	pthread_mutex_lock(&peer->lock);
	stream->reading = stream->arrived;
	stream->arrived = empty;
	*ret_is_over = stream->no_more_requests;
	if (stream->owed)
		hm_engine_consume(peer->engine, serving->id, stream->owed);
	stream->owed = 0;
	if (!stream->reading.size && !*ret_is_over)
		begin_nap(serving);
	hm_peer_flush(peer);
	pthread_mutex_unlock(&peer->lock);
	hm_pipe_push(peer->pipe);
	return stream->reading.size;
}

static void give_back(struct hm_serving *serving)
{
	struct hm_peer *peer = serving->peer;

	pthread_mutex_lock(&peer->lock);
	hm_engine_consume(peer->engine, serving->id, serving->stream->owed);
	hm_peer_flush(peer);
	pthread_mutex_unlock(&peer->lock);
	hm_pipe_push(peer->pipe);
	serving->stream->owed = 0;
}

static hm_status take_request(struct hm_call *call, ProtobufCMessage **ret_message)
{
	const struct hm_interceptor *interceptor = call->server->config.interceptor;
	const struct hm_serving *serving = serving_of(call);
	struct hm_serving_stream *stream = serving->stream;
	const char *at = stream->reading.data + stream->read;
	ProtobufCMessage *message;
	size_t bytes;

	memcpy(&bytes, at, sizeof bytes);
	stream->read += sizeof bytes;
	stream->owed += hm_stream_cost(bytes);
	stream->counts.received++;
	stream->counts.received_bytes += bytes;
	if (!is_allowed(serving, bytes))
		return hm_raise(RESOURCE_EXHAUSTED, "%s: request of %zu bytes, at most %u are allowed",
				call->method->name, bytes, call->method->request_bytes);
	stream->read += bytes;
	hm_arena_reset(&stream->arena);
	TRY(hm_message_unpack(&stream->arena, call->method->request, at + sizeof bytes, bytes, &message));
	if (interceptor->admit_message)
		TRY(interceptor->admit_message(interceptor->user, call, &stream->arena, message));
	*ret_message = message;
	return HM_OK;
}

hm_status hm_call_read(struct hm_call *call, const struct hm_method *method, ProtobufCMessage **ret_message)
{
	struct hm_serving *serving = serving_of(call);
	struct hm_serving_stream *stream = serving->stream;
	bool is_over = false;

	TRY(check_use(call, method, HM_CLIENT_STREAM));
	if (stream->owed >= OWED_MAX)
		give_back(serving);
	for (;;) {
		TRY(check_going_on(call));
		if (stream->read < stream->reading.size || fill(serving, &is_over))
			return take_request(call, ret_message);
		if (is_over)
			break;
		nap(call, 0);
	}
	*ret_message = NULL;
	return HM_OK;
}

/* ---- Writing -------------------------------------------------------------------------------------------------------- */

static enum hm_sent put(struct hm_serving *serving, const ProtobufCMessage *message, size_t bytes)
{
	struct hm_peer *peer = serving->peer;
	enum hm_sent sent;
	uint8_t *body;

	pthread_mutex_lock(&peer->lock);
	sent = hm_engine_send(peer->engine, serving->id, bytes, &body);
	if (sent == HM_SENT)
		protobuf_c_message_pack(message, body);
	else if (sent == HM_SEND_BLOCKED)
		begin_nap(serving);
	hm_peer_flush(peer);
	pthread_mutex_unlock(&peer->lock);
	hm_pipe_push(peer->pipe);
	return sent;
}

hm_status hm_call_write(struct hm_call *call, const struct hm_method *method, const ProtobufCMessage *message)
{
	size_t bytes = protobuf_c_message_get_packed_size(message);
	struct hm_serving *serving = serving_of(call);
	enum hm_sent sent;

	TRY(check_use(call, method, HM_SERVER_STREAM));
	for (;;) {
		TRY(check_going_on(call));
		sent = put(serving, message, bytes);
		if (sent != HM_SEND_BLOCKED)
			break;
		nap(call, 0);
	}
	if (sent == HM_SEND_TOO_LARGE)
		return hm_raise(RESOURCE_EXHAUSTED, "%s: message of %zu bytes, more than the caller takes",
				method->name, bytes);
	if (sent == HM_SEND_OVER)
		return hm_raise(CANCELLED, "%s: the caller no longer waits", method->name);
	serving->stream->counts.sent++;
	serving->stream->counts.sent_bytes += bytes;
	return HM_OK;
}
