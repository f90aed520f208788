/*
 * The end of a transaction: committed, rolled back, or lost on the way. What was only read has nothing to lose, so its
 * Sync is sent without waiting for the answer; the connection's next transaction takes that in with its own.
 */
#include "base/clock.h"
#include "store/error.h"
#include "store/tx.h"

enum { ROLLBACK_US_MAX = 2 * HM_US_PER_S };

static const char *const no_parameters[] = { NULL };

/* Outside a transaction block PostgreSQL takes this as the end of the implicit transaction, undone. */
static const struct hm_query rollback_query = {
	.name = "rollback",
	.sql = "ROLLBACK",
	.rows = HM_ROWS_NONE,
	.parameters = no_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

/* The connection goes back to the pool if it is clean. */
static void let_go(struct hm_tx *tx, bool is_clean)
{
	if (is_clean)
		pool_give(tx->store, take(&tx->connection));
	else if (tx->connection)
		tx_lose(tx);
	tx->state = TX_ENDED;
}

/* Sync without waiting. False if the connection took it badly. */
static bool leave_sync(struct hm_tx *tx)
{
	if (!PQpipelineSync(tx->connection->pg) || PQflush(tx->connection->pg) < 0)
		return false;
	tx->connection->owes_sync = true;
	return true;
}

static bool is_only_read(const struct hm_tx *tx)
{
	return tx->options.read_only && tx->state == TX_OPEN && !tx->oldest;
}

static hm_status queue_rollback(struct hm_tx *tx)
{
	struct registry *registry = &tx->store->registry;
	struct statement *statement = statement_get(registry, &rollback_query);
	const struct description *description = statement->description;
	struct binding nothing = { .n = 0 };

	if (!description)
		description = statement_describe(registry, statement, registry_version(registry), 0, NULL);
	TRY(pipeline_run(tx, SENT_QUERY, statement, description, &nothing));
	return HM_OK;
}

/* In a failed transaction the Sync alone undoes it. */
static bool undo(struct hm_tx *tx)
{
	if (!tx->connection)
		return false;
	if (is_only_read(tx))
		return leave_sync(tx);
	tx->options.deadline_us = hm_clock_mono_us() + ROLLBACK_US_MAX;
	if (tx->state == TX_OPEN && queue_rollback(tx) != HM_OK)
		return false;
	return pipeline_sync(tx) == HM_OK && pipeline_finish(tx);
}

void hm_tx_rollback(struct hm_tx *tx)
{
	struct hm_error error;

	if (!tx || tx->state == TX_ENDED)
		return;
	error = *hm_error_get();
	let_go(tx, undo(tx));
	(void)!hm_error_set(&error);
}

/* A refused COMMIT leaves a clean connection behind; a lost one leaves a question. */
static hm_status end_failed(struct hm_tx *tx, hm_status status)
{
	const struct hm_error error = *hm_error_get();

	if (!tx->connection) {
		tx->state = TX_ENDED;
		return tx->options.read_only ? status : outcome_ask(tx);
	}
	let_go(tx, pipeline_finish(tx));
	return hm_error_set(&error);
}

static hm_status commit(struct hm_tx *tx)
{
	TRY(pipeline_sync(tx));
	return pipeline_collect(tx, false, NULL);
}

static hm_status check_commit(const struct hm_tx *tx)
{
	if (tx->state != TX_OPEN)
		return hm_raise(INTERNAL, "a commit of a transaction that has failed or ended");
	return tx_check_wanted(tx, "commit");
}

hm_status hm_tx_commit(struct hm_tx *tx)
{
	hm_status status;

	if (tx->state == TX_NEW) {
		tx->state = TX_ENDED;
		return HM_OK;
	}
	status = check_commit(tx);
	if (status != HM_OK) {
		hm_tx_rollback(tx);
		return status;
	}
	if (is_only_read(tx)) {
		let_go(tx, leave_sync(tx));
		return HM_OK;
	}
	status = commit(tx);
	if (status != HM_OK)
		return end_failed(tx, status);
	let_go(tx, true);
	return HM_OK;
}
