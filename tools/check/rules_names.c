/*
 * Rule query-unknown-name: tables and columns that the migrations do not leave behind. A query has its names in scopes; here all of a query is one, and a
 * name is found wherever it could come from, so that what is complained of is in no scope at all.
 */
#include <string.h>

#include "queries.h"
#include "rules.h"

enum { SOURCES_MAX = 64 };

/* What a name before a dot may stand for. */
struct source {
	const char *name;
	const struct table *table; /* NULL: its columns are not known */
};

struct scope {
	const struct look *look;
	const struct query *query;
	struct source sources[SOURCES_MAX];
	size_t n_sources;
	const char *outputs[SOURCES_MAX]; /* AS names, which ORDER BY may use */
	size_t n_outputs;
	bool is_open; /* something is in it whose columns are not known */
};

static void add_source(struct scope *scope, const char *name, const struct table *table)
{
	scope->is_open |= !table || table->is_unsure || table->kind == TABLE_VIEW || table->kind == TABLE_MATERIALIZED;
	if (scope->n_sources < SOURCES_MAX)
		scope->sources[scope->n_sources++] = (struct source){ name, table };
	else
		scope->is_open = true;
}

/* Names that WITH gives come first, as they hide tables. */
static bool visit_with(void *user, const ProtobufCMessage *message, int location)
{
	struct scope *scope = user;

	(void)location;
	if (message->descriptor == &pg_query__common_table_expr__descriptor)
		add_source(scope, ((const PgQuery__CommonTableExpr *)message)->ctename, NULL);
	return true;
}

static bool is_source(const struct scope *scope, const char *name)
{
	for (size_t i = 0; i < scope->n_sources; i++)
		if (!strcmp(scope->sources[i].name, name))
			return true;
	return false;
}

/* PostgreSQL's own, and what the migrator makes in every schema. */
static bool is_provided(const char *name)
{
	static const char *const provided[] = { "idempotent_reply", "hallmark_migration", "hallmark_progress" };

	for (size_t i = 0; i < sizeof provided / sizeof *provided; i++)
		if (!strcmp(name, provided[i]))
			return true;
	return !strncmp(name, "pg_", 3);
}

static void add_relation(struct scope *scope, const PgQuery__RangeVar *relation)
{
	const struct table *table =
		is_source(scope, relation->relname) ? NULL : schema_find(scope->look->schema, relation);

	if (!table && !is_source(scope, relation->relname) && !is_provided(relation->relname))
		query_complain(scope->look->check, scope->look->rule->name, scope->query, relation->location,
			       "%s: the migrations leave no table %s", scope->query->table.name, relation->relname);
	add_source(scope, relation->alias ? relation->alias->aliasname : relation->relname, table);
	if (relation->alias && relation->alias->n_colnames)
		scope->is_open = true;
}

static bool visit_relation(void *user, const ProtobufCMessage *message, int location)
{
	struct scope *scope = user;

	(void)location;
	if (message->descriptor == &pg_query__range_var__descriptor)
		add_relation(scope, (const PgQuery__RangeVar *)message);
	if (message->descriptor == &pg_query__range_subselect__descriptor ||
	    message->descriptor == &pg_query__range_function__descriptor ||
	    message->descriptor == &pg_query__range_table_func__descriptor)
		scope->is_open = true;
	if (message->descriptor == &pg_query__res_target__descriptor && scope->n_outputs < SOURCES_MAX)
		scope->outputs[scope->n_outputs++] = ((const PgQuery__ResTarget *)message)->name;
	return true;
}

/* ---- Columns ----------------------------------------------------------------------------------------------------------- */

