/*
 * Rules of what is answered for: each service has an audit log, just as the data model has it, and neither that nor a ledger ever loses or
 * changes a row. How rows could be lost is in append.c.
 */
#include <string.h>
#include <strings.h>

#include "append.h"
#include "base/buffer.h"

/* ---- audit-table-required ----------------------------------------------------------------------------------------- */

static const struct {
	const char *name, *type;
	bool is_not_null;
} columns[] = {
	{ "id", "uuid", true },           { "occurred_at", "timestamptz", true }, { "actor_type", "text", true },
	{ "actor_id", "text", true },     { "actor_brand_id", "text", false },    { "event_type", "text", true },
	{ "entity_type", "text", false }, { "entity_id", "text", false },         { "brand_id", "text", true },
	{ "request_id", "text", false },  { "details", "jsonb", false },
};
enum { N_COLUMNS = sizeof columns / sizeof *columns };

static bool is_key_id(const struct table *table)
{
	for (const struct constraint *one = table->constraints; one; one = one->next)
		if (one->kind == CONSTRAINT_PRIMARY)
			return one->columns && one->columns[0] && !strcmp(one->columns[0], "id") && !one->columns[1];
	return false;
}

static const char *column_text(const struct look *look, size_t i)
{
	return hm_arena_printf(&look->check->arena, "%s %s%s", columns[i].name, columns[i].type,
			       columns[i].is_not_null ? " NOT NULL" : "");
}

/* The first thing that is not as it has to be; NULL: all is. */
static const char *audit_fault(const struct look *look, const struct table *log)
{
	struct hm_arena *arena = &look->check->arena;
	const struct column *column = log->columns;

	if (log->kind != TABLE_PLAIN && log->kind != TABLE_PARTITIONED)
		return "has to be a table";
	if (log->is_temporary)
		return "is temporary";
	for (size_t i = 0; i < N_COLUMNS; i++, column = column->next) {
		if (!column || strcmp(column->name, columns[i].name))
			return hm_arena_printf(arena, "has to have %s as column %zu", column_text(look, i), i + 1);
		if ((column->type && strcmp(column->type, columns[i].type)) ||
		    column->is_not_null != columns[i].is_not_null)
			return hm_arena_printf(arena, "has to have %s, not %s %s%s", column_text(look, i), column->name,
					       column->type ? column->type : "of another type",
					       column->is_not_null ? " NOT NULL" : "");
	}
	if (column)
		return hm_arena_printf(arena, "has a column %s too many", column->name);
	return is_key_id(log) ? NULL : "has to have PRIMARY KEY (id)";
}

/* At the end of each file that made or changed it. What LIKE took from a table that was not read is believed. */
static void look_at_audit_log(const struct look *look)
{
	const struct table *log = schema_find_name(look->schema, "audit_log");
	const char *fault = log && log->changed_by->file == look->file ? audit_fault(look, log) : NULL;

	if (fault && !(log->is_unsure && !look->group->is_whole))
		complain_of(look, log->changed_by, "audit_log %s", fault);
}

/* Of a log that was not read: it was as it has to be. */
static void look_at_reshaped(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	static const PgQuery__AlterTableType reshapes[] = {
		PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn,       PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn,
		PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType, PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull,
		PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull,
	};

	if (table || strcmp(look_name(look->statement->node->alter_table_stmt->relation), "audit_log"))
		return;
	for (size_t i = 0; i < sizeof reshapes / sizeof *reshapes; i++)
		if (command->subtype == reshapes[i])
			complain(look, -1, "audit_log has the data model's columns, and no others");
}

static void look_at_renamed(const struct look *look)
{
	const PgQuery__RenameStmt *rename = look->statement->node->rename_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT &&
	    rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN &&
	    !strcmp(look_name(rename->relation), "audit_log") && !schema_find(look->schema, rename->relation))
		complain(look, -1, "audit_log has the data model's columns, under their own names");
}

