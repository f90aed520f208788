/*
 * Slots: which BIND slot of a connection means which brand and token. A client process speaks for many users; the slot used
 * longest ago makes room. (client's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum { HM_SLOTS = 64 };

struct hm_slot {
	uint64_t hash;
	uint64_t used; /* the clock when it was last asked for; 0: free */
	char *brand;
	char *token; /* NULL: none */
};

struct hm_slots {
	struct hm_slot slots[HM_SLOTS];
	uint64_t clock;
	uint16_t count; /* slots that may be used */
	uint16_t last; /* the slot last asked for: mostly the one asked for next */
};

void hm_slots_init(struct hm_slots *slots, uint32_t count);
void hm_slots_fini(struct hm_slots *slots);

/* hm_slots_find returns the slot of brand and token (may be NULL); *ret_is_new: it must be bound before it is used. */
uint16_t hm_slots_find(struct hm_slots *slots, const char *brand, const char *token, bool *ret_is_new);

/* hm_slots_forget frees a slot that could not be bound, so that who needs it next binds it. */
void hm_slots_forget(struct hm_slots *slots, uint16_t slot);
