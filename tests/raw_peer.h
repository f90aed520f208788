/*
 * Raw peer: a client that keeps no rule it does not want to. A plain socket that speaks nng's framing by hand, and packets put
 * together frame by frame, so that a test can send what no engine would.
 *
 *     on the line   handshake once: 00 'S' 'P' 00 00 30 00 00; then for each message: (ipc: 01) u64 length, big-endian, and
 *                   u32 request id, the packet
 */
#pragma once
#include "base/buffer.h"
#include "base/id.h"
#include "rpc/method.h"
#include "wire/packet_codec.h"

struct raw_peer {
	int fd;
	bool is_ipc;
};

/* raw_connect connects to "tcp://127.0.0.1:port" or "ipc:///path"; nothing is sent. Fails the test if it cannot.
 * raw_greet makes the handshake of nng's framing. */
struct raw_peer raw_connect(const char *url);
struct raw_peer raw_greet(const char *url);
void raw_close(struct raw_peer *peer);

/* raw_write sends bytes as they are; raw_send a packet as one message. False: the server has closed. */
bool raw_write(struct raw_peer *peer, const void *bytes, size_t size);
bool raw_send(struct raw_peer *peer, const struct hm_buffer *packet);

/* raw_receive waits for the next packet (without the request id). False: the server has closed. */
bool raw_receive(struct raw_peer *peer, struct hm_buffer *ret_packet);

/* raw_is_closed waits for the server to close, passing over what it sends; false if it does not in 20 s. */
bool raw_is_closed(struct raw_peer *peer);

/* Packets: begin, then frames. raw_begin empties the buffer. */
void raw_begin(struct hm_buffer *packet, uint8_t flags);
void raw_frame(struct hm_buffer *packet, enum hm_frame_type type, uint32_t call, const void *body, size_t body_bytes);
void raw_hello(struct hm_buffer *packet);
void raw_bind(struct hm_buffer *packet, uint32_t slot, const char *brand, const char *token);

/* A call: what raw_call puts into its frame. */
struct raw_call {
	uint32_t call; /* 0: 0x10000 */
	const struct hm_method *method;
	uint64_t method_id; /* where method is NULL */
	struct hm_id request_id;
	uint32_t timeout_ms;
	uint16_t slot;
	const char *key; /* idempotency key; NULL: none */
	const void *body;
	size_t body_bytes;
};

void raw_call(struct hm_buffer *packet, const struct raw_call *call);

/* raw_answer reads packets until the REPLY to a call (0: 0x10000), acknowledging nothing, and returns its status; -1: the server
 * closed without one. */
int raw_answer(struct raw_peer *peer, uint32_t call);
