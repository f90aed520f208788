/* Rules: the tables one after the other, and what every rule's function needs. A new table is a line here. */
#include "rules.h"

#include <stdarg.h>
#include <string.h>

extern const struct rule rules_text[], rules_brand[], rules_rows[], rules_audit[], rules_crossing[], rules_owner[],
	rules_server[], rules_order[], rules_contract[], rules_trace[], rules_queries[], rules_names[], rules_live[];
extern const struct rule rules_locks_alone[], rules_locks_indexes[], rules_locks_constraints[], rules_locks_foreign[],
	rules_locks_not_null[], rules_locks_columns[], rules_locks_tables[], rules_locks_held[], rules_locks_data[],
	rules_locks_timeouts[];
extern const struct rule rules_types[], rules_types_names[], rules_types_enums[];

static const struct rule *const tables[] = {
	rules_text,          rules_brand,          rules_rows,           rules_audit,
	rules_crossing,      rules_owner,          rules_server,         rules_order,
	rules_contract,      rules_locks_alone,    rules_locks_indexes,  rules_locks_constraints,
	rules_locks_foreign, rules_locks_not_null, rules_locks_columns,  rules_locks_tables,
	rules_locks_held,    rules_locks_data,     rules_locks_timeouts, rules_types,
	rules_types_names,   rules_types_enums,    rules_trace,          rules_queries,
	rules_names,         rules_live,
};

/* Each table ends with a row without a name. */
const struct rule *rules_all(size_t i)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct rule *rule = tables[t]; rule->name; rule++)
			if (i-- == 0)
				return rule;
	return NULL;
}

const struct rule *rule_find(const char *name)
{
	const struct rule *rule;

	for (size_t i = 0; (rule = rules_all(i)); i++)
		if (!strcmp(rule->name, name))
			return rule;
	return NULL;
}

static void add(const struct look *look, const struct statement *statement, size_t begin, const char *format,
		va_list arguments)
{
	finding_add(look->check, look->rule->name, statement->file, begin, statement->end,
		    hm_arena_vprintf(&look->check->arena, format, arguments));
}

void complain(const struct look *look, int location, const char *format, ...)
{
	const struct statement *at = look->statement;
	/* One in a body may be placed too far behind, where PL/pgSQL tells no line of it. */
	bool is_placed = location >= 0 && (size_t)location < at->size && at->base + (size_t)location < at->end;
	va_list arguments;

	va_start(arguments, format);
	add(look, at, is_placed ? at->base + (size_t)location : at->begin, format, arguments);
	va_end(arguments);
}

void complain_of(const struct look *look, const struct statement *statement, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(look, statement, statement->begin, format, arguments);
	va_end(arguments);
}

bool look_is_new(const struct look *look, const PgQuery__RangeVar *name)
{
	const struct table *table = schema_find(look->schema, name);

	return table && table->made_by->file == look->file;
}

bool look_is_new_name(const struct look *look, const char *name)
{
	const struct table *table = schema_find_name(look->schema, name);

	return table && table->made_by->file == look->file;
}

const PgQuery__RangeVar *look_altered(const struct look *look)
{
	const PgQuery__AlterTableStmt *alter = look->statement->node->alter_table_stmt;

	if (look->statement->node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT ||
	    alter->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE || !alter->relation ||
	    look_is_new(look, alter->relation))
		return NULL;
	return alter->relation;
}

void look_columns(const struct look *look, void (*check)(const struct look *look, const PgQuery__ColumnDef *column))
{
	const PgQuery__Node *node = look->statement->node;

	/* a temporary table is gone before anything outgrows its columns */
	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT && *node->create_stmt->relation->relpersistence != 't')
		for (size_t i = 0; i < node->create_stmt->n_table_elts; i++)
			if (node->create_stmt->table_elts[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
				check(look, node->create_stmt->table_elts[i]->column_def);
	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_TABLE_STMT)
		for (size_t i = 0; i < node->alter_table_stmt->n_cmds; i++)
			if (node->alter_table_stmt->cmds[i]->alter_table_cmd->subtype ==
			    PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
				check(look, node->alter_table_stmt->cmds[i]->alter_table_cmd->def->column_def);
}

static const struct statement *outermost(const struct statement *statement)
{
	while (statement->outer)
		statement = statement->outer;
	return statement;
}

const struct statement *statement_next(const struct statement *statement)
{
	do
		statement = statement->first_inner  ? statement->first_inner
			    : statement->next_inner ? statement->next_inner
						    : outermost(statement)->next;
	while (statement && statement->place == PLACE_ROUTINE);
	return statement;
}

const char *look_name(const PgQuery__RangeVar *name)
{
	return name ? name->relname : "it";
}
