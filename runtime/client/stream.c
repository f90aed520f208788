/* Stream: what callers see. What the connection tells a stream is in stream_in.c. */
#include "client/stream.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/stream_own.h"
#include "rpc/wait.h"
#include "wire/message.h"

enum { OWED_MAX = HM_STREAM_WINDOW_MIN / 2 };

static void fire(void *user);

hm_status hm_stream_open(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			 const ProtobufCMessage *request, struct hm_stream **ret_stream)
{
	struct hm_stream *stream = calloc(1, sizeof *stream);
	int64_t now_us = hm_clock_mono_us();
	struct hm_pipe *pipe = NULL;
	hm_status status;

	if (!stream)
		abort();
	context->audit_id = (struct hm_id){ 0 };
	context->attempts = 0;
	status = hm_pending_init(&stream->pending, context, method, request, now_us);
	stream->pending.stream = stream;
	stream->channel = channel;
	stream->context = context;
	stream->patience_ms = context->patience_ms;
	hm_timer_init(&stream->timer, fire, stream);
	pthread_mutex_lock(&channel->lock);
	channel->n_streams++;
	if (status == HM_OK) {
		hm_pending_copy(&stream->pending);
		status = hm_channel_begin(channel, &stream->pending, now_us, &pipe);
	}
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	if (status != HM_OK) {
		hm_stream_free(stream);
		return status;
	}
	hm_context_add_stream(context, stream);
	*ret_stream = stream;
	return HM_OK;
}

void hm_stream_close(struct hm_stream *stream)
{
	const struct hm_error closed = { .code = HM_CANCELLED, .message = "the stream was closed" };
	struct hm_pipe *pipe = NULL;
	bool is_told;

	if (!stream)
		return;
	hm_context_remove_stream(stream);
	hm_timer_stop(&stream->timer);
	pthread_mutex_lock(&stream->channel->lock);
	stream->ready = NULL;
	if (!stream->pending.has_ended)
		pipe = hm_stream_cut(stream, &closed);
	while (stream->telling >= HM_STREAM_TELLING && !hm_stream_is_telling(stream))
		pthread_cond_wait(&stream->channel->changed, &stream->channel->lock);
	stream->is_closed = true;
	is_told = stream->telling != HM_STREAM_QUIET;
	pthread_mutex_unlock(&stream->channel->lock);
	hm_connection_push(pipe);
	if (!is_told)
		hm_stream_free(stream);
}

/* On the timer's thread. */
static void fire(void *user)
{
	const struct hm_error cancelled = { .code = HM_CANCELLED, .message = "the stream was cancelled" };
	struct hm_stream *stream = user;
	struct hm_channel *channel = stream->channel;
	struct hm_arena arena = { 0 };
	struct hm_pipe *pipe = NULL;
	struct hm_ended ended;

	hm_ended_init(&ended);
	pthread_mutex_lock(&channel->lock);
	if (!stream->pending.has_ended && atomic_load(&stream->is_cancelled))
		pipe = hm_stream_cut(stream, &cancelled);
	hm_stream_wake(stream, &ended);
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	hm_ended_tell(&ended, channel, &arena);
	hm_arena_fini(&arena);
}

void hm_stream_on_ready(struct hm_stream *stream, void (*ready)(void *user), void *user)
{
	pthread_mutex_lock(&stream->channel->lock);
	stream->ready = ready;
	stream->user = user;
	pthread_mutex_unlock(&stream->channel->lock);
	hm_timer_set(&stream->timer, 0);
}

/* ---- What every function begins and ends with ----------------------------------------------------------------------- */

static hm_status check_wait(const struct hm_stream *stream)
{
	if (!stream->context->in_transaction)
		return HM_OK;
	return hm_raise(FAILED_PRECONDITION,
			"%s: a transaction is open; hm_release or hm_step must end it before a stream is waited for",
			stream->pending.method->name);
}

static bool has_failed(const struct hm_pending *pending)
{
	return pending->error || pending->has_expired || pending->status != HM_OK;
}

/* What the stream ended with, as often as its reader asks. */
static hm_status result(struct hm_stream *stream, ProtobufCMessage **ret_message)
{
	const struct hm_pending *pending = &stream->pending;
	bool has_no_reply = pending->method->kind & HM_SERVER_STREAM;

	stream->context->audit_id = pending->audit_id;
	stream->context->attempts = pending->head.attempt;
	if (has_failed(pending) || !has_no_reply)
		return hm_pending_result(pending, &stream->context->arena, ret_message);
	*ret_message = NULL;
	return HM_OK;
}

