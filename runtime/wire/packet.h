/*
 * Packets and frames: the bytes on a connection. All integers little-endian. One nng message is one packet.
 *
 *     packet   0        1          2        3        4               8
 *              'H'      version    flags    0        u32 acknowledged   frame, frame, …
 *     frame    0                4           8      9       10            12
 *              u32 body bytes   u32 call    u8 type u8 flags u16 status  body
 *
 * `acknowledged` counts, modulo 2^32, the peer's packets with frames that this end has received. No end ever has more
 * than HM_PACKETS_UNACKNOWLEDGED_MAX such packets under way, so what waits for a slow peer is bounded, and would fit the 64-deep
 * queue of nng's own REP socket (the proof is in engine_flow.c). A packet without frames is a bare acknowledgement and is not counted.
 *
 *     HELLO    first each way, the server's in answer to the client's; body: struct hm_hello, encoded field by field
 *     BIND     call = slot; body: u8 length, brand, token bytes (may be none): what calls naming the slot are made as
 *     CALL     call = id chosen by the client; body: the head below, then the request's protobuf bytes
 *     REPLY    exactly one for each CALL; body: audit id (if flag AUDITED, 16 bytes), then for status 0 the reply's
 *              bytes, else a hallmark.Status message
 *     CANCEL   the client no longer waits for the call; its REPLY still comes (it frees the id), with nothing in it
 *     GOAWAY   from the server: no new calls on this connection; those under way or crossing it are answered
 *     PING, PONG  body: 8 bytes given back (PINGs that wait together get one PONG)
 *     DATA     one message of a stream, either way, for a call's id; may be empty
 *     END      the client sends no more DATA for the call
 *     CREDIT   body: u32 bytes, not 0, that may be sent for the call besides what was allowed before
 *     AUTH     flag OPTIONAL; either way, behind both HELLOs, a client's before its first BIND or CALL; body: the proof of a
 *              name, drawn in rpc/identity.h. One for each name, the server's all in the packet of its HELLO
 *
 *     CALL head  0           8             24          32             36         38         40
 *                u64 method  request id    u64 parent  u32 timeout ms u16 slot   u16 bytes  metadata, then the request
 *     metadata   u8 key, u16 length, value, …   key 1: idempotency key; key 2: u8 trace flags,
 *                W3C's, 1 (sampled) if absent; key 3: "hallmark-fault", for tests (rpc/fault.h); key 4: u8 attempt, 1
 *                if absent; unknown keys are passed over
 *
 * A call id is u16 generation (not 0) << 16 | u16 index. Its index lies below the server's calls_max and is not used again
 * before the REPLY has come, so an index is a place in a table on both ends, and calls_max bounds what a client can make a
 * server do: one that cancels and calls anew gains nothing.
 *
 * Streams: a CALL with flag OPEN is followed by the client's DATA, ended by END, and has no request in its body; one with flag
 * STREAM is answered by the server's DATA before its REPLY, which then has an empty body if its status is 0. The REPLY always
 * ends the call. Each direction of a stream begins with a credit of the receiver's stream_window_bytes; a DATA frame costs
 * its whole size, head and body, and may be sent while the credit is above 0, even if that takes it below: so no message is
 * ever cut, and a receiver holds at most a window and a packet. After its REPLY the client's DATA, END and CREDIT may still be
 * under way, after a CANCEL the server's DATA: both are passed over.
 *
 * Versions: packet head, frame head and the fields of HELLO stay as they are for ever; later HELLOs may be longer, earlier
 * ones end before stream_window_bytes: their senders know no streams, and are sent none. Both ends then speak the smaller version_max; a client's packets before it knows are in its version_min. A frame of unknown
 * type is passed over if it has the flag OPTIONAL, and breaks the protocol if not.
 *
 * A packet with flag SOLO is a whole conversation: BIND of slot 0, then CALL, from a client without HELLO, answered by one SOLO
 * packet with the REPLY. So an ordinary nng REQ client in any language can make a unary call with one message.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/id.h"

enum {
	HM_PACKET_MAGIC = 'H',
	HM_PROTOCOL_VERSION = 1,
	HM_PACKET_HEAD_BYTES = 8,
	HM_FRAME_HEAD_BYTES = 12,
	HM_CALL_HEAD_BYTES = 40,
	HM_HELLO_BYTES = 108,
	HM_HELLO_BYTES_MIN = 100, /* the first HELLOs ended with the name */
	HM_PACKETS_UNACKNOWLEDGED_MAX = 32,
	HM_PACKET_FRAMES_BYTES = 32 << 10, /* frames together in one packet; a larger frame goes alone */
	HM_CALLS_LIMIT = 1 << 16, /* an id has 16 bits of index */
	HM_SLOT_BRAND_BYTES_MAX = 63,
	HM_SLOT_TOKEN_BYTES_MAX = 4096,
	HM_CALL_KEY_BYTES_MAX = 128, /* idempotency key */
	HM_CALL_FAULT_BYTES_MAX = 256,
	HM_STREAM_CREDIT_MAX = INT32_MAX, /* no credit, and so no window, is ever more */
	HM_STREAMS_LIMIT = UINT16_MAX - 1,
	HM_AUTH_BYTES_MAX = 256,
	HM_AUTHS_MAX = 32, /* of one end, on a connection */
};

