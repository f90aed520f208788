/*
 * The calls of a client engine: a table with a free list, and a hashed timing wheel for their deadlines. For wire/ alone.
 *
 *     id   generation << 16 | index      index: place in the table; generation: 1 … 65535, new each time the place is used
 *     slot FREE → WAITING → LEFT → FREE  WAITING: not ended; LEFT: ended here, but its REPLY has still to come
 *
 * Links are indexes, so the table can grow (and move); nothing is allocated for a call. Of a stream the slot holds the place
 * (engine_streams.h). Beginning, finding, ending and a deadline in or out are O(1).
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	HM_CALL_NONE = UINT16_MAX + 1, /* no index */
	HM_WHEEL_TICK_BITS = 11, /* 2.048 ms */
	HM_WHEEL_BUCKETS = 2048, /* a rotation is 4.2 s; later deadlines stay for the next one */
	HM_WHEEL_DUE = HM_WHEEL_BUCKETS, /* one more bucket: passed, not yet handed out */
};

enum hm_call_state { HM_CALL_FREE, HM_CALL_WAITING, HM_CALL_LEFT };

struct hm_call_slot {
	void *user;
	int64_t due_tick; /* 0: no deadline */
	uint32_t next, previous; /* in a bucket of the wheel; next also in the free list */
	uint16_t generation;
	uint8_t state;
	uint16_t stream; /* place; 0: unary */
};

struct hm_wheel {
	int64_t tick; /* all buckets up to this one have been looked through */
	int64_t next_tick; /* no bucket has anything before; INT64_MAX: all empty */
	uint64_t filled[HM_WHEEL_BUCKETS / 64];
	uint32_t first[HM_WHEEL_BUCKETS + 1];
};

struct hm_calls {
	struct hm_call_slot *slots;
	uint32_t capacity, used, free; /* allocated; ever used; first of the free list */
	uint32_t waiting, left; /* how many are in which state */
	uint32_t failed; /* hm_calls_fail has come this far */
	struct hm_wheel *wheel;
};

void hm_calls_init(struct hm_calls *calls, int64_t now_us);
void hm_calls_fini(struct hm_calls *calls);

/* hm_calls_begin takes a place and returns the id. The caller has checked that fewer than its limit are taken, so that
 * indexes stay below that. deadline_us 0: none. */
uint32_t hm_calls_begin(struct hm_calls *calls, int64_t deadline_us, void *user);

/* hm_calls_find returns the slot of an id in use, or NULL. */
struct hm_call_slot *hm_calls_find(const struct hm_calls *calls, uint32_t id);

/* hm_calls_leave ends a WAITING call whose REPLY has still to come; hm_calls_free gives the place back. */
void hm_calls_leave(struct hm_calls *calls, struct hm_call_slot *slot);
void hm_calls_free(struct hm_calls *calls, struct hm_call_slot *slot);

/* hm_calls_expire moves the time; hm_calls_next_due hands out WAITING calls whose deadline has passed (they stay WAITING). */
void hm_calls_expire(struct hm_calls *calls, int64_t now_us);
bool hm_calls_next_due(struct hm_calls *calls, uint32_t *ret_id);

/* hm_calls_next_us says when hm_calls_expire next has something to look at; INT64_MAX: never. */
int64_t hm_calls_next_us(const struct hm_calls *calls);

/* hm_calls_fail leaves the WAITING calls one by one. */
bool hm_calls_fail(struct hm_calls *calls, void **ret_user);
