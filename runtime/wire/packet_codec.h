/*
 * Packet codec: structs to bytes and back, for wire/ alone. Nothing here allocates or keeps state; what decodes checks
 * every length before it reads. The format is drawn in packet.h.
 *
 * A decoder of variable parts returns NULL, or what is wrong in words that fit behind "frame 3 (CALL) has …".
 */
#pragma once
#include <endian.h>
#include <string.h>

#include "wire/packet.h"

struct hm_packet_head {
	uint8_t magic, version, flags, zero;
	uint32_t acknowledged;
};

struct hm_frame {
	uint32_t body_bytes, call;
	uint8_t type, flags;
	uint16_t status;
};

static inline uint16_t hm_get16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof value);
	return le16toh(value);
}

static inline uint32_t hm_get32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof value);
	return le32toh(value);
}

static inline uint64_t hm_get64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof value);
	return le64toh(value);
}

static inline void hm_put16(uint8_t *to, uint16_t value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof value);
}

static inline void hm_put32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof value);
}

static inline void hm_put64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof value);
}

static inline void hm_packet_head_encode(const struct hm_packet_head *head, uint8_t to[static HM_PACKET_HEAD_BYTES])
{
	to[0] = head->magic;
	to[1] = head->version;
	to[2] = head->flags;
	to[3] = head->zero;
	hm_put32(to + 4, head->acknowledged);
}

static inline struct hm_packet_head hm_packet_head_decode(const uint8_t from[static HM_PACKET_HEAD_BYTES])
{
	return (struct hm_packet_head){ from[0], from[1], from[2], from[3], hm_get32(from + 4) };
}

static inline void hm_frame_encode(const struct hm_frame *frame, uint8_t to[static HM_FRAME_HEAD_BYTES])
{
	hm_put32(to, frame->body_bytes);
	hm_put32(to + 4, frame->call);
	to[8] = frame->type;
	to[9] = frame->flags;
	hm_put16(to + 10, frame->status);
}

static inline struct hm_frame hm_frame_decode(const uint8_t from[static HM_FRAME_HEAD_BYTES])
{
	return (struct hm_frame){ hm_get32(from), hm_get32(from + 4), from[8], from[9], hm_get16(from + 10) };
}

void hm_hello_encode(const struct hm_hello *hello, uint8_t to[static HM_HELLO_BYTES]);

/* hm_hello_decode reads a HELLO body; longer ones (of later versions) are fine, and so are the first, shorter ones. */
const char *hm_hello_decode(const uint8_t *body, size_t body_bytes, struct hm_hello *ret_hello);

enum { HM_METADATA_HEAD_BYTES = 3 };

/* hm_call_head_bytes returns the encoded size, metadata included. */
static inline size_t hm_call_head_bytes(const struct hm_call_head *head)
{
	size_t metadata_bytes = head->is_unsampled ? HM_METADATA_HEAD_BYTES + 1 : 0;

	if (head->attempt > 1)
		metadata_bytes += HM_METADATA_HEAD_BYTES + 1;
	if (head->idempotency_key)
		metadata_bytes += HM_METADATA_HEAD_BYTES + (size_t)head->idempotency_key_bytes;
	if (head->fault)
		metadata_bytes += HM_METADATA_HEAD_BYTES + (size_t)head->fault_bytes;
	return HM_CALL_HEAD_BYTES + metadata_bytes;
}

void hm_call_head_encode(const struct hm_call_head *head, uint8_t *to);

/* hm_call_head_decode reads the head of a CALL body; the request lies behind its ret_bytes. */
const char *hm_call_head_decode(const uint8_t *body, size_t body_bytes, struct hm_call_head *ret_head,
				size_t *ret_bytes);
