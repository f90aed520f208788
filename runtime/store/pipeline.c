/* Pipeline: what is queued, sent, awaited and taken in, on one connection, by one transaction. */
#include <poll.h>
#include <string.h>

#include "base/clock.h"
#include "store/cancel.h"
#include "store/error.h"
#include "store/tx.h"

/* PostgreSQL ends what outlives the deadline (statement_timeout). What it does not, because the time-out was set when there was
 * more time or a commit knows none, is cancelled this much later; and what does not end then, is not going to. */
enum { CANCEL_US = 50 * HM_US_PER_MS, GRACE_US = 1000 * HM_US_PER_MS, BINARY = 1 };

static const struct hm_query sync_query = { .name = "commit", .sql = "", .file = "runtime/store", .line = 0 };

bool tx_is_expired(const struct hm_tx *tx)
{
	return tx->options.deadline_us && hm_clock_mono_us() >= tx->options.deadline_us;
}

hm_status tx_check_wanted(const struct hm_tx *tx, const char *what)
{
	if (tx_is_expired(tx))
		return hm_raise(DEADLINE_EXCEEDED, "%s: the deadline has come", what);
	if (tx->options.cancel && hm_cancel_is_set(tx->options.cancel))
		return hm_raise(CANCELLED, "%s: the caller no longer waits", what);
	return HM_OK;
}

void tx_lose(struct hm_tx *tx)
{
	tx_unwatch(tx);
	memcpy(tx->recovery, tx->connection->recovery, sizeof tx->recovery);
	pool_drop(tx->store, take(&tx->connection));
	tx->state = TX_FAILED;
	tx->oldest = NULL;
	tx->newest = &tx->oldest;
}

static hm_status lose(struct hm_tx *tx, const struct hm_query *query)
{
	hm_status status = from_pq_lost(tx->connection->pg, query);

	tx->retry = tx->was_used ? RETRY_LOST : RETRY_NOT;
	tx_lose(tx);
	return status;
}

static void push(struct hm_tx *tx, struct sent sent)
{
	struct sent *entry = hm_arena_alloc(tx->arena, sizeof *entry);

	*entry = sent;
	*tx->newest = entry;
	tx->newest = &entry->next;
}

static struct sent pop(struct hm_tx *tx)
{
	struct sent entry = *tx->oldest;

	tx->oldest = entry.next;
	if (!tx->oldest)
		tx->newest = &tx->oldest;
	return entry;
}

hm_status pipeline_prepare(struct hm_tx *tx, struct statement *statement, const struct description *description)
{
	char name[PREPARED_NAME_BYTES];

	prepared_name(description->version, name);
	if (!PQsendPrepare(tx->connection->pg, name, statement->query->sql, description->n_parameters,
			   description->types))
		return lose(tx, statement->query);
	push(tx, (struct sent){ .kind = SENT_PREPARE,
				.query = statement->query,
				.statement = statement,
				.description = description });
	return HM_OK;
}

hm_status pipeline_run(struct hm_tx *tx, enum sent_kind kind, struct statement *statement,
		       const struct description *description, const struct binding *binding)
{
	char name[PREPARED_NAME_BYTES];

	if (*connection_prepared(tx->connection, statement) != description->version) {
		TRY(pipeline_prepare(tx, statement, description));
		*connection_prepared(tx->connection, statement) = description->version;
	}
	prepared_name(description->version, name);
	if (!PQsendQueryPrepared(tx->connection->pg, name, binding->n, binding->values, binding->lengths,
				 binding->formats, BINARY))
		return lose(tx, statement->query);
	push(tx, (struct sent){
			 .kind = kind, .query = statement->query, .statement = statement, .description = description });
	return HM_OK;
}

hm_status pipeline_sync(struct hm_tx *tx)
{
	if (!PQpipelineSync(tx->connection->pg))
		return lose(tx, &sync_query);
	push(tx, (struct sent){ .kind = SENT_SYNC, .query = &sync_query });
	return HM_OK;
}

hm_status pipeline_text(struct hm_tx *tx, const struct hm_query *query, const char *sql)
{
	if (!PQsendQueryParams(tx->connection->pg, sql, 0, NULL, NULL, NULL, NULL, BINARY))
		return lose(tx, query);
	push(tx, (struct sent){ .kind = SENT_QUERY, .query = query });
	return HM_OK;
}

void pipeline_owe(struct hm_tx *tx)
{
	tx->connection->owes_sync = false;
	push(tx, (struct sent){ .kind = SENT_SYNC, .query = &sync_query });
}

/* Waits for the socket; what runs past the deadline is cancelled. False: that did not end it either. */
static bool wait_or_cancel(struct hm_tx *tx, short events)
{
	int64_t deadline_us = tx->options.deadline_us;

	if (socket_wait(tx->connection->pg, events, deadline_us ? deadline_us + CANCEL_US : 0))
		return true;
	canceller_ask(tx->connection);
	return socket_wait(tx->connection->pg, events, deadline_us + GRACE_US);
}

