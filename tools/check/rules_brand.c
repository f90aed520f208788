/*
 * Rules of the brand: every table has one, and every key contains it. What row-level security then does with it is in rules_rows.c.
 * Tables are judged at the end of each file, as the migrator judges them; keys where they are written.
 */
#include <string.h>

#include "rules.h"

static const char brand_id[] = "brand_id";

/* ---- migration-brand-id-required ---------------------------------------------------------------------------------- */

/* A table made of a query or of a type has no NOT NULL but those it was given since. */
static bool is_made_nullable(const struct table *table)
{
	const PgQuery__Node *node = table->made_by->node;

	return node->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT ||
	       node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT ||
	       (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT && node->create_stmt->of_typename);
}

/* What LIKE, INHERITS or PARTITION OF took from a table nobody has read: the service's other tables have a brand. */
static bool is_trusted(const struct look *look, const struct table *table)
{
	return table->is_unsure && !look->group->is_whole && !table->brand_lost_by && !is_made_nullable(table);
}

static const char *lacks_brand(const struct look *look, const struct table *table)
{
	const struct column *brand = table_column(table, brand_id);

	if (!brand && is_trusted(look, table))
		return NULL;
	if (!brand)
		return table->is_unsure ? "cannot be seen to have a column brand_id text NOT NULL"
					: "has no column brand_id";
	if (!brand->is_not_null)
		return "has a brand_id that may be NULL";
	if (brand->type && strcmp(brand->type, "text"))
		return "has a brand_id of another type than text";
	if (brand->value && !tree_has_text(brand->value, "hallmark.brand_id"))
		return "has a brand_id that is by itself another than the transaction's: leave the default to the "
		       "migrator";
	return NULL;
}

/* The statement that broke it. */
static const struct statement *broken_by(const struct table *table)
{
	const struct column *brand = table_column(table, brand_id);

	if (brand)
		return brand->changed_by;
	return table->brand_lost_by ? table->brand_lost_by : table->made_by;
}

static bool has_rows(const struct table *table)
{
	return !table->is_temporary &&
	       (table->kind == TABLE_PLAIN || table->kind == TABLE_PARTITIONED || table->kind == TABLE_FOREIGN);
}

static void look_for_brand_ids(const struct look *look)
{
	for (const struct table *table = look->schema->tables; table; table = table->next) {
		const char *what = has_rows(table) ? lacks_brand(look, table) : NULL;
		const struct statement *where = broken_by(table);

		if (what && where->file == look->file)
			complain_of(look, where, "table %s %s", table->name, what);
	}
}

/* Of a table that was not read: it had its brand_id, so whatever takes that away is what breaks it. */
static void look_at_lost_brand(const struct look *look, const PgQuery__AlterTableCmd *command,
			       const struct table *table)
{
	const PgQuery__AlterTableStmt *alter = look->statement->node->alter_table_stmt;
	const char *what = NULL;

	if (table || strcmp(command->name, brand_id))
		return;
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropColumn)
		what = "loses its column brand_id";
	else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull)
		what = "gets a brand_id that may be NULL";
	else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType &&
		 strcmp(type_text(&look->check->arena, command->def->column_def->type_name), "text"))
		what = "gets a brand_id of another type than text";
	if (what)
		complain(look, -1, "table %s %s", look_name(alter->relation), what);
}

/* A table from elsewhere comes without the platform's rules. */
static void look_at_moved(const struct look *look, const PgQuery__AlterObjectSchemaStmt *move)
{
	const char *service = look->group->service;

	if (move->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE && !schema_find(look->schema, move->relation) &&
	    *move->relation->schemaname && (!service || !strcmp(service, move->newschema)))
		complain(look, move->relation->location,
			 "table %s comes in from %s, where nobody saw to its brand_id: make it here, and copy its rows",
			 move->relation->relname, move->relation->schemaname);
}

static void look_at_brand(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;
	const PgQuery__RenameStmt *rename = node->rename_stmt;

	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT)
		look_at_moved(look, node->alter_object_schema_stmt);
	if (node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT &&
	    rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN && !strcmp(rename->subname, brand_id) &&
	    rename->relation_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE &&
	    !schema_find(look->schema, rename->relation))
		complain(look, -1, "table %s loses its column brand_id", look_name(rename->relation));
}

/* ---- brand-id-in-keys-required ------------------------------------------------------------------------------------ */

/* The audit log's key is the source document's: (id). The migrator's own record has no brand's rows. */
static bool has_free_keys(const struct look *look, const PgQuery__RangeVar *name)
{
	const struct table *table = schema_find(look->schema, name);
	const char *parent = table && table->parent ? table->parent : name->relname;

	return *name->relpersistence == 't' || (table && table->is_temporary) || !strcmp(name->schemaname, "pg_temp") ||
	       !strcmp(name->relname, "audit_log") || !strcmp(parent, "audit_log");
}

static ptrdiff_t place_of(size_t n, PgQuery__Node *const *names, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (!strcmp(node_string(names[i]), name))
			return (ptrdiff_t)i;
	return -1;
}

/* brand_id WITH =, and no other operator. */
static bool excludes_by_brand(const PgQuery__Constraint *constraint)
{
	for (size_t i = 0; i < constraint->n_exclusions; i++) {
		const PgQuery__List *pair = constraint->exclusions[i]->list;

		if (pair->n_items == 2 && pair->items[0]->node_case == PG_QUERY__NODE__NODE_INDEX_ELEM &&
		    !strcmp(pair->items[0]->index_elem->name, brand_id) &&
		    pair->items[1]->node_case == PG_QUERY__NODE__NODE_LIST &&
		    !strcmp(list_last(pair->items[1]->list->n_items, pair->items[1]->list->items), "="))
			return true;
	}
	return false;
}

