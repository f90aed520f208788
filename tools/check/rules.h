/*
 * Rules: what a rule is, and the table of them all.
 *
 * A rule is a row: a name, what it is about, the safe way to write it, and when it wants to look. Its page, rules/NAME.md, has the why, a
 * bad and a good example; they are its tests (rules_test.c). Rules judge, they change nothing.
 */
#pragma once
#include "schema.h"
#include "tree.h"

/* What a rule sees. */
struct look {
	struct check *check;
	const struct rule *rule;
	const struct group *group;
	const struct file *file;
	const struct statement *statement; /* NULL in file and group */
	const struct schema *schema; /* as it is before the statement; in file and group: after all of them */
};

struct rule {
	const char *name, *category, *summary;
	const char *safe; /* the safe way, for people; one or two lines */
	/* Each statement that is carried out, at the top of a file or in a DO block. */
	void (*statement)(const struct look *look);
	/* Each command of an ALTER TABLE; NULL table: not made by what was read. */
	void (*command)(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table);
	/* Each constraint put on a table that is there already, by ADD CONSTRAINT or with ADD COLUMN (then column is not NULL). */
	void (*constraint)(const struct look *look, const PgQuery__Constraint *constraint,
			   const PgQuery__ColumnDef *column, const struct table *table);
	/* Each statement, those of routines too. */
	void (*anywhere)(const struct look *look);
	void (*file)(const struct look *look);
	void (*group)(const struct look *look); /* behind its last file */
};

/* The tables, a file each; rules_all gives them one after the other, NULL behind the last. */
const struct rule *rules_all(size_t i);
const struct rule *rule_find(const char *name);

/* complain adds a finding at a node's location; -1: at the statement's beginning. */
void complain(const struct look *look, int location, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* complain_of adds one at another statement, e.g. the one that made a table. */
void complain_of(const struct look *look, const struct statement *statement, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* look_is_new: was the table made in this very file? Then nobody uses it yet, and it is empty but for what the file puts in. */
bool look_is_new(const struct look *look, const PgQuery__RangeVar *name);

bool look_is_new_name(const struct look *look, const char *name);

/* look_altered is the table that the statement, an ALTER TABLE, is about, if it was not made in this file; else NULL. */
const PgQuery__RangeVar *look_altered(const struct look *look);

/* look_columns calls check for each column that the statement defines: of CREATE TABLE and of ADD COLUMN. */
void look_columns(const struct look *look, void (*check)(const struct look *look, const PgQuery__ColumnDef *column));

/* statement_next is the next one that is carried out, into and out of DO blocks and past routines; NULL: it was the last. */
const struct statement *statement_next(const struct statement *statement);

/* look_name is the table an ALTER TABLE, CREATE INDEX, … is about, for messages. */
const char *look_name(const PgQuery__RangeVar *name);
