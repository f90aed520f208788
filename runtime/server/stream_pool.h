/*
 * Stream pool: a service's threads for calls that stream. Each call has one for as long as it lasts, so that the service's workers
 * are never kept from unary calls by streams that wait. Threads start as they are needed and stay for the next call.
 * (server's own header)
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

struct hm_serving;
struct hm_stream_pool;

struct hm_stream_pool *hm_stream_pool_open(const char *name, uint32_t threads_max);

/* hm_stream_pool_add gives a call to a thread. False: none is free and no more may be started: threads_max, and a quarter more for
 * brands that have no call here. So one brand's streams, which may last for ever, keep no other from its first. */
bool hm_stream_pool_add(struct hm_stream_pool *pool, struct hm_serving *serving);

/* hm_stream_pool_close waits for the calls to end, and frees. NULL is fine. */
void hm_stream_pool_close(struct hm_stream_pool *pool);
