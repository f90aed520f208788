/*
 * Schema: what a service's migrations have made so far, folded statement by statement (fold.c), as far as rules ask for it.
 * Names are as PostgreSQL folds them. `schema` of a name is NULL where the SQL did not say.
 */
#pragma once
#include "check.h"

enum table_kind {
	TABLE_PLAIN,
	TABLE_PARTITIONED,
	TABLE_VIEW,
	TABLE_MATERIALIZED,
	TABLE_FOREIGN,
	TABLE_TYPE /* CREATE TYPE … AS (…) */
};

struct column {
	struct column *next;
	const char *name;
	const char *type; /* "text", "int8", "numeric(10,2)", "uuid[]": type_text; NULL: not known (a query's column) */
	bool is_not_null, has_default, is_identity, is_generated;
	const PgQuery__Node
		*value; /* its default or what it is generated from, where that is written; NULL: none, or dropped */
	const struct statement *made_by, *changed_by; /* the first, and the last that made it what it is */
};

enum constraint_kind {
	CONSTRAINT_CHECK,
	CONSTRAINT_FOREIGN,
	CONSTRAINT_UNIQUE,
	CONSTRAINT_PRIMARY,
	CONSTRAINT_EXCLUSION
};

struct constraint {
	struct constraint *next;
	const char *name; /* NULL: PostgreSQL's own choice */
	enum constraint_kind kind;
	const char *const
		*columns; /* NULL-terminated; of an exclusion those that are plain columns; NULL columns of a check */
	const char *references; /* the other table */
	const char *const *referenced; /* columns; empty: its primary key */
	const PgQuery__Node *condition; /* of a CHECK */
	bool is_valid;
	const PgQuery__Constraint *from;
	const struct statement *made_by;
};

struct index {
	struct index *next;
	const char *name; /* NULL: PostgreSQL's own choice */
	const char *const *columns; /* NULL-terminated; "" stands for an expression */
	bool is_unique, is_partial;
	const struct statement *made_by;
};

struct trigger {
	struct trigger *next;
	const char *name, *function;
	const PgQuery__CreateTrigStmt *from;
	bool is_always; /* ENABLE ALWAYS: whatever session_replication_role says */
};

struct table {
	struct table *next;
	const char *schema, *name;
	enum table_kind kind;
	bool is_temporary;
	bool is_append_only; /* its comment begins so, or it is audit_log */
	bool is_unsure; /* it has columns that cannot be known from the text (LIKE or a query over something unknown) */
	bool is_invoker; /* of a view: security_invoker */
	const char *parent; /* of INHERITS or PARTITION OF, of a view the one table it shows; NULL: none */
	struct column *columns;
	struct constraint *constraints;
	struct index *indexes;
	struct trigger *triggers;
	const struct statement *made_by;
	const struct statement
		*changed_by; /* the last that changed its columns, keys, comment or options, or made it */
	const struct statement *brand_lost_by; /* dropped or renamed its brand_id; NULL: none did */
};

struct schema {
	struct check *check;
	struct table *tables; /* in the order they were made */
	bool had_audit_log; /* it was made, whatever became of it */
};

struct schema *schema_new(struct check *check);

/* schema_fold carries out a statement. Statements in a DO block count as carried out. */
void schema_fold(struct schema *schema, const struct statement *statement);

/* schema_find finds a table or view by name; NULL: not made by what was read. */
struct table *schema_find(const struct schema *schema, const PgQuery__RangeVar *name);
struct table *schema_find_name(const struct schema *schema, const char *name);
struct column *table_column(const struct table *table, const char *name);
struct constraint *table_constraint(const struct table *table, const char *name);

/* table_is_indexed says whether some index, unique or primary key of it begins with these columns, in any order. */
bool table_is_indexed(const struct table *table, const char *const *columns);

/* table_proves_not_null: is there a valid CHECK (column IS NOT NULL), alone or among others joined by AND? */
bool table_proves_not_null(const struct table *table, const char *column);
