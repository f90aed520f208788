/*
 * Null: whether a column of a query's result may be NULL. Not EXPLAIN's word, as the planner turns joins around; PostgreSQL's own attnotnull
 * of what a column comes from, minus the null side of outer joins, and of expressions those that are never NULL.
 *
 *     SELECT o.id, c.name FROM orders o LEFT JOIN customers c ON …      o.id: as the table says; c.name: may be NULL
 */
#include "queries_null.h"

#include <string.h>

#include "tree.h"

enum { RELATIONS_MAX = 64, DEPTH_MAX = 32 };

/* What stands in a FROM. */
struct relation {
	const char *name; /* its alias, or its own */
	const char *table; /* NULL: it is a query */
	const PgQuery__Node *query;
	bool is_outer; /* it stands on the null side */
};

struct scope {
	const struct scope *outer; /* of a subquery: that of the query around it */
	const PGresult *not_null;
	const PgQuery__WithClause *with;
	struct relation relations[RELATIONS_MAX];
	size_t n;
	unsigned depth;
};

static bool is_nullable(const struct scope *scope, const PgQuery__Node *node);
static bool is_nullable_of(const struct scope *outer, const PgQuery__Node *query, const char *name, size_t position);

/* ---- FROM --------------------------------------------------------------------------------------------------------------- */

static void add(struct scope *scope, const char *name, const char *table, const PgQuery__Node *query, bool is_outer)
{
	if (scope->n < RELATIONS_MAX)
		scope->relations[scope->n++] = (struct relation){ name, table, query, is_outer };
}

static const PgQuery__Node *find_with(const struct scope *scope, const char *name)
{
	for (; scope; scope = scope->outer)
		for (size_t i = 0; scope->with && i < scope->with->n_ctes; i++)
			if (!strcmp(scope->with->ctes[i]->common_table_expr->ctename, name))
				return scope->with->ctes[i]->common_table_expr->ctequery;
	return NULL;
}

static void add_table(struct scope *scope, const PgQuery__RangeVar *table, bool is_outer)
{
	const PgQuery__Node *query = find_with(scope, table->relname);

	add(scope, table->alias ? table->alias->aliasname : table->relname, query ? NULL : table->relname, query,
	    is_outer);
}

static void add_from(struct scope *scope, const PgQuery__Node *node, bool is_outer)
{
	const PgQuery__JoinExpr *join;

	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_RANGE_VAR:
		add_table(scope, node->range_var, is_outer);
		return;
	case PG_QUERY__NODE__NODE_RANGE_SUBSELECT:
		add(scope, node->range_subselect->alias ? node->range_subselect->alias->aliasname : "", NULL,
		    node->range_subselect->subquery, is_outer);
		return;
	case PG_QUERY__NODE__NODE_JOIN_EXPR:
		join = node->join_expr;
		add_from(scope, join->larg,
			 is_outer || join->jointype == PG_QUERY__JOIN_TYPE__JOIN_RIGHT ||
				 join->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL);
		add_from(scope, join->rarg,
			 is_outer || join->jointype == PG_QUERY__JOIN_TYPE__JOIN_LEFT ||
				 join->jointype == PG_QUERY__JOIN_TYPE__JOIN_FULL);
		return;
	default:
		return;
	}
}

static void add_all(struct scope *scope, size_t n, PgQuery__Node *const *from)
{
	for (size_t i = 0; i < n; i++)
		add_from(scope, from[i], false);
}

/* ---- Columns ------------------------------------------------------------------------------------------------------------ */

/* not_null has rows of table, column, attnotnull. -1: there is no such column. */
static int is_not_null(const PGresult *not_null, const char *table, const char *column)
{
	for (int i = 0; i < PQntuples(not_null); i++)
		if (!strcmp(PQgetvalue(not_null, i, 0), table) && !strcmp(PQgetvalue(not_null, i, 1), column))
			return *PQgetvalue(not_null, i, 2) == 't';
	return -1;
}

static bool has_output(const PgQuery__Node *query, const char *name);

static bool has_column(const struct scope *scope, const struct relation *relation, const char *name)
{
	return relation->table ? is_not_null(scope->not_null, relation->table, name) >= 0
			       : has_output(relation->query, name);
}

static bool is_nullable_column(const struct scope *scope, const PgQuery__ColumnRef *column)
{
	const char *name = list_last(column->n_fields, column->fields),
		   *qualifier = list_qualifier(column->n_fields, column->fields);

	for (; scope; scope = scope->outer)
		for (size_t i = 0; i < scope->n; i++) {
			const struct relation *relation = &scope->relations[i];

			if (qualifier ? strcmp(qualifier, relation->name) : !has_column(scope, relation, name))
				continue;
			if (relation->is_outer)
				return true;
			return relation->table ? is_not_null(scope->not_null, relation->table, name) != 1
					       : is_nullable_of(scope, relation->query, name, 0);
		}
	return true;
}

