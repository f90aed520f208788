/* Latency: where a time is counted, where of all that were counted a percentile lies, and which method's they are. */
#include "client/latency.h"

#include <stdlib.h>
#include <string.h>

enum {
	PARTS_SHIFT = 3, /* an octave has eight parts */
	PARTS = 1 << PARTS_SHIFT,
	LEAST_SHIFT = 9, /* the first octave begins at 512 µs */
	OCTAVES = (HM_LATENCY_COUNTERS - 1) / PARTS,
	NOTES = 64, /* between two looks */
	CHAINS = 64,
	METHODS_MAX = 256, /* of a channel; a service has some dozen */
};

/* The counter of all below 512 µs is the first. */
static uint32_t counter_of(int64_t took_us)
{
	uint64_t us = took_us > 0 ? (uint64_t)took_us : 0;
	uint32_t octave, counter;

	if (us >> LEAST_SHIFT == 0)
		return 0;
	octave = 63 - LEAST_SHIFT - (uint32_t)__builtin_clzll(us);
	if (octave >= OCTAVES)
		return HM_LATENCY_COUNTERS - 1;
	counter = octave * PARTS + (uint32_t)(us >> (octave + LEAST_SHIFT - PARTS_SHIFT) & (PARTS - 1));
	return 1 + counter;
}

/* The first time that is beyond what it counts. */
static int64_t end_of_us(uint32_t counter)
{
	uint32_t octave, part;

	if (!counter)
		return 1 << LEAST_SHIFT;
	octave = (counter - 1) / PARTS;
	part = (counter - 1) % PARTS;
	return (int64_t)(PARTS + part + 1) << (octave + LEAST_SHIFT - PARTS_SHIFT);
}

static void clear(struct hm_latency *latency, unsigned window)
{
	memset(latency->counters[window], 0, sizeof latency->counters[window]);
	latency->n[window] = 0;
}

/* The present window becomes the one before; after a long silence neither is of use. */
static void turn(struct hm_latency *latency, int64_t now_us)
{
	int64_t age_us = now_us - latency->began_us;

	if (age_us < HM_LATENCY_WINDOW_US)
		return;
	latency->present ^= 1;
	clear(latency, latency->present);
	if (age_us >= 2 * HM_LATENCY_WINDOW_US)
		clear(latency, latency->present ^ 1);
	latency->began_us = now_us;
	latency->unseen = NOTES;
}

void hm_latency_note(struct hm_latency *latency, int64_t took_us, int64_t now_us)
{
	turn(latency, now_us);
	latency->counters[latency->present][counter_of(took_us)]++;
	latency->n[latency->present]++;
	latency->unseen++;
}

static int64_t work_out_us(const struct hm_latency *latency, uint32_t permille)
{
	uint64_t n = (uint64_t)latency->n[0] + latency->n[1], rank = (n * permille + 999) / 1000, seen = 0;
	uint32_t counter = 0;

	if (n < HM_LATENCY_SAMPLES)
		return 0;
	for (; counter < HM_LATENCY_COUNTERS - 1; counter++) {
		seen += latency->counters[0][counter];
		seen += latency->counters[1][counter];
		if (seen >= rank)
			break;
	}
	return end_of_us(counter);
}

int64_t hm_latency_percentile_us(struct hm_latency *latency, uint32_t permille, int64_t now_us)
{
	turn(latency, now_us);
	if (latency->unseen < NOTES && latency->percentile_us)
		return latency->percentile_us;
	latency->unseen = 0;
	latency->percentile_us = work_out_us(latency, permille);
	return latency->percentile_us;
}

struct known {
	struct known *next;
	uint64_t method;
	struct hm_latency latency;
};

struct hm_latencies {
	size_t n;
	struct known *chains[CHAINS];
};

struct hm_latencies *hm_latencies_open(void)
{
	struct hm_latencies *latencies = calloc(1, sizeof *latencies);

	if (!latencies)
		abort();
	return latencies;
}

void hm_latencies_close(struct hm_latencies *latencies)
{
	for (size_t chain = 0; latencies && chain < CHAINS; chain++)
		for (struct known *known = latencies->chains[chain], *next; known; known = next) {
			next = known->next;
			free(known);
		}
	free(latencies);
}

struct hm_latency *hm_latencies_find(struct hm_latencies *latencies, uint64_t method)
{
	struct known **chain = &latencies->chains[method % CHAINS], *known = *chain;

	while (known && known->method != method)
		known = known->next;
	if (known)
		return &known->latency;
	if (latencies->n == METHODS_MAX)
		return NULL;
	known = calloc(1, sizeof *known);
	if (!known)
		abort();
	known->method = method;
	known->next = *chain;
	*chain = known;
	latencies->n++;
	return &known->latency;
}
