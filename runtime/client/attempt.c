/* Attempt: two tables, one of fates and one of statuses, and the time of the next attempt. */
#include "client/attempt.h"

#include <stddef.h>

#include "base/clock.h"
#include "client/backoff.h"

enum {
	LEAST_US = HM_US_PER_MS, /* an attempt that has less time than this cannot end in time */
	SPREAD_SHIFT = 2, /* who were told the same time come within a quarter more of it */
};

static const struct fate {
	bool is_unprocessed; /* for sure */
	bool is_spared; /* the first one does not count */
} fates[] = {
	[HM_FATE_UNCONNECTED] = { .is_unprocessed = true },
	[HM_FATE_UNSENT] = { .is_unprocessed = true, .is_spared = true },
	[HM_FATE_REFUSED] = { .is_unprocessed = true, .is_spared = true },
	[HM_FATE_LOST] = { .is_unprocessed = false },
	[HM_FATE_ANSWERED] = { .is_unprocessed = false },
};

/* All others are final: the next attempt would fare no better, or nobody waits for it. */
static const struct passing {
	hm_status code;
	bool needs_time; /* passes if the server says when */
} passing[] = {
	{ HM_UNAVAILABLE, false },
	{ HM_RESOURCE_EXHAUSTED, true },
	{ HM_ABORTED, true },
};

bool hm_attempt_may_pass(const struct hm_attempt_end *end)
{
	for (size_t i = 0; i < sizeof passing / sizeof *passing; i++)
		if (passing[i].code == end->code)
			return end->retry_after_ms || !passing[i].needs_time;
	return false;
}

/* What the server asks for is the least; so that all it told the same do not come together, a little more. */
static int64_t pause_us(const struct hm_attempt_call *call, const struct hm_attempt_end *end, uint32_t chance)
{
	uint64_t asked_us = (uint64_t)end->retry_after_ms * HM_US_PER_MS;

	if (!asked_us)
		return hm_backoff_call_us(call->made, chance);
	return (int64_t)(asked_us + ((asked_us >> SPREAD_SHIFT) * chance >> 32));
}

enum hm_again hm_attempt_decide(const struct hm_attempt_call *call, const struct hm_attempt_end *end, int64_t now_us,
				uint32_t chance, int64_t *ret_due_us)
{
	const struct fate *fate = &fates[end->fate];
	bool is_spared = fate->is_spared && !call->was_spared && !end->retry_after_ms;
	int64_t due_us = now_us;

	if (call->most <= 1 || !hm_attempt_may_pass(end) || !(fate->is_unprocessed || call->is_idempotent))
		return HM_AGAIN_NEVER;
	if (!is_spared && (call->is_stream || call->made >= call->most))
		return HM_AGAIN_NEVER;
	if (!is_spared)
		due_us += pause_us(call, end, chance);
	if (call->deadline_us && due_us + LEAST_US > call->deadline_us)
		return HM_AGAIN_NEVER;
	*ret_due_us = due_us;
	return is_spared ? HM_AGAIN_AT_ONCE : HM_AGAIN_LATER;
}
