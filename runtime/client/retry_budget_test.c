/* Retry budget: over simulated time. */
#include "client/retry_budget.h"

#include <criterion/criterion.h>

#include "base/clock.h"

enum { RESERVE = HM_RETRY_PER_S * HM_RETRY_WINDOW_S };

static unsigned take_all(struct hm_retry_budget *budget, int64_t now_us)
{
	unsigned taken = 0;

	while (hm_retry_budget_take(budget, now_us))
		taken++;
	return taken;
}

Test(retry_budget, gives_a_fifth_of_the_calls_and_ten_a_second)
{
	struct hm_retry_budget budget;

	hm_retry_budget_init(&budget, 0);
	cr_expect_eq(take_all(&budget, 0), RESERVE);
	for (int i = 0; i < 1000; i++)
		hm_retry_budget_note(&budget, 1000);
	cr_expect_eq(take_all(&budget, 1000), 200);
}

Test(retry_budget, forgets_what_is_older_than_its_window)
{
	struct hm_retry_budget budget;

	hm_retry_budget_init(&budget, 0);
	for (int i = 0; i < 1000; i++)
		hm_retry_budget_note(&budget, 0);
	cr_expect_eq(take_all(&budget, 0), RESERVE + 200);
	cr_expect_eq(take_all(&budget, 9 * HM_US_PER_S), 0, "the window still has them all");
	cr_expect_eq(take_all(&budget, 10 * HM_US_PER_S), RESERVE, "and now neither those calls nor those retries");
	cr_expect_eq(take_all(&budget, 1000 * HM_US_PER_S), RESERVE, "a long silence saves nothing up");
}

/* Ten clients, a server that is dead for a minute: each call fails and would be made three times more. */
Test(retry_budget, lets_no_storm_come_up)
{
	enum { CLIENTS = 10, SECONDS = 60, CALLS_PER_S = 100 };
	uint64_t calls = 0, attempts = 0;

	for (int client = 0; client < CLIENTS; client++) {
		struct hm_retry_budget budget;

		hm_retry_budget_init(&budget, 0);
		for (int call = 0; call < SECONDS * CALLS_PER_S; call++) {
			const int64_t now_us = call * (HM_US_PER_S / CALLS_PER_S);

			calls++;
			attempts++;
			hm_retry_budget_note(&budget, now_us);
			for (int again = 0; again < 3; again++)
				attempts += hm_retry_budget_take(&budget, now_us);
		}
	}
	cr_expect_leq(attempts, calls * 12 / 10 + CLIENTS * SECONDS * HM_RETRY_PER_S, "%lu for %lu calls",
		      (unsigned long)attempts, (unsigned long)calls);
	cr_expect_gt(attempts, calls * 12 / 10, "and what it has is used");
}
