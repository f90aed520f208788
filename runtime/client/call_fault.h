/*
 * Call fault: what a channel that was given fault rules does wrong with the calls made by it (rpc/fault.h, at=caller), so that a
 * service can be tested against others that misbehave, without their doing. Each attempt meets the rules once, when it begins:
 *
 *     delay       rests first, and its deadline goes on
 *     abort       never leaves; made again as one that found no server is
 *     drop        is done, and its answer passed over: it stays under way, in the channel's list of the lost, until its caller
 *                 leaves, its deadline passes, another attempt decides (hedge.h) or its connection is lost
 *     disconnect  the same, and its connection breaks at once
 *     duplicate   leaves twice; of the copy nobody hears. Unary calls alone
 *
 * A second attempt of a hedged call is not delayed, and not made if it is aborted. The runtime's own calls meet no rules: health
 * checks, news of brands and revocations. A channel without rules has a pointer that is NULL, looked at once an attempt. All with
 * the channel's lock held. (client's own header; part of balance.h)
 */
#pragma once
#include "client/connection.h"

/* hm_call_fault_meet has an attempt meet the rules, but for delays, whose sum it gives in ms. */
uint32_t hm_call_fault_meet(struct hm_channel *channel, struct hm_pending *pending);

/* hm_call_fault_delays says whether an attempt that begins rests first, which has met the rules then and begins once more. */
bool hm_call_fault_delays(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us);

/* hm_call_fault_abort raises what an attempt is aborted with. */
hm_status hm_call_fault_abort(const struct hm_pending *pending);

/* hm_call_fault_sent follows when an attempt has left by a connection. */
void hm_call_fault_sent(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us);

/* hm_call_fault_loses says whether an attempt's answer, which has come, is passed over. */
bool hm_call_fault_loses(struct hm_connection *connection, struct hm_pending *pending);

/* hm_call_fault_take_lost gives a lost attempt of a connection that fails, which it is to fail with; NULL: there is none.
 * hm_call_fault_has_lost: there is one. */
struct hm_pending *hm_call_fault_take_lost(struct hm_connection *connection);
bool hm_call_fault_has_lost(const struct hm_connection *connection);

/* hm_call_fault_wake ends lost attempts whose deadline has passed, and has the channel's timer come for the next one. */
void hm_call_fault_wake(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended);
