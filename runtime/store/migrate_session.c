/*
 * Migration session: a plain blocking libpq connection, and PostgreSQL's errors turned into Hallmark's. The store's pool
 * is not used: it speaks as the application's role, and a migration needs session state the pool must never have. Nor is
 * error.c, which keeps PostgreSQL's words from a caller: who writes a migration needs them all.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/id.h"
#include "store/migrate_internal.h"

enum { TRIES = 12, FIRST_PAUSE_MS = 20, PAUSE_MAX_MS = 1000 };

static void ignore_notice(void *user, const PGresult *notice)
{
	(void)user, (void)notice;
}

hm_status session_open(const char *dsn, const char *user, const char *options, PGconn **ret_connection)
{
	const char *const names[] = { "dbname", "application_name", "client_encoding", "user", "options", NULL };
	const char *const values[] = { dsn, "hallmark migrate", "UTF8", user, options, NULL };
	PGconn *connection = PQconnectdbParams(names, values, 1);

	if (PQstatus(connection) != CONNECTION_OK) {
		hm_status status = hm_raise(UNAVAILABLE, "%s", PQerrorMessage(connection));

		PQfinish(connection);
		return status;
	}
	PQsetNoticeReceiver(connection, ignore_notice, NULL);
	*ret_connection = connection;
	return HM_OK;
}

/* As options, role and search_path are what RESET goes back to. A client that was killed is noticed within a second even
 * in the middle of a statement, and its locks with it. */
hm_status session_open_as_owner(struct migrate *migrate)
{
	const char *service = migrate->config->service;
	const char *user = hm_arena_printf(&migrate->arena, "%s_migrator", service);
	const char *options = hm_arena_printf(&migrate->arena,
					      "-c role=%s_owner -c search_path=%s,public -c lock_timeout=2s"
					      " -c statement_timeout=0 -c client_connection_check_interval=1s",
					      service, service);

	return session_open(migrate->config->dsn, user, options, &migrate->connection);
}

/* The first that fits: a whole SQLSTATE, or its class. */
static const struct {
	const char *sqlstate;
	hm_status status;
} sqlstates[] = {
	{ "55P03", HM_ABORTED }, /* lock_not_available */
	{ "40", HM_ABORTED }, /* deadlock, serialization */
	{ "57014", HM_DEADLINE_EXCEEDED }, /* statement_timeout */
	{ "08", HM_UNAVAILABLE },
	{ "57P", HM_UNAVAILABLE },
	{ "53", HM_RESOURCE_EXHAUSTED },
};

/* Class HM is Hallmark's own, as in error.h: the number of a status, the reason as the hint. */
static bool is_ours(const char *sqlstate)
{
	return !strncmp(sqlstate, "HM0", 3);
}

static hm_status status_of(const char *sqlstate, hm_status otherwise)
{
	int ours = is_ours(sqlstate) ? (int)strtol(sqlstate + 3, NULL, 10) : 0;

	if (ours > 0 && ours < HM_STATUS_COUNT)
		return (hm_status)ours;
	for (size_t i = 0; i < sizeof sqlstates / sizeof *sqlstates; i++)
		if (!strncmp(sqlstate, sqlstates[i].sqlstate, strlen(sqlstates[i].sqlstate)))
			return sqlstates[i].status;
	return otherwise;
}

/* Kept in the error itself: whatever is raised after it is another. */
static const char broken_constraint[] = "CONSTRAINT_BROKEN";

bool session_broke_constraint(void)
{
	return !strcmp(hm_error_get()->reason, broken_constraint);
}

