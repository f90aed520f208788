/*
 * Applying: one file in one transaction, with the rules put on what it made and the record that it was done. Killed at
 * any moment, the schema is as before the file or as after it. A lock that is not had within lock_timeout (in the
 * session's options) undoes the whole file, so that nobody queues behind a waiting migration; then it is tried again.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/id.h"
#include "store/migrate_internal.h"

static const char secure_sql[] =
#include "runtime/store/idempotent.sql.h"
#include "runtime/store/secure.sql.h"
	;

enum { TRIES = 12, FIRST_PAUSE_MS = 20, PAUSE_MAX_MS = 1000 };

/* Whatever a file set in the session ends with it: role and search_path are the connection's options again. */
static const char reset_sql[] = "RESET ALL; RESET ROLE";

void pause_jittered(unsigned *pause_ms)
{
	unsigned random;
	struct timespec pause;

	hm_random(&random, sizeof random);
	random = *pause_ms / 2 + random % (*pause_ms + 1);
	pause = (struct timespec){ .tv_sec = random / 1000, .tv_nsec = random % 1000 * 1000000L };
	while (nanosleep(&pause, &pause) && errno == EINTR)
		;
	*pause_ms = *pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : *pause_ms * 2;
}

/* ---- Where an error is ---------------------------------------------------------------------------------------- */

static hm_status raise_at_offset(const struct migration *migration, size_t offset, const char *message)
{
	unsigned line, column;

	text_place(migration->text, offset, &line, &column);
	return hm_raise(INVALID_ARGUMENT, "%s:%u:%u: %s", migration->path, line, column, message);
}

/* The place PostgreSQL's parser names, or where the failing statement begins. */
static size_t error_offset(const struct migration *migration, const PGresult *result, unsigned n_done)
{
	const char *position = PQresultErrorField(result, PG_DIAG_STATEMENT_POSITION);
	size_t begin = 0, end = 0;

	if (position)
		return text_offset(migration->text, strtoul(position, NULL, 10));
	for (unsigned i = 0; i <= n_done; i++)
		if (!sql_statement_find(migration->text, end, &begin, &end))
			break;
	return begin;
}

static hm_status raise_sql_error(const PGconn *connection, const struct migration *migration, const PGresult *result,
				 unsigned n_done)
{
	char where[HM_MESSAGE_BYTES / 2];
	unsigned line, column;

	text_place(migration->text, error_offset(migration, result, n_done), &line, &column);
	snprintf(where, sizeof where, "%s:%u:%u: ", migration->path, line, column);
	return from_pq_session(connection, result, HM_INVALID_ARGUMENT, where);
}

/* ---- One file --------------------------------------------------------------------------------------------------- */

/* A file that ended its transaction would leave half of itself behind when its other half fails. */
static hm_status refuse_transaction_control(const struct migration *migration)
{
	static const char *const words[] = { "begin", "start", "commit", "end", "rollback", "abort", "prepare" };
	size_t begin, end = 0;

	while (sql_statement_find(migration->text, end, &begin, &end))
		for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
			size_t length = strlen(words[i]);

			if (!strncasecmp(migration->text + begin, words[i], length) &&
			    strchr(" \t\r\n;", migration->text[begin + length]))
				return raise_at_offset(migration, begin,
						       "a migration is one transaction and cannot begin or end it");
		}
	return HM_OK;
}

/* What COPY gives out has to be taken, or it is the answer to everything that is asked. */
static void drop_copied(PGconn *connection)
{
	char *row;

	while (PQgetCopyData(connection, &row, 0) > 0)
		PQfreemem(row);
}

