/*
 * Client tally: the calls this process made, by method: what rpc_client_call_duration_seconds shows. One table for the process, as
 * channels come and go and counters only grow. Thread-safe, without locks. (client's own header, but for hm_client_collect)
 */
#pragma once
#include "rpc/method.h"
#include "rpc/tally.h"

/* hm_client_tallies returns a method's counters; those of a method beyond the thousandth are shared. */
struct hm_tallies *hm_client_tallies(const struct hm_method *method);

/* hm_client_count_throttled counts an attempt at a call that was kept back (throttle.h). */
void hm_client_count_throttled(const struct hm_method *method);

/* hm_client_collect is a hm_collect_fn; user is not used. */
void hm_client_collect(void *user, struct hm_exposition *exposition);
