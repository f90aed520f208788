/*
 * Serving, streaming: what a call being served has more if its requests or replies stream. What arrives is copied behind `arrived`
 * under the peer's lock; the handler takes all of it at once, as `reading`, and gives credit back for what it has read.
 *
 *     a message in either:   size_t bytes | bytes      of one larger than the method allows the size alone
 *
 * The handler sleeps on one word (rpc/wait.h), moved and woken under the peer's lock, and now and then by itself: to have the
 * interceptor asked whether the call may go on. (server's own header)
 */
#pragma once
#include "server/call_stream.h"
#include "server/serving.h"

struct hm_serving_stream {
	/* Under the peer's lock. */
	struct hm_buffer arrived;
	bool no_more_requests;
	_Atomic uint32_t waiting;

	/* The handler's. */
	struct hm_buffer reading;
	size_t read, owed; /* of it; credit for what was read and is not given back yet */
	struct hm_arena arena; /* the message read last */
	struct hm_stream_counts counts;
	struct hm_arena turns[2]; /* the guard's */
};

/* hm_serving_stream_begin makes a call one of messages that stream; _close frees what that takes. NULL is fine. */
void hm_serving_stream_begin(struct hm_serving *serving);
void hm_serving_stream_close(struct hm_serving_stream *stream);

/* hm_serving_stream_wake has the handler look again, if it sleeps. With the peer's lock held. */
void hm_serving_stream_wake(struct hm_serving *serving);

/* hm_serving_stream_take does what an event of a stream says: DATA, END, WRITABLE. hm_serving_stream_wake_writers takes those that come
 * of packets leaving. With the peer's lock held. */
void hm_serving_stream_take(struct hm_peer *peer, const struct hm_event *event);
void hm_serving_stream_wake_writers(struct hm_peer *peer);
