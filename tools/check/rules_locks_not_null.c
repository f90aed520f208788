/* Rules of NOT NULL: PostgreSQL believes a CHECK it has validated, and otherwise reads the whole table under its strongest lock. */
#include <string.h>

#include "rules.h"

static bool validates(const struct statement *statement, const char *table)
{
	const PgQuery__AlterTableStmt *alter = statement->node->alter_table_stmt;

	if (statement->node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT || !alter->relation ||
	    strcmp(alter->relation->relname, table))
		return false;
	for (size_t i = 0; i < alter->n_cmds; i++)
		if (alter->cmds[i]->alter_table_cmd->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint)
			return true;
	return false;
}

/* Of a table that nobody has read, a constraint validated right before is taken for the one that proves it. */
static bool is_proven_before(const struct look *look, const char *table)
{
	for (const struct statement *one = look->file->statements; one && one != look->statement;
	     one = statement_next(one))
		if (validates(one, table))
			return true;
	return false;
}

static void look_at_set_not_null(const struct look *look, const PgQuery__AlterTableCmd *command,
				 const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	const struct column *column = table ? table_column(table, command->name) : NULL;

	if (!name || command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_SetNotNull || (column && column->is_not_null))
		return;
	if (table ? !table_proves_not_null(table, command->name) : !is_proven_before(look, name->relname))
		complain(look, -1,
			 "SET NOT NULL reads all of %s under a lock: no valid CHECK (%s IS NOT NULL) saves it that",
			 look_name(name), command->name);
}

static const struct index *find_index(const struct table *table, const char *name)
{
	for (const struct index *index = table->indexes; index; index = index->next)
		if (index->name && !strcmp(index->name, name))
			return index;
	return NULL;
}

/* A primary key made of an index sets NOT NULL, too. */
static void look_at_primary(const struct look *look, const PgQuery__Constraint *constraint,
			    const PgQuery__ColumnDef *column, const struct table *table)
{
	const struct index *index;

	if (column || !table || !look_altered(look) || constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY ||
	    !*constraint->indexname)
		return;
	index = find_index(table, constraint->indexname);
	for (const char *const *name = index ? index->columns : NULL; name && *name; name++) {
		const struct column *part = table_column(table, *name);

		if (part && !part->is_not_null && !table_proves_not_null(table, *name))
			complain(look, constraint->location,
				 "PRIMARY KEY makes %s NOT NULL, and reads all of %s under a lock for it", *name,
				 table->name);
	}
}

/* ---- column-not-null-default ---------------------------------------------------------------------------------------- */

static bool is_filled_by(const PgQuery__Constraint *constraint)
{
	const PgQuery__Node *value = constraint->raw_expr;

	if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT)
		return value && !(value->node_case == PG_QUERY__NODE__NODE_A_CONST && value->a_const->isnull);
	return constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY ||
	       constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED;
}

static bool is_filled(const PgQuery__ColumnDef *column)
{
	if (column->type_name && type_of_serial(type_base(column->type_name)))
		return true;
	for (size_t i = 0; i < column->n_constraints; i++)
		if (is_filled_by(column->constraints[i]->constraint))
			return true;
	return false;
}

static void look_at_new_column(const struct look *look, const PgQuery__Constraint *constraint,
			       const PgQuery__ColumnDef *column, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);

	(void)table;
	if (column && name && constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL && !is_filled(column))
		complain(look, constraint->location,
			 "%s is NOT NULL without a default: it fails if %s has a row, and old code's INSERTs do "
			 "afterwards",
			 column->colname, look_name(name));
}

/* The default that filled the old rows is missed by code that does not know the column. */
static void look_at_dropped_default(const struct look *look, const PgQuery__AlterTableCmd *command,
				    const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	const struct column *column = table ? table_column(table, command->name) : NULL;

	if (name && command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ColumnDefault && !command->def && column &&
	    column->is_not_null && column->made_by->file == look->file)
		complain(look, -1, "%s is NOT NULL and loses its default: old code's INSERTs into %s fail",
			 column->name, look_name(name));
}

/* ---- column-drop-not-null ------------------------------------------------------------------------------------------- */

static void look_at_drop_not_null(const struct look *look, const PgQuery__AlterTableCmd *command,
				  const struct table *table)
{
	bool is_contract = look->file->header && look->file->header->expands;

	(void)table;
	/* brand_id has a rule of its own */
	if (look_altered(look) && command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DropNotNull && !is_contract &&
	    strcmp(command->name, "brand_id") != 0)
		complain(look, -1, "code that runs now reads %s and expects a value in every row", command->name);
}

const struct rule rules_locks_not_null[] = {
	{ .name = "column-set-not-null",
	  .category = "locks",
	  .summary = "NOT NULL is set once a valid CHECK proves it",
	  .safe = "ADD CONSTRAINT c CHECK (x IS NOT NULL) NOT VALID; next file: VALIDATE; next: SET NOT NULL, DROP "
		  "CONSTRAINT c",
	  .command = look_at_set_not_null,
	  .constraint = look_at_primary },
	{ .name = "column-not-null-default",
	  .category = "locks",
	  .summary = "a column that is added NOT NULL has a default",
	  .safe = "ADD COLUMN x … NOT NULL DEFAULT constant; or nullable first, filled by a backfill, then NOT NULL",
	  .command = look_at_dropped_default,
	  .constraint = look_at_new_column },
	{ .name = "column-drop-not-null",
	  .category = "locks",
	  .summary = "a column that code expects a value in stays NOT NULL",
	  .safe = "a new column; or in a file that begins with -- contract: expands=NNNN, when no code relies on it",
	  .command = look_at_drop_not_null },
	{ 0 },
};
