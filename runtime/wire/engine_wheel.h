/*
 * Deadlines of calls: a hashed timing wheel over the slots of engine_calls.h. A deadline lies in the bucket of its tick
 * (rounded up, so it never comes early), modulo the buckets; a bitmap says which buckets hold anything.
 */
#pragma once
#include "wire/engine_calls.h"

/* hm_wheel_open returns an empty wheel; free() ends it. */
struct hm_wheel *hm_wheel_open(int64_t now_us);

/* hm_wheel_add sets due_tick of the slot and links it in; one already past is due at once. */
void hm_wheel_add(struct hm_wheel *wheel, struct hm_call_slot *slots, uint32_t index, int64_t deadline_us);
void hm_wheel_remove(struct hm_wheel *wheel, struct hm_call_slot *slots, uint32_t index);

/* hm_wheel_turn moves what has passed to the bucket HM_WHEEL_DUE. */
void hm_wheel_turn(struct hm_wheel *wheel, struct hm_call_slot *slots, int64_t now_us);

/* hm_wheel_next_us says when hm_wheel_turn next has something to look at: early at times, never late. */
int64_t hm_wheel_next_us(const struct hm_wheel *wheel);
