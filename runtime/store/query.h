/*
 * Query tables: the statements of a service's queries.sql, as sqlgen makes them (gen/<service>/<service>.sql.c):
 * `@name` became $1, $2 … in order of first appearance. What each parameter and column is in C is found by name in the
 * messages at the call, and by the types PostgreSQL itself reports; so there is one description of each, the schema's.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

enum hm_rows {
	HM_ROWS_ONE, /* exactly one row, else NOT_FOUND */
	HM_ROWS_OPTIONAL, /* none or one */
	HM_ROWS_MANY, /* a list: rows fill the reply's repeated message field */
	HM_ROWS_NONE, /* no result; the number of rows touched is reported */
};

struct hm_query {
	const char *name; /* "relation", or the method's bare name ("ListFollowers") for rpc queries */
	const char *sql; /* with $1 … */
	enum hm_rows rows;
	bool is_rpc; /* bound to a method: the whole of its work */
	bool is_system; /* runs as <svc>_system: crosses brands, under that role's own policies */
	const char *const *parameters; /* names in the order of $n; NULL-terminated */
	const char *file; /* of queries.sql */
	int line;
};

struct hm_query_table {
	const char *service; /* "follows" */
	const struct hm_query *const *queries;
	size_t n_queries;
};

/* hm_query_find returns a query by name, or NULL. */
const struct hm_query *hm_query_find(const struct hm_query_table *table, const char *name);