/* With the lock held. On the thread that receives, all leaves together when it is done. */
static struct hm_pipe *flush(const struct hm_stream *stream)
{
	struct hm_connection *connection = stream->pending.connection;

	return hm_connection_is_receiving(connection) ? NULL : hm_connection_flush(connection);
}

/* ---- Reading -------------------------------------------------------------------------------------------------------- */

/* With the lock held: the server may send as much again as was read. */
static struct hm_pipe *give_back(struct hm_stream *stream)
{
	size_t owed = stream->owed;

	stream->owed = 0;
	if (!owed || stream->pending.has_ended)
		return NULL;
	hm_engine_consume(stream->pending.connection->engine, stream->pending.id, owed);
	return flush(stream);
}

static hm_status unpack(struct hm_stream *stream, ProtobufCMessage **ret_message)
{
	const struct hm_method *method = stream->pending.method;
	const char *at = stream->reading.data + stream->read;
	struct hm_pipe *pipe = NULL;
	hm_status status;
	size_t bytes;

	memcpy(&bytes, at, sizeof bytes);
	stream->read += sizeof bytes + bytes;
	stream->owed += hm_stream_cost(bytes);
	hm_arena_reset(&stream->arena);
	status = hm_message_unpack(&stream->arena, method->reply, at + sizeof bytes, bytes, ret_message);
	if (status != HM_OK)
		status = hm_raise(INTERNAL, "%s: a message cannot be read: %s", method->name, hm_error_get()->message);
	if (status == HM_OK && stream->owed < OWED_MAX)
		return HM_OK;
	pthread_mutex_lock(&stream->channel->lock);
	if (status == HM_OK)
		pipe = give_back(stream);
	else if (!stream->pending.has_ended)
		pipe = hm_stream_cut(stream, hm_error_get());
	pthread_mutex_unlock(&stream->channel->lock);
	hm_connection_push(pipe);
	return status;
}

enum fill { FILLED, EMPTY, ENDED };

/* Takes over what has arrived. If that is nothing, a reader who waits will be woken. */
static enum fill fill(struct hm_stream *stream, bool waits)
{
	struct hm_buffer empty = stream->reading;
	enum fill fill = FILLED;
	struct hm_pipe *pipe;

	hm_buffer_reset(&empty);
	stream->read = 0;
	pthread_mutex_lock(&stream->channel->lock);
	stream->reading = stream->arrived;
	stream->arrived = empty;
	pipe = give_back(stream);
	if (!stream->reading.size) {
		fill = stream->pending.has_ended ? ENDED : EMPTY;
		if (fill == EMPTY && waits)
			atomic_store(&stream->reader, HM_WAIT_WAITING);
	}
	pthread_mutex_unlock(&stream->channel->lock);
	hm_connection_push(pipe);
	return fill;
}

static void wait_for_message(struct hm_stream *stream)
{
	int64_t until_us = stream->patience_ms ? hm_clock_mono_us() + (int64_t)stream->patience_ms * HM_US_PER_MS : 0;
	struct hm_error silent = { .code = HM_DEADLINE_EXCEEDED };
	struct hm_pipe *pipe = NULL;

	if (hm_wait_until(&stream->reader, until_us) != HM_WAIT_LEAVING)
		return;
	snprintf(silent.message, sizeof silent.message, "%s: no message for %u ms", stream->pending.method->name,
		 stream->patience_ms);
	pthread_mutex_lock(&stream->channel->lock);
	if (!stream->pending.has_ended && !stream->arrived.size)
		pipe = hm_stream_cut(stream, &silent);
	pthread_mutex_unlock(&stream->channel->lock);
	hm_connection_push(pipe);
}

static hm_status next(struct hm_stream *stream, ProtobufCMessage **ret_message, bool *ret_would_block)
{
	if (ret_would_block)
		*ret_would_block = false;
	while (!atomic_load(&stream->is_cut)) {
		if (stream->read < stream->reading.size)
			return unpack(stream, ret_message);
		switch (fill(stream, !ret_would_block)) {
		case FILLED:
			break;
		case EMPTY:
			if (ret_would_block) {
				*ret_would_block = true;
				return HM_OK;
			}
			wait_for_message(stream);
			break;
		case ENDED:
			return result(stream, ret_message);
		}
	}
	return result(stream, ret_message);
}

