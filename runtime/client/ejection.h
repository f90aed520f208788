/*
 * Ejection: endpoints that fail while others do not are left alone for a time. Pure data, as the picker; the rules are Envoy's outlier
 * detection and gRPC's A50 in their simple form:
 *
 *     in a row      so many calls of a place failed one after the other: ejected at once
 *     success rate  once an interval, among places with enough calls: below the mean by more than 1.9 standard deviations
 *     for how long  30 s × times it was ejected, at most 300 s; an interval without being ejected takes one time off again
 *     how many      at most half of the members, so the only one, too, stays
 *
 * A call failed if it came back UNAVAILABLE or its connection was lost. The numbers are in one table, in ejection.c.
 * (client's own header)
 */
#pragma once
#include "client/picker.h"

struct hm_record {
	uint32_t in_a_row; /* failures since the last success */
	uint32_t ended, failed; /* in this interval */
	uint32_t times; /* it was ejected, less the good intervals since */
	int64_t until_us; /* ejected until then; 0: it is not */
};

struct hm_ejector {
	struct hm_places members;
	uint32_t n_members, n_ejected;
	int64_t sweep_us; /* end of the interval; INT64_MAX: nothing has happened in it yet */
	int64_t next_us; /* when hm_ejector_tick has something to do */
	struct hm_record records[HM_PLACES];
};

void hm_ejector_init(struct hm_ejector *ejector);

/* hm_ejector_add and hm_ejector_remove: a place that has an endpoint, and has none any more. */
void hm_ejector_add(struct hm_ejector *ejector, unsigned place);
void hm_ejector_remove(struct hm_ejector *ejector, unsigned place);

/* hm_ejector_note counts a call's end. True: the place is ejected now, and was not. */
bool hm_ejector_note(struct hm_ejector *ejector, unsigned place, bool has_failed, int64_t now_us);

/* hm_ejector_tick ends ejections whose time is over and looks at the success rates. True: some place's ejection began or ended.
 * hm_ejector_next_us says when it has something to do; INT64_MAX: never. */
bool hm_ejector_tick(struct hm_ejector *ejector, int64_t now_us);
int64_t hm_ejector_next_us(const struct hm_ejector *ejector);

bool hm_ejector_has(const struct hm_ejector *ejector, unsigned place);
