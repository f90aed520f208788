/*
 * Statements: what a store has learnt about its queries. Parameter types are asked of PostgreSQL once a store, by the
 * first connection that prepares a query; the others prepare it with the types already known, without waiting.
 *
 *     hm_query (constant) ← statement (one a store) → description (current) → older descriptions, kept until the end
 *
 * Look-ups take no lock. A description is never changed or freed while the store lives: after a migration it is dropped
 * and a new one made, under a new prepared name ("q7"), for others may be using the old one.
 */
#pragma once
#include <pthread.h>
#include <stdatomic.h>

#include "store/query.h"

enum { STATEMENT_BUCKETS = 64, PREPARED_NAME_BYTES = 16 };

struct description {
	struct description *older;
	unsigned version; /* unique in the store; names the prepared statement */
	int n_parameters;
	unsigned types[]; /* OIDs */
};

struct statement {
	struct statement *next; /* in its bucket */
	const struct hm_query *query;
	unsigned index; /* dense, from 0: a connection's `prepared` is indexed by it */
	_Atomic(struct description *) description; /* NULL: not known (any more) */
	struct description *all; /* for freeing */
};

struct registry {
	pthread_mutex_t lock; /* for adding */
	_Atomic(struct statement *) buckets[STATEMENT_BUCKETS];
	unsigned n_statements;
	atomic_uint n_versions;
};

void registry_init(struct registry *registry);
void registry_fini(struct registry *registry);

/* statement_get returns the statement of a query, which must outlive the store; a new one on first use. Thread-safe. */
struct statement *statement_get(struct registry *registry, const struct hm_query *query);

/* statement_describe makes a description current, unless another thread was faster: then that one's is returned. */
const struct description *statement_describe(struct registry *registry, struct statement *statement, unsigned version,
					     int n_parameters, const unsigned *types);

/* statement_forget drops a description that no longer holds; the next user asks again. */
void statement_forget(struct statement *statement, const struct description *description);

/* registry_version returns a number no prepared statement of this store has. */
unsigned registry_version(struct registry *registry);

void prepared_name(unsigned version, char ret_name[static PREPARED_NAME_BYTES]);
