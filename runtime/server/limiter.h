/*
 * Limiter: how many calls of a service may run at once, learnt from how long they take. Fed with what happened, it answers with a
 * number; no clock, no lock, no thread in it.
 *
 * The formula is that of Gradient2Limit in Netflix's concurrency-limits, over windows of samples:
 *
 *     gradient = clamp(tolerance × unhurried / latency, ½, 1)      latency: the window's mean
 *     limit    = smoothed(limit × gradient + headroom)
 *
 * There the unhurried latency is a long average, which follows a lasting overload up. Here it is learnt while less than half the
 * limit runs; under a lasting load, as brpc's auto limiter does, now and then a window runs at half the limit to measure it again.
 * The numbers are in one table in limiter.c. (server's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hm_limiter {
	uint32_t min, max;
	double limit; /* as computed; what holds is hm_limiter_get's */
	double unhurried_us; /* what a call takes that is not in others' way; 0: not known yet */
	bool is_warm; /* the first window, of which nothing is learnt, is over */
	/* The window under way. */
	int64_t began_us, sum_us;
	uint32_t samples, busiest;
	bool is_probe; /* at half the limit */
	uint32_t busy_windows; /* since the last probe */
};

/* How a call ended, as far as a limit can learn from it. */
enum hm_outcome {
	HM_OUTCOME_NONE, /* it says nothing: not run, cancelled, failed by itself */
	HM_OUTCOME_SERVED,
	HM_OUTCOME_LATE, /* cut off: it would have taken at least as long */
};

/* hm_limiter_init: the limit begins at max and stays within min and max. Both the same: it is fixed. */
void hm_limiter_init(struct hm_limiter *limiter, uint32_t min, uint32_t max);

/* hm_limiter_feed takes in the end of a call: when, after how long, and how many ran until then, itself included. */
void hm_limiter_feed(struct hm_limiter *limiter, int64_t now_us, int64_t latency_us, uint32_t in_flight,
		     enum hm_outcome outcome);

/* hm_limiter_get returns how many calls may run at once now; at least 1. */
uint32_t hm_limiter_get(const struct hm_limiter *limiter);