/* PostgreSQL answers each statement with a result and stops at the first error. */
static hm_status run_text(PGconn *connection, const struct migration *migration)
{
	hm_status status = HM_OK;
	unsigned n_done = 0;
	PGresult *result;

	if (!PQsendQuery(connection, migration->text))
		return hm_raise(UNAVAILABLE, "%s: %s", migration->path, PQerrorMessage(connection));
	while ((result = PQgetResult(connection))) {
		ExecStatusType outcome = PQresultStatus(result);

		if (outcome == PGRES_COPY_IN)
			PQputCopyEnd(connection, "a migration holds no data for COPY");
		else if (outcome == PGRES_COPY_OUT)
			drop_copied(connection);
		else if (outcome == PGRES_FATAL_ERROR)
			status = raise_sql_error(connection, migration, result, n_done);
		else
			n_done++;
		PQclear(result);
	}
	return status;
}

static hm_status record(PGconn *connection, const struct migration *migration)
{
	char version[16];
	const char *const values[] = { version, migration->name, migration->checksum };

	snprintf(version, sizeof version, "%u", migration->version);
	return session_ask(connection, "INSERT INTO hallmark_migration (version, name, checksum) VALUES ($1, $2, $3)",
			   3, values, NULL);
}

/* The rules as they stand in the transaction. A refusal is the file's fault, so it is said with its name. */
static hm_status put_rules(PGconn *connection, const char *where)
{
	PGresult *result = PQexec(connection, secure_sql);
	hm_status status = HM_OK;

	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = from_pq_session(connection, result, HM_INTERNAL, where);
	PQclear(result);
	return status;
}

static hm_status run_in_transaction(PGconn *connection, const struct migration *migration)
{
	char where[HM_MESSAGE_BYTES / 2];

	TRY(run_text(connection, migration));
	TRY(session_run(connection, reset_sql));
	TRY(record(connection, migration));
	snprintf(where, sizeof where, "%s: ", migration->path);
	TRY(put_rules(connection, where));
	return session_run(connection, "COMMIT");
}

static hm_status apply_once(PGconn *connection, const struct migration *migration)
{
	hm_status status;

	TRY(session_run(connection, reset_sql));
	TRY(session_run(connection, "BEGIN"));
	status = run_in_transaction(connection, migration);
	if (status != HM_OK)
		PQclear(PQexec(connection, "ROLLBACK"));
	return status;
}

hm_status migration_apply(PGconn *connection, const struct migration *migration)
{
	unsigned pause_ms = FIRST_PAUSE_MS;
	hm_status status;

	TRY(refuse_transaction_control(migration));
	status = apply_once(connection, migration);
	for (unsigned n = 1; status == HM_ABORTED && n < TRIES; n++) {
		pause_jittered(&pause_ms);
		status = apply_once(connection, migration);
	}
	return status;
}

/* ---- The rules alone -------------------------------------------------------------------------------------------- */

static hm_status secure_in_transaction(PGconn *connection, const char *fingerprint, unsigned *ret_tables)
{
	static const char remember[] =
		"INSERT INTO hallmark_migration (version, name, checksum) VALUES (0, 'rules', $1) "
		"ON CONFLICT (brand_id, version) DO UPDATE SET checksum = excluded.checksum, applied_at = now() "
		"RETURNING (SELECT count(*) FROM pg_class "
		"WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p'))";
	PGresult *rows;

	TRY(put_rules(connection, ""));
	TRY(session_ask(connection, remember, 1, &fingerprint, &rows));
	*ret_tables = (unsigned)strtoul(PQgetvalue(rows, 0, 0), NULL, 10);
	PQclear(rows);
	return session_run(connection, "COMMIT");
}

hm_status migration_secure(PGconn *connection, const char *fingerprint, unsigned *ret_tables)
{
	hm_status status;

	TRY(session_run(connection, reset_sql));
	TRY(session_run(connection, "BEGIN"));
	status = secure_in_transaction(connection, fingerprint, ret_tables);
	if (status != HM_OK)
		PQclear(PQexec(connection, "ROLLBACK"));
	return status;
}

void migration_fingerprint_add_rules(struct hm_buffer *input)
{
	hm_buffer_add(input, secure_sql, sizeof secure_sql);
}