/* Dropped or renamed away it is another rule's. */
static void look_for_audit_log(const struct look *look)
{
	const struct file *first = look->group->files;

	if (!look->group->is_whole || look->schema->had_audit_log || !first)
		return;
	if (first->statements)
		complain_of(look, first->statements, "service %s makes no table audit_log", look->group->service);
	else
		finding_add(look->check, look->rule->name, first, 0, 0,
			    hm_arena_printf(&look->check->arena, "service %s makes no table audit_log",
					    look->group->service));
}

/* ---- audit-append-only -------------------------------------------------------------------------------------------- */

/* A child's rows are shown with the parent's, and are under none of its triggers. A partition's are; the migrator sees to it. */
static void look_at_child(const struct look *look, const PgQuery__CreateStmt *create)
{
	for (size_t i = 0; i < create->n_inh_relations && !create->partbound; i++) {
		const char *kept = append_table(look, create->inh_relations[i]->range_var);

		if (kept)
			complain(look, create->relation->location,
				 "rows of %s would be shown as rows of %s, and can be changed",
				 create->relation->relname, kept);
	}
}

static void look_at_table(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
		look_at_child(look, node->create_stmt);
	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT &&
	    *node->create_stmt->relation->relpersistence == 'u' && append_table(look, node->create_stmt->relation))
		complain(look, -1, "an unlogged table is empty after a crash");
}

static void look_at_objects(const struct look *look)
{
	append_look_at_objects(look);
	look_at_table(look);
}

static void look_anywhere(const struct look *look)
{
	append_look_at_rows(look);
	append_look_at_everything(look);
}

/* ---- ledger-append-only ------------------------------------------------------------------------------------------- */