/* The brand column of the other end: what is named, or the other table's primary key. */
static bool refers_to_brand(const struct look *look, const PgQuery__Constraint *key, size_t place)
{
	const struct table *other = schema_find(look->schema, key->pktable);

	if (key->n_pk_attrs)
		return place < key->n_pk_attrs && !strcmp(node_string(key->pk_attrs[place]), brand_id);
	for (const struct constraint *one = other ? other->constraints : NULL; one; one = one->next)
		if (one->kind == CONSTRAINT_PRIMARY) {
			for (size_t i = 0; one->columns && one->columns[i]; i++)
				if (i == place)
					return !strcmp(one->columns[i], brand_id);
			return false;
		}
	return true;
}

/* ON DELETE SET NULL without columns, or with it among them, would take a row out of its brand. */
static bool forgets_brand(const PgQuery__Constraint *key)
{
	return !strcmp(key->fk_upd_action, "n") ||
	       (!strcmp(key->fk_del_action, "n") &&
		(!key->n_fk_del_set_cols || place_of(key->n_fk_del_set_cols, key->fk_del_set_cols, brand_id) >= 0));
}

static void look_at_foreign(const struct look *look, const PgQuery__Constraint *key, const char *column)
{
	ptrdiff_t place =
		column ? (strcmp(column, brand_id) ? -1 : 0) : place_of(key->n_fk_attrs, key->fk_attrs, brand_id);

	if (place < 0)
		complain(look, key->location, "this foreign key to %s refers over brands: put brand_id into both ends",
			 key->pktable->relname);
	else if (!refers_to_brand(look, key, (size_t)place))
		complain(look, key->location, "this foreign key to %s does not match brand_id with brand_id",
			 key->pktable->relname);
	else if (forgets_brand(key))
		complain(look, key->location,
			 "SET NULL sets brand_id, too, which cannot be NULL: say ON DELETE SET NULL (column)");
}

static void look_at_key(const struct look *look, const PgQuery__RangeVar *table, const PgQuery__Constraint *key,
			const char *column)
{
	bool has_brand = column ? !strcmp(column, brand_id) : place_of(key->n_keys, key->keys, brand_id) >= 0;

	if (has_free_keys(look, table))
		return;
	if (key->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN)
		look_at_foreign(look, key, column);
	else if (key->contype == PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION && !excludes_by_brand(key))
		complain(look, key->location,
			 "this exclusion on %s holds over all brands: add brand_id WITH =", table->relname);
	else if ((key->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY ||
		  key->contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE) &&
		 !has_brand && !*key->indexname)
		complain(look, key->location, "this key of %s is unique over all brands: put brand_id into it",
			 table->relname);
}

static void look_at_column_keys(const struct look *look, const PgQuery__RangeVar *table,
				const PgQuery__ColumnDef *column)
{
	for (size_t i = 0; i < column->n_constraints; i++)
		if (column->constraints[i]->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			look_at_key(look, table, column->constraints[i]->constraint, column->colname);
}

/* LIKE … INCLUDING INDEXES takes the other table's keys: those of audit_log have no brand. */
static void look_at_like(const struct look *look, const PgQuery__TableLikeClause *like)
{
	enum { LIKE_INDEXES = 1 << 6 };

	if (like->options & LIKE_INDEXES && !strcmp(like->relation->relname, "audit_log"))
		complain(look, like->relation->location,
			 "this takes audit_log's key, which is unique over all brands: LIKE audit_log without its "
			 "indexes");
}

static void look_at_elements(const struct look *look, const PgQuery__CreateStmt *create)
{
	for (size_t i = 0; i < create->n_table_elts; i++) {
		const PgQuery__Node *element = create->table_elts[i];

		if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			look_at_key(look, create->relation, element->constraint, NULL);
		else if (element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			look_at_column_keys(look, create->relation, element->column_def);
		else if (element->node_case == PG_QUERY__NODE__NODE_TABLE_LIKE_CLAUSE &&
			 !has_free_keys(look, create->relation))
			look_at_like(look, element->table_like_clause);
	}
}

static void look_at_unique_index(const struct look *look, const PgQuery__IndexStmt *index)
{
	if (!index->unique || has_free_keys(look, index->relation))
		return;
	for (size_t i = 0; i < index->n_index_params; i++)
		if (!strcmp(index->index_params[i]->index_elem->name, brand_id))
			return;
	complain(look, -1, "this index of %s is unique over all brands: put brand_id into it",
		 index->relation->relname);
}

static void look_at_keys(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
		look_at_elements(look, node->create_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_INDEX_STMT)
		look_at_unique_index(look, node->index_stmt);
}

static void look_at_added_key(const struct look *look, const PgQuery__Constraint *key, const PgQuery__ColumnDef *column,
			      const struct table *table)
{
	(void)table;
	look_at_key(look, look->statement->node->alter_table_stmt->relation, key, column ? column->colname : NULL);
}

const struct rule rules_brand[] = {
	{ .name = "migration-brand-id-required",
	  .category = "brand",
	  .summary = "every table has a column brand_id text NOT NULL",
	  .safe = "brand_id text NOT NULL, first in the table's keys",
	  .statement = look_at_brand,
	  .command = look_at_lost_brand,
	  .file = look_for_brand_ids },
	{ .name = "brand-id-in-keys-required",
	  .category = "brand",
	  .summary = "every unique key, exclusion and foreign key contains brand_id",
	  .safe = "PRIMARY KEY (brand_id, id); FOREIGN KEY (brand_id, user_id) REFERENCES users (brand_id, id)",
	  .statement = look_at_keys,
	  .constraint = look_at_added_key },
	{ 0 },
};
