/*
 * Pool: a service's worker threads and the calls that wait for one. Threads start as they are needed, up to a number.
 * Calls that were refused before they ran wait in a line of their own, so that a full queue can still be audited.
 * (rpc's own header)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hm_pool;
struct hm_serving;

struct hm_pool *hm_pool_open(const char *name, uint32_t threads_max, uint32_t queue_max,
			     void (*work)(struct hm_serving *serving));

/* hm_pool_add gives the pool a call. False: the line is full. */
bool hm_pool_add(struct hm_pool *pool, struct hm_serving *serving, bool is_refused);

/* hm_pool_stop works off what waits and ends the threads; hm_pool_close frees. NULL is fine. */
void hm_pool_stop(struct hm_pool *pool);
void hm_pool_close(struct hm_pool *pool);
