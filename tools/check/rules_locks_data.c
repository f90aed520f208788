/* Rules of rows: those that are there already are changed in batches, and not in the file that changes their table. */
#include <string.h>

#include "locks.h"

/* ---- Whether a condition narrows ------------------------------------------------------------------------------------ */

static bool narrows(const PgQuery__Node *where);

static bool is_given(const PgQuery__Node *node)
{
	while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	return node &&
	       (node->node_case == PG_QUERY__NODE__NODE_A_CONST || node->node_case == PG_QUERY__NODE__NODE_PARAM_REF ||
		node->node_case == PG_QUERY__NODE__NODE_SUB_LINK ||
		node->node_case == PG_QUERY__NODE__NODE_A_ARRAY_EXPR);
}

/* A column that equals something given; of two columns, nothing is known. */
static bool narrows_by(const PgQuery__AExpr *expression)
{
	switch (expression->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		return !strcmp(list_last(expression->n_name, expression->name), "=") &&
		       (is_given(expression->lexpr) || is_given(expression->rexpr));
	case PG_QUERY__A__EXPR__KIND__AEXPR_IN:
		return !strcmp(list_last(expression->n_name, expression->name), "=");
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP_ANY:
	case PG_QUERY__A__EXPR__KIND__AEXPR_BETWEEN:
		return true;
	default:
		return false;
	}
}

static bool narrows_query(const PgQuery__SelectStmt *select)
{
	return select->limit_count || select->n_values_lists || narrows(select->where_clause);
}

static bool narrows_all(const PgQuery__BoolExpr *either)
{
	for (size_t i = 0; i < either->n_args; i++)
		if (!narrows(either->args[i]))
			return false;
	return true;
}

static bool narrows_any(const PgQuery__BoolExpr *both)
{
	for (size_t i = 0; i < both->n_args; i++)
		if (narrows(both->args[i]))
			return true;
	return false;
}

static bool narrows(const PgQuery__Node *where)
{
	if (!where)
		return false;
	switch (where->node_case) {
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return where->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR  ? narrows_any(where->bool_expr)
		       : where->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR ? narrows_all(where->bool_expr)
										       : false;
	case PG_QUERY__NODE__NODE_A_EXPR:
		return narrows_by(where->a_expr);
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return where->sub_link->sub_link_type == PG_QUERY__SUB_LINK_TYPE__ANY_SUBLINK &&
		       where->sub_link->subselect->node_case == PG_QUERY__NODE__NODE_SELECT_STMT &&
		       narrows_query(where->sub_link->subselect->select_stmt);
	case PG_QUERY__NODE__NODE_CURRENT_OF_EXPR:
		return true;
	default:
		return false;
	}
}

/* ---- What rows a statement changes ------------------------------------------------------------------------------------ */

struct change {
	const struct look *look;
	const struct statement *statement;
	const char *words; /* NULL: none of a table in use */
	const PgQuery__RangeVar *table; /* that is changed, or read for an INSERT */
	bool is_whole;
};

/* Rows that are not to be changed at all, and tables of other services, are other rules' business. */
static bool is_none_of_ours(const struct look *look, const PgQuery__RangeVar *name)
{
	const struct table *table = schema_find(look->schema, name);
	const char *service = look->group->service;

	return !strcmp(name->relname, "audit_log") || (table && table->is_append_only) ||
	       (service && *name->schemaname && strcmp(name->schemaname, service) != 0);
}

static void note(struct change *change, const char *words, const PgQuery__RangeVar *table, bool is_whole)
{
	if (!table || look_is_new(change->look, table) || (change->words && !is_whole) ||
	    is_none_of_ours(change->look, table))
		return;
	change->words = words;
	change->table = table;
	change->is_whole = is_whole;
}

/* FROM names a table in use; what nobody has read may be a WITH's. */
static const PgQuery__RangeVar *source_in_use(const struct look *look, const PgQuery__SelectStmt *select)
{
	for (size_t i = 0; i < select->n_from_clause; i++) {
		const PgQuery__Node *from = select->from_clause[i];

		while (from->node_case == PG_QUERY__NODE__NODE_JOIN_EXPR)
			from = from->join_expr->larg;
		if (from->node_case == PG_QUERY__NODE__NODE_RANGE_VAR && !look_is_new(look, from->range_var) &&
		    (!select->with_clause || schema_find(look->schema, from->range_var)) &&
		    strcmp(from->range_var->schemaname, "pg_catalog") &&
		    strcmp(from->range_var->schemaname, "information_schema"))
			return from->range_var;
	}
	return NULL;
}

