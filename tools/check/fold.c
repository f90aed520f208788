/*
 * Fold: a statement carried out on the schema. Tables, their columns, constraints and indexes are followed, nothing else; what a statement
 * leaves open (the columns of a query over tables nobody has read) is marked as not known rather than guessed.
 */
#include "fold.h"

#include <string.h>

#include "tree.h"

typedef void fold(struct schema *schema, const struct statement *statement);

struct table *fold_add_table(struct schema *schema, const PgQuery__RangeVar *name, enum table_kind kind,
			     const struct statement *statement)
{
	struct table *table = hm_arena_zalloc(&schema->check->arena, sizeof *table), **tail = &schema->tables;

	table->schema = *name->schemaname ? name->schemaname : NULL;
	table->name = name->relname;
	table->kind = kind;
	table->is_temporary = *name->relpersistence == 't' || !strcmp(name->schemaname, "pg_temp");
	table->is_append_only = !strcmp(table->name, "audit_log");
	table->made_by = table->changed_by = statement;
	schema->had_audit_log |= table->is_append_only;
	while (*tail)
		tail = &(*tail)->next;
	*tail = table;
	return table;
}

struct column *fold_add_column(struct schema *schema, struct table *table, const char *name, const char *type,
			       const struct statement *statement)
{
	struct column *column = hm_arena_zalloc(&schema->check->arena, sizeof *column), **tail = &table->columns;

	column->name = name;
	column->type = type;
	column->made_by = column->changed_by = statement;
	while (*tail)
		tail = &(*tail)->next;
	*tail = column;
	return column;
}

/* A statement that names a column of a table whose columns are not all known says that it has it. */
struct column *fold_column(struct schema *schema, struct table *table, const char *name,
			   const struct statement *statement)
{
	struct column *column = table_column(table, name);

	return column || !table->is_unsure ? column : fold_add_column(schema, table, name, NULL, statement);
}

void fold_add_index(struct schema *schema, struct table *table, const char *name, const char *const *columns,
		    bool is_unique, bool is_partial, const struct statement *statement)
{
	struct index *index = hm_arena_zalloc(&schema->check->arena, sizeof *index);

	*index = (struct index){ table->indexes, name, columns, is_unique, is_partial, statement };
	table->indexes = index;
}

/* ---- Constraints ------------------------------------------------------------------------------------------------- */

static const struct {
	PgQuery__ConstrType type;
	enum constraint_kind kind;
} kinds[] = {
	{ PG_QUERY__CONSTR_TYPE__CONSTR_CHECK, CONSTRAINT_CHECK },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN, CONSTRAINT_FOREIGN },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE, CONSTRAINT_UNIQUE },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY, CONSTRAINT_PRIMARY },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION, CONSTRAINT_EXCLUSION },
};

static const char *const *one_name(struct schema *schema, const char *name)
{
	const char **names = hm_arena_zalloc(&schema->check->arena, 2 * sizeof *names);

	names[0] = name;
	return names;
}

static const char *const *index_columns(struct schema *schema, size_t n, PgQuery__Node *const *elements)
{
	const char **names = hm_arena_zalloc(&schema->check->arena, (n + 1) * sizeof *names);

	for (size_t i = 0; i < n; i++)
		names[i] =
			elements[i]->node_case == PG_QUERY__NODE__NODE_INDEX_ELEM ? elements[i]->index_elem->name : "";
	return names;
}

/* Each element of an exclusion is a list: the index element, then its operator. */
static const char *const *exclusion_columns(struct schema *schema, const PgQuery__Constraint *from)
{
	const char **names = hm_arena_zalloc(&schema->check->arena, (from->n_exclusions + 1) * sizeof *names);

	for (size_t i = 0; i < from->n_exclusions; i++) {
		const PgQuery__Node *pair = from->exclusions[i];
		const PgQuery__Node *element = pair->node_case == PG_QUERY__NODE__NODE_LIST && pair->list->n_items
						       ? pair->list->items[0]
						       : NULL;

		names[i] = element && element->node_case == PG_QUERY__NODE__NODE_INDEX_ELEM ? element->index_elem->name
											    : "";
	}
	return names;
}

static const char *const *constraint_columns(struct schema *schema, const PgQuery__Constraint *from, const char *column)
{
	struct hm_arena *arena = &schema->check->arena;

	if (from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION)
		return exclusion_columns(schema, from);
	if (column && from->contype != PG_QUERY__CONSTR_TYPE__CONSTR_CHECK)
		return one_name(schema, column);
	return from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN
		       ? list_names(arena, from->n_fk_attrs, from->fk_attrs)
		       : list_names(arena, from->n_keys, from->keys);
}

