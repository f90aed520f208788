/*
 * Check: whether a query is one that the schema can answer and the contract can use, before its first call: PostgreSQL describes
 * it, its columns and parameters are held against the fields, and it is planned.
 */
#include "base/buffer.h"
#include "store/store.h"
#include "store/tx.h"

/* PREPARE does not look at grants; planning an execution does. The values do not matter, only that it is planned. */
static hm_status explain(struct hm_tx *tx, const struct hm_query *query, const struct description *description)
{
	char name[PREPARED_NAME_BYTES];
	struct hm_buffer sql = { 0 };
	hm_status status;

	prepared_name(description->version, name);
	hm_buffer_printf(&sql, "EXPLAIN EXECUTE %s", name);
	for (int i = 0; i < description->n_parameters; i++)
		hm_buffer_printf(&sql, "%sNULL", i ? ", " : "(");
	hm_buffer_add_text(&sql, description->n_parameters ? ")" : "");
	status = pipeline_text(tx, query, "SELECT set_config('plan_cache_mode', 'force_generic_plan', true)");
	if (status == HM_OK)
		status = pipeline_text(tx, query, sql.data);
	if (status == HM_OK)
		status = pipeline_collect(tx, true, NULL);
	hm_buffer_fini(&sql);
	return status;
}

static hm_status check(struct hm_tx *tx, const struct hm_query *query, const struct hm_query_use *use)
{
	struct statement *statement = statement_get(&tx->store->registry, query);
	const struct description *description;
	PGresult *columns = NULL;
	hm_status status;

	statement_forget(statement, statement->description);
	TRY(tx_describe(tx, statement, &description, &columns));
	status = bind_check_result(tx->arena, query, columns, use->reply);
	PQclear(columns);
	if (status == HM_OK && use->arguments)
		status = bind_check_arguments(tx->arena, query, description, use);
	return status == HM_OK ? explain(tx, query, description) : status;
}

hm_status hm_store_check(struct hm_store *store, const struct hm_query *query, const struct hm_query_use *use)
{
	const struct hm_tx_options options = {
		.role = query->is_system ? HM_ROLE_SYSTEM : HM_ROLE_APP,
		.brand = "",
	};
	struct hm_arena arena = { 0 };
	struct hm_tx *tx = NULL;
	hm_status status = hm_tx_open(store, &arena, &options, &tx);

	if (status == HM_OK)
		status = check(tx, query, use);
	hm_tx_rollback(tx);
	hm_arena_fini(&arena);
	return status;
}
