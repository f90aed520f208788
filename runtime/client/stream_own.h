/*
 * Stream, inside: a client's stream under way. What arrives is copied behind `arrived` under the channel's lock; the reader takes
 * all of it at once, as `reading`, and works on that without a lock. The server gets credit for what was read, so both together
 * never hold more than a window and one message.
 *
 *     a message in either:   size_t bytes | bytes
 *
 * Waiting threads sleep on a word each (rpc/wait.h), which is moved under the lock and woken without it. (client's own header)
 */
#pragma once
#include "base/buffer.h"
#include "client/balance.h"
#include "client/stream.h"
#include "net/timer.h"

/* Who runs the ready function, so that it runs once at a time and never after close. */
enum hm_stream_telling {
	HM_STREAM_QUIET,
	HM_STREAM_LISTED, /* among the ended, to be told of */
	HM_STREAM_TELLING, /* ready runs */
	HM_STREAM_TELLING_AGAIN, /* and something has happened since */
};

struct hm_stream {
	struct hm_pending pending;
	struct hm_channel *channel;
	struct hm_context *context;
	struct hm_stream *next_of_context, *previous_of_context;
	struct hm_timer
		timer; /* has its thread do what another one, or one with locks, must not: cancel, and call ready */
	_Atomic bool is_cancelled; /* soon */
	_Atomic bool is_cut; /* ended by this end: what has arrived does not matter any more */

	/* Under the channel's lock. */
	struct hm_buffer arrived;
	bool no_more_requests;
	bool has_sent, has_received; /* a message: the call cannot be made again */
	_Atomic uint32_t reader, writer;
	void (*ready)(void *user);
	void *user;
	enum hm_stream_telling telling;
	bool is_closed; /* whoever tells frees it */
	struct hm_stream *next_told;
	struct hm_arena result; /* what the stream ended with */

	/* The reader's. */
	struct hm_buffer reading;
	size_t read; /* of it */
	size_t owed; /* credit for what was read and is not given back yet */
	struct hm_arena arena; /* the message read last */
	uint32_t patience_ms;
};

/* hm_stream_free frees a closed stream, and a closed channel with its last one. Without the lock. */
void hm_stream_free(struct hm_stream *stream);

/* hm_stream_cut ends a stream here and tells the server; the pipe is for hm_connection_push. With the lock held. */
struct hm_pipe *hm_stream_cut(struct hm_stream *stream, const struct hm_error *error);

/* hm_stream_wake has its reader, its writer and its ready function look again. With the lock held. */
void hm_stream_wake(struct hm_stream *stream, struct hm_ended *ended);

/* hm_stream_is_telling: this thread is in the stream's ready function. */
bool hm_stream_is_telling(const struct hm_stream *stream);

/* The streams of a context, so that they can be cancelled with it: hm_context_add_stream, _remove_stream, _cancel_streams.
 * Thread-safe; the last one may be called under any lock but these functions' own. */
void hm_context_add_stream(struct hm_context *context, struct hm_stream *stream);
void hm_context_remove_stream(struct hm_stream *stream);
void hm_context_cancel_streams(struct hm_context *context);
