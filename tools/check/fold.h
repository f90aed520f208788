/* Fold, inside: what fold.c, fold_table.c and fold_alter.c share. */
#pragma once
#include "schema.h"

struct table *fold_add_table(struct schema *schema, const PgQuery__RangeVar *name, enum table_kind kind,
			     const struct statement *statement);
struct column *fold_add_column(struct schema *schema, struct table *table, const char *name, const char *type,
			       const struct statement *statement);

/* fold_column finds a column; in a table that is_unsure it makes it. */
struct column *fold_column(struct schema *schema, struct table *table, const char *name,
			   const struct statement *statement);
void fold_add_index(struct schema *schema, struct table *table, const char *name, const char *const *columns,
		    bool is_unique, bool is_partial, const struct statement *statement);

/* fold_add_constraint adds one of a table, or of a column (not NULL). */
void fold_add_constraint(struct schema *schema, struct table *table, const PgQuery__Constraint *from,
			 struct column *column, const struct statement *statement);

/* fold_define_column adds a column with all that its definition says. */
void fold_define_column(struct schema *schema, struct table *table, const PgQuery__ColumnDef *from,
			const struct statement *statement);

void fold_create(struct schema *schema, const struct statement *statement);
void fold_create_as(struct schema *schema, const struct statement *statement);
void fold_view(struct schema *schema, const struct statement *statement);
/* fold_set_invoker reads security_invoker among a view's options; false: none of them is it. */
bool fold_set_invoker(struct table *view, size_t n, PgQuery__Node *const *options);
void fold_alter(struct schema *schema, const struct statement *statement);
