/* Outgoing frames: what they take of memory. That they leave whole and in order is for the other tests of the engine. */
#include "wire/engine_outgoing.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

static void pass(struct hm_outgoing *outgoing, uint32_t body_bytes)
{
	uint8_t *packet = malloc(HM_FRAME_HEAD_BYTES + body_bytes);

	cr_assert_not_null(packet);
	memset(hm_outgoing_add(outgoing, &(struct hm_frame){ body_bytes, 0, HM_FRAME_DATA, 0, 0 }), 0, body_bytes);
	hm_outgoing_take(outgoing, packet);
	cr_assert_eq(hm_outgoing_pending(outgoing), 0);
	free(packet);
}

Test(engine_outgoing, memory_is_kept_but_not_that_of_one_large_message)
{
	struct hm_outgoing outgoing = { 0 };

	pass(&outgoing, 1000);
	cr_assert_gt(outgoing.capacity, 0);
	pass(&outgoing, 8 << 20);
	cr_assert_eq(outgoing.capacity, 0);
	hm_outgoing_fini(&outgoing);
}
