/* Schema: what has been folded, asked. */
#include "schema.h"

#include <string.h>

#include "tree.h"

struct schema *schema_new(struct check *check)
{
	struct schema *schema = hm_arena_zalloc(&check->arena, sizeof *schema);

	schema->check = check;
	return schema;
}

struct table *schema_find_name(const struct schema *schema, const char *name)
{
	for (struct table *table = schema->tables; table; table = table->next)
		if (name && !strcmp(table->name, name))
			return table;
	return NULL;
}

/* The same name in another schema is another table, where both are said. */
struct table *schema_find(const struct schema *schema, const PgQuery__RangeVar *name)
{
	struct table *table = name ? schema_find_name(schema, name->relname) : NULL;

	if (table && table->schema && *name->schemaname && strcmp(table->schema, name->schemaname))
		return NULL;
	return table;
}

struct column *table_column(const struct table *table, const char *name)
{
	for (struct column *column = table->columns; column; column = column->next)
		if (!strcmp(column->name, name))
			return column;
	return NULL;
}

struct constraint *table_constraint(const struct table *table, const char *name)
{
	for (struct constraint *constraint = table->constraints; constraint; constraint = constraint->next)
		if (constraint->name && !strcmp(constraint->name, name))
			return constraint;
	return NULL;
}

static bool has_name(const char *const *names, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(names[i], name))
			return true;
	return false;
}

/* The first n of the index are the columns, in whatever order. */
static bool begins_with(const char *const *indexed, const char *const *columns)
{
	size_t n = 0, n_indexed = 0;

	while (columns[n])
		n++;
	while (indexed && indexed[n_indexed] && n_indexed < n)
		n_indexed++;
	for (size_t i = 0; i < n; i++)
		if (!has_name(indexed, n_indexed, columns[i]))
			return false;
	return true;
}

bool table_is_indexed(const struct table *table, const char *const *columns)
{
	for (const struct index *index = table->indexes; index; index = index->next)
		if (begins_with(index->columns, columns))
			return true;
	return false;
}

static bool proves_not_null(const PgQuery__Node *condition, const char *column)
{
	const PgQuery__ColumnRef *tested;

	if (!condition)
		return false;
	if (condition->node_case == PG_QUERY__NODE__NODE_BOOL_EXPR &&
	    condition->bool_expr->boolop == PG_QUERY__BOOL_EXPR_TYPE__AND_EXPR)
		for (size_t i = 0; i < condition->bool_expr->n_args; i++)
			if (proves_not_null(condition->bool_expr->args[i], column))
				return true;
	if (condition->node_case != PG_QUERY__NODE__NODE_NULL_TEST ||
	    condition->null_test->nulltesttype != PG_QUERY__NULL_TEST_TYPE__IS_NOT_NULL ||
	    condition->null_test->arg->node_case != PG_QUERY__NODE__NODE_COLUMN_REF)
		return false;
	tested = condition->null_test->arg->column_ref;
	return !strcmp(list_last(tested->n_fields, tested->fields), column);
}

bool table_proves_not_null(const struct table *table, const char *column)
{
	for (const struct constraint *one = table->constraints; one; one = one->next)
		if (one->kind == CONSTRAINT_CHECK && one->is_valid && proves_not_null(one->condition, column))
			return true;
	return false;
}
