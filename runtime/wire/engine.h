/*
 * Engine: one end of one connection, sans-I/O. It is fed packets and the time, and gives back packets and events; no nng, no
 * clock, no thread, no lock in it. So it is simulated with a seed and fuzzed as it is. net/ and rpc/ put a socket and a
 * mutex around it. An engine belongs to one thread at a time.
 *
 *     open → (feed → next_event…)* / (call | reply | cancel | bind | send | end | consume)* / tick / next_packet* → close
 *
 * Handshake: each end's first packet begins with HELLO, the server's answers the client's; a client may send BIND and CALL at
 * once behind its own, within the smallest limits every server has (HM_CALLS_MIN and its neighbours in packet.h), so who has
 * more to send waits for HM_EVENT_HELLO. Packets before the peer's HELLO are ignored (of a connection that is gone) but for SOLO ones.
 *
 * Streams: a call whose head says so carries messages of its own until it ends, as any call does. Each direction has a credit
 * in bytes, so a slow reader stops its own stream's writer and nobody else; what waits to leave is bounded for all streams of
 * the connection together (1 MiB), so that a slow line does too. A writer that may not send is told when it may.
 */
#pragma once
#include "base/status.h"
#include "wire/packet.h"

struct hm_engine;
enum hm_side { HM_CLIENT, HM_SERVER };

struct hm_engine_config {
	enum hm_side side;
	/* What this end says; its limits hold for what comes in, and calls_max for a client's own calls too. packet_bytes_max at
	 * least HM_PACKET_BYTES_MIN; calls_max at most HM_CALLS_LIMIT and not 0; a server's at least HM_CALLS_MIN, slots HM_SLOTS_MIN;
	 * streams_max at most HM_STREAMS_LIMIT, stream_window_bytes HM_STREAM_CREDIT_MAX, and each 0 or at least its minimum. */
	struct hm_hello hello;
};

enum hm_event_type {
	HM_EVENT_HELLO, /* the peer introduced itself */
	HM_EVENT_BIND, /* server: slot, brand, token; solo: for the CALL of the same packet alone */
	HM_EVENT_CALL, /* server: a call to run; answer with hm_engine_reply exactly once */
	HM_EVENT_REPLY, /* client: the call with `user` ended */
	HM_EVENT_CANCEL, /* server: nobody waits any more for call */
	HM_EVENT_EXPIRED, /* client: the call with `user` passed its deadline (it is over: status DEADLINE_EXCEEDED) */
	HM_EVENT_AUTH, /* the peer proves a name; body: the proof */
	HM_EVENT_GOAWAY, /* client: open another connection for new calls */
	HM_EVENT_DATA, /* a message of a stream; for hm_engine_consume once its reader has taken it */
	HM_EVENT_END, /* server: the client has sent its last message */
	HM_EVENT_WRITABLE, /* a stream that was blocked may send again */
};

/* Pointers lie in the packet that was fed and live until the next feed. */
struct hm_event {
	enum hm_event_type type;
	uint32_t call;
	bool solo; /* CALL: to be answered by hm_engine_solo_reply, with event.call; BIND: of a SOLO packet */
	struct hm_call_head head; /* CALL; slot is below slots_max, whether it was bound is the server's to know */
	void *user; /* client; REPLY, EXPIRED, DATA, WRITABLE: as given to hm_engine_call */
	uint16_t status; /* REPLY; as the peer sent it, maybe none of the 17 codes */
	struct hm_id audit_id; /* REPLY; zero: none */
	uint16_t slot; /* BIND */
	const char *brand; /* BIND; brand_bytes long, not NUL-terminated */
	size_t brand_bytes;
	const uint8_t *body; /* CALL: request; REPLY: reply or Status; BIND: token; AUTH: proof; DATA: message */
	size_t body_bytes;
};

struct hm_engine *hm_engine_open(const struct hm_engine_config *config, int64_t now_us);
void hm_engine_close(struct hm_engine *engine);

/* hm_engine_feed takes one packet in; the bytes must stay until next_event has returned false (which must happen before the
 * next feed). INVALID_ARGUMENT: the peer broke the protocol (where and how is in the message); the connection must be closed
 * and the engine with it. */
hm_status hm_engine_feed(struct hm_engine *engine, const void *packet, size_t size, int64_t now_us);

/* hm_engine_next_event gives the next event; false: no more. A protocol violation found in a later frame ends the events and
 * is returned by hm_engine_error (look there whenever the events have ended), as is UNAVAILABLE from hm_engine_tick. A broken
 * engine takes and gives no more packets. */
bool hm_engine_next_event(struct hm_engine *engine, struct hm_event *ret_event);
hm_status hm_engine_error(const struct hm_engine *engine);

/* hm_engine_call begins a call: appends its frame and returns where body_bytes of request go (valid until the next call on
 * the engine). deadline_us (same clock as now_us; 0: none) gives an EXPIRED event, at most 3 ms late, and the peer a CANCEL.
 * user comes back with the end of the call. Each call ends exactly once: by a REPLY, EXPIRED or CANCEL here, or by
 * hm_engine_fail_calls. An id comes again after 65535 uses of its index: cancel under the lock that saw the call not ended.
 * RESOURCE_EXHAUSTED: calls_max or streams_max under way (a cancelled one counts until it is answered) or the packet would be
 * over the peer's limit. UNAVAILABLE: after GOAWAY, or the engine is broken. INVALID_ARGUMENT: slot or key out of range. */
hm_status hm_engine_call(struct hm_engine *engine, const struct hm_call_head *head, size_t body_bytes,
			 int64_t deadline_us, int64_t now_us, void *user, uint32_t *ret_call, uint8_t **ret_body);

