/* Fold, ALTER TABLE: a command at a time, each with a function of its own in the table below. */
#include <string.h>

#include "fold.h"
#include "tree.h"

struct change {
	struct schema *schema;
	struct table *table;
	const PgQuery__AlterTableCmd *command;
	const struct statement *statement;
};

static void add_column(const struct change *change)
{
	const PgQuery__ColumnDef *from = change->command->def->column_def;

	if (!table_column(change->table, from->colname))
		fold_define_column(change->schema, change->table, from, change->statement);
}

static bool names_column(const char *const *columns, const char *name)
{
	for (; columns && *columns; columns++)
		if (!strcmp(*columns, name))
			return true;
	return false;
}

/* What the column was part of goes with it. */
static void drop_column(const struct change *change)
{
	const char *name = change->command->name;

	if (!strcmp(name, "brand_id"))
		change->table->brand_lost_by = change->statement;
	for (struct column **at = &change->table->columns; *at; at = &(*at)->next)
		if (!strcmp((*at)->name, name)) {
			*at = (*at)->next;
			break;
		}
	for (struct constraint **at = &change->table->constraints; *at;)
		if (names_column((*at)->columns, name))
			*at = (*at)->next;
		else
			at = &(*at)->next;
	for (struct index **at = &change->table->indexes; *at;)
		if (names_column((*at)->columns, name))
			*at = (*at)->next;
		else
			at = &(*at)->next;
}

static struct column *changed(const struct change *change)
{
	struct column *column = fold_column(change->schema, change->table, change->command->name, change->statement);

	if (column)
		column->changed_by = change->statement;
	return column;
}

static void set_type(const struct change *change)
{
	struct column *column = changed(change);

	if (column)
		column->type = type_text(&change->schema->check->arena, change->command->def->column_def->type_name);
}

static void set_not_null(const struct change *change)
{
	struct column *column = changed(change);

	if (column)
		column->is_not_null = change->command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull;
}

static void set_default(const struct change *change)
{
	struct column *column = changed(change);

	if (!column)
		return;
	column->has_default = change->command->def != NULL;
	column->value = change->command->def;
}

static void add_constraint(const struct change *change)
{
	fold_add_constraint(change->schema, change->table, change->command->def->constraint, NULL, change->statement);
}

static void validate(const struct change *change)
{
	struct constraint *constraint = table_constraint(change->table, change->command->name);

	if (constraint)
		constraint->is_valid = true;
}

/* The name PostgreSQL gives a key that was given none: table_column_key. */
static const char *default_name(const struct change *change, const struct constraint *one)
{
	static const char *const endings[] = { [CONSTRAINT_FOREIGN] = "fkey",
					       [CONSTRAINT_UNIQUE] = "key",
					       [CONSTRAINT_PRIMARY] = "pkey",
					       [CONSTRAINT_EXCLUSION] = "excl",
					       [CONSTRAINT_CHECK] = "check" };
	struct hm_arena *arena = &change->schema->check->arena;
	const char *name = change->table->name;

	for (size_t i = 0; one->kind != CONSTRAINT_PRIMARY && one->columns && one->columns[i]; i++)
		name = hm_arena_printf(arena, "%s_%s", name, one->columns[i]);
	return hm_arena_printf(arena, "%s_%s", name, endings[one->kind]);
}

static void drop_constraint(const struct change *change)
{
	for (struct constraint **at = &change->table->constraints; *at; at = &(*at)->next)
		if (!strcmp((*at)->name ? (*at)->name : default_name(change, *at), change->command->name)) {
			*at = (*at)->next;
			return;
		}
}

static void attach(const struct change *change)
{
	struct table *part = schema_find(change->schema, change->command->def->partition_cmd->name);

	if (part) {
		part->parent = change->table->name;
		part->is_append_only = change->table->is_append_only;
	}
}

static void detach(const struct change *change)
{
	struct table *part = schema_find(change->schema, change->command->def->partition_cmd->name);

	if (part)
		part->parent = NULL;
}

static void enable_trigger(const struct change *change)
{
	for (struct trigger *one = change->table->triggers; one; one = one->next)
		if (!*change->command->name || !strcmp(one->name, change->command->name))
			one->is_always = change->command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_EnableAlwaysTrig;
}

static void set_options(const struct change *change)
{
	const PgQuery__Node *options = change->command->def;

	if (options && options->node_case == PG_QUERY__NODE__NODE_LIST)
		fold_set_invoker(change->table, options->list->n_items, options->list->items);
}

static void reset_options(const struct change *change)
{
	const PgQuery__Node *options = change->command->def;

	if (options && options->node_case == PG_QUERY__NODE__NODE_LIST &&
	    option_find(options->list->n_items, options->list->items, "security_invoker"))
		change->table->is_invoker = false;
}

static const struct {
	PgQuery__AlterTableType type;
	void (*change)(const struct change *change);
} changes[] = {
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn, add_column },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn, drop_column },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType, set_type },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull, set_not_null },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull, set_not_null },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault, set_default },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint, add_constraint },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint, validate },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DropConstraint, drop_constraint },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_AttachPartition, attach },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DetachPartition, detach },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrig, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableAlwaysTrig, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableReplicaTrig, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigAll, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_EnableTrigUser, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrig, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigAll, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_DisableTrigUser, enable_trigger },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions, set_options },
	{ PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions, reset_options },
};

void fold_alter(struct schema *schema, const struct statement *statement)
{
	const PgQuery__AlterTableStmt *alter = statement->node->alter_table_stmt;
	struct table *table = alter->relation ? schema_find(schema, alter->relation) : NULL;

	if (table)
		table->changed_by = statement;
	for (size_t i = 0; table && i < alter->n_cmds; i++)
		for (size_t c = 0; c < sizeof changes / sizeof *changes; c++)
			if (alter->cmds[i]->alter_table_cmd->subtype == changes[c].type)
				changes[c].change(
					&(struct change){ schema, table, alter->cmds[i]->alter_table_cmd, statement });
}
