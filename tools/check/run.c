/*
 * Run: every rule looks at every statement, in the order in which the migrator carries them out; then the statement is folded into the
 * schema, so that the next one is judged by what is there by then.
 */
#include "rules.h"

static void look_at_constraints(const struct look *look, const PgQuery__AlterTableCmd *command,
				const struct table *table)
{
	const PgQuery__ColumnDef *column;

	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint)
		look->rule->constraint(look, command->def->constraint, NULL, table);
	if (command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
		return;
	column = command->def->column_def;
	for (size_t i = 0; i < column->n_constraints; i++)
		if (column->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			look->rule->constraint(look, column->constraints[i]->constraint, column, table);
}

static void look_at_commands(const struct look *look)
{
	const PgQuery__AlterTableStmt *alter = look->statement->node->alter_table_stmt;
	const struct table *table;

	if (look->statement->node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT)
		return;
	table = alter->relation ? schema_find(look->schema, alter->relation) : NULL;
	for (size_t i = 0; i < alter->n_cmds; i++) {
		if (look->rule->command)
			look->rule->command(look, alter->cmds[i]->alter_table_cmd, table);
		if (look->rule->constraint)
			look_at_constraints(look, alter->cmds[i]->alter_table_cmd, table);
	}
}

static void look_at(struct look *look, const struct statement *statement)
{
	look->statement = statement;
	for (size_t i = 0; (look->rule = rules_all(i)); i++) {
		if (look->rule->anywhere)
			look->rule->anywhere(look);
		if (statement->place == PLACE_ROUTINE)
			continue;
		if (look->rule->statement)
			look->rule->statement(look);
		if (look->rule->command || look->rule->constraint)
			look_at_commands(look);
	}
	look->statement = NULL;
}

static void carry_out(struct look *look, struct schema *schema, const struct statement *statement)
{
	look_at(look, statement);
	for (const struct statement *inner = statement->first_inner; inner; inner = inner->next_inner) {
		look_at(look, inner);
		if (inner->place != PLACE_ROUTINE)
			schema_fold(schema, inner);
	}
	schema_fold(schema, statement);
}

static void run_file(struct look *look, struct schema *schema)
{
	for (const struct statement *one = look->file->statements; one; one = one->next)
		carry_out(look, schema, one);
	for (size_t i = 0; (look->rule = rules_all(i)); i++)
		if (look->rule->file)
			look->rule->file(look);
}

static void run_group(struct check *check, struct group *group)
{
	struct schema *schema = schema_new(check);
	struct look look = { .check = check, .group = group, .schema = schema };

	group->schema = schema;
	for (const struct file *file = group->files; file; file = file->next) {
		look.file = file;
		run_file(&look, schema);
	}
	for (size_t i = 0; (look.rule = rules_all(i)); i++)
		if (look.rule->group)
			look.rule->group(&look);
}

void check_run(struct check *check)
{
	for (struct group *group = check->groups; group; group = group->next)
		run_group(check, group);
}
