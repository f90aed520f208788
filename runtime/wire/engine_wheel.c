/* Deadlines of calls. Most calls end long before theirs, so in and out are a few stores; turning looks only at buckets that
 * hold something, and costs a walk over entries of later rotations once in 4.2 s. */
#include "wire/engine_wheel.h"

#include <stdlib.h>

enum { WORDS = HM_WHEEL_BUCKETS / 64 };

struct hm_wheel *hm_wheel_open(int64_t now_us)
{
	struct hm_wheel *wheel = calloc(1, sizeof *wheel);

	if (!wheel)
		abort();
	wheel->tick = now_us >> HM_WHEEL_TICK_BITS;
	wheel->next_tick = INT64_MAX;
	for (size_t i = 0; i <= HM_WHEEL_BUCKETS; i++)
		wheel->first[i] = HM_CALL_NONE;
	return wheel;
}

static uint32_t bucket_of(const struct hm_wheel *wheel, int64_t due_tick)
{
	return due_tick <= wheel->tick ? HM_WHEEL_DUE : (uint32_t)(due_tick % HM_WHEEL_BUCKETS);
}

static void link_in(struct hm_wheel *wheel, struct hm_call_slot *slots, uint32_t index, uint32_t bucket)
{
	struct hm_call_slot *slot = &slots[index];

	slot->next = wheel->first[bucket];
	slot->previous = HM_CALL_NONE;
	if (slot->next != HM_CALL_NONE)
		slots[slot->next].previous = index;
	wheel->first[bucket] = index;
	if (bucket != HM_WHEEL_DUE)
		wheel->filled[bucket / 64] |= UINT64_C(1) << bucket % 64;
}

void hm_wheel_add(struct hm_wheel *wheel, struct hm_call_slot *slots, uint32_t index, int64_t deadline_us)
{
	const int64_t tick_us = INT64_C(1) << HM_WHEEL_TICK_BITS;
	int64_t due_tick;

	if (deadline_us < tick_us)
		deadline_us = tick_us; /* long past, but due_tick 0 is none */
	if (deadline_us > INT64_MAX - tick_us)
		return; /* in 292000 years */
	due_tick = (deadline_us + tick_us - 1) >> HM_WHEEL_TICK_BITS;
	slots[index].due_tick = due_tick;
	link_in(wheel, slots, index, bucket_of(wheel, due_tick));
	if (due_tick < wheel->next_tick)
		wheel->next_tick = due_tick;
}

/* A slot lies in the bucket of its tick until a turn that passes that tick moves it, so bucket_of still finds it. */
void hm_wheel_remove(struct hm_wheel *wheel, struct hm_call_slot *slots, uint32_t index)
{
	struct hm_call_slot *slot = &slots[index];
	uint32_t bucket = bucket_of(wheel, slot->due_tick);

	if (slot->next != HM_CALL_NONE)
		slots[slot->next].previous = slot->previous;
	if (slot->previous != HM_CALL_NONE)
		slots[slot->previous].next = slot->next;
	else
		wheel->first[bucket] = slot->next;
	if (bucket != HM_WHEEL_DUE && wheel->first[bucket] == HM_CALL_NONE)
		wheel->filled[bucket / 64] &= ~(UINT64_C(1) << bucket % 64);
	slot->due_tick = 0;
}

/* Takes the due slots of one bucket out of it; those of later rotations stay. Runs before wheel->tick moves. */
static void sweep(struct hm_wheel *wheel, struct hm_call_slot *slots, uint32_t bucket, int64_t now_tick)
{
	for (uint32_t next, index = wheel->first[bucket]; index != HM_CALL_NONE; index = next) {
		int64_t due_tick = slots[index].due_tick;

		next = slots[index].next;
		if (due_tick > now_tick)
			continue;
		hm_wheel_remove(wheel, slots, index);
		slots[index].due_tick = due_tick;
		link_in(wheel, slots, index, HM_WHEEL_DUE);
	}
}

/* The first tick behind `tick`, within one rotation, whose bucket holds something; INT64_MAX: none. The word it starts in is
 * looked at twice: first its high bits, last its low ones. */
static int64_t next_filled(const struct hm_wheel *wheel, int64_t tick)
{
	uint32_t start = (uint32_t)((tick + 1) % HM_WHEEL_BUCKETS);

	for (uint32_t i = 0; i <= WORDS; i++) {
		uint32_t word = (start / 64 + i) % WORDS;
		uint64_t bits = wheel->filled[word];

		if (i == 0)
			bits &= UINT64_MAX << start % 64;
		if (bits) {
			uint32_t bucket = word * 64 + (uint32_t)__builtin_ctzll(bits);
			return tick + 1 + (bucket + HM_WHEEL_BUCKETS - start) % HM_WHEEL_BUCKETS;
		}
	}
	return INT64_MAX;
}

void hm_wheel_turn(struct hm_wheel *wheel, struct hm_call_slot *slots, int64_t now_us)
{
	int64_t now_tick = now_us >> HM_WHEEL_TICK_BITS;
	int64_t last = now_tick - wheel->tick < HM_WHEEL_BUCKETS ? now_tick : wheel->tick + HM_WHEEL_BUCKETS;

	if (now_tick < wheel->next_tick || now_tick <= wheel->tick)
		return;
	for (int64_t tick = next_filled(wheel, wheel->tick); tick <= last; tick = next_filled(wheel, tick))
		sweep(wheel, slots, (uint32_t)(tick % HM_WHEEL_BUCKETS), now_tick);
	wheel->tick = now_tick;
	wheel->next_tick = next_filled(wheel, now_tick);
}

int64_t hm_wheel_next_us(const struct hm_wheel *wheel)
{
	int64_t tick = wheel->first[HM_WHEEL_DUE] != HM_CALL_NONE ? wheel->tick : wheel->next_tick;

	return tick == INT64_MAX ? INT64_MAX : tick * (INT64_C(1) << HM_WHEEL_TICK_BITS);
}
