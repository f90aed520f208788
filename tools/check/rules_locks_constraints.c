/* Rules of constraints: rows that are there already are looked at while the table can be used. */
#include <string.h>

#include "rules.h"

static void look_at_validation(const struct look *look, const PgQuery__Constraint *constraint,
			       const PgQuery__ColumnDef *column, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	bool is_foreign = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN;

	(void)table;
	if (column || !name || constraint->skip_validation)
		return;
	if (is_foreign)
		complain(look, constraint->location,
			 "this foreign key holds off writes to %s and %s while it looks at every row", look_name(name),
			 look_name(constraint->pktable));
	else if (constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK)
		complain(look, constraint->location, "this CHECK locks %s while it looks at every row",
			 look_name(name));
}

static bool adds_constraint(const struct statement *statement, const char *table, const char *constraint)
{
	const PgQuery__AlterTableStmt *alter = statement->node->alter_table_stmt;

	if (statement->node->node_case != PG_QUERY__NODE__NODE_ALTER_TABLE_STMT || !alter->relation ||
	    strcmp(alter->relation->relname, table))
		return false;
	for (size_t i = 0; i < alter->n_cmds; i++) {
		const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;

		if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint &&
		    !strcmp(command->def->constraint->conname, constraint))
			return true;
	}
	return false;
}

static void look_at_validate(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);

	(void)table;
	if (!name || command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_ValidateConstraint)
		return;
	for (const struct statement *one = look->file->statements; one; one = statement_next(one)) {
		if (adds_constraint(one, name->relname, command->name)) {
			complain(look, -1,
				 "%s was added in this transaction, whose lock on %s is held while all rows are looked "
				 "at",
				 command->name, look_name(name));
			return;
		}
		if (one == look->statement)
			return;
	}
}

static void look_at_keys(const struct look *look, const PgQuery__Constraint *constraint,
			 const PgQuery__ColumnDef *column, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	bool is_primary = constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY;

	(void)table;
	if (!column && name && !*constraint->indexname &&
	    (is_primary || constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE))
		complain(look, constraint->location, "%s builds its index while %s is locked, for reads, too",
			 is_primary ? "PRIMARY KEY" : "UNIQUE", look_name(name));
}

static void look_at_exclusion(const struct look *look, const PgQuery__Constraint *constraint,
			      const PgQuery__ColumnDef *column, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);

	(void)table, (void)column;
	if (name && constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_EXCLUSION)
		complain(look, constraint->location,
			 "EXCLUDE builds its index while %s is locked, and there is no other way", look_name(name));
}

static const struct {
	PgQuery__ConstrType type;
	const char *what;
} inlines[] = {
	{ PG_QUERY__CONSTR_TYPE__CONSTR_UNIQUE, "UNIQUE builds an index" },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY, "PRIMARY KEY builds an index" },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_CHECK, "CHECK looks at every row" },
	{ PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN, "REFERENCES locks the other table as well" },
};

static void look_at_inline(const struct look *look, const PgQuery__Constraint *constraint,
			   const PgQuery__ColumnDef *column, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);

	(void)table;
	for (size_t i = 0; column && name && i < sizeof inlines / sizeof *inlines; i++)
		if (inlines[i].type == constraint->contype)
			complain(look, constraint->location, "%s while %s is locked for the new column",
				 inlines[i].what, look_name(name));
}

/* ---- Domains ------------------------------------------------------------------------------------------------------- */

static void look_at_domain(const struct look *look, const PgQuery__CreateDomainStmt *create)
{
	for (size_t i = 0; i < create->n_constraints; i++) {
		PgQuery__ConstrType type = create->constraints[i]->constraint->contype;

		if (type == PG_QUERY__CONSTR_TYPE__CONSTR_CHECK || type == PG_QUERY__CONSTR_TYPE__CONSTR_NOTNULL)
			complain(look, create->constraints[i]->constraint->location,
				 "a domain's constraint can be changed only under a lock on all tables that use it");
	}
}

/* PostgreSQL's letters: C adds a constraint, O is SET NOT NULL, V validates. */
static void look_at_domains(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;
	const PgQuery__AlterDomainStmt *alter = node->alter_domain_stmt;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT)
		look_at_domain(look, node->create_domain_stmt);
	if (node->node_case != PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT || !*alter->subtype ||
	    !strchr("COV", *alter->subtype))
		return;
	if (*alter->subtype != 'C' || !alter->def || !alter->def->constraint->skip_validation)
		complain(look, -1,
			 "this looks at every row of every table with the domain, and holds off their writes");
}

const struct rule rules_locks_constraints[] = {
	{ .name = "constraint-not-valid",
	  .category = "locks",
	  .summary = "CHECK and FOREIGN KEY are added NOT VALID to a table in use",
	  .safe = "ADD CONSTRAINT … NOT VALID; in the next file ALTER TABLE … VALIDATE CONSTRAINT …",
	  .constraint = look_at_validation },
	{ .name = "constraint-validate-later",
	  .category = "locks",
	  .summary = "a constraint is validated in a later file than it is added in",
	  .safe = "VALIDATE CONSTRAINT in the next file",
	  .command = look_at_validate },
	{ .name = "constraint-using-index",
	  .category = "locks",
	  .summary = "UNIQUE and PRIMARY KEY are put on a table in use with an index that is there",
	  .safe = "CREATE UNIQUE INDEX CONCURRENTLY i … in a file of its own; then ADD CONSTRAINT … UNIQUE USING INDEX "
		  "i",
	  .constraint = look_at_keys },
	{ .name = "constraint-exclude",
	  .category = "locks",
	  .summary = "EXCLUDE is not put on a table in use",
	  .safe = "a new table that has the constraint, filled in batches; or a trigger that looks for overlaps",
	  .constraint = look_at_exclusion },
	{ .name = "column-inline-constraint",
	  .category = "locks",
	  .summary = "a column is added to a table in use without UNIQUE, CHECK or REFERENCES",
	  .safe = "ADD COLUMN alone; then the constraint in its own way: NOT VALID, or USING INDEX",
	  .constraint = look_at_inline },
	{ .name = "domain-constraint",
	  .category = "locks",
	  .summary = "a domain has no constraints",
	  .safe = "the plain type, and a CHECK on each table (ADD CONSTRAINT … NOT VALID, VALIDATE later)",
	  .statement = look_at_domains },
	{ 0 },
};