static void note_insert(struct change *change, const PgQuery__InsertStmt *insert)
{
	const PgQuery__SelectStmt *select =
		insert->select_stmt && insert->select_stmt->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
			? insert->select_stmt->select_stmt
			: NULL;
	const PgQuery__RangeVar *source = select && !insert->with_clause ? source_in_use(change->look, select) : NULL;

	if (source && !narrows_query(select))
		note(change, "INSERT … SELECT", source, true);
}

static bool visit(void *user, const ProtobufCMessage *message, int location)
{
	struct change *change = user;

	(void)location;
	if (message->descriptor == &pg_query__update_stmt__descriptor) {
		const PgQuery__UpdateStmt *update = (const PgQuery__UpdateStmt *)message;

		note(change, "UPDATE", update->relation, !narrows(update->where_clause));
	} else if (message->descriptor == &pg_query__delete_stmt__descriptor) {
		const PgQuery__DeleteStmt *delete = (const PgQuery__DeleteStmt *)message;

		note(change, "DELETE", delete->relation, !narrows(delete->where_clause));
	} else if (message->descriptor == &pg_query__merge_stmt__descriptor) {
		note(change, "MERGE", ((const PgQuery__MergeStmt *)message)->relation, true);
	} else if (message->descriptor == &pg_query__insert_stmt__descriptor) {
		note_insert(change, (const PgQuery__InsertStmt *)message);
	}
	return true;
}

/* Also within WITH, but not in what a function or a rule is made of. */
static struct change change_of(const struct look *look, const struct statement *statement)
{
	static const PgQuery__Node__NodeCase kinds[] = {
		PG_QUERY__NODE__NODE_UPDATE_STMT, PG_QUERY__NODE__NODE_DELETE_STMT, PG_QUERY__NODE__NODE_MERGE_STMT,
		PG_QUERY__NODE__NODE_INSERT_STMT, PG_QUERY__NODE__NODE_SELECT_STMT,
	};
	struct change change = { .look = look, .statement = statement };

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (statement->node->node_case == kinds[i])
			tree_walk(node_message(statement->node), visit, &change);
	return change;
}

/* That a backfill is one by @batch, migration-header sees to. */
static void look_at_change(const struct look *look)
{
	const struct hm_migration_header *header = look->file->header;
	struct change change = change_of(look, look->statement);
	bool is_backfill = header && *header->backfill.table;

	if (change.words && change.is_whole && !is_backfill)
		complain(look, -1,
			 "%s of all of %s in one transaction: its rows stay locked, and dead ones unvacuumed, until it "
			 "is done",
			 change.words, look_name(change.table));
}

/* ---- data-own-file ------------------------------------------------------------------------------------------------------ */

static const char *altered_in_file(const struct look *look)
{
	const char *table;

	for (const struct statement *one = look->file->statements; one; one = statement_next(one))
		if (lock_in_use(look, one, &table) == LOCK_ALL)
			return table;
	return NULL;
}

static void look_for_changes(const struct look *look)
{
	const char *altered = altered_in_file(look);

	for (const struct statement *one = look->file->statements; altered && one; one = statement_next(one)) {
		struct change change = change_of(look, one);

		if (change.words)
			complain_of(look, one,
				    "%s of %s in the file that changes what table %s is, and holds a lock on it",
				    change.words, look_name(change.table), altered);
	}
}

/* Of a file or a program, the server's: server-untouched. */
static void look_at_copy(const struct look *look)
{
	const PgQuery__CopyStmt *copy = look->statement->node->copy_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_COPY_STMT && !*copy->filename && !copy->is_program)
		complain(look, -1,
			 "COPY talks to its client, and the migrator is none: the data is not part of the file");
}

const struct rule rules_locks_data[] = {
	{ .name = "data-in-batches",
	  .category = "locks",
	  .summary = "the rows of a table in use are changed in batches",
	  .safe = "a file of its own: -- backfill: table=t batch=1000 pause=50ms, -- remaining: CONDITION; and WHERE "
		  "@batch AND …",
	  .statement = look_at_change },
	{ .name = "data-own-file",
	  .category = "locks",
	  .summary = "rows are changed in another file than their table",
	  .safe = "ALTER TABLE in this file; the change of rows, a backfill, in the next",
	  .file = look_for_changes },
	{ .name = "data-copy",
	  .category = "locks",
	  .summary = "a migration carries its own data",
	  .safe = "INSERT … VALUES …, or a job that loads the file in batches after the migration",
	  .statement = look_at_copy },
	{ 0 },
};
