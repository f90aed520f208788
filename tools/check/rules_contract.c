/*
 * The rule of expand and contract: while a release rolls out, the former one's code runs beside the new. So a file only adds; what it takes away
 * it takes a release later, in a file that says what took its place (-- contract: expands=0007). What the same file made is free.
 *
 * A rename is neither: before it the new code fails, behind it the old. No header makes it safe.
 */
#include <stdlib.h>
#include <string.h>

#include "names.h"
#include "rules.h"
#include "store/migrate_header.h"

/* ---- What is new in the file --------------------------------------------------------------------------------------- */

/* Does the file make something of the name, before (then it is new) or behind (then it is put in the place of the former)? */
static bool is_made_here(const struct look *look, const char *name)
{
	for (const struct statement *top = look->file->statements; top; top = top->next) {
		for (const struct statement *one = top; one; one = one == top ? top->first_inner : one->next_inner) {
			const char *made = one->place == PLACE_ROUTINE ? NULL : names_made(one->node).name;

			if (made && !strcmp(made, name))
				return true;
		}
	}
	return false;
}

/* A trigger's function is nobody's to call. */
static bool is_trigger_function(const struct look *look, const char *name)
{
	for (const struct file *file = look->group->files; file; file = file->next)
		for (const struct statement *one = file->statements; one; one = one->next) {
			const PgQuery__CreateFunctionStmt *function = one->node->create_function_stmt;

			if (one->node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT &&
			    function->return_type && !strcmp(list_last(function->n_funcname, function->funcname), name))
				return !strcmp(type_base(function->return_type), "trigger");
		}
	return false;
}

static bool is_old(const struct look *look, const struct table *table, const struct column *column)
{
	return table->made_by->file != look->file && column->made_by->file != look->file && !table->is_temporary;
}

/* ---- Complaints ---------------------------------------------------------------------------------------------------- */

static bool is_contract(const struct look *look)
{
	return look->file->header && look->file->header->expands;
}

static void complain_of_loss(const struct look *look, const char *what, const char *name)
{
	if (!is_contract(look))
		complain(look, -1,
			 "%s %s breaks the code that still runs: do it a release later, under -- contract: expands=…",
			 what, name);
}

static void complain_of_rename(const struct look *look, const char *what, const char *name)
{
	complain(look, -1,
		 "renaming %s %s breaks the code on either side of it: add the new, copy, drop the old a release later",
		 what, name);
}

/* ---- DROP ---------------------------------------------------------------------------------------------------------- */

static const struct {
	PgQuery__ObjectType type;
	const char *what;
	bool has_rows; /* then to make it anew is no way out */
} kinds[] = {
	{ PG_QUERY__OBJECT_TYPE__OBJECT_TABLE, "table", true },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE, "table", true },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_VIEW, "view", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW, "view", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_SEQUENCE, "sequence", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_TYPE, "type", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_DOMAIN, "domain", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION, "function", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_PROCEDURE, "procedure", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_ROUTINE, "routine", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_AGGREGATE, "aggregate", false },
	{ PG_QUERY__OBJECT_TYPE__OBJECT_OPERATOR, "operator", false },
};

