/* The calls of a client engine: table and free list; the wheel is in engine_wheel.c. The last place freed is the next one
 * used, so few calls under way touch few cache lines. */
#include "wire/engine_calls.h"

#include <stdlib.h>

#include "wire/engine_wheel.h"

enum { FIRST_SLOTS = 64 };

void hm_calls_init(struct hm_calls *calls, int64_t now_us)
{
	*calls = (struct hm_calls){ .free = HM_CALL_NONE };
	calls->wheel = hm_wheel_open(now_us);
}

void hm_calls_fini(struct hm_calls *calls)
{
	free(calls->slots);
	free(calls->wheel);
	*calls = (struct hm_calls){ .free = HM_CALL_NONE };
}

static uint32_t take_place(struct hm_calls *calls)
{
	uint32_t index = calls->free;

	if (index != HM_CALL_NONE) {
		calls->free = calls->slots[index].next;
		return index;
	}
	if (calls->used == calls->capacity) {
		calls->capacity = calls->capacity ? 2 * calls->capacity : FIRST_SLOTS;
		calls->slots = reallocarray(calls->slots, calls->capacity, sizeof *calls->slots);
		if (!calls->slots)
			abort();
	}
	calls->slots[calls->used].generation = 1;
	return calls->used++;
}

uint32_t hm_calls_begin(struct hm_calls *calls, int64_t deadline_us, void *user)
{
	uint32_t index = take_place(calls);
	struct hm_call_slot *slot = &calls->slots[index];

	slot->user = user;
	slot->due_tick = 0;
	slot->state = HM_CALL_WAITING;
	slot->stream = 0;
	calls->waiting++;
	if (deadline_us)
		hm_wheel_add(calls->wheel, calls->slots, index, deadline_us);
	return (uint32_t)slot->generation << 16 | index;
}

struct hm_call_slot *hm_calls_find(const struct hm_calls *calls, uint32_t id)
{
	uint32_t index = id & UINT16_MAX;

	if (index >= calls->used || calls->slots[index].generation != id >> 16 ||
	    calls->slots[index].state == HM_CALL_FREE)
		return NULL;
	return &calls->slots[index];
}

void hm_calls_leave(struct hm_calls *calls, struct hm_call_slot *slot)
{
	if (slot->due_tick)
		hm_wheel_remove(calls->wheel, calls->slots, (uint32_t)(slot - calls->slots));
	slot->user = NULL;
	slot->state = HM_CALL_LEFT;
	calls->waiting--;
	calls->left++;
}

void hm_calls_free(struct hm_calls *calls, struct hm_call_slot *slot)
{
	if (slot->state == HM_CALL_WAITING)
		hm_calls_leave(calls, slot);
	calls->left--;
	slot->state = HM_CALL_FREE;
	slot->generation = slot->generation == UINT16_MAX ? 1 : slot->generation + 1;
	slot->next = calls->free;
	calls->free = (uint32_t)(slot - calls->slots);
}

void hm_calls_expire(struct hm_calls *calls, int64_t now_us)
{
	hm_wheel_turn(calls->wheel, calls->slots, now_us);
}

bool hm_calls_next_due(struct hm_calls *calls, uint32_t *ret_id)
{
	uint32_t index = calls->wheel->first[HM_WHEEL_DUE];

	if (index == HM_CALL_NONE)
		return false;
	*ret_id = (uint32_t)calls->slots[index].generation << 16 | index;
	return true;
}

int64_t hm_calls_next_us(const struct hm_calls *calls)
{
	return hm_wheel_next_us(calls->wheel);
}

bool hm_calls_fail(struct hm_calls *calls, void **ret_user)
{
	while (calls->failed < calls->used) {
		struct hm_call_slot *slot = &calls->slots[calls->failed++];

		if (slot->state != HM_CALL_WAITING)
			continue;
		*ret_user = slot->user;
		hm_calls_leave(calls, slot);
		return true;
	}
	return false;
}
