/* Picker: tickets, draws, and the cost of a place. */
#include "client/picker.h"

#include <stdlib.h>

#include "base/clock.h"

enum { DECAY_US = 10 * HM_US_PER_S, FLOOR_US = HM_US_PER_MS };
static const double PENALTY_US =
	1e12; /* of a place that has calls and has not answered one: dearer than any that has */

void hm_picker_init(struct hm_picker *picker, enum hm_balancing balancing, uint64_t seed)
{
	*picker = (struct hm_picker){ .balancing = balancing, .chance = seed ? seed : 1 };
}

void hm_picker_fini(struct hm_picker *picker)
{
	free(picker->tickets);
}

/* xorshift64*, its high half scaled to 0 … below - 1. */
static uint32_t draw(struct hm_picker *picker, uint32_t below)
{
	uint64_t x = picker->chance;

	x ^= x >> 12;
	x ^= x << 25;
	x ^= x >> 27;
	picker->chance = x;
	return (uint32_t)((x * UINT64_C(0x2545f4914f6cdd1d) >> 32) * below >> 32);
}

static uint8_t divisor(uint8_t a, uint8_t b)
{
	while (b) {
		uint8_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

/* Weights 2 and 4 are 1 and 2: fewer tickets. */
static uint8_t common_divisor(const struct hm_places *members, const uint8_t weights[HM_PLACES])
{
	uint8_t common = 0;

	for (unsigned place = 0; place < HM_PLACES; place++)
		if (hm_places_has(members, place))
			common = divisor(weights[place], common);
	return common ? common : 1;
}

/* A member of weight w is in w of as many rounds as the greatest weight, evenly spread. */
static void add_round(struct hm_picker *picker, const struct hm_places *members, const uint8_t weights[HM_PLACES],
		      uint8_t common, unsigned round)
{
	unsigned rounds = HM_WEIGHT_MAX;

	for (unsigned place = 0; place < HM_PLACES; place++) {
		unsigned weight = weights[place] / common;

		if (hm_places_has(members, place) && (round + 1) * weight / rounds > round * weight / rounds)
			picker->tickets[picker->n_tickets++] = (uint8_t)place;
	}
}

void hm_picker_set_members(struct hm_picker *picker, const struct hm_places *members, const uint8_t weights[HM_PLACES])
{
	uint8_t common = common_divisor(members, weights);
	size_t tickets = 0;

	picker->n_members = picker->n_tickets = 0;
	for (unsigned place = 0; place < HM_PLACES; place++)
		if (hm_places_has(members, place)) {
			picker->n_members++;
			tickets += weights[place] / common;
		}
	if (!tickets)
		return;
	picker->tickets = reallocarray(picker->tickets, tickets, 1);
	if (!picker->tickets)
		abort();
	for (unsigned round = 0; round < HM_WEIGHT_MAX; round++)
		add_round(picker, members, weights, common, round);
	picker->next =
		draw(picker, picker->n_tickets); /* so that clients that began together do not go round together */
}

/* Brings the average to now, as if a latency of 0 were seen: who is left alone is forgiven with time. */
static void observe(struct hm_load *load, double latency_us, int64_t now_us)
{
	double since_us = now_us > load->stamp_us ? (double)(now_us - load->stamp_us) : 0;
	double weight = DECAY_US / (DECAY_US + since_us);

	if (latency_us > load->average_us)
		load->average_us = latency_us;
	else
		load->average_us = load->average_us * weight + latency_us * (1 - weight);
	load->stamp_us = now_us;
}

static double cost_of(struct hm_load *load, int64_t now_us)
{
	if (!load->stamp_us)
		return load->outstanding ? PENALTY_US + load->outstanding : 0;
	observe(load, 0, now_us);
	return (load->average_us > FLOOR_US ? load->average_us : FLOOR_US) * (load->outstanding + 1);
}

/* The first ticket from `from` on whose place is not to be avoided and is not `other`; HM_PLACE_NONE: there is none. */
static int find(const struct hm_picker *picker, uint32_t from, const struct hm_places *avoid, int other)
{
	for (uint32_t i = 0; i < picker->n_tickets; i++, from++) {
		int place = picker->tickets[from < picker->n_tickets ? from : from - picker->n_tickets];

		if (place != other && !(avoid && hm_places_has(avoid, (unsigned)place)))
			return place;
	}
	return HM_PLACE_NONE;
}

static int pick_in_turn(struct hm_picker *picker, const struct hm_places *avoid)
{
	uint32_t turn = picker->next;

	picker->next = turn + 1 < picker->n_tickets ? turn + 1 : 0;
	return find(picker, turn, avoid, HM_PLACE_NONE);
}

static int pick_of_two(struct hm_picker *picker, const struct hm_places *avoid, int64_t now_us)
{
	uint32_t at = draw(picker, picker->n_tickets);
	int one = find(picker, at, avoid, HM_PLACE_NONE), two;

	if (one == HM_PLACE_NONE)
		return one;
	at += 1 + draw(picker, picker->n_tickets - 1);
	two = find(picker, at < picker->n_tickets ? at : at - picker->n_tickets, avoid, one);
	if (two == HM_PLACE_NONE || cost_of(&picker->loads[one], now_us) <= cost_of(&picker->loads[two], now_us))
		return one;
	return two;
}

int hm_picker_pick(struct hm_picker *picker, const struct hm_places *avoid, int64_t now_us)
{
	int place;

	if (picker->n_members <= 1)
		return picker->n_members ? picker->tickets[0] : HM_PLACE_NONE;
	place = picker->balancing == HM_ROUND_ROBIN ? pick_in_turn(picker, avoid) : pick_of_two(picker, avoid, now_us);
	if (place == HM_PLACE_NONE) /* better one that is to be avoided than none */
		return hm_picker_pick(picker, NULL, now_us);
	return place;
}

void hm_picker_begin(struct hm_picker *picker, unsigned place)
{
	picker->loads[place].outstanding++;
}

void hm_picker_end(struct hm_picker *picker, unsigned place, int64_t latency_us, int64_t now_us)
{
	struct hm_load *load = &picker->loads[place];

	load->outstanding--;
	if (latency_us >= 0)
		observe(load, (double)latency_us, now_us);
}

void hm_picker_clear(struct hm_picker *picker, unsigned place)
{
	picker->loads[place] = (struct hm_load){ 0 };
}
