/*
 * Transactions, inside. A transaction is one of PostgreSQL's implicit ones: everything up to a Sync of the extended
 * protocol. That saves BEGIN and COMMIT as messages of their own, and an unfinished one can never be committed by
 * accident, for Sync is the last thing sent.
 *
 *     -> settings, statement, Flush        <- their results          the first burst
 *     -> statement, Flush                  <- its result             a handler's further statements
 *     -> appended statements, Sync         <- their results          the last burst: committed
 *
 * `sent` is the queue of what is not answered yet. The settings are one statement: brand, statement_timeout, read-only;
 * for a write also the transaction's id, by which its outcome can be asked should the last answer be lost.
 */
#pragma once
#include "store/bind.h"
#include "store/pool.h"

enum sent_kind {
	SENT_SETTINGS,
	SENT_PREPARE,
	SENT_DESCRIBE,
	SENT_QUERY,
	SENT_SYNC,
};

struct sent {
	struct sent *next;
	enum sent_kind kind;
	const struct hm_query *query; /* for messages */
	struct statement *statement; /* NULL for SENT_SYNC */
	const struct description *description; /* that it was prepared or run by */
};

enum tx_state {
	TX_NEW, /* nothing queued */
	TX_OPEN,
	TX_FAILED, /* PostgreSQL refuses everything but the end */
	TX_ENDED,
};

/* Why a transaction failed, as far as running it again would help. */
enum tx_retry { RETRY_NOT, RETRY_STALE, RETRY_LOST };

struct hm_tx {
	struct hm_store *store;
	struct hm_arena *arena;
	struct hm_tx_options options;
	enum tx_state state;
	struct connection *connection; /* NULL: not yet, or no more */
	struct sent *oldest, **newest;
	unsigned n_statements; /* of the caller's, queued so far */
	enum tx_retry retry;
	struct hm_cancel_watch watch; /* while it waits for an answer */
	bool is_watching;
	bool was_used; /* the connection came out of the pool */
	bool needs_fresh; /* the last one that did was dead */
	bool is_of_future; /* a query was refused for an id that PostgreSQL has not given out */
	int64_t timeout_us; /* statement_timeout as last set; 0: none */
	uint64_t xid; /* of a write; 0: not known (yet) */
	char recovery[RECOVERY_TEXT_BYTES]; /* of the connection that was lost: what the xid is worth */
};

/* tx_statement_queue queues a statement, and before it whatever must be begun, set or prepared. */
hm_status tx_statement_queue(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
			     const struct hm_builtin *builtins, uint64_t *ret_page_size);

/* tx_describe finds out a statement's parameter types, and its columns (a result without rows, to be cleared) if ret_columns is
 * not NULL; costs a round trip. */
hm_status tx_describe(struct hm_tx *tx, struct statement *statement, const struct description **ret_description,
		      PGresult **ret_columns);

/* pipeline_prepare, _run, _sync queue one message. A connection that cannot take it is dropped. */
hm_status pipeline_prepare(struct hm_tx *tx, struct statement *statement, const struct description *description);
hm_status pipeline_run(struct hm_tx *tx, enum sent_kind kind, struct statement *statement,
		       const struct description *description, const struct binding *binding);
hm_status pipeline_sync(struct hm_tx *tx);

/* pipeline_text queues SQL that is not prepared; query is what its errors are about. */
hm_status pipeline_text(struct hm_tx *tx, const struct hm_query *query, const char *sql);

/* pipeline_owe expects the answer to a Sync that an earlier transaction left behind. */
void pipeline_owe(struct hm_tx *tx);

/* pipeline_describe prepares a statement under a version and asks for its parameter types, and waits for them. */
hm_status pipeline_describe(struct hm_tx *tx, struct statement *statement, unsigned version, PGresult **ret_types);

/* pipeline_collect sends what is queued and takes in every answer. ret_result (may be NULL) is the last query's, to be
 * cleared by the caller; NULL on failure. At PostgreSQL's first refusal the rest stays in the queue, for pipeline_finish.
 * flush: no Sync was queued, so PostgreSQL must be told to answer. */
hm_status pipeline_collect(struct hm_tx *tx, bool flush, PGresult **ret_result);

/* pipeline_finish takes in answers up to the Sync that was queued, whatever they are; false if the connection is gone. */
bool pipeline_finish(struct hm_tx *tx);

/* tx_lose drops the connection. */
void tx_lose(struct hm_tx *tx);

/* outcome_ask finds out on another connection whether a transaction was committed; the answer is the status. */
hm_status outcome_ask(struct hm_tx *lost);

/* constraint_columns returns what a violated constraint is about: its columns' JSON names but brandId, separated by
 * commas; "" if that cannot be had. Ends the (failed) transaction at PostgreSQL's side if the catalog must be asked. */
const char *constraint_columns(struct hm_tx *tx, const PGresult *error);

bool tx_is_expired(const struct hm_tx *tx);

/* tx_check_wanted: DEADLINE_EXCEEDED or CANCELLED if nobody waits for what would be done now. */
hm_status tx_check_wanted(const struct hm_tx *tx, const char *what);
