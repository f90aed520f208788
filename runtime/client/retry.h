/*
 * Retry: a call whose attempt has failed, and is made again. It stays the same call, on its caller's stack or in the channel's list;
 * until its next attempt it rests:
 *
 *     begun ─► under way or parked ─► ended ──attempt.h says NEVER, or the budget is spent──► its caller is told
 *       ▲                               │
 *       └── due, by the channel's timer ── resting (a list of the channel, ended with it as parked calls are)
 *
 * A call that goes well never comes here. All with the channel's lock held. (client's own header; part of balance.h)
 */
#pragma once
#include "client/attempt.h"
#include "client/connection.h"

/* hm_retry_call and hm_retry_end are what attempt.h decides by: what is known of a call, and how an attempt at it failed. Whether
 * that one may have been processed is noted (is_in_doubt), as it counts whatever comes of later ones. */
struct hm_attempt_call hm_retry_call(const struct hm_channel *channel, const struct hm_pending *pending);
struct hm_attempt_end hm_retry_end(struct hm_pending *pending);

/* hm_retry_ended is asked of each call whose attempt has failed, before anybody is told. True: it rests, and is to be forgotten. */
bool hm_retry_ended(struct hm_channel *channel, struct hm_pending *pending);

/* hm_retry_refused is the same for an attempt that found nobody, with this thread's error. */
bool hm_retry_refused(struct hm_channel *channel, struct hm_pending *pending);

/* hm_retry_wake begins the attempts that are due, and has the channel's timer come for the next one. */
void hm_retry_wake(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended);