hm_status hm_stream_next(struct hm_stream *stream, ProtobufCMessage **ret_message)
{
	TRY(check_wait(stream));
	return next(stream, ret_message, NULL);
}

hm_status hm_stream_try_next(struct hm_stream *stream, ProtobufCMessage **ret_message, bool *ret_would_block)
{
	return next(stream, ret_message, ret_would_block);
}

/* ---- Writing -------------------------------------------------------------------------------------------------------- */

/* The server needs not have read all to be content. The writer leaves the context to the reader, on another thread perhaps. */
static hm_status explain_over(struct hm_stream *stream)
{
	const char *name = stream->pending.method->name;
	bool is_failure;

	if (stream->no_more_requests)
		return hm_raise(FAILED_PRECONDITION, "%s: a request after the last one", name);
	pthread_mutex_lock(&stream->channel->lock);
	is_failure = stream->pending.has_ended && has_failed(&stream->pending);
	pthread_mutex_unlock(&stream->channel->lock);
	if (is_failure)
		return hm_pending_result(&stream->pending, NULL, NULL);
	return hm_raise(FAILED_PRECONDITION, "%s: the service has ended the call well, without this request", name);
}

static enum hm_sent put(struct hm_stream *stream, const ProtobufCMessage *message, size_t bytes, bool waits)
{
	const struct hm_pending *pending = &stream->pending;
	enum hm_sent sent = HM_SEND_OVER;
	struct hm_pipe *pipe = NULL;
	uint8_t *body;

	pthread_mutex_lock(&stream->channel->lock);
	if (!pending->has_ended && !stream->no_more_requests)
		sent = pending->connection && !pending->list
			       ? hm_engine_send(pending->connection->engine, pending->id, bytes, &body)
			       : HM_SEND_BLOCKED; /* not connected yet, or lost */
	if (sent == HM_SENT) {
		stream->has_sent = true;
		protobuf_c_message_pack(message, body);
		pipe = flush(stream);
	} else if (sent == HM_SEND_BLOCKED && waits) {
		atomic_store(&stream->writer, HM_WAIT_WAITING);
	}
	pthread_mutex_unlock(&stream->channel->lock);
	hm_connection_push(pipe);
	return sent;
}

static hm_status send(struct hm_stream *stream, const ProtobufCMessage *message, bool *ret_would_block)
{
	const struct hm_method *method = stream->pending.method;
	enum hm_sent sent;
	size_t bytes;

	TRY(hm_request_measure(method, message, &bytes));
	while ((sent = put(stream, message, bytes, !ret_would_block)) == HM_SEND_BLOCKED && !ret_would_block)
		hm_wait_until(&stream->writer, 0);
	if (ret_would_block)
		*ret_would_block = sent == HM_SEND_BLOCKED;
	if (sent == HM_SEND_TOO_LARGE)
		return hm_raise(RESOURCE_EXHAUSTED, "%s: request of %zu bytes, more than the server takes",
				method->name, bytes);
	return sent == HM_SEND_OVER ? explain_over(stream) : HM_OK;
}

hm_status hm_stream_send(struct hm_stream *stream, const ProtobufCMessage *message)
{
	TRY(check_wait(stream));
	return send(stream, message, NULL);
}

hm_status hm_stream_try_send(struct hm_stream *stream, const ProtobufCMessage *message, bool *ret_would_block)
{
	return send(stream, message, ret_would_block);
}

hm_status hm_stream_end(struct hm_stream *stream)
{
	const struct hm_pending *pending = &stream->pending;
	struct hm_pipe *pipe = NULL;

	pthread_mutex_lock(&stream->channel->lock);
	stream->no_more_requests = true;
	if (pending->connection && !pending->has_ended) { /* else it is said when the call leaves */
		hm_engine_end(pending->connection->engine, pending->id);
		pipe = flush(stream);
	}
	pthread_mutex_unlock(&stream->channel->lock);
	hm_connection_push(pipe);
	return HM_OK;
}

hm_status hm_stream_finish(struct hm_stream *stream, ProtobufCMessage **ret_reply)
{
	TRY(check_wait(stream));
	TRY(hm_stream_end(stream));
	return next(stream, ret_reply, NULL);
}

hm_status hm_stream_try_finish(struct hm_stream *stream, ProtobufCMessage **ret_reply, bool *ret_would_block)
{
	TRY(hm_stream_end(stream));
	return next(stream, ret_reply, ret_would_block);
}
