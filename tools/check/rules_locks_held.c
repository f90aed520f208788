/* Rules of what follows a lock: it is held until the file is done, so whatever else is in the file makes others wait longer. */
#include <string.h>

#include "locks.h"

/* Statements that take as long as a table is large, and so are not for the time a lock is held. Changes of rows: data-own-file. */
static const char *slow_alter(const struct look *look, const PgQuery__Node *node)
{
	const PgQuery__AlterTableStmt *alter = node->alter_table_stmt;

	for (size_t i = 0; look_altered(look) && i < alter->n_cmds; i++)
		if (alter->cmds[i]->alter_table_cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint)
			return "VALIDATE CONSTRAINT";
	return NULL;
}

static const char *slow_index(const struct look *look, const PgQuery__Node *node)
{
	return look_is_new(look, node->index_stmt->relation) || node->index_stmt->concurrent ? NULL : "CREATE INDEX";
}

static const char *slow_refresh(const struct look *look, const PgQuery__Node *node)
{
	return look_is_new(look, node->refresh_mat_view_stmt->relation) ? NULL : "REFRESH MATERIALIZED VIEW";
}

struct reading {
	const struct look *look;
	bool reads;
};

static bool find_table(void *user, const ProtobufCMessage *message, int location)
{
	struct reading *reading = user;
	const PgQuery__RangeVar *name = (const PgQuery__RangeVar *)message;

	(void)location;
	if (message->descriptor == &pg_query__into_clause__descriptor)
		return false;
	if (message->descriptor == &pg_query__range_var__descriptor && schema_find(reading->look->schema, name) &&
	    !look_is_new(reading->look, name))
		reading->reads = true;
	return true;
}

/* Names that nobody has read may be a WITH's, or a catalog's. */
static const char *slow_query(const struct look *look, const PgQuery__Node *node)
{
	struct reading reading = { .look = look };

	tree_walk(node_message(node), find_table, &reading);
	return reading.reads ? "a query over a table in use" : NULL;
}

static const struct {
	PgQuery__Node__NodeCase node;
	const char *(*what)(const struct look *look, const PgQuery__Node *node); /* NULL: it is quick */
} slows[] = {
	{ PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, slow_alter },        { PG_QUERY__NODE__NODE_INDEX_STMT, slow_index },
	{ PG_QUERY__NODE__NODE_REFRESH_MAT_VIEW_STMT, slow_refresh }, { PG_QUERY__NODE__NODE_SELECT_STMT, slow_query },
	{ PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, slow_query },
};

static const char *slow_words(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	for (size_t i = 0; i < sizeof slows / sizeof *slows; i++)
		if (slows[i].node == node->node_case)
			return slows[i].what(look, node);
	return NULL;
}

/* What is taken away is used by nobody, so its lock keeps nobody waiting. */
static enum lock lock_that_counts(const struct look *look, const struct statement *statement, const char **ret_table)
{
	if (statement->node->node_case == PG_QUERY__NODE__NODE_DROP_STMT)
		return LOCK_SHARED;
	return lock_in_use(look, statement, ret_table);
}

static void look_at_held(const struct look *look)
{
	const char *held, *table = NULL, *slow = slow_words(look);
	enum lock lock = lock_that_counts(look, look->statement, &table);

	if (!slow && lock < LOCK_ALL)
		return;
	for (const struct statement *one = look->file->statements; one && one != look->statement;
	     one = statement_next(one)) {
		enum lock kept = lock_that_counts(look, one, &held);

		if (kept < (slow ? LOCK_WRITES : LOCK_ALL))
			continue;
		if (slow)
			complain(look, -1,
				 "%s, while %s is locked by a statement before: nobody can %s %s until this is done",
				 slow, held, kept == LOCK_ALL ? "use" : "write to", held);
		else if (strcmp(held, table))
			complain(look, -1,
				 "this waits for %s while %s is locked by a statement before: whoever needs either "
				 "waits, too",
				 table, held);
		else
			continue;
		return;
	}
}

/* ---- alter-joined ------------------------------------------------------------------------------------------------------ */

static const struct statement *statement_before(const struct look *look)
{
	const struct statement *before = NULL;

	for (const struct statement *one = look->file->statements; one && one != look->statement;
	     one = statement_next(one))
		before = one;
	return before;
}

static bool is_alike(const PgQuery__AlterTableStmt *a, const PgQuery__AlterTableStmt *b)
{
	PgQuery__AlterTableType type = a->n_cmds ? a->cmds[0]->alter_table_cmd->subtype : 0;

	if (type == PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition ||
	    type == PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition)
		return false;
	for (size_t i = 0; i < a->n_cmds; i++)
		if (a->cmds[i]->alter_table_cmd->subtype != type)
			return false;
	for (size_t i = 0; i < b->n_cmds; i++)
		if (b->cmds[i]->alter_table_cmd->subtype != type)
			return false;
	return true;
}

/* Only commands of one kind: those are the ones that are surely one change. */
static void look_at_joined(const struct look *look)
{
	const PgQuery__RangeVar *name = look_altered(look);
	const struct statement *before = name ? statement_before(look) : NULL;

	if (before && before->node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_STMT &&
	    before->node->alter_table_stmt->relation &&
	    !strcmp(before->node->alter_table_stmt->relation->relname, name->relname) &&
	    is_alike(before->node->alter_table_stmt, look->statement->node->alter_table_stmt))
		complain(look, -1,
			 "%s is altered by the statement before in the same way: one ALTER TABLE does both, and looks "
			 "at the rows once",
			 look_name(name));
}

const struct rule rules_locks_held[] = {
	{ .name = "lock-held",
	  .category = "locks",
	  .summary = "what locks a table against everybody is the last in its file",
	  .safe = "the other statements in a file before, or after",
	  .statement = look_at_held },
	{ .name = "alter-joined",
	  .category = "locks",
	  .summary = "several changes of one kind to a table are one ALTER TABLE",
	  .safe = "ALTER TABLE t ADD COLUMN a …, ADD COLUMN b …",
	  .statement = look_at_joined },
	{ 0 },
};
