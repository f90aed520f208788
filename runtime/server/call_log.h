/*
 * Call log: one line a call, at its end:
 *
 *     {"time":"2026-11-22T10:00:00.123456Z","level":"warning","what":"call","method":"follows.v1.Follows/Follow","status":"INTERNAL",…}
 *
 * What each field is, docs/operations.md says. No part of a message, token or error text is ever in it: a reason (UPPER_SNAKE) is
 * all it says of why, and the audit entry's id leads to the rest. Users are not named, services and operators are.
 */
#pragma once
#include "base/log_queue.h"
#include "server/call.h"

/* Which calls: written "none", "failed", "slow:MS" (and those that failed), "all". */
struct hm_call_log_policy {
	bool logs_failed, logs_all;
	uint32_t slow_ms; /* 0: slowness is no reason */
};

/* hm_call_log_parse reads a policy; INVALID_ARGUMENT says what may be written. */
hm_status hm_call_log_parse(const char *text, struct hm_call_log_policy *ret_policy);

/* What is known at a call's end beside the call. */
struct hm_call_end {
	hm_status status;
	const char *reason; /* ErrorInfo's; NULL or empty: none */
	const char *file; /* where the failure was raised; NULL: not in this process, or not at all */
	int line;
	uint64_t request_bytes, reply_bytes;
	int64_t now_us; /* monotonic; 0: not looked at yet */
};

/* hm_call_log_write gives a call's line to the queue, if the policy says so and the level is on: failures that are the server's at
 * warning, the caller's at info, slow and other calls at info. Of calls that went well under "all", those whose trace is not
 * sampled are left out. Never waits. */
void hm_call_log_write(struct hm_log_queue *queue, const struct hm_call_log_policy *policy, const struct hm_call *call,
		       struct hm_call_end *end);
