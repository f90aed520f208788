/* Null: whether a column of a query's result may be NULL. */
#pragma once
#include <libpq-fe.h>
#include <stdbool.h>
#include <stddef.h>

#include "queries.h"

/* query_is_nullable: not_null has rows of table, column and attnotnull ("t"), of all columns there are. What is not known may be NULL. */
bool query_is_nullable(const struct query *query, const PGresult *not_null, size_t column);
