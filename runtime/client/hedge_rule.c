/* Hedge rule: what a second attempt needs. */
#include "client/hedge_rule.h"

#include "base/clock.h"

enum {
	LEAST_US = HM_US_PER_MS, /* a second attempt that has less time than this is not worth its work */
	FLOOR_US =
		HM_US_PER_MS, /* what is answered sooner than this needs no second attempt, and chance decides of it */
};

bool hm_hedge_may(const struct hm_attempt_call *call)
{
	return call->is_idempotent && !call->is_stream && call->most >= 2;
}

int64_t hm_hedge_after_us(int32_t target_ms, uint32_t method_ms, int64_t measured_us,
			  const struct hm_attempt_call *call)
{
	if (!hm_hedge_may(call))
		return 0;
	if (measured_us)
		return measured_us > FLOOR_US ? measured_us : FLOOR_US;
	return (target_ms == HM_HEDGE_UNSAID ? (int64_t)method_ms : target_ms) * HM_US_PER_MS;
}

int64_t hm_hedge_due_us(int64_t after_us, const struct hm_attempt_call *call, int64_t now_us)
{
	int64_t due_us = now_us + after_us;

	if (!after_us || call->made >= call->most)
		return INT64_MAX;
	if (call->deadline_us && due_us + LEAST_US > call->deadline_us)
		return INT64_MAX;
	return due_us;
}

bool hm_hedge_decides(const struct hm_attempt_end *end, bool is_last)
{
	return is_last || !hm_attempt_may_pass(end);
}
