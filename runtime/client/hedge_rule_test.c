/* Hedge rule: the decisions, row by row. */
#include "client/hedge_rule.h"

#include <criterion/criterion.h>

#include "base/clock.h"

enum { MS = HM_US_PER_MS, NOW = 1000 * MS };

#define REPEATABLE                                          \
	{                                                   \
		.made = 1, .most = 4, .is_idempotent = true \
	}

static const struct after_row {
	const char *what;
	int32_t target_ms;
	uint32_t method_ms;
	int64_t measured_us;
	struct hm_attempt_call call;
	int64_t after_us;
} after_rows[] = {
	{ "nobody says so", HM_HEDGE_UNSAID, 0, 0, REPEATABLE, 0 },
	{ "the contract says so", HM_HEDGE_UNSAID, 20, 0, REPEATABLE, 20 * MS },
	{ "the target says so", 7, 0, 0, REPEATABLE, 7 * MS },
	{ "the target knows better", 7, 20, 0, REPEATABLE, 7 * MS },
	{ "the target forbids it", 0, 20, 0, REPEATABLE, 0 },
	{ "it was measured", HM_HEDGE_UNSAID, 0, 4500, REPEATABLE, 4500 },
	{ "it was measured, which the contract could not", HM_HEDGE_UNSAID, 20, 4500, REPEATABLE, 4500 },
	{ "it was measured, and is quick", HM_HEDGE_UNSAID, 20, MS - 1, REPEATABLE, MS },
	{ "it may be done once", 7, 20, 4500, { .made = 1, .most = 4 }, 0 },
	{ "a stream", 7, 20, 4500, { .made = 1, .most = 4, .is_idempotent = true, .is_stream = true }, 0 },
	{ "one attempt at most", 7, 20, 4500, { .made = 1, .most = 1, .is_idempotent = true }, 0 },
};

Test(hedge_rule, only_what_may_be_done_twice_is_hedged_and_only_where_somebody_says_so)
{
	for (size_t i = 0; i < sizeof after_rows / sizeof *after_rows; i++) {
		const struct after_row *row = &after_rows[i];

		cr_expect_eq(hm_hedge_after_us(row->target_ms, row->method_ms, row->measured_us, &row->call),
			     row->after_us, "%s", row->what);
	}
}

static const struct due_row {
	const char *what;
	uint32_t after_ms;
	struct hm_attempt_call call;
	int64_t due_us;
} due_rows[] = {
	{ "no deadline", 20, REPEATABLE, NOW + 20 * MS },
	{ "never", 0, REPEATABLE, INT64_MAX },
	{ "the attempts are used up", 20, { .made = 4, .most = 4 }, INT64_MAX },
	{ "one is left", 20, { .made = 3, .most = 4 }, NOW + 20 * MS },
	{ "just in time", 20, { .made = 1, .most = 4, .deadline_us = NOW + 21 * MS }, NOW + 20 * MS },
	{ "too late", 20, { .made = 1, .most = 4, .deadline_us = NOW + 21 * MS - 1 }, INT64_MAX },
	{ "the longest", HM_HEDGE_MS_MAX, REPEATABLE, NOW + (int64_t)HM_HEDGE_MS_MAX *MS },
};

Test(hedge_rule, no_second_attempt_begins_too_late_or_over_the_number_of_attempts)
{
	for (size_t i = 0; i < sizeof due_rows / sizeof *due_rows; i++) {
		const struct due_row *row = &due_rows[i];

		cr_expect_eq(hm_hedge_due_us((int64_t)row->after_ms * MS, &row->call, NOW), row->due_us, "%s",
			     row->what);
	}
}

static const struct end_row {
	const char *what;
	struct hm_attempt_end end;
	bool decides; /* while the other attempt is under way */
} end_rows[] = {
	{ "its method failed for good", { HM_FATE_ANSWERED, HM_NOT_FOUND, 0 }, true },
	{ "its time is over", { HM_FATE_ANSWERED, HM_DEADLINE_EXCEEDED, 0 }, true },
	{ "the channel was closed", { HM_FATE_LOST, HM_CANCELLED, 0 }, true },
	{ "aborted, not told when", { HM_FATE_ANSWERED, HM_ABORTED, 0 }, true },
	{ "the other attempt has its key", { HM_FATE_ANSWERED, HM_ABORTED, 50 }, false },
	{ "refused", { HM_FATE_REFUSED, HM_UNAVAILABLE, 0 }, false },
	{ "no room, told when", { HM_FATE_REFUSED, HM_RESOURCE_EXHAUSTED, 50 }, false },
	{ "lost", { HM_FATE_LOST, HM_UNAVAILABLE, 0 }, false },
};

Test(hedge_rule, the_first_end_that_is_no_passing_failure_is_the_calls)
{
	for (size_t i = 0; i < sizeof end_rows / sizeof *end_rows; i++) {
		const struct end_row *row = &end_rows[i];

		cr_expect_eq(hm_hedge_decides(&row->end, false), row->decides, "%s", row->what);
		cr_expect(hm_hedge_decides(&row->end, true), "%s, and no other attempt is left", row->what);
	}
}