/* Waits until PQgetResult would not block. */
static hm_status await(struct hm_tx *tx, const struct hm_query *query)
{
	PGconn *pg = tx->connection->pg;

	for (;;) {
		int unsent = PQflush(pg);

		if (unsent < 0)
			return lose(tx, query);
		if (!PQisBusy(pg))
			return HM_OK;
		if (!wait_or_cancel(tx, unsent ? POLLIN | POLLOUT : POLLIN)) {
			tx_lose(tx);
			return hm_raise(DEADLINE_EXCEEDED, "%s: PostgreSQL did not answer", query->name);
		}
		if (!PQconsumeInput(pg))
			return lose(tx, query);
	}
}

/* The next result; a NULL that separates two statements' results is passed over. */
static hm_status next_result(struct hm_tx *tx, const struct hm_query *query, PGresult **ret_result)
{
	for (int nulls = 0; nulls < 2; nulls++) {
		TRY(await(tx, query));
		*ret_result = PQgetResult(tx->connection->pg);
		if (*ret_result)
			return HM_OK;
	}
	return lose(tx, query);
}

/* Takes in a refusal: what it means to the caller, and whether trying again would help. */
static hm_status refuse(struct hm_tx *tx, const struct sent *sent, const PGresult *result)
{
	const char *columns = "";

	if (pq_is_lost(result)) {
		hm_status status = from_pq_result(result, sent->query, "", false);

		if (!PQresultErrorField(result, PG_DIAG_SQLSTATE))
			status = from_pq_lost(tx->connection->pg, sent->query);
		tx->retry = tx->was_used ? RETRY_LOST : RETRY_NOT;
		tx_lose(tx);
		return status;
	}
	tx->state = TX_FAILED;
	tx->is_of_future = pq_is_of_future(result);
	if (pq_is_stale(result) && sent->description) {
		tx->retry = RETRY_STALE;
		statement_forget(sent->statement, sent->description);
	}
	if (sent->kind == SENT_PREPARE)
		*connection_prepared(tx->connection, sent->statement) = 0;
	if (pq_names_constraint(result))
		columns = constraint_columns(tx, result);
	return from_pq_result(result, sent->query, columns, tx_is_expired(tx));
}

/* The third column of a write's settings. */
static void note_xid(struct hm_tx *tx, const PGresult *result)
{
	const char *bytes;

	if (PQnfields(result) < 3 || PQgetlength(result, 0, 2) != sizeof(uint64_t))
		return;
	bytes = PQgetvalue(result, 0, 2);
	for (size_t i = 0; i < sizeof(uint64_t); i++)
		tx->xid = tx->xid << 8 | (unsigned char)bytes[i];
}

static void accept_result(struct hm_tx *tx, const struct sent *sent, PGresult *result, PGresult **ret_result)
{
	if (sent->kind == SENT_SETTINGS)
		note_xid(tx, result);
	if (ret_result && (sent->kind == SENT_QUERY || sent->kind == SENT_DESCRIBE)) {
		PQclear(*ret_result);
		*ret_result = result;
		return;
	}
	PQclear(result);
}

static hm_status collect_all(struct hm_tx *tx, PGresult **ret_result)
{
	while (tx->oldest) {
		struct sent sent = *tx->oldest;
		PGresult *result = NULL;
		ExecStatusType kind;

		TRY(next_result(tx, sent.query, &result));
		kind = PQresultStatus(result);
		if (kind != PGRES_TUPLES_OK && kind != PGRES_COMMAND_OK && kind != PGRES_PIPELINE_SYNC) {
			hm_status status;

			if (sent.kind != SENT_SYNC) /* a commit refused is followed by its Sync all the same */
				(void)pop(tx);
			status = refuse(tx, &sent, result);
			PQclear(result);
			return status;
		}
		(void)pop(tx);
		accept_result(tx, &sent, result, ret_result);
	}
	return HM_OK;
}

hm_status pipeline_collect(struct hm_tx *tx, bool flush, PGresult **ret_result)
{
	hm_status status;

	if (ret_result)
		*ret_result = NULL;
	if (flush && !PQsendFlushRequest(tx->connection->pg))
		return lose(tx, tx->oldest->query);
	tx_watch(tx);
	status = collect_all(tx, ret_result);
	tx_unwatch(tx);
	if (tx->connection)
		canceller_stop(tx->connection);
	if (status != HM_OK && ret_result) {
		PQclear(*ret_result);
		*ret_result = NULL;
	}
	return status;
}

bool pipeline_finish(struct hm_tx *tx)
{
	while (tx->connection && tx->oldest) {
		PGresult *result = NULL;
		ExecStatusType kind;

		if (next_result(tx, tx->oldest->query, &result) != HM_OK)
			return false;
		kind = PQresultStatus(result);
		PQclear(result);
		if (kind == PGRES_PIPELINE_SYNC)
			while (pop(tx).kind != SENT_SYNC)
				;
	}
	return tx->connection;
}

hm_status pipeline_describe(struct hm_tx *tx, struct statement *statement, unsigned version, PGresult **ret_types)
{
	struct sent sent = { .kind = SENT_PREPARE, .query = statement->query, .statement = statement };
	PGconn *pg = tx->connection->pg;
	char name[PREPARED_NAME_BYTES];

	prepared_name(version, name);
	if (!PQsendPrepare(pg, name, statement->query->sql, 0, NULL) || !PQsendDescribePrepared(pg, name))
		return lose(tx, statement->query);
	push(tx, sent);
	sent.kind = SENT_DESCRIBE;
	push(tx, sent);
	return pipeline_collect(tx, true, ret_types);
}
