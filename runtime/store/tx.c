/* Transactions: begun at the first statement, run again where that is safe, and ended. The protocol is in pipeline.c. */
#include <limits.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/error.h"
#include "store/tx.h"

enum { TYPE_TEXT = 25 };

#define BRAND_AND_TIMEOUT \
	"SELECT set_config('hallmark.brand_id', $1, true), set_config('statement_timeout', $2, true), "

static const char *const settings_parameters[] = { "brand", "timeout", NULL };

static const struct hm_query read_settings = {
	.name = "begin",
	.sql = BRAND_AND_TIMEOUT "set_config('transaction_read_only', 'on', true)",
	.rows = HM_ROWS_ONE,
	.parameters = settings_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

static const struct hm_query write_settings = {
	.name = "begin",
	.sql = BRAND_AND_TIMEOUT "pg_current_xact_id()",
	.rows = HM_ROWS_ONE,
	.parameters = settings_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

hm_status hm_tx_open(struct hm_store *store, struct hm_arena *arena, const struct hm_tx_options *options,
		     struct hm_tx **ret_tx)
{
	struct hm_tx *tx;

	if (!options->brand && options->role != HM_ROLE_SYSTEM)
		return hm_raise(INTERNAL, "a transaction of %s without a brand", store->user[options->role]);
	tx = hm_arena_zalloc(arena, sizeof *tx);
	tx->store = store;
	tx->arena = arena;
	tx->options = *options;
	tx->options.brand = hm_arena_strdup(arena, options->brand ? options->brand : "");
	tx->newest = &tx->oldest;
	*ret_tx = tx;
	return HM_OK;
}

/* What the settings take is known, so nothing need be asked. */
static const struct description *describe_settings(struct hm_tx *tx, struct statement *statement)
{
	static const unsigned types[] = { TYPE_TEXT, TYPE_TEXT };
	const struct description *known = statement->description;

	if (known)
		return known;
	return statement_describe(&tx->store->registry, statement, registry_version(&tx->store->registry),
				  (int)(sizeof types / sizeof *types), types);
}

/* Rounded up: PostgreSQL must not be done before the deadline, and 0 would mean no limit. A deadline that came while a
 * connection was waited for is the least limit there is: a negative one would be refused as malformed. */
static const char *timeout_text(struct hm_tx *tx)
{
	int64_t left_us = tx->options.deadline_us - hm_clock_mono_us(), left_ms;

	if (!tx->options.deadline_us)
		return "0";
	tx->timeout_us = left_us = left_us > 0 ? left_us : 0;
	left_ms = left_us / HM_US_PER_MS + 1;
	return hm_arena_printf(tx->arena, "%d", left_ms < INT_MAX ? (int)left_ms : INT_MAX);
}

static hm_status queue_settings(struct hm_tx *tx)
{
	const struct hm_query *query = tx->options.read_only ? &read_settings : &write_settings;
	struct statement *statement = statement_get(&tx->store->registry, query);
	struct hm_builtin values[] = { { "brand", tx->options.brand },
				       { "timeout", timeout_text(tx) },
				       { NULL, NULL } };
	const struct description *description = describe_settings(tx, statement);
	struct binding binding;

	TRY(bind_arguments(tx->arena, query, description, NULL, values, &binding));
	return pipeline_run(tx, SENT_SETTINGS, statement, description, &binding);
}

static hm_status begin(struct hm_tx *tx)
{
	if (tx->state == TX_OPEN)
		return HM_OK;
	if (tx->state != TX_NEW)
		return hm_raise(INTERNAL, "a statement in a transaction that has failed or ended");
	TRY(pool_take(tx->store, &tx->options, tx->needs_fresh, &tx->connection));
	tx->state = TX_OPEN;
	tx->was_used = tx->connection->is_used;
	if (tx->connection->owes_sync)
		pipeline_owe(tx);
	return queue_settings(tx);
}

/* The time limit holds for each statement anew; once half of the time is gone it is worth setting again. */
static hm_status refresh_timeout(struct hm_tx *tx)
{
	if (!tx->options.deadline_us || !tx->n_statements)
		return HM_OK;
	if (tx->options.deadline_us - hm_clock_mono_us() > tx->timeout_us / 2)
		return HM_OK;
	return queue_settings(tx);
}

hm_status tx_describe(struct hm_tx *tx, struct statement *statement, const struct description **ret_description,
		      PGresult **ret_columns)
{
	struct registry *registry = &tx->store->registry;
	unsigned version = registry_version(registry);
	PGresult *types = NULL;
	unsigned *oids;
	int n;

	TRY(begin(tx));
	TRY(pipeline_describe(tx, statement, version, &types));
	n = PQnparams(types);
	oids = hm_arena_alloc(tx->arena, (size_t)n * sizeof *oids);
	for (int i = 0; i < n; i++)
		oids[i] = PQparamtype(types, i);
	if (ret_columns)
		*ret_columns = types;
	else
		PQclear(types);
	*ret_description = statement_describe(registry, statement, version, n, oids);
	if ((*ret_description)->version == version)
		*connection_prepared(tx->connection, statement) = version;
	return HM_OK;
}

hm_status tx_statement_queue(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
			     const struct hm_builtin *builtins, uint64_t *ret_page_size)
{
	struct statement *statement = statement_get(&tx->store->registry, query);
	const struct description *description = statement->description;
	struct binding binding;

	TRY(tx_check_wanted(tx, query->name));
	if (!description)
		TRY(tx_describe(tx, statement, &description, NULL));
	TRY(bind_arguments(tx->arena, query, description, arguments, builtins, &binding));
	TRY(begin(tx));
	TRY(refresh_timeout(tx));
	TRY(pipeline_run(tx, SENT_QUERY, statement, description, &binding));
	tx->n_statements++;
	*ret_page_size = binding.page_size;
	return HM_OK;
}

/* Nothing can have been committed yet, so a transaction whose very first statement met a plan gone stale, or a
 * connection that had died in the pool, is begun again, once. */
static bool begin_again(struct hm_tx *tx)
{
	if (tx->retry == RETRY_NOT)
		return false;
	if (tx->connection && pipeline_sync(tx) == HM_OK && pipeline_finish(tx))
		pool_give(tx->store, take(&tx->connection));
	tx->needs_fresh = tx->retry == RETRY_LOST;
	tx->retry = RETRY_NOT;
	tx->state = TX_NEW;
	tx->n_statements = 0;
	tx->xid = 0;
	return true;
}

static uint64_t count_rows(const PGresult *result)
{
	if (PQresultStatus(result) == PGRES_TUPLES_OK)
		return (uint64_t)PQntuples(result);
	return strtoull(PQcmdTuples((PGresult *)(uintptr_t)result), NULL, 10);
}

static hm_status run(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
		     const struct hm_builtin *builtins, ProtobufCMessage *reply, uint64_t *ret_rows)
{
	PGresult *result = NULL;
	uint64_t page_size;
	hm_status status;

	TRY(tx_statement_queue(tx, query, arguments, builtins, &page_size));
	TRY(pipeline_collect(tx, true, &result));
	status = bind_result(tx->arena, query, result, page_size, reply);
	if (ret_rows)
		*ret_rows = count_rows(result);
	PQclear(result);
	return status;
}

hm_status hm_tx_query(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
		      const struct hm_builtin *builtins, ProtobufCMessage *reply, uint64_t *ret_rows)
{
	bool is_first = tx->n_statements == 0;
	hm_status status = run(tx, query, arguments, builtins, reply, ret_rows);

	if (status != HM_OK && is_first && begin_again(tx))
		status = run(tx, query, arguments, builtins, reply, ret_rows);
	return status;
}

hm_status hm_tx_append(struct hm_tx *tx, const struct hm_query *query, const ProtobufCMessage *arguments,
		       const struct hm_builtin *builtins)
{
	bool is_first = tx->n_statements == 0;
	uint64_t page_size;
	hm_status status = tx_statement_queue(tx, query, arguments, builtins, &page_size);

	if (status != HM_OK && is_first && begin_again(tx))
		status = tx_statement_queue(tx, query, arguments, builtins, &page_size);
	return status;
}

bool hm_tx_is_active(const struct hm_tx *tx)
{
	return tx->state == TX_OPEN || tx->state == TX_FAILED;
}
