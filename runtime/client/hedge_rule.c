/* Hedge rule: what a second attempt needs. */
#include "client/hedge_rule.h"

#include "base/clock.h"

enum { LEAST_US = HM_US_PER_MS }; /* a second attempt that has less time than this is not worth its work */

uint32_t hm_hedge_after_ms(int32_t target_ms, uint32_t method_ms, const struct hm_attempt_call *call)
{
	if (!call->is_idempotent || call->is_stream || call->most < 2)
		return 0;
	return target_ms == HM_HEDGE_UNSAID ? method_ms : (uint32_t)target_ms;
}

int64_t hm_hedge_due_us(uint32_t after_ms, const struct hm_attempt_call *call, int64_t now_us)
{
	int64_t due_us = now_us + (int64_t)after_ms * HM_US_PER_MS;

	if (!after_ms || call->made >= call->most)
		return INT64_MAX;
	if (call->deadline_us && due_us + LEAST_US > call->deadline_us)
		return INT64_MAX;
	return due_us;
}

bool hm_hedge_decides(const struct hm_attempt_end *end, bool is_last)
{
	return is_last || !hm_attempt_may_pass(end);
}