static const char *const *columns_of_index(const struct table *table, const char *name)
{
	for (const struct index *index = table->indexes; index; index = index->next)
		if (index->name && !strcmp(index->name, name))
			return index->columns;
	return NULL;
}

static void set_not_null(struct schema *schema, struct table *table, const char *const *columns,
			 const struct statement *statement)
{
	for (; columns && *columns; columns++) {
		struct column *column = fold_column(schema, table, *columns, statement);

		if (column && !column->is_not_null) {
			column->is_not_null = true;
			column->changed_by = statement;
		}
	}
}

static void add_keyed(struct schema *schema, struct table *table, const PgQuery__Constraint *from,
		      struct constraint *to, const struct statement *statement)
{
	const char *const *of_index = *from->indexname ? columns_of_index(table, from->indexname) : NULL;

	if (of_index)
		to->columns = of_index;
	if (to->kind == CONSTRAINT_PRIMARY)
		set_not_null(schema, table, to->columns, statement);
	if ((to->kind == CONSTRAINT_UNIQUE || to->kind == CONSTRAINT_PRIMARY) && !*from->indexname)
		fold_add_index(schema, table, to->name, to->columns, true, false, statement);
}

void fold_add_constraint(struct schema *schema, struct table *table, const PgQuery__Constraint *from,
			 struct column *column, const struct statement *statement)
{
	struct constraint *to;

	if (column && from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL)
		column->is_not_null = true;
	if (column && from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT)
		column->has_default = true;
	if (column && (from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT ||
		       from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED))
		column->value = from->raw_expr;
	if (column && from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY)
		column->is_identity = column->is_not_null = true;
	if (column && from->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED)
		column->is_generated = true;
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		if (kinds[i].type != from->contype)
			continue;
		to = hm_arena_zalloc(&schema->check->arena, sizeof *to);
		to->kind = kinds[i].kind;
		to->name = *from->conname ? from->conname : NULL;
		to->columns = constraint_columns(schema, from, column ? column->name : NULL);
		to->references = from->pktable ? from->pktable->relname : NULL;
		to->referenced = list_names(&schema->check->arena, from->n_pk_attrs, from->pk_attrs);
		to->condition = from->raw_expr;
		to->is_valid = !from->skip_validation;
		to->from = from;
		to->made_by = statement;
		to->next = table->constraints;
		table->constraints = to;
		add_keyed(schema, table, from, to, statement);
	}
}

/* ---- Statements -------------------------------------------------------------------------------------------------- */

static void fold_index(struct schema *schema, const struct statement *statement)
{
	const PgQuery__IndexStmt *from = statement->node->index_stmt;
	struct table *table = from->relation ? schema_find(schema, from->relation) : NULL;

	if (table)
		fold_add_index(schema, table, *from->idxname ? from->idxname : NULL,
			       index_columns(schema, from->n_index_params, from->index_params), from->unique,
			       from->where_clause != NULL, statement);
}

static void drop_table(struct schema *schema, const char *name)
{
	for (struct table **at = &schema->tables; *at; at = &(*at)->next)
		if (!strcmp((*at)->name, name)) {
			*at = (*at)->next;
			return;
		}
}

static void drop_index(const struct schema *schema, const char *name)
{
	for (struct table *table = schema->tables; table; table = table->next)
		for (struct index **at = &table->indexes; *at; at = &(*at)->next)
			if ((*at)->name && !strcmp((*at)->name, name)) {
				*at = (*at)->next;
				return;
			}
}

static void fold_type(struct schema *schema, const struct statement *statement)
{
	const PgQuery__CompositeTypeStmt *from = statement->node->composite_type_stmt;
	struct table *type = fold_add_table(schema, from->typevar, TABLE_TYPE, statement);

	for (size_t i = 0; i < from->n_coldeflist; i++)
		if (from->coldeflist[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			fold_define_column(schema, type, from->coldeflist[i]->column_def, statement);
}

static void fold_trigger(struct schema *schema, const struct statement *statement)
{
	const PgQuery__CreateTrigStmt *from = statement->node->create_trig_stmt;
	struct table *table = schema_find(schema, from->relation);
	struct trigger *trigger;

	if (!table)
		return;
	trigger = hm_arena_zalloc(&schema->check->arena, sizeof *trigger);
	*trigger = (struct trigger){ table->triggers, from->trigname, list_last(from->n_funcname, from->funcname), from,
				     false };
	table->triggers = trigger;
	table->changed_by = statement;
}

static void drop_trigger(struct schema *schema, const PgQuery__List *name)
{
	struct table *table = schema_find_name(schema, list_qualifier(name->n_items, name->items));
	const char *trigger = list_last(name->n_items, name->items);

	for (struct trigger **at = table ? &table->triggers : NULL; at && *at; at = &(*at)->next)
		if (!strcmp((*at)->name, trigger)) {
			*at = (*at)->next;
			return;
		}
}

static void fold_drop(struct schema *schema, const struct statement *statement)
{
	const PgQuery__DropStmt *drop = statement->node->drop_stmt;

	for (size_t i = 0; i < drop->n_objects; i++) {
		const PgQuery__Node *object = drop->objects[i];
		const char *name = object->node_case == PG_QUERY__NODE__NODE_LIST
					   ? list_last(object->list->n_items, object->list->items)
					   : NULL;

		if (!name)
			continue;
		if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_INDEX)
			drop_index(schema, name);
		else if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER)
			drop_trigger(schema, object->list);
		else if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
			 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW ||
			 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_FOREIGN_TABLE ||
			 drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_MATVIEW)
			drop_table(schema, name);
	}
}

