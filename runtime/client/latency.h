/*
 * Latency: how long the answers of one method took lately, for the delay before a second attempt at a call (hedge_rule.h). Pure data: no
 * clock, no lock in it. A note is an increment of one counter.
 *
 *     counters    log-linear, as HdrHistogram's (Gil Tene, hdrhistogram.org): each octave from 512 µs on is cut into eight of the same
 *                 width, so a counter's upper end is at most an eighth more than what it counts. The first takes all that is
 *                 quicker, the last all from 67 s on
 *     windows     the present one and the one before, HM_LATENCY_WINDOW_US each: so what is counted is of the last 15 to 30 s
 *     percentile  by nearest rank: the upper end of the counter in which the ⌈p × n⌉-th of n samples lies, in order
 *
 * Worked out anew after every 64 notes, and when a window ends. (client's own header)
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"

enum {
	HM_LATENCY_COUNTERS = 137,
	HM_LATENCY_SAMPLES = 100, /* fewer say nothing of a percentile */
};
#define HM_LATENCY_WINDOW_US (15 * HM_US_PER_S)

struct hm_latency {
	uint32_t counters[2][HM_LATENCY_COUNTERS]; /* of the windows */
	uint32_t n[2]; /* samples in each */
	uint8_t present; /* which one is */
	uint32_t unseen; /* notes since the percentile was worked out */
	int64_t began_us; /* of the present one; 0: nothing was ever noted */
	int64_t percentile_us; /* as last worked out; 0: too few samples */
};

/* hm_latency_note counts an answer that took so long. */
void hm_latency_note(struct hm_latency *latency, int64_t took_us, int64_t now_us);

/* hm_latency_percentile_us says how long so many of a thousand answers took at most; 0: there are fewer than HM_LATENCY_SAMPLES to
 * tell by. permille (1 … 999) is the same each time. */
int64_t hm_latency_percentile_us(struct hm_latency *latency, uint32_t permille, int64_t now_us);

/* The latencies of a channel, by method: a percentile over all would hedge each call of a slow method and none of a quick one. */
struct hm_latencies;
struct hm_latencies *hm_latencies_open(void);
void hm_latencies_close(struct hm_latencies *latencies);

/* hm_latencies_find gives those of a method, by its id, as long as the channel lives; NULL: there are too many methods. */
struct hm_latency *hm_latencies_find(struct hm_latencies *latencies, uint64_t method);
