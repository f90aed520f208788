/*
 * Picker: which of a channel's endpoints gets the next call. Pure data: no clock, no lock, no connection in it.
 *
 *     places   0 … 127, one an endpoint; members: the places that may be picked now
 *     tickets  the members' places, each as often as its weight says, evenly mixed; a pick draws tickets, so it is O(1)
 *
 * LEAST_LOADED is the power of two choices (Mitzenmacher 2001): two members are drawn, the one that costs less is taken. The
 * cost is Finagle's Peak EWMA (finagle-core, loadbalancer/PeakEwma.scala): a moving average of the latency that jumps up to each
 * peak and comes down slowly, times the calls that would then be outstanding:
 *
 *     observed (t since the last):   average = latency > average ? latency : average × w + latency × (1 - w)
 *     cost:                          average × (outstanding + 1);  without any latency yet, outstanding beyond the first is dear
 *
 * with w = τ / (τ + t), the low-pass filter's form of Finagle's e^(-t/τ), which needs no exp(). A latency below a floor counts as the
 * floor: a few microseconds more or less are chance, and no reason to leave a server without work.
 * (client's own header)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "client/channel.h"

enum { HM_PLACES = 128, HM_WEIGHT_MAX = 100, HM_PLACE_NONE = -1 };

/* A set of places. */
struct hm_places {
	uint64_t bits[HM_PLACES / 64];
};

static inline bool hm_places_has(const struct hm_places *places, unsigned place)
{
	return places->bits[place / 64] >> place % 64 & 1;
}

static inline void hm_places_add(struct hm_places *places, unsigned place)
{
	places->bits[place / 64] |= UINT64_C(1) << place % 64;
}

/* hm_places_join adds all of another set; NULL: none. */
static inline void hm_places_join(struct hm_places *places, const struct hm_places *others)
{
	for (size_t i = 0; others && i < sizeof places->bits / sizeof *places->bits; i++)
		places->bits[i] |= others->bits[i];
}

struct hm_load {
	double average_us;
	int64_t stamp_us; /* when it was last brought up to date; 0: no latency known yet */
	uint32_t outstanding;
};

struct hm_picker {
	enum hm_balancing balancing;
	uint64_t chance; /* state of the generator; never 0 */
	uint32_t next; /* round robin: the next ticket */
	uint32_t n_tickets, n_members;
	uint8_t *tickets;
	struct hm_load loads[HM_PLACES];
};

/* hm_picker_init begins without members. The same seed gives the same picks. */
void hm_picker_init(struct hm_picker *picker, enum hm_balancing balancing, uint64_t seed);
void hm_picker_fini(struct hm_picker *picker);

/* hm_picker_set_members says who may be picked from now on; weights (1 … HM_WEIGHT_MAX) by place. Loads stay. */
void hm_picker_set_members(struct hm_picker *picker, const struct hm_places *members, const uint8_t weights[HM_PLACES]);

/* hm_picker_pick gives a member's place, outside `avoid` (NULL: none) if there is one; HM_PLACE_NONE without members. */
int hm_picker_pick(struct hm_picker *picker, const struct hm_places *avoid, int64_t now_us);

/* hm_picker_begin and hm_picker_end frame a call at a place; latency_us below 0: the end says nothing about the latency.
 * hm_picker_clear forgets what was known of a place without calls: another endpoint has it now. */
void hm_picker_begin(struct hm_picker *picker, unsigned place);
void hm_picker_end(struct hm_picker *picker, unsigned place, int64_t latency_us, int64_t now_us);
void hm_picker_clear(struct hm_picker *picker, unsigned place);
