/* Slots: a scan of at most 64 hashes. The whole token is compared once, not hashed for every call. */
#include "client/slots.h"

#include <stdlib.h>
#include <string.h>

#include "crypto/token.h"

void hm_slots_init(struct hm_slots *slots, uint32_t count)
{
	*slots = (struct hm_slots){ .count = count < HM_SLOTS ? (uint16_t)count : HM_SLOTS };
}

static void clear(struct hm_slot *slot)
{
	if (slot->token)
		explicit_bzero(slot->token, strlen(slot->token));
	free(slot->token);
	free(slot->brand);
	*slot = (struct hm_slot){ 0 };
}

void hm_slots_fini(struct hm_slots *slots)
{
	for (size_t i = 0; i < HM_SLOTS; i++)
		clear(&slots->slots[i]);
}

static uint64_t hash_of(const char *brand, const char *token)
{
	uint64_t hash = token ? hm_token_hash(token) : 0;

	for (; *brand; brand++)
		hash = hash * 31 + (unsigned char)*brand;
	return hash;
}

static bool is_for(const struct hm_slot *slot, uint64_t hash, const char *brand, const char *token)
{
	if (!slot->used || slot->hash != hash || strcmp(slot->brand, brand) || !slot->token != !token)
		return false;
	return !token || !strcmp(slot->token, token);
}

static char *copy(const char *text)
{
	char *copied = text ? strdup(text) : NULL;

	if (text && !copied)
		abort();
	return copied;
}

static uint16_t oldest(const struct hm_slots *slots)
{
	uint16_t found = 0;

	for (uint16_t i = 1; i < slots->count; i++)
		if (slots->slots[i].used < slots->slots[found].used)
			found = i;
	return found;
}

uint16_t hm_slots_find(struct hm_slots *slots, const char *brand, const char *token, bool *ret_is_new)
{
	uint64_t hash = hash_of(brand, token);
	uint16_t found = slots->last;

	*ret_is_new = false;
	for (uint16_t i = 0; !is_for(&slots->slots[found], hash, brand, token); i++) {
		if (i == slots->count) {
			found = oldest(slots);
			clear(&slots->slots[found]);
			slots->slots[found] =
				(struct hm_slot){ .hash = hash, .brand = copy(brand), .token = copy(token) };
			*ret_is_new = true;
			break;
		}
		found = i;
	}
	slots->slots[found].used = ++slots->clock;
	slots->last = found;
	return found;
}

void hm_slots_forget(struct hm_slots *slots, uint16_t slot)
{
	clear(&slots->slots[slot]);
}
