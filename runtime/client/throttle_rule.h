/*
 * Throttle rule: which of its own calls a client keeps back from a server that refuses most of their kind for want of room or quota. To
 * refuse a call costs a server less than to do it, and yet, at ten times what it can do, enough to be missing elsewhere.
 *
 * The aim is that of client-side throttling in "Site Reliability Engineering" (Beyer et al., O'Reilly 2016, chapter 21, "Handling
 * Overload"): a server sees about one refused call for each that it accepts. There the part that is kept back follows from what was offered
 * in the last two minutes, so that much is kept back for a while after too much was asked. Here it follows from the answers of the
 * window before, for each pair of caller (a brand, proven by a token or not) and method:
 *
 *     sent = clamp(sent × clamp(2 × accepted / answers, 0.7, 2), 1/16, 1)          sent: the part that is not kept back
 *
 * A window lasts 100 ms and has 20 answers at least, or lasts a second; a second with fewer answers lowers nothing. So fewer than twenty
 * calls a second are never kept back, nor is more than 15 of 16, however many are refused and however late: when no more is asked of a
 * server than it takes, or it has room again, all calls pass within some windows. They are kept back evenly, one in so many.
 *
 * A pair has a line from its first refusal until a window says that all may pass, it has not called for HM_THROTTLE_FORGET_US when it
 * calls again, or its place is needed. Pure data: no clock, no lock in it. (client's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { HM_THROTTLE_ANSWERS = 20 };
#define HM_THROTTLE_WINDOW_US (100 * HM_US_PER_MS)
#define HM_THROTTLE_WINDOW_MAX_US HM_US_PER_S
#define HM_THROTTLE_FORGET_US (3 * HM_US_PER_S) /* a pair of which nothing was heard for so long */

struct hm_throttle;

struct hm_throttle *hm_throttle_open(void);
void hm_throttle_close(struct hm_throttle *throttle); /* NULL is fine */

/* hm_throttle_caller names a caller, hm_throttle_key the pair. A brand that is only said to be one's is not the brand. */
uint64_t hm_throttle_caller(const char *brand, bool is_proven);
uint64_t hm_throttle_key(uint64_t caller, uint64_t method);

/* hm_throttle_holds says whether a call that is about to be sent is kept back. *ret_retry_after_ms is what the server last asked for. */
bool hm_throttle_holds(struct hm_throttle *throttle, uint64_t key, int64_t now_us, uint32_t *ret_retry_after_ms);

/* hm_throttle_accepted and hm_throttle_refused take in the answer to a call that was sent. */
void hm_throttle_accepted(struct hm_throttle *throttle, uint64_t key, int64_t now_us);
void hm_throttle_refused(struct hm_throttle *throttle, uint64_t key, uint32_t retry_after_ms, int64_t now_us);
