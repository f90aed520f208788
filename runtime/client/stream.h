/*
 * Stream: a call whose requests, replies or both are any number of messages. Generated clients wrap these functions with types
 * (platform_watch_brands, platform_watch_brands_next, …), each stream a type of its own.
 *
 *     replies stream    open ─► next … next: NULL, the end ─► close
 *     requests stream   open ─► send … send ─► finish: the reply ─► close
 *     both              open ─► send … end, next … next: NULL, at the same time ─► close
 *
 * A stream is read by one thread at a time and written by one, which may be two; opened and closed by one. Its messages arrive
 * in the order they were sent, each once. An end that does not read stops its sender, and no other stream, once a window of bytes
 * (HM_STREAM_WINDOW_MIN) waits for it. Nothing is ever dropped but by the stream's end.
 *
 * A stream ends once: well, or with a status that every function then returns: the service's own; DEADLINE_EXCEEDED;
 * CANCELLED by hm_context_cancel or when the channel closes; UNAVAILABLE when the connection breaks. Functions that wait return
 * then, at once, and FAILED_PRECONDITION if the context's call is in a transaction, which must not be held open meanwhile.
 */
#pragma once
#include "client/channel.h"

struct hm_stream;

/* hm_stream_open begins the call and returns without waiting. request: NULL where requests stream. The context must stay open
 * until the stream is closed; the channel too, or else the stream ends CANCELLED. On a non-OK return there is no stream. */
hm_status hm_stream_open(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			 const ProtobufCMessage *request, struct hm_stream **ret_stream);

/* hm_stream_next waits for the next message; OK and NULL: the stream has ended well. The message lives until the next one is asked
 * for. At the end the context's audit_id is the call's. */
hm_status hm_stream_next(struct hm_stream *stream, ProtobufCMessage **ret_message);

/* hm_stream_send waits until the message may leave. It is copied. FAILED_PRECONDITION: after end or finish, or the service has
 * ended the call well without reading on. RESOURCE_EXHAUSTED: larger than the method or the peer allows; the stream goes on. */
hm_status hm_stream_send(struct hm_stream *stream, const ProtobufCMessage *message);

/* hm_stream_end says that no more requests come; next goes on. Again, or after the stream has ended, it does nothing. */
hm_status hm_stream_end(struct hm_stream *stream);

/* hm_stream_finish ends the requests and waits for the reply, which lives in the context's arena. */
hm_status hm_stream_finish(struct hm_stream *stream, ProtobufCMessage **ret_reply);

/* hm_stream_close cancels the call if it has not ended, and frees. When it returns, ready does not run any more, unless it is
 * ready itself that closes. NULL is fine. */
void hm_stream_close(struct hm_stream *stream);
HM_SCOPED(hm_stream, hm_stream_close)

/* The same without waiting: where the function would have to, *ret_would_block is true and nothing was done. */
hm_status hm_stream_try_next(struct hm_stream *stream, ProtobufCMessage **ret_message, bool *ret_would_block);
hm_status hm_stream_try_send(struct hm_stream *stream, const ProtobufCMessage *message, bool *ret_would_block);
hm_status hm_stream_try_finish(struct hm_stream *stream, ProtobufCMessage **ret_reply, bool *ret_would_block);

/* hm_stream_on_ready has ready called whenever the stream may have become readable or writable, or has ended; and once now, so
 * that nothing from before is missed. On a transport thread: it must not block; it may call try_… and close. One call at a time. */
void hm_stream_on_ready(struct hm_stream *stream, void (*ready)(void *user), void *user);
