/*
 * Quota: so many calls a second and no more, as a token bucket in one word: the generic cell rate algorithm (ITU-T I.371), which
 * keeps the time at which the bucket would be full again. No lock; thread-safe. (server's and guard's own header)
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { HM_QUOTA_RATE_MAX = 1000000 };

struct hm_quota {
	_Atomic uint32_t interval_ns; /* between two calls; 0: no quota */
	_Atomic int64_t full_ns; /* when the bucket is full again; in the past: it is full */
};

/* hm_quota_set allows so many calls a second (0: any number), and as many at once after a second without. From 1 to
 * HM_QUOTA_RATE_MAX; more is taken for that. At any time. */
void hm_quota_set(struct hm_quota *quota, uint32_t calls_per_s);

/* hm_quota_take takes a call's token. False: there is none, and *ret_wait_ms says after how long one will be there; may be NULL. */
bool hm_quota_take(struct hm_quota *quota, int64_t now_us, uint32_t *ret_wait_ms);

/* hm_quota_get returns the calls a second; 0: any number. */
uint32_t hm_quota_get(const struct hm_quota *quota);
