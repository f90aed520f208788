/*
 * Tally: how many calls of a method ended how, how long they took, and how large their messages were: what the histograms of
 * OpenTelemetry's RPC conventions show. Counters only grow, are split over shards that threads take turns at, and are added to by the
 * run, so that a packet of many calls costs hardly more than one call. Thread-safe, without locks. (rpc's own header)
 *
 *     hm_tally_run_begin(&run);
 *     for each call:  hm_tally_run_add(&run, &row->tallies, status, us, request_bytes, reply_bytes);
 *     hm_tally_run_end(&run);
 */
#pragma once
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

/* Calls of one method and status, not counted yet. */
struct hm_tally_run {
	struct hm_tallies *tallies;
	hm_status status;
	uint64_t touched; /* a bit a bucket; the others are not set */
	uint32_t buckets[HM_TALLY_BUCKETS];
	uint64_t us, request_bytes, reply_bytes;
};

static inline void hm_tally_run_begin(struct hm_tally_run *run)
{
	run->tallies = NULL;
	run->status = HM_OK;
	run->touched = run->us = run->request_bytes = run->reply_bytes = 0;
}

void hm_tally_run_add(struct hm_tally_run *run, struct hm_tallies *tallies, hm_status status, int64_t us,
		      uint64_t request_bytes, uint64_t reply_bytes);
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