hm_status from_pq_session(const PGconn *connection, const PGresult *result, hm_status otherwise, const char *where)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
	const char *detail = PQresultErrorField(result, PG_DIAG_MESSAGE_DETAIL);
	const char *hint = PQresultErrorField(result, PG_DIAG_MESSAGE_HINT);
	hm_status status;

	if (!sqlstate || !message)
		return hm_raise(UNAVAILABLE, "%s%s", where, PQerrorMessage(connection));
	status = status_of(sqlstate, otherwise);
	if (is_ours(sqlstate)) {
		status = hm_raise_at(__FILE__, __LINE__, status, "%s%s", where, message);
		hm_error_set_reason(hint ? hint : "");
		return status;
	}
	status = hm_raise_at(__FILE__, __LINE__, status, "%s%s (%s)%s%s%s%s", where, message, sqlstate,
			     detail ? "; " : "", detail ? detail : "", hint ? "; " : "", hint ? hint : "");
	if (!strncmp(sqlstate, "23", 2))
		hm_error_set_reason(broken_constraint);
	return status;
}

static hm_status check(const PGconn *connection, const PGresult *result)
{
	ExecStatusType outcome = PQresultStatus(result);

	if (outcome == PGRES_TUPLES_OK || outcome == PGRES_COMMAND_OK)
		return HM_OK;
	return from_pq_session(connection, result, HM_INTERNAL, "");
}

hm_status session_run(PGconn *connection, const char *sql)
{
	PGresult *result = PQexec(connection, sql);
	hm_status status = check(connection, result);

	PQclear(result);
	return status;
}

hm_status session_ask(PGconn *connection, const char *sql, size_t n, const char *const *values, PGresult **ret_rows)
{
	PGresult *result = PQexecParams(connection, sql, (int)n, NULL, values, NULL, NULL, 0);
	hm_status status = check(connection, result);

	if (status == HM_OK && ret_rows)
		*ret_rows = result;
	else
		PQclear(result);
	return status;
}

hm_status session_ask_bool(PGconn *connection, const char *sql, bool *ret_answer)
{
	PGresult *rows;

	TRY(session_ask(connection, sql, 0, NULL, &rows));
	*ret_answer = *PQgetvalue(rows, 0, 0) == 't';
	PQclear(rows);
	return HM_OK;
}

hm_status session_ask_bytes(PGconn *connection, const char *sql, const void *bytes, size_t size, char *ret_text,
			    size_t text_bytes)
{
	const char *const values[] = { bytes };
	const int lengths[] = { (int)size }, formats[] = { 1 };
	PGresult *result = PQexecParams(connection, sql, 1, NULL, values, lengths, formats, 0);
	hm_status status = check(connection, result);

	if (status == HM_OK)
		snprintf(ret_text, text_bytes, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
	PQclear(result);
	return status;
}

/* ---- Again and again --------------------------------------------------------------------------------------------- */

void pause_ms(unsigned ms)
{
	struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000L };

	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
}

void pause_jittered(unsigned *ms)
{
	unsigned random;

	hm_random(&random, sizeof random);
	pause_ms(*ms / 2 + random % (*ms + 1));
	*ms = *ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : *ms * 2;
}

hm_status session_again(hm_status (*work)(void *user), void *user)
{
	unsigned ms = FIRST_PAUSE_MS;
	hm_status status = work(user);

	for (unsigned n = 1; status == HM_ABORTED && n < TRIES; n++) {
		pause_jittered(&ms);
		status = work(user);
	}
	return status;
}

struct transaction {
	PGconn *connection;
	hm_status (*work)(void *user);
	void *user;
};

static hm_status transact_once(void *user)
{
	const struct transaction *transaction = user;
	hm_status status;

	/* Whatever was set in the session ends here: role and search_path are the connection's options again. */
	TRY(session_run(transaction->connection, "RESET ALL; RESET ROLE"));
	TRY(session_run(transaction->connection, "BEGIN"));
	status = transaction->work(transaction->user);
	if (status == HM_OK)
		status = session_run(transaction->connection, "COMMIT");
	if (status != HM_OK)
		PQclear(PQexec(transaction->connection, "ROLLBACK"));
	return status;
}

hm_status session_transact(PGconn *connection, hm_status (*work)(void *user), void *user)
{
	return session_again(transact_once, &(struct transaction){ connection, work, user });
}
