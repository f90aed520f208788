/*
 * Hedge rule: whether a call that is not answered is sent to a second endpoint as well, when, and whether the end of one of the two
 * attempts ends the call. Pure functions: no clock, no chance, no channel in them.
 *
 *     the target says (;hedge=)     the contract says (hedge_after_ms)     after
 *     nothing                       nothing                                never
 *     nothing                       ms                                     ms
 *     0                             whatever                               never
 *     ms                            whatever                               ms
 *     p95                           whatever                               as long as 95 % of the method's answers took lately
 *                                                                          (latency.h), but a millisecond at least; with too few
 *                                                                          to tell by, as if the target said nothing
 *
 * and only a call that may be done twice, is no stream, has an attempt left and would have time. A percentile bounds what hedging adds:
 * five calls of a hundred, with p95 (Dean and Barroso, The Tail at Scale, 2013). (client's own header)
 */
#pragma once
#include "client/attempt.h"

enum {
	HM_HEDGE_MS_MAX = 60000,
	HM_HEDGE_PERMILLE_MIN = 500, /* p50 */
	HM_HEDGE_PERMILLE_MAX = 999, /* p99.9 */
	HM_HEDGE_UNSAID = -1, /* of a target */
};

/* hm_hedge_may says whether such a call may be done twice at all. */
bool hm_hedge_may(const struct hm_attempt_call *call);

/* hm_hedge_after_us says how long such a call is waited for first; 0: it is never hedged. measured_us: the percentile the target asks for;
 * 0: it asks for none, or there are too few answers. */
int64_t hm_hedge_after_us(int32_t target_ms, uint32_t method_ms, int64_t measured_us,
			  const struct hm_attempt_call *call);

/* hm_hedge_due_us says when the second attempt at a call is due whose first leaves now; INT64_MAX: there will be none. */
int64_t hm_hedge_due_us(int64_t after_us, const struct hm_attempt_call *call, int64_t now_us);

/* hm_hedge_decides says whether an attempt's end is the call's: an answer is, and so is the end of the last attempt under way. */
bool hm_hedge_decides(const struct hm_attempt_end *end, bool is_last);
