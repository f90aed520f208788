/*
 * Outgoing frames of an engine, encoded, in the order they leave. For wire/ alone.
 *
 *     bytes   [ gone | next packet | frames behind it | room ]
 *               0    head          head + cut         tail   capacity
 *
 * `taken` counts all bytes that ever left and places a frame absolutely: it has left when taken has reached its end.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "wire/packet_codec.h"

struct hm_outgoing {
	uint8_t *bytes;
	size_t head, cut, tail, capacity;
	uint64_t taken;
};

void hm_outgoing_fini(struct hm_outgoing *outgoing);

/* hm_outgoing_reserve makes room for `size` bytes behind the tail and returns where. */
uint8_t *hm_outgoing_reserve(struct hm_outgoing *outgoing, size_t size);

/* hm_outgoing_add appends a frame and returns where its body goes, valid until the next reserve or add. */
uint8_t *hm_outgoing_add(struct hm_outgoing *outgoing, const struct hm_frame *frame);

/* hm_outgoing_take copies the next packet's frames, outgoing->cut bytes, and lets them go. */
void hm_outgoing_take(struct hm_outgoing *outgoing, uint8_t *ret_frames);

static inline size_t hm_outgoing_pending(const struct hm_outgoing *outgoing)
{
	return outgoing->tail - outgoing->head;
}

/* hm_outgoing_end is the absolute place behind the last frame added. */
static inline uint64_t hm_outgoing_end(const struct hm_outgoing *outgoing)
{
	return outgoing->taken + hm_outgoing_pending(outgoing);
}
