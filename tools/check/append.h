/*
 * Append: one engine that looks for all the ways in which rows of an append-only table could be changed or taken away. Two rules ask it
 * (rules_audit.c): audit-append-only for audit_log, ledger-append-only for tables whose comment begins with "append-only" and those that
 * are a ledger by name.
 */
#pragma once
#include "rules.h"

/* append_is_ledger: is it one of the latter? */
bool append_is_ledger(const struct look *look, const struct table *table);

/* append_find is the table that a name leads to, if the looking rule keeps it: itself, or what it is a part or a view of. NULL: none. */
const char *append_find(const struct look *look, const char *schema, const char *name);
const char *append_table(const struct look *look, const PgQuery__RangeVar *name);

/* Statements that write its rows, anywhere; statements, commands of ALTER TABLE and new constraints, about the table or its triggers. */
void append_look_at_rows(const struct look *look);
void append_look_at_objects(const struct look *look);
void append_look_at_command(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table);
void append_look_at_constraint(const struct look *look, const PgQuery__Constraint *constraint,
			       const PgQuery__ColumnDef *column, const struct table *table);

/* What reaches every table: grants on all of them, the owner's role, the guards' function, session_replication_role. */
void append_look_at_everything(const struct look *look);
