/*
 * Applying: one file in one transaction, with the rules put on what it made and the record that it was done. Killed at
 * any moment, the schema is as before the file or as after it. A lock that is not had within lock_timeout (in the
 * session's options) undoes the whole file, so that nobody queues behind a waiting migration; then it is tried again.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "store/migrate_internal.h"

enum { TIMEOUT_DEFAULT_MS = 5 * 60 * 1000 };

/* ---- Where an error is ---------------------------------------------------------------------------------------- */

hm_status migration_raise(const struct migration *migration, size_t offset, const char *message)
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

/* A COPY that is given no data is cancelled, too, by the same SQLSTATE. */
static hm_status explain_cancelled(const PGresult *result)
{
	const char *by = PQresultErrorField(result, PG_DIAG_SOURCE_FUNCTION);
	struct hm_error error = *hm_error_get();

	if (!by || strcmp(by, "ProcessInterrupts"))
		return hm_raise(INVALID_ARGUMENT, "%s", error.message);
	return hm_raise(
		DEADLINE_EXCEEDED,
		"%.*s; what may take longer says -- statement_timeout: 30min, or is a backfill or notransaction",
		HM_MESSAGE_BYTES / 2, error.message);
}

static hm_status raise_sql_error(const PGconn *connection, const struct migration *migration, const PGresult *result,
				 unsigned n_done)
{
	char where[HM_MESSAGE_BYTES / 2];
	unsigned line, column;
	hm_status status;

	text_place(migration->text, error_offset(migration, result, n_done), &line, &column);
	snprintf(where, sizeof where, "%s:%u:%u: ", migration->path, line, column);
	status = from_pq_session(connection, result, HM_INVALID_ARGUMENT, where);
	return status == HM_DEADLINE_EXCEEDED ? explain_cancelled(result) : status;
}

/* ---- One file --------------------------------------------------------------------------------------------------- */

/* A file that ended its transaction would leave half of itself behind when its other half fails. */
static hm_status refuse_transaction_control(const struct migration *migration)
{
	static const char *const words[] = { "begin", "start", "commit", "end", "rollback", "abort", "prepare" };
	size_t begin, end = 0, word, word_end;

	while (sql_statement_find(migration->text, end, &begin, &end)) {
		(void)sql_token_find(migration->text, begin, &word, &word_end);
		for (size_t i = 0; i < sizeof words / sizeof *words; i++)
			if (word_end - word == strlen(words[i]) &&
			    !strncasecmp(migration->text + word, words[i], word_end - word))
				return migration_raise(migration, begin,
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

static void report_written(const struct migrate *migrate, const struct migration *migration, PGresult *result,
			   unsigned n_done)
{
	const struct hm_migrate_progress *progress = migrate->config->progress;
	size_t begin = 0, end = 0;

	if (!progress || !progress->wrote || !*PQcmdTuples(result))
		return;
	for (unsigned i = 0; i <= n_done; i++)
		if (!sql_statement_find(migration->text, end, &begin, &end))
			return;
	progress->wrote(progress->user, migration->name, migration->text + begin, end - begin,
			strtoull(PQcmdTuples(result), NULL, 10));
}

/* PostgreSQL answers each statement with a result and stops at the first error. */
hm_status migration_run_text(const struct migrate *migrate, const struct migration *migration)
{
	PGconn *connection = migrate->connection;
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
			report_written(migrate, migration, result, n_done++);
		PQclear(result);
	}
	return status;
}

hm_status migration_set_timeout(const struct migrate *migrate, const struct migration *migration, unsigned default_ms)
{
	int64_t said_ms = migration->header.statement_timeout_ms, run_ms = migrate->config->statement_timeout_ms;
	char sql[64];

	if (said_ms == HM_MIGRATION_TIMEOUT_DEFAULT)
		said_ms = run_ms < 0 ? 0 : run_ms ? run_ms : (int64_t)default_ms;
	snprintf(sql, sizeof sql, "SET statement_timeout = %lld", (long long)said_ms);
	return session_run(migrate->connection, sql);
}

struct application {
	const struct migrate *migrate;
	const struct migration *migration;
};

/* What was set for the file, and by it, ends before the rules. */
static hm_status record_and_secure(void *user)
{
	const struct application *one = user;
	char where[HM_MESSAGE_BYTES / 2];

	TRY(session_run(one->migrate->connection, "RESET ALL; RESET ROLE"));
	TRY(record_add(one->migrate->connection, one->migration));
	snprintf(where, sizeof where, "%s: ", one->migration->path);
	return rules_put(one->migrate, where);
}

static hm_status run_in_transaction(void *user)
{
	const struct application *one = user;

	TRY(migration_set_timeout(one->migrate, one->migration, TIMEOUT_DEFAULT_MS));
	TRY(migration_run_text(one->migrate, one->migration));
	return record_and_secure(user);
}

hm_status migration_finish(const struct migrate *migrate, const struct migration *migration)
{
	return session_transact(migrate->connection, record_and_secure, &(struct application){ migrate, migration });
}

hm_status migration_apply(struct migrate *migrate, const struct migration *migration)
{
	TRY(record_check_due(migrate, migration));
	if (migration->header.notransaction)
		return migration_apply_alone(migrate, migration);
	if (*migration->header.backfill.table)
		return migration_apply_backfill(migrate, migration);
	TRY(refuse_transaction_control(migration));
	return session_transact(migrate->connection, run_in_transaction, &(struct application){ migrate, migration });
}

hm_status migration_try(const struct migrate *migrate, const struct migration *migration, bool *ret_whole)
{
	struct application one = { migrate, migration };

	if (*migration->header.backfill.table) {
		TRY(migration_try_batch(migrate, migration, ret_whole));
		return record_and_secure(&one);
	}
	*ret_whole = true;
	TRY(refuse_transaction_control(migration));
	return run_in_transaction(&one);
}
