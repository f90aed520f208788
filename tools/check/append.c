/*
 * Append: which tables may only grow, and what changes their rows. A table is found through its partitions and through views that show it
 * alone. Grants, triggers and what else can be done around a table are in append_around.c.
 */
#include "append.h"

#include <string.h>

/* ---- Which tables ------------------------------------------------------------------------------------------------- */

static const struct {
	const char *service, *table;
} ledgers[] = {
	{ "accounting", "transactions" },
	{ "accounting", "entries" },
	{ "cash", "entries" },
};

static bool is_named_ledger(const char *service, const char *table)
{
	for (size_t i = 0; service && i < sizeof ledgers / sizeof *ledgers; i++)
		if (!strcmp(ledgers[i].service, service) && !strcmp(ledgers[i].table, table))
			return true;
	return false;
}

bool append_is_ledger(const struct look *look, const struct table *table)
{
	return strcmp(table->name, "audit_log") && !table->is_temporary && table->kind != TABLE_VIEW &&
	       (table->is_append_only ||
		is_named_ledger(table->schema ? table->schema : look->group->service, table->name));
}

static bool is_audit(const struct look *look, const char *schema, const char *name)
{
	(void)look, (void)schema;
	return !strcmp(name, "audit_log");
}

static bool is_ledger(const struct look *look, const char *schema, const char *name)
{
	const struct table *table = schema_find_name(look->schema, name);

	if (!strcmp(name, "audit_log"))
		return false;
	if (table)
		return append_is_ledger(look, table);
	return is_named_ledger(schema && *schema ? schema : look->group->service, name);
}

typedef bool is_kept(const struct look *look, const char *schema, const char *name);

static is_kept *kept_by(const struct look *look)
{
	return !strcmp(look->rule->name, "audit-append-only") ? is_audit : is_ledger;
}

const char *append_find(const struct look *look, const char *schema, const char *name)
{
	enum { STEPS_MAX = 16 };

	for (unsigned step = 0; name && step < STEPS_MAX; step++) {
		const struct table *table = schema_find_name(look->schema, name);

		if (kept_by(look)(look, schema, name))
			return name;
		name = table ? table->parent : NULL;
	}
	return NULL;
}

const char *append_table(const struct look *look, const PgQuery__RangeVar *name)
{
	return name && *name->relpersistence != 't' ? append_find(look, name->schemaname, name->relname) : NULL;
}

/* ---- Rows: UPDATE, DELETE, TRUNCATE, MERGE, ON CONFLICT, wherever in a statement ----------------------------------- */

/* Tables that TRUNCATE … CASCADE empties along with one: those that refer to it. */
static const char *reached_by(const struct look *look, const char *name, unsigned depth)
{
	enum { DEPTH_MAX = 16 };

	for (const struct table *table = look->schema->tables; table && depth < DEPTH_MAX; table = table->next)
		for (const struct constraint *one = table->constraints; one; one = one->next) {
			const char *kept;

			if (one->kind != CONSTRAINT_FOREIGN || strcmp(one->references, name) ||
			    !strcmp(table->name, name))
				continue;
			kept = append_find(look, table->schema, table->name);
			kept = kept ? kept : reached_by(look, table->name, depth + 1);
			if (kept)
				return kept;
		}
	return NULL;
}

static void judge_truncate(const struct look *look, const PgQuery__TruncateStmt *truncate)
{
	bool cascades = truncate->behavior == PG_QUERY__DROP_BEHAVIOR__DROP_CASCADE;

	for (size_t i = 0; i < truncate->n_relations; i++) {
		const PgQuery__RangeVar *name = truncate->relations[i]->range_var;
		const char *kept = append_table(look, name);

		if (kept)
			complain(look, name->location, "TRUNCATE empties %s, which is append-only", kept);
		else if (cascades && (kept = reached_by(look, name->relname, 0)))
			complain(look, name->location, "TRUNCATE … CASCADE empties %s, too, which is append-only",
				 kept);
	}
}

