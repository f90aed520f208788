/*
 * Stream, in: what its connection tells it, how it ends, whom that wakes. All with the channel's lock held, but for ready functions,
 * which are called when it is released.
 */
#include <stdlib.h>

#include "base/clock.h"
#include "client/client_tally.h"
#include "client/stream_own.h"
#include "rpc/wait.h"

/* Whose ready function this thread is in. */
static _Thread_local const struct hm_stream *telling;

bool hm_stream_is_telling(const struct hm_stream *stream)
{
	return telling == stream;
}

static void wake(_Atomic uint32_t *word, struct hm_ended *ended)
{
	if (hm_wait_move(word, HM_WAIT_ENDED))
		hm_ended_wake(ended, word);
}

static void list(struct hm_stream *stream, struct hm_ended *ended)
{
	if (!stream->ready)
		return;
	if (stream->telling == HM_STREAM_TELLING)
		stream->telling = HM_STREAM_TELLING_AGAIN;
	if (stream->telling != HM_STREAM_QUIET)
		return;
	stream->telling = HM_STREAM_LISTED;
	stream->next_told = ended->streams;
	ended->streams = stream;
}

void hm_stream_wake(struct hm_stream *stream, struct hm_ended *ended)
{
	wake(&stream->reader, ended);
	wake(&stream->writer, ended);
	list(stream, ended);
}

void hm_stream_arrived(struct hm_stream *stream, const struct hm_event *event, struct hm_ended *ended)
{
	stream->has_received = true;
	hm_buffer_add(&stream->arrived, &event->body_bytes, sizeof event->body_bytes);
	hm_buffer_add(&stream->arrived, event->body, event->body_bytes);
	wake(&stream->reader, ended);
	list(stream, ended);
}

void hm_stream_writable(struct hm_stream *stream, struct hm_ended *ended)
{
	wake(&stream->writer, ended);
	list(stream, ended);
}

void hm_stream_begun(struct hm_stream *stream, struct hm_ended *ended)
{
	if (stream->no_more_requests)
		hm_engine_end(stream->pending.connection->engine, stream->pending.id);
	hm_stream_wake(stream, ended);
}

/* The packet and the connection's error are gone by the time anybody asks. */
static void end(struct hm_stream *stream)
{
	struct hm_pending *pending = &stream->pending;

	if (pending->error) {
		struct hm_error *error = hm_arena_alloc(&stream->result, sizeof *error);

		*error = *pending->error;
		pending->error = error;
	} else if (!pending->has_expired) {
		pending->body = (uint8_t *)hm_arena_dup(&stream->result, pending->body, pending->reply_bytes);
	}
	pending->has_ended = true;
	if (pending->error || pending->has_expired)
		atomic_store(&stream->is_cut, true);
	hm_tallies_add(hm_client_tallies(pending->method), hm_pending_status(pending),
		       hm_clock_mono_us() - pending->started_us, pending->body_bytes, pending->reply_bytes);
}

void hm_stream_over(struct hm_stream *stream, struct hm_ended *ended)
{
	end(stream);
	hm_stream_wake(stream, ended);
}

struct hm_pipe *hm_stream_cut(struct hm_stream *stream, const struct hm_error *error)
{
	struct hm_connection *connection = stream->pending.connection;

	if (connection)
		hm_connection_abandon(connection, &stream->pending);
	else
		hm_parked_remove(&stream->pending);
	stream->pending.error = error;
	end(stream);
	return !connection || hm_connection_is_receiving(connection) ? NULL : hm_connection_flush(connection);
}

/* Calls ready until nothing has happened meanwhile. Who closes the stream now leaves freeing it to this. */
static void tell(struct hm_stream *stream)
{
	struct hm_channel *channel = stream->channel;
	bool is_closed;

	pthread_mutex_lock(&channel->lock);
	do {
		void (*ready)(void *user) = stream->ready;
		void *user = stream->user;

		if (!ready)
			break;
		stream->telling = HM_STREAM_TELLING;
		pthread_mutex_unlock(&channel->lock);
		telling = stream;
		ready(user);
		telling = NULL;
		pthread_mutex_lock(&channel->lock);
	} while (stream->telling == HM_STREAM_TELLING_AGAIN);
	stream->telling = HM_STREAM_QUIET;
	is_closed = stream->is_closed;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	if (is_closed)
		hm_stream_free(stream);
}

void hm_stream_tell(struct hm_stream *first)
{
	for (struct hm_stream *next; first; first = next) {
		next = first->next_told;
		tell(first);
	}
}

void hm_stream_free(struct hm_stream *stream)
{
	struct hm_channel *channel = stream->channel;
	bool is_last;

	pthread_mutex_lock(&channel->lock);
	is_last = !--channel->n_streams && channel->is_closed;
	pthread_mutex_unlock(&channel->lock);
	if (is_last)
		hm_channel_free(channel);
	hm_buffer_fini(&stream->arrived);
	hm_buffer_fini(&stream->reading);
	hm_arena_fini(&stream->arena);
	hm_arena_fini(&stream->result);
	hm_pending_drop(&stream->pending);
	free(stream->pending.copied);
	free(stream);
}