static void look_at_comment(const struct look *look)
{
	const PgQuery__CommentStmt *comment = look->statement->node->comment_stmt;
	const struct table *table;

	if (look->statement->node->node_case != PG_QUERY__NODE__NODE_COMMENT_STMT ||
	    comment->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		return;
	table = schema_find_name(look->schema, list_last(comment->object->list->n_items, comment->object->list->items));
	if (table && append_is_ledger(look, table) && table->is_append_only &&
	    strncmp(comment->comment, "append-only", strlen("append-only")) != 0)
		complain(look, -1, "%s is append-only by its comment, which this takes away", table->name);
}

static void look_at_ledger(const struct look *look)
{
	append_look_at_objects(look);
	look_at_table(look);
	look_at_comment(look);
}

/* The last definition of a trigger's function that was read; NULL: none. */
static const struct statement *find_function(const struct look *look, const char *name)
{
	const struct statement *found = NULL;

	for (const struct file *file = look->group->files; file; file = file->next)
		for (const struct statement *one = file->statements; one; one = one->next) {
			const PgQuery__CreateFunctionStmt *function = one->node->create_function_stmt;

			if (one->node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT &&
			    !strcmp(list_last(function->n_funcname, function->funcname), name))
				found = one;
		}
	return found;
}

/* A function that refuses raises. */
static bool refuses(const struct look *look, const char *name)
{
	const struct statement *function = find_function(look, name);
	const char *text;

	if (!function)
		return true;
	text = hm_arena_dup(&look->check->arena, function->file->text + function->begin,
			    function->end - function->begin);
	return strcasestr(text, "raise") != NULL;
}

enum { EVENT_DELETE = 8, EVENT_UPDATE = 16, EVENT_TRUNCATE = 32 };

/* What the table's own triggers refuse, all the time and of every row. */
static int refused_events(const struct look *look, const struct table *table)
{
	int events = 0;

	for (const struct trigger *one = table->triggers; one; one = one->next)
		if (one->is_always && !one->from->when_clause && !one->from->n_columns && refuses(look, one->function))
			events |= one->from->events;
	return events;
}

static void look_at_guards(const struct look *look)
{
	static const struct {
		int event;
		const char *name;
	} wanted[] = { { EVENT_UPDATE, "UPDATE" }, { EVENT_DELETE, "DELETE" }, { EVENT_TRUNCATE, "TRUNCATE" } };

	for (const struct table *table = look->schema->tables; table; table = table->next) {
		int events;

		if (!append_is_ledger(look, table) || table->is_append_only || table->changed_by->file != look->file)
			continue;
		events = refused_events(look, table);
		for (size_t i = 0; i < sizeof wanted / sizeof *wanted; i++)
			if (!(events & wanted[i].event)) {
				complain_of(look, table->changed_by,
					    "%s is a ledger, and no trigger that is ENABLE ALWAYS refuses %s",
					    table->name, wanted[i].name);
				break;
			}
	}
}

/* ---- triggers-are-enabled ------------------------------------------------------------------------------------------ */

static bool is_trigger_switch(const PgQuery__AlterTableCmd *command, bool is_on)
{
	static const PgQuery__AlterTableType switches[][4] = {
		{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig, PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll,
		  PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser, PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig },
		{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig, PG_QUERY__ALTER_TABLE_TYPE__AT_EnableAlwaysTrig,
		  PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll, PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser },
	};

	for (size_t i = 0; i < 4; i++)
		if (command->subtype == switches[is_on][i])
			return true;
	return false;
}

/* The same file switches it on again. */
static bool is_switched_on(const struct look *look, const char *table)
{
	for (const struct statement *one = look->statement->next; one; one = one->next) {
		const PgQuery__AlterTableStmt *alter = one->node->alter_table_stmt;

		if (one->node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT ||
		    strcmp(look_name(alter->relation), table) != 0)
			continue;
		for (size_t i = 0; i < alter->n_cmds; i++)
			if (is_trigger_switch(alter->cmds[i]->alter_table_cmd, true))
				return true;
	}
	return false;
}

/* Of what is append-only the other rules speak. */
static void look_at_switches(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const char *name = look_name(look->statement->node->alter_table_stmt->relation);

	if (is_trigger_switch(command, false) && strcmp(name, "audit_log") != 0 &&
	    !(table && append_is_ledger(look, table)) && !is_switched_on(look, name))
		complain(look, -1, "a trigger of %s stays switched off: what it checks or counts is not, from then on",
			 name);
}

const struct rule rules_audit[] = {
	{ .name = "audit-table-required",
	  .category = "audit",
	  .summary = "each service has a table audit_log, with the data model's columns and no others",
	  .safe = "CREATE TABLE audit_log as `hallmark check --explain audit-table-required` shows it, never altered",
	  .statement = look_at_renamed,
	  .command = look_at_reshaped,
	  .file = look_at_audit_log,
	  .group = look_for_audit_log },
	{ .name = "audit-append-only",
	  .category = "audit",
	  .summary = "the audit log is read and added to, nothing else",
	  .safe = "leave grants and triggers of audit_log to hallmark migrate; what was wrong is put right by another "
		  "entry",
	  .statement = look_at_objects,
	  .command = append_look_at_command,
	  .constraint = append_look_at_constraint,
	  .anywhere = look_anywhere },
	{ .name = "ledger-append-only",
	  .category = "audit",
	  .summary = "a ledger, and any table whose comment begins with \"append-only\", never changes a row",
	  .safe = "COMMENT ON TABLE … IS 'append-only: …', and a mistake is undone by another row",
	  .statement = look_at_ledger,
	  .command = append_look_at_command,
	  .constraint = append_look_at_constraint,
	  .anywhere = append_look_at_rows,
	  .file = look_at_guards },
	{ .name = "triggers-are-enabled",
	  .category = "audit",
	  .summary = "no trigger stays switched off",
	  .safe = "ALTER TABLE … ENABLE TRIGGER in the same file; a trigger that is not needed is dropped",
	  .command = look_at_switches },
	{ 0 },
};
