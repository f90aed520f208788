/*
 * Retry budget: how many attempts a channel may make beside its calls, so that a server in trouble gets not four times the load just
 * then. The rule and its numbers are Finagle's (finagle-core, service/RetryBudget.scala): within any ten seconds a fifth of the
 * calls of that time, and ten a second besides, so that a client that seldom calls may retry too. Pure data: no clock, no lock.
 *
 *     seconds   | calls, retries | … ten of them … |      the one that is eleven seconds old makes room for the next
 *
 * (client's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

enum {
	HM_RETRY_WINDOW_S = 10,
	HM_RETRY_PERCENT = 20, /* of the calls of the window */
	HM_RETRY_PER_S = 10, /* besides */
};

struct hm_retry_budget {
	int64_t second_us; /* when the present second ends */
	uint32_t present;
	struct hm_retry_second {
		uint32_t calls, retries;
	} seconds[HM_RETRY_WINDOW_S];
	uint64_t calls, retries; /* of the window */
};

void hm_retry_budget_init(struct hm_retry_budget *budget, int64_t now_us);
void hm_retry_budget_turn(struct hm_retry_budget *budget, int64_t now_us);

/* hm_retry_budget_note counts a call's first attempt. */
static inline void hm_retry_budget_note(struct hm_retry_budget *budget, int64_t now_us)
{
	if (now_us >= budget->second_us)
		hm_retry_budget_turn(budget, now_us);
	budget->seconds[budget->present].calls++;
}

/* hm_retry_budget_take takes one attempt from it; false: it is used up. */
bool hm_retry_budget_take(struct hm_retry_budget *budget, int64_t now_us);
