/* Damage: what a hostile peer or a broken line makes of a packet in an engine world. */
#include <stdlib.h>
#include <string.h>

#include "tests/engine_world.h"
#include "wire/packet_codec.h"

struct world_packet world_packet_copy(struct world_packet packet, size_t size)
{
	uint8_t *bytes = calloc(1, size);

	if (bytes && size)
		memcpy(bytes, packet.bytes, size < packet.size ? size : packet.size);
	return (struct world_packet){ bytes, bytes ? size : 0 };
}

/* The id of something under way, mostly. */
static uint32_t some_id(struct world *world)
{
	uint32_t kind = world_roll(world, 8);

	if (kind < 4 && world->n_jobs)
		return world->jobs[world_roll(world, (uint32_t)world->n_jobs)].id;
	if (kind < 7 && world->n_calls)
		return world->calls[world_roll(world, (uint32_t)world->n_calls)].id;
	return world_roll(world, 3) << 16 | world_roll(world, 4);
}

/* Puts frames of streams behind a packet: more than the credit allows, behind the END, of unary calls, credits that overflow. */
static void forge_frames(struct world *world, struct world_packet *packet, uint32_t times)
{
	static const uint32_t credits[] = { 0, 1, 16, HM_STREAM_WINDOW_MIN, INT32_MAX, UINT32_MAX };
	struct hm_frame frame = { .call = some_id(world), .type = (uint8_t)(HM_FRAME_DATA + world_roll(world, 3)) };
	struct world_packet whole = *packet;
	size_t size = whole.size;

	if (frame.type != HM_FRAME_END)
		frame.body_bytes = frame.type == HM_FRAME_CREDIT ? 4 : world_roll(world, 20000);
	*packet = world_packet_copy(whole, size + times * (HM_FRAME_HEAD_BYTES + frame.body_bytes));
	for (; times && packet->size; times--) {
		hm_frame_encode(&frame, packet->bytes + size);
		if (frame.type == HM_FRAME_CREDIT)
			hm_put32(packet->bytes + size + HM_FRAME_HEAD_BYTES, credits[world_roll(world, 6)]);
		size += HM_FRAME_HEAD_BYTES + frame.body_bytes;
	}
	free(whole.bytes);
}

void world_damage(struct world *world, struct world_packet *packet)
{
	static const uint8_t values[] = { 0, 1, 2, 7, 12, 0x7f, 0x80, 0xff };
	uint32_t kind = world_roll(world, 40), times = 1 + world_roll(world, 4);
	struct world_packet whole = *packet;

	for (; kind < 4 && packet->size && times; times--) {
		uint32_t place = world_roll(world, (uint32_t)(kind & 1 && packet->size > 60 ? 60 : packet->size));

		packet->bytes[place] = kind & 2 ? values[world_roll(world, 8)] : (uint8_t)world_roll(world, 256);
	}
	if (kind == 6 || kind == 7)
		forge_frames(world, packet, times);
	if (kind != 4 && kind != 5)
		return;
	*packet = world_packet_copy(whole, kind == 4 ? world_roll(world, (uint32_t)whole.size)
						     : whole.size + world_roll(world, 25));
	free(whole.bytes);
}
