/*
 * Back-off: how long a client leaves an endpoint alone that it could not connect to, and how long before it makes a call again. A pure function; the numbers are gRPC's
 * (its "connection backoff" document: 1 s, × 1.6, at most 120 s), the jitter is full: any time from 0 to the ceiling is as likely,
 * so that a thousand clients of a server that comes back do not come back together. Within one host, where a refusal costs
 * nothing and nobody is far away, the same curve begins and ends lower; as it does for calls, whose callers wait. (client's own header)
 */
#pragma once
#include <stdint.h>

/* hm_backoff_ceiling_ms is the longest time after so many failures in a row (from 1) of a URL. */
uint32_t hm_backoff_ceiling_ms(const char *url, unsigned failures);

/* hm_backoff_us is the time to wait; chance is uniform over all its values. */
int64_t hm_backoff_us(const char *url, unsigned failures, uint32_t chance);

/* hm_backoff_call_us is the time before a call is made again after so many attempts (from 1): at most 100 ms, × 1.6, at most 5 s. */
int64_t hm_backoff_call_us(unsigned attempts, uint32_t chance);
