/* Outgoing frames: appended at the tail, copied once into the packet they leave in. `cut` is kept while frames are added, so
 * asking for the next packet's size is free; only what exceeds one packet is walked again, once a frame. */
#include "wire/engine_outgoing.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 4 << 10, KEPT_BYTES = 1 << 20 };

void hm_outgoing_fini(struct hm_outgoing *outgoing)
{
	free(outgoing->bytes);
	*outgoing = (struct hm_outgoing){ 0 };
}

/* Moves the frames to the front when at least half is gone, and grows else: either way a byte moves a bounded number of times.
 * Cold, so that each frame's look at the room needs no call. */
__attribute__((cold)) static void make_room(struct hm_outgoing *outgoing, size_t size)
{
	size_t pending = hm_outgoing_pending(outgoing), capacity = outgoing->capacity;

	if (outgoing->head < pending || capacity - pending < size) {
		if (size > PTRDIFF_MAX / 2 - pending)
			abort();
		capacity = capacity ? capacity : FIRST_BYTES;
		while (capacity < 2 * pending + size)
			capacity *= 2;
		outgoing->bytes = realloc(outgoing->bytes, capacity);
		if (!outgoing->bytes)
			abort();
		outgoing->capacity = capacity;
	}
	if (outgoing->head)
		memmove(outgoing->bytes, outgoing->bytes + outgoing->head, pending);
	outgoing->head = 0;
	outgoing->tail = pending;
}

uint8_t *hm_outgoing_reserve(struct hm_outgoing *outgoing, size_t size)
{
	if (outgoing->capacity - outgoing->tail < size)
		make_room(outgoing, size);
	return outgoing->bytes + outgoing->tail;
}

uint8_t *hm_outgoing_add(struct hm_outgoing *outgoing, const struct hm_frame *frame)
{
	size_t size = HM_FRAME_HEAD_BYTES + frame->body_bytes, pending = hm_outgoing_pending(outgoing);
	uint8_t *at = hm_outgoing_reserve(outgoing, size);

	hm_frame_encode(frame, at);
	outgoing->tail += size;
	if (!pending || pending + size <= HM_PACKET_FRAMES_BYTES)
		outgoing->cut += size;
	return at + HM_FRAME_HEAD_BYTES;
}

/* The frames of one packet: as many as go into HM_PACKET_FRAMES_BYTES, or a single larger one. */
static size_t find_cut(const struct hm_outgoing *outgoing)
{
	size_t pending = hm_outgoing_pending(outgoing), cut = 0;

	if (pending <= HM_PACKET_FRAMES_BYTES)
		return pending;
	while (cut < pending) {
		size_t size = HM_FRAME_HEAD_BYTES + (size_t)hm_get32(outgoing->bytes + outgoing->head + cut);

		if (cut && cut + size > HM_PACKET_FRAMES_BYTES)
			break;
		cut += size;
	}
	return cut;
}

/* One large message must not keep its memory for the connection's life. */
static void restart(struct hm_outgoing *outgoing)
{
	outgoing->head = outgoing->tail = 0;
	if (outgoing->capacity <= KEPT_BYTES)
		return;
	free(outgoing->bytes);
	outgoing->bytes = NULL;
	outgoing->capacity = 0;
}

void hm_outgoing_take(struct hm_outgoing *outgoing, uint8_t *ret_frames)
{
	if (!outgoing->cut)
		return;
	memcpy(ret_frames, outgoing->bytes + outgoing->head, outgoing->cut);
	outgoing->head += outgoing->cut;
	outgoing->taken += outgoing->cut;
	if (outgoing->head == outgoing->tail)
		restart(outgoing);
	outgoing->cut = find_cut(outgoing);
}
