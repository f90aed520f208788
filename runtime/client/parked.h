/*
 * Parked: calls of a channel that wait for a connection, in the order they came. A started one holds copies of what it sends;
 * a waiting one's memory is its caller's, who takes it out when it goes. (client's own header; part of balance.h)
 */
#pragma once
#include "client/connection.h"

struct hm_parked {
	struct hm_pending *first, **end;
};

struct hm_channel;

void hm_parked_init(struct hm_parked *parked);
void hm_parked_add(struct hm_channel *channel, struct hm_pending *pending);

/* hm_resting_add has a call that is to be made again wait for its time (retry.h), hm_lost_add one whose answer was passed over
 * (call_fault.h); hm_parked_remove takes a call out of the list it is in. */
void hm_resting_add(struct hm_channel *channel, struct hm_pending *pending);
void hm_lost_add(struct hm_channel *channel, struct hm_pending *pending);
void hm_parked_remove(struct hm_pending *pending);

/* hm_parked_leave has a call that is in neither list leave by a connection, hm_parked_end ends it: what became of one that was. */
void hm_parked_leave(struct hm_channel *channel, struct hm_connection *connection, struct hm_pending *pending,
		     int64_t now_us, struct hm_ended *ended);
void hm_parked_end(struct hm_channel *channel, struct hm_pending *pending, const struct hm_error *why,
		   struct hm_ended *ended);

/* hm_parked_send sends what can be sent, and ends what can neither be sent nor wait; the rest stays. hm_parked_fail ends them all.
 * hm_parked_expire ends started ones whose deadline has passed, and has the channel's timer come for the next one. */
void hm_parked_send(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended);
void hm_parked_fail(struct hm_channel *channel, const struct hm_error *why, struct hm_ended *ended);
void hm_parked_expire(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended);

/* hm_listed_is_late says whether a started call's deadline has passed; hm_listed_expire takes it out of its list and ends it so. */
bool hm_listed_is_late(const struct hm_pending *pending, int64_t now_us);
void hm_listed_expire(struct hm_channel *channel, struct hm_pending *pending, struct hm_ended *ended);
