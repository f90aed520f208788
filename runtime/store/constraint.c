/*
 * Constraints: which columns a violated one is about. Under row-level security PostgreSQL leaves them out of its errors,
 * so the catalog is asked, once for each constraint and store. Callers know fields, so the names are the fields'.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "store/cancel.h"
#include "store/error.h"
#include "store/tx.h"
#include "wire/json.h"

static const char *const find_parameters[] = { "table", "name", NULL };

/* A unique index without a constraint has its columns as attributes of its own. */
static const struct hm_query find_query = {
	.name = "constraint",
	.sql = "SELECT coalesce("
	       "(SELECT string_agg(a.attname, ',' ORDER BY k.place) FROM pg_constraint c,"
	       " unnest(c.conkey) WITH ORDINALITY AS k(attnum, place), pg_attribute a"
	       " WHERE c.conrelid = to_regclass(quote_ident($1::text)) AND c.conname = $2::text"
	       " AND a.attrelid = c.conrelid AND a.attnum = k.attnum AND a.attname <> 'brand_id'), "
	       "(SELECT string_agg(a.attname, ',' ORDER BY a.attnum) FROM pg_attribute a"
	       " WHERE a.attrelid = to_regclass(quote_ident($2::text)) AND a.attname <> 'brand_id'), '')",
	.rows = HM_ROWS_ONE,
	.parameters = find_parameters,
	.file = __FILE__,
	.line = __LINE__,
};

static const char *find_known(struct hm_store *store, const char *table, const char *name)
{
	const char *columns = NULL;

	pthread_mutex_lock(&store->constraints_lock);
	for (const struct constraint *at = store->constraints; at && !columns; at = at->next)
		if (!strcmp(at->name, name) && !strcmp(at->table, table))
			columns = at->columns;
	pthread_mutex_unlock(&store->constraints_lock);
	return columns;
}

static void remember(struct hm_store *store, const char *table, const char *name, const char *columns)
{
	struct constraint *made = calloc(1, sizeof *made);

	if (!made)
		abort();
	made->table = strdup(table);
	made->name = strdup(name);
	made->columns = strdup(columns);
	if (!made->table || !made->name || !made->columns)
		abort();
	pthread_mutex_lock(&store->constraints_lock);
	made->next = store->constraints;
	store->constraints = made;
	pthread_mutex_unlock(&store->constraints_lock);
}

/* "follower_id,followee_id" → "followerId, followeeId" */
static const char *json_names(struct hm_arena *arena, const char *columns)
{
	struct hm_buffer text = { 0 };
	char *copy;

	hm_buffer_add_text(&text, "");
	while (*columns) {
		size_t length = strcspn(columns, ",");
		char name[HM_FIELD_BYTES];

		hm_json_name(hm_arena_dup(arena, columns, length), name, sizeof name);
		hm_buffer_printf(&text, "%s%s", text.size ? ", " : "", name);
		columns += length + (columns[length] != '\0');
	}
	copy = hm_arena_dup(arena, text.data, text.size);
	hm_buffer_fini(&text);
	return copy;
}

/* On the connection of the failed transaction, once that is over. */
static hm_status ask(struct hm_tx *tx, const char *table, const char *name, const char **ret_columns)
{
	const struct hm_builtin builtins[] = { { "table", table }, { "name", name }, { NULL, NULL } };
	PGresult *result = NULL;
	uint64_t page_size;

	TRY(tx_statement_queue(tx, &find_query, NULL, builtins, &page_size));
	TRY(pipeline_collect(tx, true, &result));
	*ret_columns = json_names(tx->arena,
				  hm_arena_dup(tx->arena, PQgetvalue(result, 0, 0), (size_t)PQgetlength(result, 0, 0)));
	PQclear(result);
	return HM_OK;
}

const char *constraint_columns(struct hm_tx *tx, const PGresult *error)
{
	const char *name = PQresultErrorField(error, PG_DIAG_CONSTRAINT_NAME);
	const char *table = PQresultErrorField(error, PG_DIAG_TABLE_NAME);
	const char *columns = table ? find_known(tx->store, table, name) : "";
	struct hm_tx asking = { .store = tx->store, .arena = tx->arena, .options = tx->options, .state = TX_OPEN };

	if (columns)
		return columns;
	if (pipeline_sync(tx) != HM_OK || !pipeline_finish(tx))
		return "";
	tx_unwatch(tx); /* the connection changes hands */
	asking.newest = &asking.oldest;
	asking.connection = take(&tx->connection);
	if (ask(&asking, table, name, &columns) == HM_OK)
		remember(tx->store, table, name, columns);
	if (asking.connection && pipeline_sync(&asking) == HM_OK && pipeline_finish(&asking))
		tx->connection = take(&asking.connection);
	return columns ? columns : "";
}
