/*
 * Fair: the calls that wait for a worker, a line for each brand, served by deficit round robin.
 *
 *     ring   → acme: □□□□□□□□□ → nova: □ → nobody: □□□ → …       each turn earns a line QUANTUM of worker time, a call costs
 *                                                                what its method usually takes
 *
 * Every brand weighs the same. A brand alone has all places and may run as many calls as run at all. When the places are full, a
 * brand below its share of them takes one of the longest line's, whose oldest call has to go. When calls of several brands
 * wait, those that run less than their share go first. So a flood of one brand costs the others neither places nor workers.
 *
 * A structure and nothing else: no clock, no lock. Adding and taking are O(1) but for what is said there. (server's own header)
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What waits: part of a call. */
struct hm_fair_node {
	struct hm_fair_node *next;
	uint32_t tenant; /* whose line: a small number (server/tenant.h) */
	uint32_t cost_us;
};

struct hm_fair_line;

struct hm_fair {
	struct hm_fair_line **lines; /* by tenant; made as they are needed */
	uint32_t n_lines;
	struct hm_fair_line *last; /* of the ring of those that wait; its next one has the turn */
	uint32_t n_waiting; /* lines in the ring */
	uint32_t count, max; /* calls */
	uint32_t in_flight; /* taken and not ended */
	int64_t queued_us; /* what the calls that wait cost */
};

void hm_fair_init(struct hm_fair *fair, uint32_t max);
void hm_fair_fini(struct hm_fair *fair);

/* hm_fair_has_place says whether a call of a tenant would find a place, be it another's. */
bool hm_fair_has_place(const struct hm_fair *fair, uint32_t tenant);

/* hm_fair_add has a node wait; false: there is no place. *ret_evicted had to go for it, or is NULL; finding it is O(lines). */
bool hm_fair_add(struct hm_fair *fair, struct hm_fair_node *node, struct hm_fair_node **ret_evicted);

/* hm_fair_take takes the next node while less than `limit` are in flight; after that, while less than `limit` + `spare` are, those
 * of tenants that have none in flight. NULL: none. It is in flight until hm_fair_end. O(lines) where several wait. */
struct hm_fair_node *hm_fair_take(struct hm_fair *fair, uint32_t limit, uint32_t spare);
void hm_fair_end(struct hm_fair *fair, uint32_t tenant);

/* hm_fair_is_takeable says whether a call of this tenant that waits may be taken with these numbers. O(1). */
bool hm_fair_is_takeable(const struct hm_fair *fair, uint32_t tenant, uint32_t limit, uint32_t spare);

/* hm_fair_list says whose calls wait, and how many of each, at most max of them; returns how many it wrote. O(lines that wait). */
struct hm_fair_share {
	uint32_t tenant, calls;
};
size_t hm_fair_list(const struct hm_fair *fair, struct hm_fair_share *ret_list, size_t max);

/* hm_fair_ahead_us returns about how much work goes before a call of this tenant that came now: its own line's, and as much of each
 * other's. Divided by how many run at once it is the time to wait, however slow the calls of others are. */
int64_t hm_fair_ahead_us(const struct hm_fair *fair, uint32_t tenant);
