/* Attempt: the decision, row by row. */
#include "client/attempt.h"

#include <criterion/criterion.h>

#include "base/clock.h"

enum { MS = HM_US_PER_MS, NOW = 1000 * MS, HALF = 1u << 31 };

struct row {
	const char *what;
	struct hm_attempt_call call;
	struct hm_attempt_end end;
	enum hm_again again;
	int64_t after_us; /* LATER: with a chance of one half */
};

#define FIRST .made = 1, .most = 4
#define IDEMPOTENT FIRST, .is_idempotent = true
#define NEVER HM_AGAIN_NEVER, 0
#define AT_ONCE HM_AGAIN_AT_ONCE, 0
#define AFTER(ms) HM_AGAIN_LATER, (ms)*MS

static const struct row rows[] = {
	/* What was surely not processed, whatever its method. */
	{ "nobody reached", { FIRST }, { HM_FATE_UNCONNECTED, HM_UNAVAILABLE, 0 }, AFTER(50) },
	{ "for the second time", { .made = 2, .most = 4 }, { HM_FATE_UNCONNECTED, HM_UNAVAILABLE, 0 }, AFTER(80) },
	{ "for the third time", { .made = 3, .most = 4 }, { HM_FATE_UNCONNECTED, HM_UNAVAILABLE, 0 }, AFTER(128) },
	{ "for the last time", { .made = 4, .most = 4 }, { HM_FATE_UNCONNECTED, HM_UNAVAILABLE, 0 }, NEVER },
	{ "the channel was closed", { IDEMPOTENT }, { HM_FATE_UNCONNECTED, HM_CANCELLED, 0 }, NEVER },
	{ "too large to be sent", { IDEMPOTENT }, { HM_FATE_UNCONNECTED, HM_RESOURCE_EXHAUSTED, 0 }, NEVER },
	{ "never left", { FIRST }, { HM_FATE_UNSENT, HM_UNAVAILABLE, 0 }, AT_ONCE },
	{ "never left, as the last", { .made = 4, .most = 4 }, { HM_FATE_UNSENT, HM_UNAVAILABLE, 0 }, AT_ONCE },
	{ "never left, twice", { FIRST, .was_spared = true }, { HM_FATE_UNSENT, HM_UNAVAILABLE, 0 }, AFTER(50) },
	{ "refused", { FIRST }, { HM_FATE_REFUSED, HM_UNAVAILABLE, 0 }, AT_ONCE },
	{ "refused twice", { FIRST, .was_spared = true }, { HM_FATE_REFUSED, HM_UNAVAILABLE, 0 }, AFTER(50) },
	{ "refused and told when", { FIRST }, { HM_FATE_REFUSED, HM_UNAVAILABLE, 400 }, AFTER(450) },
	{ "no room, told when", { FIRST }, { HM_FATE_REFUSED, HM_RESOURCE_EXHAUSTED, 40 }, AFTER(45) },
	{ "no room, not told when", { FIRST }, { HM_FATE_REFUSED, HM_RESOURCE_EXHAUSTED, 0 }, NEVER },
	{ "not allowed", { IDEMPOTENT }, { HM_FATE_REFUSED, HM_PERMISSION_DENIED, 100 }, NEVER },

	/* What may have been processed. */
	{ "lost", { FIRST }, { HM_FATE_LOST, HM_UNAVAILABLE, 0 }, NEVER },
	{ "lost, idempotent", { IDEMPOTENT }, { HM_FATE_LOST, HM_UNAVAILABLE, 0 }, AFTER(50) },
	{ "failed", { FIRST }, { HM_FATE_ANSWERED, HM_UNAVAILABLE, 0 }, NEVER },
	{ "failed, told when", { FIRST }, { HM_FATE_ANSWERED, HM_ABORTED, 100 }, NEVER },
	{ "failed, idempotent", { IDEMPOTENT }, { HM_FATE_ANSWERED, HM_UNAVAILABLE, 0 }, AFTER(50) },
	{ "busy, told when", { IDEMPOTENT }, { HM_FATE_ANSWERED, HM_ABORTED, 80 }, AFTER(90) },
	{ "aborted, not told when", { IDEMPOTENT }, { HM_FATE_ANSWERED, HM_ABORTED, 0 }, NEVER },

	/* Time. */
	{ "in time", { IDEMPOTENT, .deadline_us = NOW + 51 * MS }, { HM_FATE_LOST, HM_UNAVAILABLE, 0 }, AFTER(50) },
	{ "too late", { IDEMPOTENT, .deadline_us = NOW + 50 * MS }, { HM_FATE_LOST, HM_UNAVAILABLE, 0 }, NEVER },
	{ "told too late",
	  { FIRST, .deadline_us = NOW + 5000 * MS },
	  { HM_FATE_REFUSED, HM_UNAVAILABLE, 6000 },
	  NEVER },
	{ "at the end", { FIRST, .deadline_us = NOW }, { HM_FATE_UNSENT, HM_UNAVAILABLE, 0 }, NEVER },

	/* Who gets no other attempt. */
	{ "switched off",
	  { .made = 1, .most = 1, .is_idempotent = true },
	  { HM_FATE_UNSENT, HM_UNAVAILABLE, 0 },
	  NEVER },
	{ "a stream", { IDEMPOTENT, .is_stream = true }, { HM_FATE_LOST, HM_UNAVAILABLE, 0 }, NEVER },
	{ "a stream refused", { FIRST, .is_stream = true }, { HM_FATE_REFUSED, HM_UNAVAILABLE, 0 }, AT_ONCE },
	{ "a stream that never left", { FIRST, .is_stream = true }, { HM_FATE_UNSENT, HM_UNAVAILABLE, 0 }, AT_ONCE },
};

Test(attempt, is_made_again_by_the_table)
{
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		const struct row *row = &rows[i];
		int64_t due_us = NOW;

		cr_expect_eq(hm_attempt_decide(&row->call, &row->end, NOW, HALF, &due_us), row->again, "%s", row->what);
		cr_expect_eq(due_us, NOW + row->after_us, "%s: after %ld us", row->what, (long)(due_us - NOW));
	}
}

Test(attempt, is_never_made_again_after_a_status_that_is_final)
{
	static const bool passes[HM_STATUS_COUNT] = {
		[HM_UNAVAILABLE] = true, [HM_RESOURCE_EXHAUSTED] = true, [HM_ABORTED] = true
	};
	const struct hm_attempt_call call = { IDEMPOTENT };

	for (int code = 1; code < HM_STATUS_COUNT; code++) {
		const struct hm_attempt_end end = { HM_FATE_REFUSED, (hm_status)code, 100 };
		int64_t due_us;

		cr_expect_eq(hm_attempt_decide(&call, &end, NOW, HALF, &due_us) != HM_AGAIN_NEVER, passes[code], "%s",
			     hm_status_name(code));
	}
}
