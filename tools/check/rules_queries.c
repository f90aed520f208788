/*
 * Rules of queries: what can be said of a queries.sql without a database. Names are looked for among the tables the migrations fold to; what
 * a name could be beside a column of those is not guessed.
 */
#include <string.h>

#include "queries.h"
#include "rules.h"

struct inspection {
	const struct look *look;
	const struct query *query;
};

static bool is_node(const PgQuery__Node *node, PgQuery__Node__NodeCase kind)
{
	return node && node->node_case == kind;
}

static const PgQuery__SelectStmt *select_of(const struct query *query)
{
	return is_node(query->node, PG_QUERY__NODE__NODE_SELECT_STMT) ? query->node->select_stmt : NULL;
}

/* Calls `visit` for all that is in each query. */
static void inspect(const struct look *look, bool (*visit)(void *user, const ProtobufCMessage *message, int location))
{
	for (const struct query *query = look->group->queries; query; query = query->next) {
		struct inspection inspection = { look, query };

		if (query->node)
			tree_walk(node_message(query->node), visit, &inspection);
	}
}

#define query_fault(inspection, location, ...)                                                                   \
	query_complain((inspection)->look->check, (inspection)->look->rule->name, (inspection)->query, location, \
		       __VA_ARGS__)

/* ---- query-where ------------------------------------------------------------------------------------------------------ */

static bool visit_where(void *user, const ProtobufCMessage *message, int location)
{
	const struct inspection *inspection = user;

	(void)location;
	if (message->descriptor == &pg_query__update_stmt__descriptor &&
	    !((const PgQuery__UpdateStmt *)message)->where_clause)
		query_fault(inspection, -1, "%s: UPDATE without WHERE changes every row of the brand",
			    inspection->query->table.name);
	if (message->descriptor == &pg_query__delete_stmt__descriptor &&
	    !((const PgQuery__DeleteStmt *)message)->where_clause)
		query_fault(inspection, -1, "%s: DELETE without WHERE removes every row of the brand",
			    inspection->query->table.name);
	return true;
}

static void look_for_where(const struct look *look)
{
	inspect(look, visit_where);
}

/* ---- query-append-only ------------------------------------------------------------------------------------------------ */

static void judge_change(const struct inspection *inspection, const PgQuery__RangeVar *name, const char *what)
{
	const struct table *table = schema_find(inspection->look->schema, name);

	if (table && table->is_append_only)
		query_fault(inspection, name->location, "%s: %s is append-only, and %s is refused",
			    inspection->query->table.name, table->name, what);
}

static bool visit_change(void *user, const ProtobufCMessage *message, int location)
{
	(void)location;
	if (message->descriptor == &pg_query__update_stmt__descriptor)
		judge_change(user, ((const PgQuery__UpdateStmt *)message)->relation, "UPDATE");
	if (message->descriptor == &pg_query__delete_stmt__descriptor)
		judge_change(user, ((const PgQuery__DeleteStmt *)message)->relation, "DELETE");
	return true;
}

static void look_for_changes(const struct look *look)
{
	inspect(look, visit_change);
}

/* ---- query-brand-id ---------------------------------------------------------------------------------------------------- */

static void judge_targets(const struct inspection *inspection, size_t n, PgQuery__Node *const *targets)
{
	for (size_t i = 0; i < n; i++)
		if (is_node(targets[i], PG_QUERY__NODE__NODE_RES_TARGET) &&
		    !strcmp(targets[i]->res_target->name, "brand_id"))
			query_fault(inspection, targets[i]->res_target->location,
				    "%s: brand_id fills itself with the call's brand", inspection->query->table.name);
}

static bool visit_brand(void *user, const ProtobufCMessage *message, int location)
{
	(void)location;
	if (message->descriptor == &pg_query__insert_stmt__descriptor)
		judge_targets(user, ((const PgQuery__InsertStmt *)message)->n_cols,
			      ((const PgQuery__InsertStmt *)message)->cols);
	if (message->descriptor == &pg_query__update_stmt__descriptor)
		judge_targets(user, ((const PgQuery__UpdateStmt *)message)->n_target_list,
			      ((const PgQuery__UpdateStmt *)message)->target_list);
	return true;
}

/* What crosses brands as <service>_system has to say which. */
static void look_for_brand(const struct look *look)
{
	for (const struct query *query = look->group->queries; query; query = query->next) {
		struct inspection inspection = { look, query };

		if (!query->node || query->table.is_system)
			continue;
		tree_walk(node_message(query->node), visit_brand, &inspection);
		for (const char *const *name = query->table.parameters; *name; name++)
			if (!strcmp(*name, "brand_id"))
				query_fault(&inspection, -1,
					    "%s: @brand_id: no query is told the brand, the transaction has it",
					    query->table.name);
	}
}

/* ---- Pages: query-limit, query-order, query-offset --------------------------------------------------------------------- */

static bool is_page(const struct query *query)
{
	return query->table.is_rpc && query->table.rows == HM_ROWS_MANY && !strncmp(query->table.name, "List", 4);
}

static void look_for_limit(const struct look *look)
{
	for (const struct query *query = look->group->queries; query; query = query->next) {
		const PgQuery__SelectStmt *select = select_of(query);
		struct inspection inspection = { look, query };

		if (select && is_page(query) && !select->limit_count)
			query_fault(&inspection, -1, "%s has no LIMIT: it answers with all there will ever be",
				    query->table.name);
	}
}