static const char *const *renamed(struct schema *schema, const char *const *names, const char *from, const char *to)
{
	const char **copy;
	size_t n = 0;

	while (names && names[n])
		n++;
	copy = hm_arena_zalloc(&schema->check->arena, (n + 1) * sizeof *copy);
	for (size_t i = 0; i < n; i++)
		copy[i] = strcmp(names[i], from) ? names[i] : to;
	return copy;
}

static void rename_column(struct schema *schema, struct table *table, const PgQuery__RenameStmt *rename,
			  const struct statement *statement)
{
	struct column *column = table_column(table, rename->subname);

	table->changed_by = statement;
	if (!strcmp(rename->subname, "brand_id"))
		table->brand_lost_by = statement;
	if (column) {
		column->name = rename->newname;
		column->changed_by = statement;
	}
	for (struct constraint *one = table->constraints; one; one = one->next)
		one->columns = renamed(schema, one->columns, rename->subname, rename->newname);
	for (struct index *one = table->indexes; one; one = one->next)
		one->columns = renamed(schema, one->columns, rename->subname, rename->newname);
}

static void fold_rename(struct schema *schema, const struct statement *statement)
{
	const PgQuery__RenameStmt *rename = statement->node->rename_stmt;
	struct table *table = rename->relation ? schema_find(schema, rename->relation) : NULL;
	struct constraint *constraint;

	if (!table)
		return;
	if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN ||
	    rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ATTRIBUTE)
		rename_column(schema, table, rename, statement);
	else if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
		 rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_VIEW)
		table->name = rename->newname;
	else if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT &&
		 (constraint = table_constraint(table, rename->subname)))
		constraint->name = rename->newname;
}

static void fold_comment(struct schema *schema, const struct statement *statement)
{
	const PgQuery__CommentStmt *comment = statement->node->comment_stmt;
	struct table *table;

	if (comment->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
	    comment->object->node_case != PG_QUERY__NODE__NODE_LIST)
		return;
	table = schema_find_name(schema, list_last(comment->object->list->n_items, comment->object->list->items));
	if (!table || !strcmp(table->name, "audit_log"))
		return;
	table->is_append_only = !strncmp(comment->comment, "append-only", strlen("append-only"));
	table->changed_by = statement;
}

static void fold_set_schema(struct schema *schema, const struct statement *statement)
{
	const PgQuery__AlterObjectSchemaStmt *alter = statement->node->alter_object_schema_stmt;
	struct table *table = alter->relation ? schema_find(schema, alter->relation) : NULL;

	if (table)
		table->schema = alter->newschema;
}

static const struct {
	PgQuery__Node__NodeCase node;
	fold *fold;
} folds[] = {
	{ PG_QUERY__NODE__NODE_CREATE_STMT, fold_create },
	{ PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT, fold_create },
	{ PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT, fold_create_as },
	{ PG_QUERY__NODE__NODE_SELECT_STMT, fold_create_as },
	{ PG_QUERY__NODE__NODE_VIEW_STMT, fold_view },
	{ PG_QUERY__NODE__NODE_ALTER_TABLE_STMT, fold_alter },
	{ PG_QUERY__NODE__NODE_INDEX_STMT, fold_index },
	{ PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT, fold_type },
	{ PG_QUERY__NODE__NODE_CREATE_TRIG_STMT, fold_trigger },
	{ PG_QUERY__NODE__NODE_DROP_STMT, fold_drop },
	{ PG_QUERY__NODE__NODE_RENAME_STMT, fold_rename },
	{ PG_QUERY__NODE__NODE_COMMENT_STMT, fold_comment },
	{ PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT, fold_set_schema },
};

void schema_fold(struct schema *schema, const struct statement *statement)
{
	for (size_t i = 0; i < sizeof folds / sizeof *folds; i++)
		if (statement->node->node_case == folds[i].node)
			folds[i].fold(schema, statement);
}
