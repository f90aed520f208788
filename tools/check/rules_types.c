/* Rules of types: columns that cannot hold what they will have to, or cost more than they give. */
#include <string.h>

#include "rules.h"

struct wrong_type {
	const char *type, *why;
};

/* Each column that a statement defines: of CREATE TABLE and of ADD COLUMN. */
static void each_column(const struct look *look,
			void (*check)(const struct look *look, const PgQuery__ColumnDef *column))
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
		for (size_t i = 0; i < node->create_stmt->n_table_elts; i++)
			if (node->create_stmt->table_elts[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
				check(look, node->create_stmt->table_elts[i]->column_def);
	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_STMT)
		for (size_t i = 0; i < node->alter_table_stmt->n_cmds; i++)
			if (node->alter_table_stmt->cmds[i]->alter_table_cmd->subtype ==
			    PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
				check(look, node->alter_table_stmt->cmds[i]->alter_table_cmd->def->column_def);
}

static void check_json(const struct look *look, const PgQuery__ColumnDef *column)
{
	if (column->type_name && !strcmp(type_base(column->type_name), "json"))
		complain(look, column->location, "%s is json, which has no equality: DISTINCT and UNION over it fail",
			 column->colname);
}

static void look_at_json(const struct look *look)
{
	each_column(look, check_json);
}

const struct rule rules_types[] = {
	{ .name = "type-json",
	  .category = "types",
	  .summary = "json has no equality operator; jsonb has",
	  .safe = "jsonb",
	  .statement = look_at_json },
	{ 0 },
};
