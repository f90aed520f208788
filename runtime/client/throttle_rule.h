/*
 * Throttle rule: which of its own calls a client keeps back from a server that refuses many of their kind for want of room or quota. To
 * refuse a call costs a server less than to do it, and yet, at ten times what it can do, enough to be missing elsewhere.
 *
 * The aim is that of client-side throttling in "Site Reliability Engineering" (Beyer et al., O'Reilly 2016, chapter 21, "Handling
 * Overload"): a server sees only so many refused calls for each that it accepts, there about one, here half a one. There the part that is
 * kept back follows from what was offered in the last two minutes, so that much is kept back for a while after too much was asked. Here
 * it follows from the answers of the window before, for each kind of call: its caller (a brand, proven by a token or not), its method,
 * and how much time it has, to a power of four, as a server refuses who has too little time for its queue sooner than others:
 *
 *     sent = clamp(sent × clamp(1.5 × accepted / answers, 0.7, 2), 1/16, 1)     sent: the part that is not kept back
 *     sent = min(2 × sent, 1)                                                   of a window in which none was refused
 *
 * A window lasts 100 ms and has 20 answers at least (five, if none was refused), or lasts a second; a second with fewer answers lowers
 * nothing, and after one in which fewer than 20 were to be sent, and fewer answered, all pass. Where a server takes calls by fits, all of a
 * second's at its beginning, good windows and bad ones take turns, and it sees up to three refused for each. No more than 15 of 16 are kept back,
 * however many are refused and however late: when no more is asked of a server than it takes, or it has room again, all pass within some
 * windows. They are kept back evenly, one in so many.
 *
 * A kind has a line from its first refusal until all may pass, none was sent for HM_THROTTLE_FORGET_US when the next one is to be, or
 * its place is needed. Pure data: no clock, no lock in it. (client's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/clock.h"

enum { HM_THROTTLE_ANSWERS = 20 };
#define HM_THROTTLE_WINDOW_US (100 * HM_US_PER_MS)
#define HM_THROTTLE_WINDOW_MAX_US HM_US_PER_S
#define HM_THROTTLE_FORGET_US (3 * HM_US_PER_S) /* a kind of which nothing was heard for so long */

struct hm_throttle;

struct hm_throttle *hm_throttle_open(void);
void hm_throttle_close(struct hm_throttle *throttle); /* NULL is fine */

/* hm_throttle_caller names a caller. A brand that no token proves is not the brand; where the brand is the token's to say, the token is
 * the caller. hm_throttle_key names a kind of call; timeout_ms: what is left of its time, 0: it has all. */
uint64_t hm_throttle_caller(const char *brand, const char *token);
uint64_t hm_throttle_key(uint64_t caller, uint64_t method, uint32_t timeout_ms);

/* hm_throttle_holds says whether a call that is about to be sent is kept back. *ret_retry_after_ms is what the server last asked for. */
bool hm_throttle_holds(struct hm_throttle *throttle, uint64_t key, int64_t now_us, uint32_t *ret_retry_after_ms);

/* hm_throttle_accepted and hm_throttle_refused take in the answer to a call that was sent. */
void hm_throttle_accepted(struct hm_throttle *throttle, uint64_t key, int64_t now_us);
void hm_throttle_refused(struct hm_throttle *throttle, uint64_t key, uint32_t retry_after_ms, int64_t now_us);
