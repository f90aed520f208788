/* Retry budget: a window of seconds that turns. The sums are of the seconds before the present one. */
#include "client/retry_budget.h"

#include "base/clock.h"

void hm_retry_budget_init(struct hm_retry_budget *budget, int64_t now_us)
{
	*budget = (struct hm_retry_budget){ .second_us = now_us + HM_US_PER_S };
}

static void turn_once(struct hm_retry_budget *budget)
{
	struct hm_retry_second *second = &budget->seconds[budget->present];

	budget->calls += second->calls;
	budget->retries += second->retries;
	budget->present = (budget->present + 1) % HM_RETRY_WINDOW_S;
	second = &budget->seconds[budget->present];
	budget->calls -= second->calls;
	budget->retries -= second->retries;
	*second = (struct hm_retry_second){ 0 };
	budget->second_us += HM_US_PER_S;
}

void hm_retry_budget_turn(struct hm_retry_budget *budget, int64_t now_us)
{
	if (now_us - budget->second_us >= HM_RETRY_WINDOW_S * HM_US_PER_S)
		hm_retry_budget_init(budget, now_us); /* nothing of the window is left */
	while (now_us >= budget->second_us)
		turn_once(budget);
}

bool hm_retry_budget_take(struct hm_retry_budget *budget, int64_t now_us)
{
	struct hm_retry_second *second;
	uint64_t allowed;

	if (now_us >= budget->second_us)
		hm_retry_budget_turn(budget, now_us);
	second = &budget->seconds[budget->present];
	allowed = (budget->calls + second->calls) * HM_RETRY_PERCENT / 100 + HM_RETRY_PER_S * HM_RETRY_WINDOW_S;
	if (budget->retries + second->retries >= allowed)
		return false;
	second->retries++;
	return true;
}
