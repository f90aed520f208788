/* Fold, inside: what fold.c, fold_table.c and fold_alter.c share. */
#pragma once
#include "schema.h"

struct table *fold_add_table(struct schema *schema, const PgQuery__RangeVar *name, enum table_kind kind,
			     const struct statement *statement);
struct column *fold_add_column(struct schema *schema, struct table *table, const char *name, const char *type,
			       const struct statement *statement);

/* fold_add_constraint adds one of a table, or of a column (not NULL). */
void fold_add_constraint(struct schema *schema, struct table *table, const PgQuery__Constraint *from,
			 struct column *column, const struct statement *statement);

/* fold_define_column adds a column with all that its definition says. */
void fold_define_column(struct schema *schema, struct table *table, const PgQuery__ColumnDef *from,
			const struct statement *statement);

void fold_create(struct schema *schema, const struct statement *statement);
void fold_create_as(struct schema *schema, const struct statement *statement);
void fold_view(struct schema *schema, const struct statement *statement);
void fold_alter(struct schema *schema, const struct statement *statement);
