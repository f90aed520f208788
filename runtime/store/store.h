/*
 * Store: a service's connections to its PostgreSQL schema, and transactions on them.
 *
 *     open → (tx_open → tx_query … → tx_commit | tx_rollback) → close
 *
 * A transaction opens at its first statement: brand, deadline and statement travel as one pipeline burst; what was
 * appended (the audit entry) and the commit travel as one more. All parameters and results are binary. Statements are
 * prepared once a connection. A plan gone stale after a migration (0A000) is prepared again and run once more.
 *
 * Pools are lazy: a connection is made when one is needed, never more than connections_max a role, waiting is bounded
 * by the transaction's deadline. A broken connection is dropped; the next transaction makes a new one. While PostgreSQL lets nobody
 * in, one at a time tries again, ever more slowly up to four times a second, and transactions fail with its answer.
 *
 * A statement ends with its time: by PostgreSQL's own statement_timeout, else by a cancel. A transaction that is cancelled from
 * outside (hm_tx_options) has its statement cancelled, or its wait for a connection ended, and fails CANCELLED.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/scoped.h"
#include "base/status.h"
#include "store/query.h"

struct hm_exposition;
struct hm_store;
struct hm_tx;

enum hm_role { HM_ROLE_APP, HM_ROLE_SYSTEM, HM_ROLE_COUNT };

struct hm_store_config {
	const char *service; /* "follows": schema; roles follows_app and follows_system */
	const char *
		dsn; /* libpq conninfo without user: "host=/run/h dbname=hallmark"; a password comes from ~/.pgpass or PGPASSWORD */
	unsigned connections_max; /* a role; 0: 16 */
};

hm_status hm_store_open(const struct hm_store_config *config, struct hm_store **ret_store);

/* hm_store_close waits for nothing: every transaction must have ended. */
void hm_store_close(struct hm_store *store);
HM_SCOPED(hm_store, hm_store_close)

/* The connections of one role: how many do something, wait to, and may be; threads that wait for one; how often one had to, and
 * for how long all together. Thread-safe. */
struct hm_pool_counts {
	unsigned used, idle, max, waiting;
	uint64_t waits, waited_us;
};
void hm_store_pool_stats(struct hm_store *store, enum hm_role role, struct hm_pool_counts *ret_counts);

/* hm_store_collect publishes them (docs/operations.md); a hm_collect_fn, the store being its user. */
void hm_store_collect(void *store, struct hm_exposition *exposition);

struct hm_tx_options {
	enum hm_role role;
	const char *brand; /* becomes hallmark.brand_id for the transaction; NULL only with HM_ROLE_SYSTEM */
	bool read_only;
	int64_t deadline_us; /* monotonic; the remaining time becomes statement_timeout; 0: none */
	struct hm_cancel *cancel; /* once set, the running statement is cancelled, and no other begins; NULL: never */
};

/* hm_tx_open describes a transaction; nothing is sent before its first statement. The tx lives in the arena. */
hm_status hm_tx_open(struct hm_store *store, struct hm_arena *arena, const struct hm_tx_options *options,
		     struct hm_tx **ret_tx);

/* Values for parameters that no message field holds; consulted before the message. NULL-terminated by name. */
struct hm_builtin {
	const char *name; /* "new_id" */
	const char *text; /* text form, converted by the parameter's type; NULL: SQL NULL */
};

/* hm_tx_query runs a statement and waits for its result.
 *
 * arguments: fields bind by name to the query's parameters (absent field: NULL). builtins may be NULL.
 * reply: columns fill fields by name, allocated in the tx's arena; NULL where nothing is wanted.
 *   MANY: each row fills one element of the reply's only repeated message field; a column that element does not have but
 *   the reply has (next_page_token) is filled from the last row, if at least `page_size` (a parameter) rows came.
 *   A column neither has is INTERNAL, naming query, file and line. A NULL into a field marked required is INTERNAL too.
 * ret_rows: rows returned or touched; may be NULL.
 * Errors: NOT_FOUND (ONE without a row, 0 in *ret_rows; in the query's name, which its caller may know better), the SQLSTATE
 * map of store/error.c, DEADLINE_EXCEEDED, CANCELLED, UNAVAILABLE, RESOURCE_EXHAUSTED (no connection in time). Once PostgreSQL
 * has refused something the transaction can only be rolled back; NOT_FOUND and what is found wrong before anything is sent leave
 * it as it was. The query must outlive the store. */
hm_status hm_tx_query(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
		      const struct hm_builtin *builtins, ProtobufCMessage *reply, uint64_t *ret_rows);

/* hm_tx_append queues a statement to be sent with the COMMIT, its result only checked for success. The arguments are
 * encoded at once. */
hm_status hm_tx_append(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
		       const struct hm_builtin *builtins);

/* hm_tx_commit sends what was appended and COMMIT as one burst. A transaction without any statement commits for free.
 * If the connection dies before the answer, the outcome is asked of pg_xact_status on a new connection; if even that
 * cannot be had, UNKNOWN with maybe_processed. The tx is over whatever is returned. */
hm_status hm_tx_commit(struct hm_tx *tx);

/* hm_tx_rollback ends the transaction without a trace; keeps the thread's error. NULL or an ended tx is fine. */
void hm_tx_rollback(struct hm_tx *tx);

/* hm_tx_is_active says whether a statement was sent and neither commit nor rollback has followed. */
bool hm_tx_is_active(const struct hm_tx *tx);

/* What a query is to be used for, as far as that is known before it is run. */
struct hm_query_use {
	const ProtobufCMessageDescriptor *arguments, *reply; /* NULL: not known */
	const char *const *builtins; /* names, NULL-terminated; only with arguments */
};

/* hm_store_check says whether a query will do: PostgreSQL prepares and plans it as the role it runs under, each column has a field
 * in the reply that can hold it, each field that the reply requires has a column, each parameter is a builtin or a field of the
 * arguments that can be it. INTERNAL names file, line, query, and the column or parameter. Costs some round trips. */
hm_status hm_store_check(struct hm_store *store, const struct hm_query *query, const struct hm_query_use *use);
