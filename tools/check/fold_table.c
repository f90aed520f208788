/* Fold, tables: CREATE TABLE in all its forms (columns, LIKE, INHERITS, PARTITION OF), CREATE TABLE AS and SELECT INTO, views. */
#include <string.h>

#include "fold.h"
#include "tree.h"

void fold_define_column(struct schema *schema, struct table *table, const PgQuery__ColumnDef *from,
			const struct statement *statement)
{
	const char *type = from->type_name ? type_text(&schema->check->arena, from->type_name) : NULL;
	struct column *column = fold_add_column(schema, table, from->colname, type, statement);

	if (type && type_of_serial(type)) {
		column->type = type_of_serial(type);
		column->has_default = column->is_not_null = true;
	}
	for (size_t i = 0; i < from->n_constraints; i++)
		if (from->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			fold_add_constraint(schema, table, from->constraints[i]->constraint, column, statement);
}

/* Types, NOT NULL and, of a parent, nothing else: its keys are not inherited. */
static void copy_columns(struct schema *schema, struct table *table, const struct table *from,
			 const struct statement *statement)
{
	if (!from || from->is_unsure)
		table->is_unsure = true;
	for (const struct column *one = from ? from->columns : NULL; one; one = one->next) {
		struct column *column = fold_add_column(schema, table, one->name, one->type, statement);

		column->is_not_null = one->is_not_null;
		column->has_default = one->has_default;
		column->is_generated = one->is_generated;
	}
}

enum { LIKE_INDEXES = 1 << 6 }; /* of TableLikeClause.options, as PostgreSQL counts them */

/* LIKE … INCLUDING INDEXES: keys and indexes under names of PostgreSQL's own. */
static void copy_indexes(struct schema *schema, struct table *table, const struct table *from,
			 const struct statement *statement)
{
	for (const struct index *one = from->indexes; one; one = one->next)
		fold_add_index(schema, table, NULL, one->columns, one->is_unique, one->is_partial, statement);
	for (const struct constraint *one = from->constraints; one; one = one->next) {
		struct constraint *copy;

		if (one->kind != CONSTRAINT_PRIMARY && one->kind != CONSTRAINT_UNIQUE)
			continue;
		copy = hm_arena_zalloc(&schema->check->arena, sizeof *copy);
		*copy = *one;
		copy->name = NULL;
		copy->made_by = statement;
		copy->next = table->constraints;
		table->constraints = copy;
	}
}

static void add_like(struct schema *schema, struct table *table, const PgQuery__TableLikeClause *like,
		     const struct statement *statement)
{
	const struct table *from = schema_find(schema, like->relation);

	copy_columns(schema, table, from, statement);
	if (from && like->options & LIKE_INDEXES)
		copy_indexes(schema, table, from, statement);
}

/* A typed table has its type's columns, none of them NOT NULL by that. */
static void add_typed(struct schema *schema, struct table *table, const PgQuery__TypeName *type,
		      const struct statement *statement)
{
	const struct table *from = schema_find_name(schema, type_base(type));

	copy_columns(schema, table, from && from->kind == TABLE_TYPE ? from : NULL, statement);
}

static void add_parents(struct schema *schema, struct table *table, const PgQuery__CreateStmt *from,
			const struct statement *statement)
{
	for (size_t i = 0; i < from->n_inh_relations; i++) {
		const PgQuery__RangeVar *parent = from->inh_relations[i]->range_var;
		const struct table *found = schema_find(schema, parent);

		table->parent = parent->relname;
		if (found && from->partbound)
			table->is_append_only = found->is_append_only;
		copy_columns(schema, table, found, statement);
	}
}

/* CREATE TABLE … PARTITION OF names columns to add to what it has, without types. */
static void add_element(struct schema *schema, struct table *table, const PgQuery__Node *element,
			const struct statement *statement)
{
	struct column *column;

	if (element->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE) {
		add_like(schema, table, element->table_like_clause, statement);
	} else if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT) {
		fold_add_constraint(schema, table, element->constraint, NULL, statement);
	} else if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF) {
		column = table_column(table, element->column_def->colname);
		if (!column)
			fold_define_column(schema, table, element->column_def, statement);
		for (size_t i = 0; column && i < element->column_def->n_constraints; i++)
			fold_add_constraint(schema, table, element->column_def->constraints[i]->constraint, column,
					    statement);
	}
}