static bool is_system_column(const char *name)
{
	static const char *const names[] = { "ctid", "xmin", "xmax", "cmin", "cmax", "tableoid" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static bool has_column(const struct table *table, const char *name)
{
	return !table || table->is_unsure || table->kind == TABLE_VIEW || table->kind == TABLE_MATERIALIZED ||
	       table_column(table, name) || is_system_column(name);
}

/* q.name: some q has it. A q that is not among the sources is a subquery's or a function's. */
static bool is_known_of(const struct scope *scope, const char *qualifier, const char *name)
{
	bool is_found = false;

	for (size_t i = 0; i < scope->n_sources; i++) {
		if (strcmp(scope->sources[i].name, qualifier))
			continue;
		if (has_column(scope->sources[i].table, name))
			return true;
		is_found = true;
	}
	return !is_found;
}

static bool is_known(const struct scope *scope, const char *name)
{
	if (scope->is_open || is_source(scope, name))
		return true;
	for (size_t i = 0; i < scope->n_sources; i++)
		if (scope->sources[i].table && has_column(scope->sources[i].table, name))
			return true;
	for (size_t i = 0; i < scope->n_outputs; i++)
		if (!strcmp(scope->outputs[i], name))
			return true;
	return false;
}

static void judge_column(const struct scope *scope, const PgQuery__ColumnRef *column)
{
	const char *name = list_last(column->n_fields, column->fields),
		   *qualifier = list_qualifier(column->n_fields, column->fields);

	if (!name || !*name || column->n_fields > 2)
		return;
	if (qualifier ? !is_known_of(scope, qualifier, name) : !is_known(scope, name))
		query_complain(scope->look->check, scope->look->rule->name, scope->query, column->location,
			       "%s: the migrations leave no column %s%s%s", scope->query->table.name,
			       qualifier ? qualifier : "", qualifier ? "." : "", name);
}

/* Columns that are written are named without their table. */
static void judge_targets(const struct scope *scope, const PgQuery__RangeVar *relation, size_t n,
			  PgQuery__Node *const *targets)
{
	const struct table *table = schema_find(scope->look->schema, relation);

	for (size_t i = 0; table && i < n; i++)
		if (targets[i]->node_case == PG_QUERY__NODE__NODE_RES_TARGET && *targets[i]->res_target->name &&
		    !has_column(table, targets[i]->res_target->name))
			query_complain(scope->look->check, scope->look->rule->name, scope->query,
				       targets[i]->res_target->location, "%s: the migrations leave no column %s in %s",
				       scope->query->table.name, targets[i]->res_target->name, table->name);
}

static bool visit_column(void *user, const ProtobufCMessage *message, int location)
{
	const struct scope *scope = user;

	(void)location;
	if (message->descriptor == &pg_query__column_ref__descriptor)
		judge_column(scope, (const PgQuery__ColumnRef *)message);
	if (message->descriptor == &pg_query__insert_stmt__descriptor) {
		const PgQuery__InsertStmt *insert = (const PgQuery__InsertStmt *)message;

		judge_targets(scope, insert->relation, insert->n_cols, insert->cols);
	}
	if (message->descriptor == &pg_query__update_stmt__descriptor) {
		const PgQuery__UpdateStmt *update = (const PgQuery__UpdateStmt *)message;

		judge_targets(scope, update->relation, update->n_target_list, update->target_list);
	}
	return true;
}

static void look_for_names(const struct look *look)
{
	for (const struct query *query = look->group->queries; query; query = query->next) {
		struct scope scope = { .look = look, .query = query };
		const ProtobufCMessage *tree = node_message(query->node);

		if (!tree || !look->schema->tables)
			continue;
		add_source(&scope, "excluded", NULL);
		scope.is_open = false;
		tree_walk(tree, visit_with, &scope);
		tree_walk(tree, visit_relation, &scope);
		tree_walk(tree, visit_column, &scope);
	}
}

const struct rule rules_names[] = {
	{ .name = "query-unknown-name",
	  .category = "queries",
	  .summary = "a table or column that the migrations do not leave behind",
	  .safe = "the names of the newest migration; hallmark check --dsn asks PostgreSQL itself",
	  .group = look_for_names },
	{ 0 },
};