static const char *object_name(const PgQuery__Node *object)
{
	if (object->node_case == PG_QUERY__NODE__NODE_LIST)
		return list_last(object->list->n_items, object->list->items);
	if (object->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
		return type_base(object->type_name);
	if (object->node_case == PG_QUERY__NODE__NODE_OBJECT_WITH_ARGS)
		return list_last(object->object_with_args->n_objname, object->object_with_args->objname);
	return NULL;
}

static bool is_free(const struct look *look, const char *name, bool has_rows)
{
	const struct table *table = schema_find_name(look->schema, name);

	if (has_rows)
		return table && (table->is_temporary || table->made_by->file == look->file);
	return is_made_here(look, name) || is_trigger_function(look, name) || (table && table->is_temporary);
}

static void look_at_drop(const struct look *look, const PgQuery__DropStmt *drop)
{
	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (size_t i = 0; kinds[k].type == drop->remove_type && i < drop->n_objects; i++) {
			const char *name = object_name(drop->objects[i]);

			if (name && !is_free(look, name, kinds[k].has_rows))
				complain_of_loss(
					look, hm_arena_printf(&look->check->arena, "dropping %s", kinds[k].what), name);
		}
}

/* ---- RENAME -------------------------------------------------------------------------------------------------------- */

static void look_at_renamed_column(const struct look *look, const PgQuery__RenameStmt *rename)
{
	const struct table *table = rename->relation ? schema_find(look->schema, rename->relation) : NULL;
	const struct column *column = table ? table_column(table, rename->subname) : NULL;

	if (!table ||
	    (column ? is_old(look, table, column) : table->made_by->file != look->file && !table->is_temporary))
		complain_of_rename(look, "column", rename->subname);
}

/* A table whose former name is a view from then on can be read by both. */
static void look_at_renamed_object(const struct look *look, const PgQuery__RenameStmt *rename)
{
	const char *name = rename->relation ? rename->relation->relname
			   : rename->object ? object_name(rename->object)
					    : NULL;

	for (size_t k = 0; name && k < sizeof kinds / sizeof *kinds; k++)
		if (kinds[k].type == rename->rename_type && !is_made_here(look, name) && !is_free(look, name, false)) {
			complain_of_rename(look, kinds[k].what, name);
			return;
		}
}

static void look_at_rename(const struct look *look, const PgQuery__RenameStmt *rename)
{
	if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN ||
	    rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE)
		look_at_renamed_column(look, rename);
	else
		look_at_renamed_object(look, rename);
}

static void look_at_enum(const struct look *look, const PgQuery__AlterEnumStmt *alter)
{
	if (*alter->old_val && !is_made_here(look, list_last(alter->n_type_name, alter->type_name)))
		complain_of_rename(look, "value", alter->old_val);
}

static void look_at_statement(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_DROP_STMT)
		look_at_drop(look, node->drop_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT)
		look_at_rename(look, node->rename_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_ALTER_ENUM_STMT)
		look_at_enum(look, node->alter_enum_stmt);
}

/* ---- ALTER TABLE --------------------------------------------------------------------------------------------------- */

/* Types that hold all that the former did. Those of a line are of growing width. */
static const char *const widths[][6] = {
	{ "int2", "int4", "int8", "numeric" },
	{ "float4", "float8" },
	{ "varchar", "text" },
	{ "bpchar", "text" },
	{ "text", "varchar" }, /* without a length */
	{ "json", "jsonb" },
	{ "timestamp", "timestamptz" },
	{ "timestamptz", "timestamp" },
	{ "cidr", "inet" },
};

static ptrdiff_t width_of(const char *const *line, const char *type, size_t size)
{
	for (ptrdiff_t i = 0; line[i]; i++)
		if (strlen(line[i]) == size && !memcmp(line[i], type, size))
			return i;
	return -1;
}

static size_t base_size(const char *type)
{
	return strcspn(type, "([");
}

/* (10,2) as two numbers; false: there are none. */
static bool read_modifiers(const char *type, long modifiers[2])
{
	const char *at = strchr(type, '(');
	char *end;

	modifiers[0] = modifiers[1] = 0;
	if (!at)
		return false;
	modifiers[0] = strtol(at + 1, &end, 10);
	if (*end == ',')
		modifiers[1] = strtol(end + 1, NULL, 10);
	return true;
}

static bool is_wider(const char *from, const char *to)
{
	long before[2], after[2];

	if (!read_modifiers(to, after))
		return true;
	return read_modifiers(from, before) && after[1] >= before[1] && after[0] - after[1] >= before[0] - before[1];
}

static bool widens(const char *from, const char *to)
{
	size_t from_size = base_size(from), to_size = base_size(to);

	if (strcmp(from + strcspn(from, "["), to + strcspn(to, "[")) != 0)
		return false;
	if (from_size == to_size && !memcmp(from, to, from_size))
		return is_wider(from, to);
	for (size_t i = 0; i < sizeof widths / sizeof *widths; i++) {
		ptrdiff_t before = width_of(widths[i], from, from_size), after = width_of(widths[i], to, to_size);

		if (before >= 0 && after > before)
			return !strchr(to, '(');
	}
	return false;
}

