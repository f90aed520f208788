/* Rules of indexes: they are built and taken away while the table is in use, and are no wider than they help. */
#include <string.h>

#include "rules.h"

enum { COLUMNS_MAX = 3 };

/* ON ONLY makes a partitioned table's index without its parts': there is nothing to be built. */
static const PgQuery__IndexStmt *index_in_use(const struct look *look)
{
	const PgQuery__IndexStmt *index = look->statement->node->index_stmt;

	if (look->statement->node->node_case != PG_QUERY__NODE__NODE_INDEX_STMT || !index->relation ||
	    !index->relation->inh || look_is_new(look, index->relation))
		return NULL;
	return index;
}

static void look_at_index(const struct look *look)
{
	const PgQuery__IndexStmt *index = index_in_use(look);
	const struct table *table = index ? schema_find(look->schema, index->relation) : NULL;

	if (index && index->concurrent && table && table->kind == TABLE_PARTITIONED)
		complain(look, -1,
			 "%s is partitioned, of which PostgreSQL builds no index CONCURRENTLY: CREATE INDEX ON ONLY "
			 "it, then "
			 "CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION",
			 table->name);
	if (index && !index->concurrent)
		complain(look, -1, "CREATE %sINDEX holds off every write to %s until it is built",
			 index->unique ? "UNIQUE " : "", look_name(index->relation));
}

/* The brand is in every index, and is not counted. */
static void look_at_width(const struct look *look)
{
	const PgQuery__IndexStmt *index = look->statement->node->index_stmt;
	size_t n = 0;

	if (look->statement->node->node_case != PG_QUERY__NODE__NODE_INDEX_STMT || index->unique)
		return;
	for (size_t i = 0; i < index->n_index_params; i++)
		n += index->index_params[i]->node_case != PG_QUERY__NODE__NODE_INDEX_ELEM ||
		     strcmp(index->index_params[i]->index_elem->name, "brand_id") != 0;
	if (n > COLUMNS_MAX)
		complain(look, -1, "an index over %zu columns: hardly a query uses more than the first %d", n,
			 COLUMNS_MAX);
}

static bool is_index_new(const struct look *look, const char *name)
{
	for (const struct table *table = look->schema->tables; table; table = table->next)
		for (const struct index *index = table->indexes; index; index = index->next)
			if (index->name && name && !strcmp(index->name, name))
				return table->made_by->file == look->file;
	return false;
}

static void look_at_drop(const struct look *look)
{
	const PgQuery__DropStmt *drop = look->statement->node->drop_stmt;

	if (look->statement->node->node_case != PG_QUERY__NODE__NODE_DROP_STMT ||
	    drop->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_INDEX || drop->concurrent)
		return;
	for (size_t i = 0; i < drop->n_objects; i++) {
		const PgQuery__List *name =
			drop->objects[i]->node_case == PG_QUERY__NODE__NODE_LIST ? drop->objects[i]->list : NULL;

		if (name && !is_index_new(look, list_last(name->n_items, name->items)))
			complain(look, -1, "DROP INDEX waits for all who use %s's table, and they wait behind it",
				 list_last(name->n_items, name->items));
	}
}

static void look_at_reindex(const struct look *look)
{
	const PgQuery__ReindexStmt *reindex = look->statement->node->reindex_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_REINDEX_STMT &&
	    !option_find(reindex->n_params, reindex->params, "concurrently"))
		complain(look, -1, "REINDEX holds off writes of the table, and all reads that would use the index");
}

const struct rule rules_locks_indexes[] = {
	{ .name = "index-concurrently",
	  .category = "locks",
	  .summary = "an index on a table in use is built CONCURRENTLY",
	  .safe = "a file of its own that begins with -- notransaction: CREATE INDEX CONCURRENTLY …",
	  .statement = look_at_index },
	{ .name = "index-drop-concurrently",
	  .category = "locks",
	  .summary = "an index of a table in use is dropped CONCURRENTLY",
	  .safe = "a file of its own that begins with -- notransaction: DROP INDEX CONCURRENTLY …",
	  .statement = look_at_drop },
	{ .name = "index-reindex-concurrently",
	  .category = "locks",
	  .summary = "an index is built anew CONCURRENTLY",
	  .safe = "a file of its own that begins with -- notransaction: REINDEX INDEX CONCURRENTLY …",
	  .statement = look_at_reindex },
	{ .name = "index-few-columns",
	  .category = "locks",
	  .summary = "an index has at most three columns besides brand_id",
	  .safe = "the two or three columns that narrow most, behind brand_id",
	  .statement = look_at_width },
	{ 0 },
};
