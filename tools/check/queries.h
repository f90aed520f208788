/*
 * Queries: a service's queries.sql. It is cut and rewritten by sqlgen's own code, so that what is checked is what is built.
 *
 *     queries.sql ─ queries_split (sqlgen) ─► queries with $n ─ queries_read (parser) ─► trees ─┬─ rules_queries.c   against the schema
 *                                                                                               └─ queries_live.c    against a database
 */
#pragma once
#include <pg_query/pg_query.pb-c.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "store/query.h"

struct check;
struct file;
struct pg_result;

struct query {
	struct query *next;
	const struct file *file;
	struct hm_query table; /* its row, as sqlgen would write it; sql NULL: it could not be rewritten */
	size_t begin, end; /* in the file's text, from its header on */
	const PgQuery__Node *node; /* NULL: it cannot be parsed */
	const void *origin; /* sqlgen's own */
};

/* queries_split cuts a text and has sqlgen look at it; what that refuses is added to `refusals`, a line each: PATH:LINE:COLUMN: WORDS. */
struct query *queries_split(struct hm_arena *arena, const char *path, const char *text, size_t size,
			    struct hm_buffer *refusals);

/* query_origin is the place in the file of an offset in the rewritten SQL. */
size_t query_origin(const struct query *query, size_t offset);

/* queries_read makes a file's queries, parsed; what cannot be becomes a finding. */
struct query *queries_read(struct check *check, struct file *file);

/* query_complain adds a finding at an offset of the rewritten SQL; -1: at its header. */
void query_complain(struct check *check, const char *rule, const struct query *query, int location, const char *format,
		    ...) __attribute__((format(printf, 5, 6)));

/* ---- Contracts ---------------------------------------------------------------------------------------------------------- */

/* One method's messages. */
struct method {
	struct method *next;
	const char *name;
	const ProtobufCMessageDescriptor *request, *reply;
};

/* contract_read has protoc read a service's contracts below `root`/proto and makes descriptors of their messages as generated code has
 * them, as far as binding asks. A field that hallmark's option requires has the label REQUIRED. No contract: no methods. */
hm_status contract_read(struct hm_arena *arena, const char *root, const char *service, struct method **ret_methods);

/* query_bind holds a prepared statement's description against a method's messages, by the runtime's own code. NULL method: its types are
 * ones that the runtime knows at all. */
hm_status query_bind(struct hm_arena *arena, const struct hm_query *query, const struct pg_result *description,
		     const struct method *method);
