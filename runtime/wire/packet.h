/*
 * Packets and frames: the bytes on a connection. All integers little-endian. One nng message is one packet.
 *
 *     packet   0        1          2        3        4               8
 *              'H'      version 1  flags    0        u32 acknowledged   frame, frame, …
 *     frame    0                4           8      9       10            12
 *              u32 body bytes   u32 call    u8 type u8 flags u16 status  body
 *
 * `acknowledged` counts, modulo 2^32, the peer's packets with frames that this end has received. No end ever has more
 * than HM_PACKETS_UNACKNOWLEDGED_MAX such packets under way, so nng's 64-deep reply queue never drops one.
 * A packet without frames is a bare acknowledgement and is not counted.
 *
 *     HELLO    first each way; body: struct hm_hello, encoded field by field
 *     BIND     call = slot; body: u8 length, brand, token bytes (may be none): what calls naming the slot are made as
 *     CALL     call = id chosen by the client, not 0; body: the head below, then the request's protobuf bytes
 *     REPLY    status 0: audit id (if flag AUDITED, 16 bytes), then the reply's bytes; else a hallmark.Status message
 *     CANCEL   the client no longer waits for the call; a REPLY may still come and is ignored
 *     GOAWAY   no new calls on this connection; call = last call accepted; those under way end
 *     PING, PONG  body: 8 bytes given back
 *     DATA, END, CREDIT  streams (numbers reserved)
 *
 *     CALL head  0           8             24          32             36         38         40
 *                u64 method  request id    u64 parent  u32 timeout ms u16 slot   u16 bytes  metadata, then the request
 *     metadata   u8 key, u16 length, value, …   key 1: idempotency key
 *
 * A packet with flag SOLO is a whole conversation: [BIND slot 0] CALL from a client without HELLO, answered by one SOLO
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
	HM_PACKETS_UNACKNOWLEDGED_MAX = 32,
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
};

enum hm_frame_flag { HM_FRAME_AUDITED = 1 };

/* What each end says of itself and its limits, first. */
struct hm_hello {
	uint16_t version_min, version_max;
	uint32_t packet_bytes_max; /* larger packets are not accepted */
	uint32_t calls_max; /* under way at once on this connection */
	uint32_t slots_max; /* BIND slots: 0 … slots_max - 1 */
	uint32_t keepalive_ms; /* silence after which a PING is due; 0: none */
	uint8_t nonce[16];
	char name[64]; /* of the program or service; for people */
};

/* The fixed part of a CALL, decoded. */
struct hm_call_head {
	uint64_t method;
	struct hm_id request_id;
	uint64_t parent;
	uint32_t timeout_ms; /* 0: the method's own */
	uint16_t slot;
	const char *idempotency_key; /* not NUL-terminated; NULL: none */
	uint16_t idempotency_key_bytes;
};
