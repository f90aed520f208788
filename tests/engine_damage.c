/* Damage: what a hostile peer or a broken line makes of a packet in an engine world. */
#include <stdlib.h>
#include <string.h>

#include "tests/engine_world.h"

struct world_packet world_packet_copy(struct world_packet packet, size_t size)
{
	uint8_t *bytes = calloc(1, size);

	if (bytes && size)
		memcpy(bytes, packet.bytes, size < packet.size ? size : packet.size);
	return (struct world_packet){ bytes, bytes ? size : 0 };
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
	if (kind != 4 && kind != 5)
		return;
	*packet = world_packet_copy(whole, kind == 4 ? world_roll(world, (uint32_t)whole.size)
						     : whole.size + world_roll(world, 25));
	free(whole.bytes);
}
