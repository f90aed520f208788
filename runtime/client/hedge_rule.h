/*
 * Hedge rule: whether a call that is not answered is sent to a second endpoint as well, when, and whether the end of one of the two
 * attempts ends the call. Pure functions: no clock, no chance, no channel in them.
 *
 *     the target says (;hedge=MS)     the contract says (hedge_after_ms)     after
 *     nothing                         nothing                                never
 *     nothing                         ms                                     ms
 *     0                               whatever                               never
 *     ms                              whatever                               ms
 *
 * and only a call that may be done twice, is no stream, has an attempt left and would have time. (client's own header)
 */
#pragma once
#include "client/attempt.h"

enum {
	HM_HEDGE_MS_MAX = 60000,
	HM_HEDGE_UNSAID = -1, /* of a target */
};

/* hm_hedge_after_ms says how long such a call is waited for first; 0: it is never hedged. */
uint32_t hm_hedge_after_ms(int32_t target_ms, uint32_t method_ms, const struct hm_attempt_call *call);

/* hm_hedge_due_us says when the second attempt at a call is due whose first leaves now; INT64_MAX: there will be none. */
int64_t hm_hedge_due_us(uint32_t after_ms, const struct hm_attempt_call *call, int64_t now_us);

/* hm_hedge_decides says whether an attempt's end is the call's: an answer is, and so is the end of the last attempt under way. */
bool hm_hedge_decides(const struct hm_attempt_end *end, bool is_last);
