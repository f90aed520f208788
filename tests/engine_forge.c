/* Forged packets: see the header. */
#include "tests/engine_forge.h"

#include <criterion/criterion.h>
#include <string.h>

void forge_packet(struct forged *packet, uint8_t flags, uint32_t acknowledged)
{
	*packet = (struct forged){ .size = HM_PACKET_HEAD_BYTES };
	hm_packet_head_encode(&(struct hm_packet_head){ 'H', 1, flags, 0, acknowledged }, packet->bytes);
}

void forge_add(struct forged *packet, struct hm_frame frame, const void *body)
{
	cr_assert_leq(packet->size + HM_FRAME_HEAD_BYTES + frame.body_bytes, sizeof packet->bytes);
	hm_frame_encode(&frame, packet->bytes + packet->size);
	packet->size += HM_FRAME_HEAD_BYTES;
	if (body)
		memcpy(packet->bytes + packet->size, body, frame.body_bytes);
	packet->size += frame.body_bytes;
}

void forge_call(struct forged *packet, uint32_t call)
{
	forge_add(packet, (struct hm_frame){ HM_CALL_HEAD_BYTES, call, HM_FRAME_CALL, 0, 0 }, NULL);
}

static void feed(struct hm_engine *engine, const struct forged *packet)
{
	struct hm_event event;

	if (!hm_engine_feed(engine, packet->bytes, packet->size, 0))
		while (hm_engine_next_event(engine, &event))
			;
}

void forge_breaks(struct hm_engine *engine, const struct forged *packet, const char *words)
{
	feed(engine, packet);
	cr_assert_eq(hm_engine_error(engine), HM_INVALID_ARGUMENT, "nothing was wrong, but should be: %s", words);
	cr_assert_not_null(strstr(hm_error_get()->message, words), "%s is not in %s", words, hm_error_get()->message);
	cr_assert_eq(hm_engine_packet_size(engine), 0);
}

void forge_is_fine(struct hm_engine *engine, const struct forged *packet)
{
	feed(engine, packet);
	cr_assert_eq(hm_engine_error(engine), HM_OK, "%s", hm_error_get()->message);
}