static void judge_merge(const struct look *look, const PgQuery__MergeStmt *merge)
{
	const char *kept = append_table(look, merge->relation);

	for (size_t i = 0; kept && i < merge->n_merge_when_clauses; i++) {
		PgQuery__CmdType command = merge->merge_when_clauses[i]->merge_when_clause->command_type;

		if (command == PG_QUERY__CMD_TYPE__CMD_UPDATE || command == PG_QUERY__CMD_TYPE__CMD_DELETE) {
			complain(look, merge->relation->location, "MERGE changes rows of %s, which is append-only",
				 kept);
			return;
		}
	}
}

static void judge_write(const struct look *look, const PgQuery__RangeVar *name, const char *verb)
{
	const char *kept = append_table(look, name);

	if (kept)
		complain(look, name->location, "%s changes rows of %s, which is append-only", verb, kept);
}

static bool visit_write(void *user, const ProtobufCMessage *message, int location)
{
	const struct look *look = user;
	const void *node = message;

	(void)location;
	if (message->descriptor == &pg_query__update_stmt__descriptor)
		judge_write(look, ((const PgQuery__UpdateStmt *)node)->relation, "UPDATE");
	else if (message->descriptor == &pg_query__delete_stmt__descriptor)
		judge_write(look, ((const PgQuery__DeleteStmt *)node)->relation, "DELETE");
	else if (message->descriptor == &pg_query__truncate_stmt__descriptor)
		judge_truncate(look, node);
	else if (message->descriptor == &pg_query__merge_stmt__descriptor)
		judge_merge(look, node);
	else if (message->descriptor == &pg_query__insert_stmt__descriptor &&
		 ((const PgQuery__InsertStmt *)node)->on_conflict_clause &&
		 ((const PgQuery__InsertStmt *)node)->on_conflict_clause->action ==
			 PG_QUERY__ON_CONFLICT_ACTION__ONCONFLICT_UPDATE)
		judge_write(look, ((const PgQuery__InsertStmt *)node)->relation, "ON CONFLICT DO UPDATE");
	return true;
}

void append_look_at_rows(const struct look *look)
{
	struct look copy = *look;

	tree_walk(node_message(look->statement->node), visit_write, &copy);
}

/* ---- ALTER TABLE -------------------------------------------------------------------------------------------------- */

static const struct {
	PgQuery__AlterTableType type;
	const char *what; /* of %s */
} alterations[] = {
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig, "disables a trigger that keeps %s append-only" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll, "disables the triggers that keep %s append-only" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser, "disables the triggers that keep %s append-only" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig,
	  "makes a trigger of %s less than ENABLE ALWAYS: session_replication_role turns it off" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll,
	  "makes the triggers of %s less than ENABLE ALWAYS: session_replication_role turns them off" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser,
	  "makes the triggers of %s less than ENABLE ALWAYS: session_replication_role turns them off" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableReplicaTrig,
	  "makes a trigger of %s less than ENABLE ALWAYS: it no longer runs" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner, "gives %s to another owner, who can do anything to it" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetUnLogged, "leaves %s empty after a crash" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition, "takes rows out of %s" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropInherit, "takes rows out of %s" },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AddInherit, "makes rows of %s another table's, too" },
};

/* ALTER TABLE … INHERIT audit_log, of any table. */
static void judge_new_parent(const struct look *look, const PgQuery__AlterTableCmd *command)
{
	const PgQuery__RangeVar *heir = look->statement->node->alter_table_stmt->relation;
	const char *kept = NULL;

	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddInherit)
		kept = append_table(look, command->def->range_var);
	if (kept)
		complain(look, -1, "rows of %s are seen in %s, and nothing keeps them as they are", heir->relname,
			 kept);
}

void append_look_at_command(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const char *kept = append_table(look, look->statement->node->alter_table_stmt->relation);

	(void)table;
	judge_new_parent(look, command);
	for (size_t i = 0; kept && i < sizeof alterations / sizeof *alterations; i++)
		if (alterations[i].type == command->subtype) {
			const char *at = strstr(alterations[i].what, "%s");

			complain(look, -1, "this %.*s%s%s", (int)(at - alterations[i].what), alterations[i].what, kept,
				 at + 2);
		}
	if (kept && command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType &&
	    command->def->column_def->raw_default)
		complain(look, -1, "USING writes every row of %s anew, which is append-only", kept);
}
