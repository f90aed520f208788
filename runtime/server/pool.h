/*
 * Pool: a service's worker threads and the calls that wait for one. Threads start as they are needed, up to a number; how many calls
 * run at once is the limiter's to say, which brand's is next the fair queue's. A brand that has none running need not wait for those
 * of others: a few threads more are there for it.
 *
 * Who waits is served in order, brand by brand, and not newest first: a caller has said by its deadline how long it will wait, so a
 * call is turned away at once if it could not be served in time, and is otherwise better served late than dropped for a later one. One
 * whose time turns out not to suffice is dropped when its turn comes, undecoded.
 *
 * Calls that were refused before they ran, and are to be audited one by one, wait in a line of their own. (server's own header)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "server/limiter.h"

struct hm_method_row;
struct hm_pool;
struct hm_serving;
struct hm_tenant;

struct hm_pool_config {
	const char *name;
	uint32_t threads_max, queue_max;
	uint32_t running_max; /* calls at once; 0: as many as the limiter finds good, up to threads_max */
	enum hm_outcome (*work)(struct hm_serving *serving); /* ends the call, whose memory is then another's */
};

struct hm_pool *hm_pool_open(const struct hm_pool_config *config);

/* hm_pool_admit says of a call of which nothing was copied yet whether it should wait here. RESOURCE_EXHAUSTED, with the time to
 * retry after: no place (QUEUE_FULL), or it could not be done by its deadline (OVERLOADED; 0: it has none). Takes no lock
 * while nobody waits. */
hm_status hm_pool_admit(struct hm_pool *pool, const struct hm_method_row *row, const struct hm_tenant *tenant,
			int64_t deadline_us, int64_t now_us);

/* hm_pool_add gives the pool a call. False: the line is full. *ret_evicted: another brand's call that lost its place to this one,
 * for the caller to refuse; or NULL. */
bool hm_pool_add(struct hm_pool *pool, struct hm_serving *serving, bool is_refused, struct hm_serving **ret_evicted);

/* hm_pool_raise_full raises what a call hears that has no place. */
hm_status hm_pool_raise_full(const struct hm_method_row *row);

/* hm_pool_stop works off what waits and ends the threads; hm_pool_close frees. NULL is fine. */
void hm_pool_stop(struct hm_pool *pool);
void hm_pool_close(struct hm_pool *pool);

struct hm_pool_stats {
	uint32_t waiting, running, limit;
};
void hm_pool_stats(struct hm_pool *pool, struct hm_pool_stats *ret_stats);

/* hm_pool_list is hm_pool_stats, and says at the same moment whose calls wait: at most max of them; returns how many it wrote. */
struct hm_fair_share;
size_t hm_pool_list(struct hm_pool *pool, struct hm_pool_stats *ret_stats, struct hm_fair_share *ret_list, size_t max);