void fold_create(struct schema *schema, const struct statement *statement)
{
	bool is_foreign = statement->node->node_case == PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT;
	const PgQuery__CreateStmt *from =
		is_foreign ? statement->node->create_foreign_table_stmt->base_stmt : statement->node->create_stmt;
	enum table_kind kind = is_foreign ? TABLE_FOREIGN : from->partspec ? TABLE_PARTITIONED : TABLE_PLAIN;
	struct table *table;

	if (from->if_not_exists && schema_find(schema, from->relation))
		return;
	table = fold_add_table(schema, from->relation, kind, statement);
	if (from->of_typename)
		add_typed(schema, table, from->of_typename, statement);
	add_parents(schema, table, from, statement);
	for (size_t i = 0; i < from->n_table_elts; i++)
		add_element(schema, table, from->table_elts[i], statement);
	for (size_t i = 0; i < from->n_constraints; i++)
		if (from->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			fold_add_constraint(schema, table, from->constraints[i]->constraint, NULL, statement);
}

/* ---- Queries ----------------------------------------------------------------------------------------------------- */

/* The name a column of a query has; NULL: PostgreSQL's own, or of a star. */
static const char *target_name(const PgQuery__ResTarget *target)
{
	const PgQuery__Node *value = target->val;

	if (*target->name)
		return target->name;
	if (value && value->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		value = value->type_cast->arg;
	if (value && value->node_case == PG_QUERY__NODE__NODE_COLUMN_REF) {
		const char *last = list_last(value->column_ref->n_fields, value->column_ref->fields);

		return last && *last ? last : NULL;
	}
	if (value && value->node_case == PG_QUERY__NODE__NODE_FUNC_CALL)
		return list_last(value->func_call->n_funcname, value->func_call->funcname);
	return "?column?";
}

/* A table made of a query has its columns, and no NOT NULL on any: that is why the query's types hardly matter. */
static void add_targets(struct schema *schema, struct table *table, const PgQuery__SelectStmt *select,
			const struct statement *statement)
{
	while (select->larg)
		select = select->larg;
	for (size_t i = 0; i < select->n_target_list; i++) {
		const PgQuery__ResTarget *target = select->target_list[i]->res_target;
		const char *name = target_name(target);
		const char *type = target->val && target->val->node_case == PG_QUERY__NODE__NODE_TYPE_CAST
					   ? type_text(&schema->check->arena, target->val->type_cast->type_name)
					   : NULL;

		if (name)
			fold_add_column(schema, table, name, type, statement);
		else
			table->is_unsure = true;
	}
}

void fold_create_as(struct schema *schema, const struct statement *statement)
{
	const PgQuery__Node *node = statement->node;
	bool is_as = node->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT;
	const PgQuery__IntoClause *into = is_as ? node->create_table_as_stmt->into : node->select_stmt->into_clause;
	const PgQuery__Node *query = is_as ? node->create_table_as_stmt->query : node;
	bool is_view = is_as && node->create_table_as_stmt->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW;
	struct table *table;

	if (!into || !into->rel)
		return;
	table = fold_add_table(schema, into->rel, is_view ? TABLE_MATERIALIZED : TABLE_PLAIN, statement);
	table->is_unsure = into->n_col_names == 0 && query->node_case != PG_QUERY__NODE__NODE_SELECT_STMT;
	for (size_t i = 0; i < into->n_col_names; i++)
		fold_add_column(schema, table, node_string(into->col_names[i]), NULL, statement);
	if (!into->n_col_names && query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT)
		add_targets(schema, table, query->select_stmt, statement);
}

bool fold_set_invoker(struct table *view, size_t n, PgQuery__Node *const *options)
{
	const PgQuery__DefElem *invoker = option_find(n, options, "security_invoker");

	if (invoker)
		view->is_invoker = option_is_true(invoker);
	return invoker != NULL;
}

/* The table a view shows, if it is one alone: writing to the view would write to it. */
static const char *only_table(const PgQuery__Node *query)
{
	const PgQuery__SelectStmt *select =
		query && query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ? query->select_stmt : NULL;

	return select && select->n_from_clause == 1 &&
			       select->from_clause[0]->node_case == PG_QUERY__NODE__NODE_RANGE_VAR
		       ? select->from_clause[0]->range_var->relname
		       : NULL;
}

/* CREATE OR REPLACE forgets the options that it does not repeat. */
void fold_view(struct schema *schema, const struct statement *statement)
{
	const PgQuery__ViewStmt *from = statement->node->view_stmt;
	struct table *view = schema_find(schema, from->view);

	if (!view)
		view = fold_add_table(schema, from->view, TABLE_VIEW, statement);
	view->is_unsure = true;
	view->parent = only_table(from->query);
	view->changed_by = statement;
	view->is_invoker = false;
	fold_set_invoker(view, from->n_options, from->options);
}