static void look_at_type(const struct look *look, const PgQuery__AlterTableCmd *command, const struct column *column)
{
	const char *type = type_text(&look->check->arena, command->def->column_def->type_name);

	if (column->type && !widens(column->type, type))
		complain_of_loss(look, hm_arena_printf(&look->check->arena, "making %s %s of", column->type, type),
				 column->name);
}

/* Of a column that was not read only its loss is sure to break something. */
static void look_at_command(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const struct column *column = table ? table_column(table, command->name) : NULL;
	bool is_unknown = !table || (!column && table->is_unsure && table->made_by->file != look->file);

	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn &&
	    (is_unknown || (column && is_old(look, table, column))))
		complain_of_loss(look, "dropping column", command->name);
	if (!column || !is_old(look, table, column))
		return;
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType)
		look_at_type(look, command, column);
	else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull && !column->is_not_null &&
		 !column->has_default && !table_proves_not_null(table, column->name))
		complain_of_loss(look, "setting NOT NULL on", column->name);
	else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault && !command->def &&
		 column->is_not_null && column->has_default)
		complain_of_loss(look, "dropping the default of", column->name);
	else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropIdentity)
		complain_of_loss(look, "dropping the identity of", column->name);
}

/* ---- The header ---------------------------------------------------------------------------------------------------- */

static bool adds(const PgQuery__AlterTableStmt *alter)
{
	static const PgQuery__AlterTableType additions[] = {
		PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn,       PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint,
		PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull,     PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault,
		PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType,
	};

	for (size_t c = 0; c < alter->n_cmds; c++)
		for (size_t i = 0; i < sizeof additions / sizeof *additions; i++)
			if (alter->cmds[c]->alter_table_cmd->subtype == additions[i])
				return true;
	return false;
}

/* A file expands if it makes something that code can use. */
static bool expands(const struct file *file)
{
	for (const struct statement *top = file->statements; top; top = top->next)
		for (const struct statement *one = top; one; one = one == top ? top->first_inner : one->next_inner)
			if (names_made(one->node).name || one->node->node_case == PG_QUERY__NODE__NODE_INDEX_STMT ||
			    one->node->node_case == PG_QUERY__NODE__NODE_ALTER_ENUM_STMT ||
			    (one->node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_STMT &&
			     adds(one->node->alter_table_stmt)))
				return true;
	return false;
}

static const struct file *find_version(const struct group *group, unsigned version)
{
	for (const struct file *file = group->files; file; file = file->next)
		if (file->version == version)
			return file;
	return NULL;
}

/* What is wrong with the file that the header names; NULL: nothing that can be seen from here. */
static const char *base_fault(const struct look *look, unsigned version)
{
	const struct file *base = find_version(look->group, version);
	bool has_others = look->group->is_whole || look->group->files != look->file;

	if (look->file->version && version >= look->file->version)
		return "is not before this file";
	if (!base)
		return has_others ? "is no migration of this service" : NULL;
	return expands(base) ? NULL : "makes nothing that could stand in for what is taken away";
}

static void look_at_base(const struct look *look)
{
	const char *fault, *at = strstr(look->file->text, "-- contract");

	if (!is_contract(look))
		return;
	fault = base_fault(look, look->file->header->expands);
	if (fault && at)
		finding_add(look->check, look->rule->name, look->file, (size_t)(at - look->file->text),
			    (size_t)(at - look->file->text) + strcspn(at, "\n"),
			    hm_arena_printf(&look->check->arena, "%04u %s", look->file->header->expands, fault));
}

const struct rule rules_contract[] = {
	{ .name = "expand-contract",
	  .category = "order",
	  .summary = "what code may still use is taken away a release later, by a file that says so",
	  .safe = "first add what takes its place; later, in a file that begins with -- contract: expands=NNNN, drop",
	  .statement = look_at_statement,
	  .command = look_at_command,
	  .file = look_at_base },
	{ 0 },
};
