/*
 * Queries, live: each statement of a queries.sql is prepared, described and planned as the role it will run as, on the schema as it is, and
 * held against its method's messages. PREPARE looks at names and types, and at no grant; planning an execution does, and runs nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "queries_null.h"

static const char not_null_sql[] =
	"SELECT relname, attname, attnotnull FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON relnamespace "
	"= n.oid "
	"JOIN pg_catalog.pg_attribute ON attrelid = c.oid WHERE nspname = $1 AND attnum > 0 AND NOT attisdropped";

struct trial {
	const struct live *live;
	PGconn *pg; /* the query's role */
	const struct method *methods;
	const PGresult *not_null;
	bool has_contract;
};

static const struct method *find_method(const struct trial *trial, const char *name)
{
	for (const struct method *method = trial->methods; method; method = method->next)
		if (!strcmp(method->name, name))
			return method;
	return NULL;
}

/* PostgreSQL counts characters from 1, in what it was given. */
static int place_of(const struct query *query, const PGresult *result)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION), *sql = query->table.sql;
	long left = position ? strtol(position, NULL, 10) : 0;
	int at = -1;

	for (; left > 0; left--) {
		do
			at++;
		while (sql[at] && ((unsigned char)sql[at] & 0xc0) == 0x80);
		if (!sql[at])
			return -1;
	}
	return at;
}

/* false: PostgreSQL refused, and that is a finding. */
static bool accept(const struct trial *trial, const struct query *query, PGresult *result, const char *as)
{
	ExecStatusType status = PQresultStatus(result);
	const char *words = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK)
		return true;
	query_complain(trial->live->check, "query-does-not-run", query, place_of(query, result), "%s: as %s%s: %s",
		       query->table.name, trial->live->service, as, words ? words : PQerrorMessage(trial->pg));
	return false;
}

/* ---- Messages ----------------------------------------------------------------------------------------------------------- */

/* The runtime's words begin with file and line, which the finding has itself. */
static void complain_of_binding(const struct trial *trial, const struct query *query)
{
	const char *words = hm_error_get()->message, *name = query->table.name, *own = strstr(words, name);

	query_complain(trial->live->check, "query-fits-contract", query, -1, "%s", own ? own : words);
}

/* Rows fill the elements of a list. */
static const ProtobufCMessageDescriptor *row_of(const struct query *query, const ProtobufCMessageDescriptor *reply)
{
	if (query->table.rows != HM_ROWS_MANY)
		return reply;
	for (unsigned i = 0; i < reply->n_fields; i++)
		if (reply->fields[i].type == PROTOBUF_C_TYPE_MESSAGE &&
		    reply->fields[i].label == PROTOBUF_C_LABEL_REPEATED)
			return reply->fields[i].descriptor;
	return reply;
}

static void look_for_nulls(const struct trial *trial, const struct query *query, const PGresult *columns,
			   const ProtobufCMessageDescriptor *row)
{
	for (int i = 0; i < PQnfields(columns); i++) {
		const ProtobufCFieldDescriptor *field =
			protobuf_c_message_descriptor_get_field_by_name(row, PQfname(columns, i));

		if (field && field->label == PROTOBUF_C_LABEL_REQUIRED &&
		    query_is_nullable(query, trial->not_null, (size_t)i))
			query_complain(trial->live->check, "query-nullable", query, -1,
				       "%s: column %s may be NULL, and %s requires it", query->table.name,
				       PQfname(columns, i), row->name);
	}
}

static void hold_against_messages(const struct trial *trial, const struct query *query, const PGresult *described)
{
	const struct method *method = query->table.is_rpc ? find_method(trial, query->table.name) : NULL;

	if (query->table.is_rpc && trial->has_contract && !method) {
		query_complain(trial->live->check, "query-fits-contract", query, -1,
			       "%s: the contract has no method of that name", query->table.name);
		return;
	}
	if (query_bind(&trial->live->check->arena, &query->table, described, method) != HM_OK)
		complain_of_binding(trial, query);
	else if (method && query->table.rows != HM_ROWS_NONE)
		look_for_nulls(trial, query, described, row_of(query, method->reply));
}

/* ---- One query ---------------------------------------------------------------------------------------------------------- */

/* The values do not matter, only that it is planned. */
static bool plan(const struct trial *trial, const struct query *query, int n_parameters, const char *as)
{
	struct hm_buffer sql = { 0 };
	PGresult *result;
	bool is_planned;

	hm_buffer_add_text(&sql, "EXPLAIN EXECUTE hallmark_query");
	for (int i = 0; i < n_parameters; i++)
		hm_buffer_add_text(&sql, i ? ", NULL" : "(NULL");
	hm_buffer_add_text(&sql, n_parameters ? ")" : "");
	result = PQexec(trial->pg, sql.data);
	is_planned = accept(trial, query, result, as);
	PQclear(result);
	hm_buffer_fini(&sql);
	return is_planned;
}

static void try_query(const struct trial *trial, const struct query *query, const char *as)
{
	SCOPED(pg_result) prepared = PQprepare(trial->pg, "hallmark_query", query->table.sql, 0, NULL);
	SCOPED(pg_result) described = NULL;

	if (!accept(trial, query, prepared, as))
		return;
	described = PQdescribePrepared(trial->pg, "hallmark_query");
	if (accept(trial, query, described, as) && plan(trial, query, PQnparams(described), as))
		hold_against_messages(trial, query, described);
	PQclear(PQexec(trial->pg, "DEALLOCATE hallmark_query"));
}

/* ---- All of a service --------------------------------------------------------------------------------------------------- */

static hm_status try_role(struct trial *trial, bool is_system)
{
	static const char *const suffixes[] = { "_app", "_system" };
	SCOPED(pg_conn) pg = NULL;

	for (const struct query *query = trial->live->group->queries; query; query = query->next) {
		if (!query->node || query->table.is_system != is_system)
			continue;
		if (!pg) {
			TRY(live_connect(trial->live->dsn, trial->live->service, suffixes[is_system], &pg));
			PQclear(PQexec(pg, "SET plan_cache_mode = force_generic_plan"));
		}
		trial->pg = pg;
		try_query(trial, query, suffixes[is_system]);
	}
	return HM_OK;
}

/* services/NAME/migrations: the folder that services/ is in. */
static const char *root_of(struct hm_arena *arena, const struct group *group)
{
	static const char below[] = "services/";
	const char *at = group->folder, *found = NULL;

	while ((at = strstr(at, below)))
		found = at++;
	if (!found)
		return hm_arena_printf(arena, "%s/../../..", group->folder);
	return found == group->folder ? "." : hm_arena_dup(arena, group->folder, (size_t)(found - group->folder) - 1);
}

hm_status live_queries(const struct live *live)
{
	struct hm_arena *arena = &live->check->arena;
	struct trial trial = { .live = live };
	SCOPED(pg_result) not_null = NULL;
	struct method *methods;

	if (!live->group || !live->group->queries)
		return HM_OK;
	TRY(contract_read(arena, root_of(arena, live->group), live->service, &methods));
	TRY(live_query(live, not_null_sql, &not_null));
	trial.methods = methods;
	trial.has_contract = methods != NULL;
	trial.not_null = not_null;
	TRY(try_role(&trial, false));
	return try_role(&trial, true);
}
