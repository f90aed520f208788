/*
 * Hedge: a second attempt at a call whose first is not answered for some time, to another endpoint, beside the first. The answer that
 * comes first is the call's, and the other attempt is cancelled at its server. The second attempt, the twin, is a call of its own to
 * its connection; callers know of the call alone.
 *
 *     call leaves ─► armed, in the channel's list, by time ──answered──► as any call; the twin never was
 *                      │ due: another endpoint takes calls, and the budget has one left
 *                      ▼
 *                    call ⇄ twin ──one is answered──► the other is cancelled, the caller told
 *                             └──one fails in passing──► the other is waited for; the last of them ends as a call alone does
 *
 * One twin a call, none once a server has said when to come back. All with the channel's lock held. (client's own header; part of
 * balance.h)
 */
#pragma once
#include "client/connection.h"

/* The calls that are to have a twin, by time. */
struct hm_hedges {
	struct hm_pending *first, *last;
};

/* hm_hedge_prepare says of a call that begins whether it may have a twin. hm_hedge_arm follows when it leaves by a connection. */
void hm_hedge_prepare(struct hm_channel *channel, struct hm_pending *pending);
void hm_hedge_arm(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us);

/* hm_hedge_wake sends the twins that are due, and has the channel's timer come for the next one. */
void hm_hedge_wake(struct hm_channel *channel, int64_t now_us);

/* hm_hedge_ended takes an attempt that has ended, of a call with hedge_after_us, and gives the call if it has ended with it, with how;
 * NULL: its other attempt is under way. What is left to be cancelled leaves with hm_balance_push. */
struct hm_pending *hm_hedge_ended(struct hm_channel *channel, struct hm_pending *attempt);

/* hm_hedge_leave cancels the twin of a call that its caller gives up; the pipe is for hm_connection_push, or NULL. */
struct hm_pipe *hm_hedge_leave(struct hm_channel *channel, struct hm_pending *pending);