/* ---- Expressions -------------------------------------------------------------------------------------------------------- */

static size_t count_nullable(const struct scope *scope, size_t n, PgQuery__Node *const *nodes)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		count += is_nullable(scope, nodes[i]);
	return count;
}

static bool has_word(const char *const *words, const char *word)
{
	for (; *words; words++)
		if (!strcmp(*words, word))
			return true;
	return false;
}

static bool is_nullable_call(const struct scope *scope, const PgQuery__FuncCall *call)
{
	static const char *const never[] = { "count",
					     "now",
					     "clock_timestamp",
					     "statement_timestamp",
					     "gen_random_uuid",
					     "row_number",
					     "rank",
					     "dense_rank",
					     "concat",
					     "jsonb_build_object",
					     NULL };
	static const char *const strict[] = { "lower", "upper", "length",  "char_length", "octet_length", "abs",
					      "md5",   "floor", "ceil",    "round",       "cardinality",  "date_trunc",
					      "left",  "right", "replace", NULL };
	const char *name = list_last(call->n_funcname, call->funcname);

	return !has_word(never, name) && !(has_word(strict, name) && !count_nullable(scope, call->n_args, call->args));
}

static bool is_nullable_operation(const struct scope *scope, const PgQuery__AExpr *expression)
{
	static const char *const lookups[] = { "->", "->>", "#>", "#>>", NULL };

	switch (expression->kind) {
	case PG_QUERY__A__EXPR__KIND__AEXPR_DISTINCT:
	case PG_QUERY__A__EXPR__KIND__AEXPR_NOT_DISTINCT:
		return false;
	case PG_QUERY__A__EXPR__KIND__AEXPR_OP:
		return has_word(lookups, list_last(expression->n_name, expression->name)) ||
		       (expression->lexpr && is_nullable(scope, expression->lexpr)) ||
		       is_nullable(scope, expression->rexpr);
	default:
		return true;
	}
}

static bool is_nullable_case(const struct scope *scope, const PgQuery__CaseExpr *choice)
{
	if (!choice->defresult || is_nullable(scope, choice->defresult))
		return true;
	for (size_t i = 0; i < choice->n_args; i++)
		if (is_nullable(scope, choice->args[i]->case_when->result))
			return true;
	return false;
}

/* What is not known may be NULL. */
static bool is_nullable(const struct scope *scope, const PgQuery__Node *node)
{
	if (!node)
		return true;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_COLUMN_REF:
		return is_nullable_column(scope, node->column_ref);
	case PG_QUERY__NODE__NODE_A_CONST:
		return node->a_const->isnull;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return is_nullable(scope, node->type_cast->arg);
	case PG_QUERY__NODE__NODE_COLLATE_CLAUSE:
		return is_nullable(scope, node->collate_clause->arg);
	case PG_QUERY__NODE__NODE_COALESCE_EXPR:
		return count_nullable(scope, node->coalesce_expr->n_args, node->coalesce_expr->args) ==
		       node->coalesce_expr->n_args;
	case PG_QUERY__NODE__NODE_MIN_MAX_EXPR:
		return count_nullable(scope, node->min_max_expr->n_args, node->min_max_expr->args) ==
		       node->min_max_expr->n_args;
	case PG_QUERY__NODE__NODE_BOOL_EXPR:
		return count_nullable(scope, node->bool_expr->n_args, node->bool_expr->args) > 0;
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return is_nullable_call(scope, node->func_call);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return is_nullable_operation(scope, node->a_expr);
	case PG_QUERY__NODE__NODE_CASE_EXPR:
		return is_nullable_case(scope, node->case_expr);
	case PG_QUERY__NODE__NODE_SUB_LINK:
		return node->sub_link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__EXISTS_SUBLINK &&
		       node->sub_link->sub_link_type != PG_QUERY__SUB_LINK_TYPE__ARRAY_SUBLINK;
	case PG_QUERY__NODE__NODE_NULL_TEST:
	case PG_QUERY__NODE__NODE_BOOLEAN_TEST:
	case PG_QUERY__NODE__NODE_SQLVALUE_FUNCTION:
	case PG_QUERY__NODE__NODE_A_ARRAY_EXPR:
	case PG_QUERY__NODE__NODE_ROW_EXPR:
		return false;
	default:
		return true;
	}
}

/* ---- Queries ------------------------------------------------------------------------------------------------------------ */

/* What a query gives: the columns of SELECT, or those of RETURNING. */
struct outputs {
	size_t n;
	PgQuery__Node *const *targets;
};