/* hm_engine_bind makes slot mean brand and token (NULL: none) for the calls begun after it. INVALID_ARGUMENT: slot not below the
 * peer's slots_max (HM_SLOTS_MIN before its HELLO), brand over 63 or token over 4096 bytes. */
hm_status hm_engine_bind(struct hm_engine *engine, uint16_t slot, const char *brand, const char *token);

/* hm_engine_cancel ends a call on this end and tells the peer. False: it had ended already. ret_user may be NULL. */
bool hm_engine_cancel(struct hm_engine *engine, uint32_t call, void **ret_user);

/* hm_engine_fail_calls hands out the calls still under way one by one (connection lost): false when none is left. No new call
 * is taken after it. */
bool hm_engine_fail_calls(struct hm_engine *engine, void **ret_user);

/* hm_engine_reply ends a call on the server: appends the frame, returns where the body goes (valid until the next call on the
 * engine). False: the call is unknown or was answered (a programmer's error). audit_id NULL: not audited. A cancelled call's
 * reply is dropped (true, and *ret_body is scratch); one over the peer's packet limit becomes RESOURCE_EXHAUSTED in the same
 * way. Not for solo calls. */
bool hm_engine_reply(struct hm_engine *engine, uint32_t call, uint16_t status, const struct hm_id *audit_id,
		     size_t body_bytes, uint8_t **ret_body);

/* hm_engine_send begins a message of a stream, on either side: appends a DATA frame and returns where body_bytes of it go (valid
 * until the next call on the engine). Only HM_SENT takes anything. */
enum hm_sent {
	HM_SENT,
	HM_SEND_BLOCKED, /* no credit or no room: WRITABLE follows when it is worth trying again */
	HM_SEND_OVER, /* the call has ended or was cancelled, or this half of it is no stream or has ended: drop it */
	HM_SEND_TOO_LARGE, /* it would never go into the peer's packets */
};
enum hm_sent hm_engine_send(struct hm_engine *engine, uint32_t call, size_t body_bytes, uint8_t **ret_body);

/* hm_engine_end says that the client sends no more for the call. Nothing happens the second time, or after the call's end.
 * hm_engine_consume gives the peer credit for messages that the reader has taken: bytes is the sum of hm_stream_cost of their
 * body_bytes. It travels once half a window has come together. Nothing happens for a call that has ended. */
void hm_engine_end(struct hm_engine *engine, uint32_t call);
void hm_engine_consume(struct hm_engine *engine, uint32_t call, size_t bytes);

static inline size_t hm_stream_cost(size_t body_bytes)
{
	return HM_FRAME_HEAD_BYTES + body_bytes;
}

/* hm_engine_goaway tells the client to begin no more calls. Those that crossed it still come as events. Server only. */
void hm_engine_goaway(struct hm_engine *engine);

/* hm_engine_tick moves the time: expires calls, makes a PING due after keepalive_ms (this end's own) of silence; after three
 * times that the peer is given up (hm_engine_error: UNAVAILABLE). Events follow as after a feed. */
void hm_engine_tick(struct hm_engine *engine, int64_t now_us);

/* hm_engine_next_tick_us says when hm_engine_tick has something to do; INT64_MAX: never. May be early, never late. */
int64_t hm_engine_next_tick_us(const struct hm_engine *engine);

/* hm_engine_packet_size returns the bytes of the packet that may leave now, 0 for none: frames wait and fewer than the
 * coalescing window (few) are unacknowledged, or 32 KiB of frames wait and fewer than 32 are, or an acknowledgement is due.
 * hm_engine_take_packet writes it to `out` (of exactly that size) and counts it as sent. Ask after a batch of feeds and calls,
 * not after each, and until 0: that is what coalesces. O(1). Taking packets makes room for streams: ask for events
 * (WRITABLE) again after them; hm_engine_next_tick_us is in the past while there are such. */
size_t hm_engine_packet_size(const struct hm_engine *engine);
void hm_engine_take_packet(struct hm_engine *engine, void *out);

/* hm_engine_calls returns the number of calls under way: on a client those that have not ended, on a server those not answered
 * (but SOLO ones). hm_engine_room: how many more a client may begin. hm_engine_pending_bytes: frames not yet taken. */
size_t hm_engine_calls(const struct hm_engine *engine);
size_t hm_engine_room(const struct hm_engine *engine);
size_t hm_engine_pending_bytes(const struct hm_engine *engine);
const struct hm_hello *hm_engine_peer(const struct hm_engine *engine); /* NULL before its HELLO */

/* hm_engine_solo_reply writes the packet that answers a SOLO call: returns its size; body goes where ret_body says. out has
 * room for HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + 16 + body_bytes. */
size_t hm_engine_solo_reply(uint32_t call, uint16_t status, const struct hm_id *audit_id, size_t body_bytes, void *out,
			    uint8_t **ret_body);

/* hm_engine_auth sends a proof of a name, at most HM_AUTH_BYTES_MAX; after HM_EVENT_HELLO, a client before it binds or calls.
 * hm_engine_transcript writes what a proof is bound to, the same at both ends: the client's HELLO and the server's as they crossed the
 * wire, each behind its u32 length, and cut to HM_HELLO_KEPT_BYTES. Returns its size. */
enum { HM_HELLO_KEPT_BYTES = 256, HM_TRANSCRIPT_BYTES_MAX = 2 * (4 + HM_HELLO_KEPT_BYTES) };
void hm_engine_auth(struct hm_engine *engine, const void *proof, size_t proof_bytes);
size_t hm_engine_transcript(const struct hm_engine *engine, uint8_t ret_bytes[static HM_TRANSCRIPT_BYTES_MAX]);