struct names {
	const char *items[64];
	size_t n;
};

static void add_name(struct names *names, const PgQuery__Node *node)
{
	const char *name = is_node(node, PG_QUERY__NODE__NODE_COLUMN_REF)
				   ? list_last(node->column_ref->n_fields, node->column_ref->fields)
				   : NULL;

	if (name && names->n < sizeof names->items / sizeof *names->items)
		names->items[names->n++] = name;
}

static bool has_name(const struct names *names, const char *name)
{
	for (size_t i = 0; i < names->n; i++)
		if (!strcmp(names->items[i], name))
			return true;
	return false;
}

/* Columns that WHERE gives one value: they need not be sorted by. */
static bool visit_equal(void *user, const ProtobufCMessage *message, int location)
{
	const PgQuery__AExpr *expression = (const PgQuery__AExpr *)message;

	(void)location;
	if (message->descriptor != &pg_query__a__expr__descriptor ||
	    strcmp(list_last(expression->n_name, expression->name), "="))
		return true;
	add_name(user, expression->lexpr);
	add_name(user, expression->rexpr);
	return true;
}

static bool is_covered(const struct names *names, const char *const *columns)
{
	for (; *columns; columns++)
		if (strcmp(*columns, "brand_id") && !has_name(names, *columns))
			return false;
	return true;
}

/* Rows that compare equal come in any order, so a page could leave one out or show it twice. */
static bool is_unique_order(const struct look *look, const PgQuery__SelectStmt *select)
{
	const PgQuery__Node *from = select->n_from_clause == 1 ? select->from_clause[0] : NULL;
	const struct table *table =
		is_node(from, PG_QUERY__NODE__NODE_RANGE_VAR) ? schema_find(look->schema, from->range_var) : NULL;
	struct names names = { 0 };

	if (!table || table->kind == TABLE_VIEW)
		return true;
	tree_walk(node_message(select->where_clause), visit_equal, &names);
	for (size_t i = 0; i < select->n_sort_clause; i++)
		if (is_node(select->sort_clause[i], PG_QUERY__NODE__NODE_SORT_BY))
			add_name(&names, select->sort_clause[i]->sort_by->node);
	for (const struct index *index = table->indexes; index; index = index->next)
		if (index->is_unique && !index->is_partial && is_covered(&names, index->columns))
			return true;
	return false;
}

static void look_for_order(const struct look *look)
{
	for (const struct query *query = look->group->queries; query; query = query->next) {
		const PgQuery__SelectStmt *select = select_of(query);
		struct inspection inspection = { look, query };

		if (!select || query->table.rows != HM_ROWS_MANY || !select->limit_count || select->larg)
			continue;
		if (!select->n_sort_clause)
			query_fault(&inspection, -1,
				    "%s has LIMIT and no ORDER BY: which rows it gives is left to chance",
				    query->table.name);
		else if (is_page(query) && !is_unique_order(look, select))
			query_fault(
				&inspection, -1,
				"%s sorts by what several rows may share: end ORDER BY with a column that is unique",
				query->table.name);
	}
}

static bool visit_offset(void *user, const ProtobufCMessage *message, int location)
{
	const struct inspection *inspection = user;

	(void)location;
	if (message->descriptor == &pg_query__select_stmt__descriptor &&
	    ((const PgQuery__SelectStmt *)message)->limit_offset)
		query_fault(inspection, -1,
			    "%s pages by OFFSET: it reads what it skips, and slips when rows come in between",
			    inspection->query->table.name);
	return true;
}

static void look_for_offset(const struct look *look)
{
	inspect(look, visit_offset);
}

const struct rule rules_queries[] = {
	{ .name = "query-refused",
	  .category = "queries",
	  .summary = "a query that the build refuses",
	  .safe = "one statement a header, columns and parameters by name, no schema, no settings" },
	{ .name = "query-where",
	  .category = "queries",
	  .summary = "UPDATE and DELETE say which rows",
	  .safe = "UPDATE … WHERE id = @id",
	  .group = look_for_where },
	{ .name = "query-append-only",
	  .category = "queries",
	  .summary = "no query changes or removes what is append-only",
	  .safe = "a correction is a row of its own",
	  .group = look_for_changes },
	{ .name = "query-brand-id",
	  .category = "queries",
	  .summary = "no query writes brand_id or is told one",
	  .safe = "leave it out: its default is the transaction's brand",
	  .group = look_for_brand },
	{ .name = "query-limit",
	  .category = "queries",
	  .summary = "a List method's query has a LIMIT",
	  .safe = "ORDER BY id LIMIT @page_size, and id AS next_page_token",
	  .group = look_for_limit },
	{ .name = "query-order",
	  .category = "queries",
	  .summary = "what has a LIMIT has an order, and that of a page is one of its own",
	  .safe = "ORDER BY created_at, id LIMIT @page_size",
	  .group = look_for_order },
	{ .name = "query-offset",
	  .category = "queries",
	  .summary = "pages go on from a key, not from a number of rows",
	  .safe = "WHERE id > coalesce(@page_token, '') ORDER BY id LIMIT @page_size",
	  .group = look_for_offset },
	{ 0 },
};
