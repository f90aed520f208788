/*
 * Tally: how many calls of a method ended how, how long they took, and how large their messages were: what the histograms of
 * OpenTelemetry's RPC conventions show. Counters only grow, are split over shards that threads take turns at, and are added to by the
 * run, so that a packet of many calls costs hardly more than one call. Thread-safe, without locks. (client's and server's own header)
 *
 *     hm_tally_run_begin(&run);
 *     for each call:  hm_tally_run_add(&run, &row->tallies, status, us, request_bytes, reply_bytes);
 *     hm_tally_run_end(&run);
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/exposition.h"
#include "base/status.h"

enum {
	HM_TALLY_TIMES = 18, /* buckets, the last without a bound */
	HM_TALLY_SIZES = 10,
	HM_TALLY_BUCKETS = HM_TALLY_TIMES + 2 * HM_TALLY_SIZES, /* of times, requests, replies */
};

struct hm_tally;

/* Of one method; all zero at first. A status' counters are made when it first comes. */
struct hm_tallies {
	_Atomic(struct hm_tally *) by_status[HM_STATUS_COUNT];
};

/* What lies above one number and up to another: a bucket. */
struct hm_tally_range {
	uint64_t above_or_at, up_to; /* both belong to it */
	unsigned bucket;
};

/* Calls of one method, status and buckets, not counted yet. */
struct hm_tally_run {
	struct hm_tallies *tallies;
	hm_status status;
	uint32_t count;
	struct hm_tally_range us, request_bytes, reply_bytes;
	uint64_t us_sum, request_sum, reply_sum;
};

static inline void hm_tally_run_begin(struct hm_tally_run *run)
{
	run->count = 0;
}

static inline bool hm_tally_range_has(const struct hm_tally_range *range, uint64_t number)
{
	return number >= range->above_or_at && number <= range->up_to;
}

/* hm_tally_run_turn ends the run and begins another one, of calls as this. */
void hm_tally_run_turn(struct hm_tally_run *run, struct hm_tallies *tallies, hm_status status, uint64_t us,
		       uint64_t request_bytes, uint64_t reply_bytes);

static inline void hm_tally_run_add(struct hm_tally_run *run, struct hm_tallies *tallies, hm_status status,
				    int64_t took_us, uint64_t request_bytes, uint64_t reply_bytes)
{
	const uint64_t us = took_us > 0 ? (uint64_t)took_us : 0;

	if (!run->count || run->tallies != tallies || run->status != status || !hm_tally_range_has(&run->us, us) ||
	    !hm_tally_range_has(&run->request_bytes, request_bytes) ||
	    !hm_tally_range_has(&run->reply_bytes, reply_bytes))
		hm_tally_run_turn(run, tallies, status, us, request_bytes, reply_bytes);
	run->count++;
	run->us_sum += us;
	run->request_sum += request_bytes;
	run->reply_sum += reply_bytes;
}

void hm_tally_run_end(struct hm_tally_run *run);

/* hm_tallies_add counts one call. */
void hm_tallies_add(struct hm_tallies *tallies, hm_status status, int64_t us, uint64_t request_bytes,
		    uint64_t reply_bytes);

/* hm_tallies_collect adds a method's samples; nothing if it was never called. is_server: whose metrics, and which failures are
 * errors: a server's are those that are not its caller's fault. */
void hm_tallies_collect(struct hm_tallies *tallies, const char *method, bool is_server,
			struct hm_exposition *exposition);

/* hm_tallies_fini frees the counters. Nobody counts any more. */
void hm_tallies_fini(struct hm_tallies *tallies);
