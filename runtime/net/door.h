/*
 * Door: who may come in. A connection that has not greeted yet (TLS handshake included) is a guest: guests are few, altogether and from
 * each source, must be done in time, and come no faster than they can be served. So silent connections, or bytes that dribble, cannot
 * keep others out. No I/O, no clock and no lock in it. (net's own header)
 *
 *     enter → guest → pass | leave          guests, oldest first: ■ ■ ■ ■ …      each counted in its source's place, too
 *
 * A source is a hash of an address; places are shared by those whose hashes collide, which a random key makes nobody's choice.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "net/port.h"

enum { HM_DOOR_PLACES = 1024 };

struct hm_guest {
	struct hm_guest *next, *previous;
	uint32_t place;
	int64_t since_us;
	bool is_inside; /* the list; not once it passed or left */
};

/* Tokens that come back with time: one is a handshake. */
struct hm_door_bucket {
	int64_t filled_us;
	uint32_t tokens;
};

struct hm_door {
	struct hm_port_limits limits;
	struct hm_guest *oldest, *newest;
	uint32_t guests;
	struct hm_door_bucket all;
	struct {
		uint32_t guests;
		struct hm_door_bucket bucket;
	} places[HM_DOOR_PLACES];
};

/* hm_door_init takes limits whose zeros are defaults. */
void hm_door_init(struct hm_door *door, const struct hm_port_limits *limits);

/* hm_door_enter lets a guest in, or not (false). *ret_gone is NULL, or a guest who had his time and has been put out to make room: close
 * its connection. */
bool hm_door_enter(struct hm_door *door, struct hm_guest *guest, uint64_t source, int64_t now_us,
		   struct hm_guest **ret_gone);

/* hm_door_leave: it has greeted, or is gone. Again is fine. */
void hm_door_leave(struct hm_door *door, struct hm_guest *guest);

/* hm_door_overdue takes out a guest who has not greeted in time; NULL: there is none. */
struct hm_guest *hm_door_overdue(struct hm_door *door, int64_t now_us);
