/* Store: opening, closing, and checking a service's queries against its schema. */
#include "store/store.h"

#include <stdlib.h>

#include "base/buffer.h"
#include "store/cancel.h"
#include "store/error.h"
#include "store/service_name.h"
#include "store/tx.h"

enum { CONNECTIONS_DEFAULT = 16 };

static const char *const role_names[HM_ROLE_COUNT] = { [HM_ROLE_APP] = "app", [HM_ROLE_SYSTEM] = "system" };

static char *copy_text(const char *format, const char *a, const char *b)
{
	struct hm_buffer text = { 0 };

	hm_buffer_printf(&text, format, a, b);
	return text.data;
}

hm_status hm_store_open(const struct hm_store_config *config, struct hm_store **ret_store)
{
	unsigned n_max = config->connections_max ? config->connections_max : CONNECTIONS_DEFAULT;
	struct hm_store *store;

	TRY(hm_service_name_check(config->service));
	store = calloc(1, sizeof *store);
	if (!store)
		abort();
	store->service = copy_text("%s%s", config->service, "");
	store->dsn = copy_text("%s%s", config->dsn, "");
	registry_init(&store->registry);
	pthread_mutex_init(&store->constraints_lock, NULL);
	for (int role = 0; role < HM_ROLE_COUNT; role++) {
		store->user[role] = copy_text("%s_%s", config->service, role_names[role]);
		pool_init(&store->pools[role], n_max);
	}
	*ret_store = store;
	return HM_OK;
}

static void free_constraints(struct constraint *constraint)
{
	while (constraint) {
		struct constraint *next = constraint->next;

		free(constraint->table);
		free(constraint->name);
		free(constraint->columns);
		free(constraint);
		constraint = next;
	}
}

void hm_store_close(struct hm_store *store)
{
	if (!store)
		return;
	canceller_wait(store);
	for (int role = 0; role < HM_ROLE_COUNT; role++) {
		pool_fini(&store->pools[role]);
		free(store->user[role]);
	}
	registry_fini(&store->registry);
	free_constraints(store->constraints);
	pthread_mutex_destroy(&store->constraints_lock);
	free(store->service);
	free(store->dsn);
	free(store);
}

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

static hm_status check_query(struct hm_store *store, struct hm_arena *arena, const struct hm_query *query)
{
	const struct hm_tx_options options = {
		.role = query->is_system ? HM_ROLE_SYSTEM : HM_ROLE_APP,
		.brand = "",
	};
	struct statement *statement = statement_get(&store->registry, query);
	const struct description *description;
	struct hm_tx *tx = NULL;
	hm_status status;

	TRY(hm_tx_open(store, arena, &options, &tx));
	statement_forget(statement, statement->description);
	status = tx_describe(tx, statement, &description);
	if (status == HM_OK)
		status = explain(tx, query, description);
	hm_tx_rollback(tx);
	return status;
}

hm_status hm_store_check(struct hm_store *store, const struct hm_query_table *table)
{
	struct hm_arena arena = { 0 };
	hm_status status = HM_OK;

	for (size_t i = 0; status == HM_OK && i < table->n_queries; i++) {
		status = check_query(store, &arena, table->queries[i]);
		hm_arena_reset(&arena);
	}
	hm_arena_fini(&arena);
	return status;
}