static const PgQuery__SelectStmt *leftmost(const PgQuery__SelectStmt *select)
{
	while (select->larg)
		select = select->larg;
	return select;
}

static struct outputs outputs_of(const PgQuery__Node *query)
{
	const PgQuery__SelectStmt *select;

	switch (query->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		select = leftmost(query->select_stmt);
		return (struct outputs){ select->n_target_list, select->target_list };
	case PG_QUERY__NODE__NODE_INSERT_STMT:
		return (struct outputs){ query->insert_stmt->n_returning_list, query->insert_stmt->returning_list };
	case PG_QUERY__NODE__NODE_UPDATE_STMT:
		return (struct outputs){ query->update_stmt->n_returning_list, query->update_stmt->returning_list };
	case PG_QUERY__NODE__NODE_DELETE_STMT:
		return (struct outputs){ query->delete_stmt->n_returning_list, query->delete_stmt->returning_list };
	default:
		return (struct outputs){ 0 };
	}
}

static const char *output_name(const PgQuery__Node *target)
{
	const PgQuery__ResTarget *one =
		target->node_case == PG_QUERY__NODE__NODE_RES_TARGET ? target->res_target : NULL;

	if (!one)
		return "";
	if (*one->name || !one->val)
		return one->name;
	return one->val->node_case == PG_QUERY__NODE__NODE_COLUMN_REF
		       ? list_last(one->val->column_ref->n_fields, one->val->column_ref->fields)
		       : "";
}

static bool has_output(const PgQuery__Node *query, const char *name)
{
	struct outputs outputs = query ? outputs_of(query) : (struct outputs){ 0 };

	for (size_t i = 0; i < outputs.n; i++)
		if (!strcmp(output_name(outputs.targets[i]), name))
			return true;
	return false;
}

static void open_query(struct scope *scope, const PgQuery__Node *query)
{
	switch (query->node_case) {
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		scope->with = query->select_stmt->with_clause;
		add_all(scope, query->select_stmt->n_from_clause, query->select_stmt->from_clause);
		return;
	case PG_QUERY__NODE__NODE_INSERT_STMT:
		scope->with = query->insert_stmt->with_clause;
		add_table(scope, query->insert_stmt->relation, false);
		return;
	case PG_QUERY__NODE__NODE_UPDATE_STMT:
		scope->with = query->update_stmt->with_clause;
		add_table(scope, query->update_stmt->relation, false);
		add_all(scope, query->update_stmt->n_from_clause, query->update_stmt->from_clause);
		return;
	case PG_QUERY__NODE__NODE_DELETE_STMT:
		scope->with = query->delete_stmt->with_clause;
		add_table(scope, query->delete_stmt->relation, false);
		add_all(scope, query->delete_stmt->n_using_clause, query->delete_stmt->using_clause);
		return;
	default:
		return;
	}
}

/* Both sides of UNION, by position: the names are the first's. */
static bool is_nullable_union(const struct scope *scope, const PgQuery__SelectStmt *select, size_t position)
{
	PgQuery__Node left = PG_QUERY__NODE__INIT, right = PG_QUERY__NODE__INIT;

	left.node_case = right.node_case = PG_QUERY__NODE__NODE_SELECT_STMT;
	left.select_stmt = select->larg;
	right.select_stmt = select->rarg;
	return is_nullable_of(scope, &left, NULL, position) || is_nullable_of(scope, &right, NULL, position);
}

static size_t position_of(const struct outputs *outputs, const char *name)
{
	size_t i = 0;

	while (i < outputs->n && strcmp(output_name(outputs->targets[i]), name))
		i++;
	return i;
}

/* By name, or by position where there is none. */
static bool is_nullable_of(const struct scope *outer, const PgQuery__Node *query, const char *name, size_t position)
{
	struct scope scope = { .outer = outer, .not_null = outer->not_null, .depth = outer->depth + 1 };
	struct outputs outputs;

	if (!query || scope.depth > DEPTH_MAX) /* a query that WITH RECURSIVE names itself by */
		return true;
	outputs = outputs_of(query);
	position = name ? position_of(&outputs, name) : position;
	open_query(&scope, query);
	if (query->node_case == PG_QUERY__NODE__NODE_SELECT_STMT && query->select_stmt->larg)
		return is_nullable_union(&scope, query->select_stmt, position);
	return position >= outputs.n || outputs.targets[position]->node_case != PG_QUERY__NODE__NODE_RES_TARGET ||
	       is_nullable(&scope, outputs.targets[position]->res_target->val);
}

bool query_is_nullable(const struct query *query, const PGresult *not_null, size_t column)
{
	const struct scope nothing = { .not_null = not_null };

	return is_nullable_of(&nothing, query->node, NULL, column);
}
