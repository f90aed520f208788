/*
 * Rules: put on every table by secure.sql, asked for by verify.sql, which knows nothing of how they are put on. What a
 * migration itself has to do (a brand_id, an audit_log) is asked first, so that it is refused by name; everything is asked
 * when all is done.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "store/migrate_internal.h"

static const char secure_sql[] =
#include "runtime/store/secure.sql.h"
	;
static const char prepare_sql[] =
#include "runtime/store/idempotent.sql.h"
#include "runtime/store/record.sql.h"
	;
static const char verify_sql[] =
#include "runtime/store/verify.sql.h"
	;

enum { RULE, OBJECT, ADVICE, IS_PUT_RIGHT }; /* verify.sql's columns */

static hm_status run(PGconn *connection, const char *sql, const char *where)
{
	PGresult *result = PQexec(connection, sql);
	hm_status status = HM_OK;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = from_pq_session(connection, result, HM_INTERNAL, where);
	PQclear(result);
	return status;
}

/* "audit-table-required" as a program reads it: AUDIT_TABLE_REQUIRED. */
static void set_reason(const char *rule)
{
	char reason[HM_FIELD_BYTES];

	snprintf(reason, sizeof reason, "%s", rule);
	for (char *p = reason; *p; p++)
		*p = *p == '-' ? '_' : (char)toupper((unsigned char)*p);
	hm_error_set_reason(reason);
}

/* The first offence, and whatever else breaks the same rule in the same way. */
static hm_status raise_first(const struct migrate *migrate, const PGresult *rows, const char *where)
{
	const char *rule = PQgetvalue(rows, 0, RULE), *advice = PQgetvalue(rows, 0, ADVICE);
	char objects[HM_MESSAGE_BYTES / 2] = "";
	hm_status status;

	for (int i = 0; i < PQntuples(rows); i++) {
		size_t used = strlen(objects);

		if (!strcmp(PQgetvalue(rows, i, RULE), rule) && !strcmp(PQgetvalue(rows, i, ADVICE), advice))
			snprintf(objects + used, sizeof objects - used, "%s%s", used ? ", " : "",
				 PQgetvalue(rows, i, OBJECT));
	}
	status =
		hm_raise(FAILED_PRECONDITION, "%s%s: %s.%s %s", where, rule, migrate->config->service, objects, advice);
	set_reason(rule);
	return status;
}

/* Rows come in order, what a person has to do first. */
static hm_status refuse(const struct migrate *migrate, const char *where, bool is_secured)
{
	hm_status status = HM_OK;
	PGresult *rows;

	TRY(session_ask(migrate->connection, verify_sql, 0, NULL, &rows));
	if (PQntuples(rows) && (is_secured || *PQgetvalue(rows, 0, IS_PUT_RIGHT) == 'f'))
		status = raise_first(migrate, rows, where);
	PQclear(rows);
	return status;
}

hm_status rules_put(const struct migrate *migrate, const char *where)
{
	TRY(run(migrate->connection, prepare_sql, where));
	TRY(refuse(migrate, where, false));
	TRY(run(migrate->connection, secure_sql, where));
	return refuse(migrate, where, true);
}

hm_status rules_hold(struct migrate *migrate, const char **ret_broken)
{
	PGresult *rows;

	TRY(session_ask(migrate->connection, verify_sql, 0, NULL, &rows));
	*ret_broken = PQntuples(rows) ? hm_arena_printf(&migrate->arena, "%s: %s %s", PQgetvalue(rows, 0, RULE),
							PQgetvalue(rows, 0, OBJECT), PQgetvalue(rows, 0, ADVICE))
				      : NULL;
	PQclear(rows);
	return HM_OK;
}

static hm_status put_again(void *user)
{
	return rules_put(user, "");
}

/* What a person has to do first may be what the next file does. */
hm_status rules_restore(struct migrate *migrate)
{
	bool can_be = false;
	PGresult *rows;

	TRY(session_ask(migrate->connection, verify_sql, 0, NULL, &rows));
	can_be = PQntuples(rows) && *PQgetvalue(rows, 0, IS_PUT_RIGHT) == 't';
	PQclear(rows);
	return can_be ? session_transact(migrate->connection, put_again, migrate) : HM_OK;
}

void rules_add_to(struct hm_buffer *fingerprint)
{
	hm_buffer_add(fingerprint, prepare_sql, sizeof prepare_sql);
	hm_buffer_add(fingerprint, secure_sql, sizeof secure_sql);
	hm_buffer_add(fingerprint, verify_sql, sizeof verify_sql);
}