/* What every end takes at least; a HELLO that says less is refused, and nobody sends more before the peer's HELLO. */
enum {
	HM_PACKET_BYTES_MIN = 64 << 10,
	HM_CALLS_MIN = 1024,
	HM_SLOTS_MIN = 16,
	HM_STREAM_WINDOW_MIN = 64 << 10,
	HM_STREAMS_MIN = 64,
};

enum hm_packet_flag { HM_PACKET_SOLO = 1 };

enum hm_frame_type {
	HM_FRAME_HELLO = 1,
	HM_FRAME_BIND,
	HM_FRAME_CALL,
	HM_FRAME_REPLY,
	HM_FRAME_CANCEL,
	HM_FRAME_GOAWAY,
	HM_FRAME_PING,
	HM_FRAME_PONG,
	HM_FRAME_DATA,
	HM_FRAME_END,
	HM_FRAME_CREDIT,
	HM_FRAME_AUTH,
	HM_FRAME_TYPES,
};

enum hm_frame_flag {
	HM_FRAME_AUDITED = 1, /* REPLY */
	HM_FRAME_OPEN = 2, /* CALL */
	HM_FRAME_STREAM = 4, /* CALL */
	HM_FRAME_OPTIONAL = 0x80,
};

/* Which halves of a call are streams; any of both bits. A unary call has none. */
enum hm_stream_halves { HM_STREAM_NONE, HM_STREAM_REQUESTS = HM_FRAME_OPEN, HM_STREAM_REPLIES = HM_FRAME_STREAM };

/* What each end says of itself and its limits, first. */
struct hm_hello {
	uint16_t version_min, version_max;
	uint32_t packet_bytes_max; /* larger packets are not accepted */
	uint32_t calls_max; /* under way at once on this connection; a client's binds the client itself */
	uint32_t slots_max; /* BIND slots: 0 … slots_max - 1; only a server's counts */
	uint32_t keepalive_ms; /* silence after which a PING is due; 0: none */
	uint8_t nonce[16];
	char name[64]; /* of the program or service; for people */
	uint32_t stream_window_bytes; /* of each stream, that this end takes ahead of its reader; 0: the minimum */
	uint32_t
		streams_max; /* calls under way at once that are streams; only a server's counts; 0: the minimum, and in a peer's: none */
};

/* The fixed part of a CALL, decoded. */
struct hm_call_head {
	uint64_t method;
	struct hm_id request_id;
	uint64_t parent;
	uint32_t timeout_ms; /* 0: the method's own */
	uint16_t slot;
	bool is_unsampled; /* who asked first wants no traces kept: the sampled flag of W3C Trace Context is off */
	const char *idempotency_key; /* not NUL-terminated; NULL: none */
	uint16_t idempotency_key_bytes;
	const char *fault; /* rules of rpc/fault.h, for servers that were started to do wrong. As idempotency_key */
	uint16_t fault_bytes;
	uint8_t stream; /* enum hm_stream_halves; in the frame's flags */
	uint8_t attempt; /* the how manieth at this call, as its client says; 0 and 1: the first */
};
