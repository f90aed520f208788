/*
 * Binding: message fields and SQL by name. Parameters are looked for among the builtins, then among the fields of the
 * arguments; columns among the fields of the reply. Absent is NULL, both ways; a repeated field is an array, and empty
 * if it has no elements.
 */
#pragma once
#include <libpq-fe.h>

#include "store/statement.h"
#include "store/store.h"

/* Parameters as PQsendQueryPrepared takes them. In the arena. */
struct binding {
	int n;
	const char **values; /* NULL: SQL NULL */
	int *lengths, *formats;
	uint64_t page_size; /* the parameter of that name; 0: there is none, or it is NULL */
};

/* bind_arguments encodes a query's parameters. INVALID_ARGUMENT names the field (and has the violation) that holds what
 * its parameter cannot; INTERNAL, with the query's place, when names or types do not fit at all. */
hm_status bind_arguments(struct hm_arena *arena, const struct hm_query *query, const struct description *description,
			 const ProtobufCMessage *arguments, const struct hm_builtin *builtins,
			 struct binding *ret_binding);

/* bind_result fills a reply from rows, as hm_tx_query says. reply may be NULL. */
hm_status bind_result(struct hm_arena *arena, const struct hm_query *query, const PGresult *result, uint64_t page_size,
		      ProtobufCMessage *reply);

/* bind_check_arguments and bind_check_result say before a query is run what bind_arguments and bind_result would refuse whatever the
 * values: names without a field, types that do not fit. columns: a result, which may be without rows. reply may be NULL: then
 * that every column's type is mapped at all. */
hm_status bind_check_arguments(struct hm_arena *arena, const struct hm_query *query,
			       const struct description *description, const struct hm_query_use *use);
hm_status bind_check_result(struct hm_arena *arena, const struct hm_query *query, const PGresult *columns,
			    const ProtobufCMessageDescriptor *reply);
