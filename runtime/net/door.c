/* Door: a list in order of arrival, counts by source, and buckets of tokens. */
#include "net/door.h"

#include <string.h>

#include "base/clock.h"

/* The defaults, and how long a guest is left in peace when others wait for its room: a handshake takes some milliseconds. */
enum {
	GUESTS = 256,
	GUESTS_OF_SOURCE = 64,
	GREETING_MS = 10000,
	PER_SECOND = 2000,
	PER_SECOND_OF_SOURCE = 500,
	GRACE_MS = 1000
};

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

void hm_door_init(struct hm_door *door, const struct hm_port_limits *limits)
{
	memset(door, 0, sizeof *door);
	door->limits = *limits;
	door->limits.silent_max = or_default(limits->silent_max, GUESTS);
	door->limits.silent_of_source_max = or_default(limits->silent_of_source_max, GUESTS_OF_SOURCE);
	door->limits.greeting_ms = or_default(limits->greeting_ms, GREETING_MS);
	door->limits.handshakes_per_s = or_default(limits->handshakes_per_s, PER_SECOND);
	door->limits.handshakes_of_source_per_s = or_default(limits->handshakes_of_source_per_s, PER_SECOND_OF_SOURCE);
}

/* A bucket holds the tokens of two seconds, and is full to begin with. */
static bool take_token(struct hm_door_bucket *bucket, uint32_t per_s, int64_t now_us)
{
	uint32_t most = per_s > UINT32_MAX / 2 ? UINT32_MAX : 2 * per_s;
	int64_t token_us = HM_US_PER_S / per_s > 0 ? HM_US_PER_S / per_s : 1;
	int64_t come = (now_us - bucket->filled_us) / token_us;

	if (!bucket->filled_us || come >= most - bucket->tokens) {
		bucket->tokens = most;
		bucket->filled_us = now_us;
	} else if (come > 0) {
		bucket->tokens += (uint32_t)come;
		bucket->filled_us += come * token_us;
	}
	if (!bucket->tokens)
		return false;
	bucket->tokens--;
	return true;
}

/* The oldest guest, of a place or of all, if it had its time. */
static struct hm_guest *find_stale(const struct hm_door *door, uint32_t place, int64_t now_us)
{
	struct hm_guest *guest = door->oldest;

	while (guest && place < HM_DOOR_PLACES && guest->place != place)
		guest = guest->next;
	return guest && now_us - guest->since_us > GRACE_MS * HM_US_PER_MS ? guest : NULL;
}

/* Room for one more: there is some, or one who had his time makes it. */
static bool make_room(struct hm_door *door, uint32_t place, int64_t now_us, struct hm_guest **ret_gone)
{
	bool is_place_full = door->places[place].guests >= door->limits.silent_of_source_max;

	*ret_gone = NULL;
	if (!is_place_full && door->guests < door->limits.silent_max)
		return true;
	*ret_gone = find_stale(door, is_place_full ? place : HM_DOOR_PLACES, now_us);
	if (!*ret_gone)
		return false;
	hm_door_leave(door, *ret_gone);
	return true;
}

bool hm_door_enter(struct hm_door *door, struct hm_guest *guest, uint64_t source, int64_t now_us,
		   struct hm_guest **ret_gone)
{
	uint32_t place = (uint32_t)(source % HM_DOOR_PLACES);

	*ret_gone = NULL;
	if (!take_token(&door->places[place].bucket, door->limits.handshakes_of_source_per_s, now_us) ||
	    !take_token(&door->all, door->limits.handshakes_per_s, now_us) || !make_room(door, place, now_us, ret_gone))
		return false;
	*guest = (struct hm_guest){ .place = place, .since_us = now_us, .previous = door->newest, .is_inside = true };
	*(door->newest ? &door->newest->next : &door->oldest) = guest;
	door->newest = guest;
	door->guests++;
	door->places[place].guests++;
	return true;
}

void hm_door_leave(struct hm_door *door, struct hm_guest *guest)
{
	if (!guest->is_inside)
		return;
	guest->is_inside = false;
	*(guest->previous ? &guest->previous->next : &door->oldest) = guest->next;
	*(guest->next ? &guest->next->previous : &door->newest) = guest->previous;
	door->guests--;
	door->places[guest->place].guests--;
}

struct hm_guest *hm_door_overdue(struct hm_door *door, int64_t now_us)
{
	struct hm_guest *guest = door->oldest;

	if (!guest || now_us - guest->since_us < (int64_t)door->limits.greeting_ms * HM_US_PER_MS)
		return NULL;
	hm_door_leave(door, guest);
	return guest;
}
