/*
 * Record: the folder against the table of what was applied, and what may be applied now.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/migrate_internal.h"

static const char record_sql[] =
#include "runtime/store/record.sql.h"
	;

static const char checksum_sql[] = "SELECT encode(sha256($1), 'hex')";

hm_status record_exists(const struct migrate *migrate, bool *ret_exists)
{
	return session_ask_bool(migrate->connection,
				"SELECT to_regclass(current_schema() || '.hallmark_migration') IS NOT NULL",
				ret_exists);
}

hm_status record_make(const struct migrate *migrate)
{
	return session_run(migrate->connection, record_sql);
}

static hm_status compare(const struct migrate *migrate, size_t i, const char *name, const char *checksum)
{
	const struct migration *one;

	if (i >= migrate->list.n)
		return hm_raise(FAILED_PRECONDITION,
				"%s/%s: was applied here and is gone; restore it, migrations only go forward",
				migrate->config->directory, name);
	one = &migrate->list.items[i];
	if (strcmp(one->name, name))
		return hm_raise(FAILED_PRECONDITION,
				"%s: out of order, number %04u was applied as %s; give it the next free number",
				one->path, one->version, name);
	if (strcmp(one->checksum, checksum))
		return hm_raise(FAILED_PRECONDITION,
				"%s: was edited after it was applied; restore it and put the change into a new file",
				one->path);
	return HM_OK;
}

hm_status record_compare(struct migrate *migrate)
{
	hm_status status = HM_OK;
	PGresult *rows;
	int n;

	for (size_t i = 0; i < migrate->list.n; i++) {
		struct migration *one = &migrate->list.items[i];

		TRY(session_ask_bytes(migrate->connection, checksum_sql, one->text, one->size, one->checksum,
				      sizeof one->checksum));
	}
	TRY(session_ask_bool(migrate->connection,
			     "SELECT NOT EXISTS (SELECT FROM hallmark_migration WHERE version = 0)",
			     &migrate->is_initial));
	TRY(session_ask(migrate->connection,
			"SELECT name, checksum FROM hallmark_migration WHERE version > 0 ORDER BY version", 0, NULL,
			&rows));
	n = PQntuples(rows);
	for (int i = 0; status == HM_OK && i < n; i++)
		status = compare(migrate, (size_t)i, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
	PQclear(rows);
	migrate->n_applied = (size_t)n;
	return status;
}

hm_status record_add(PGconn *connection, const struct migration *migration)
{
	char version[16];
	const char *const values[] = { version, migration->name, migration->checksum };

	snprintf(version, sizeof version, "%u", migration->version);
	return session_ask(connection, "INSERT INTO hallmark_migration (version, name, checksum) VALUES ($1, $2, $3)",
			   3, values, NULL);
}

/* A file that was edited since it was begun is begun anew. */
hm_status progress_begin(PGconn *connection, const struct migration *migration, bool *ret_was_begun)
{
	static const char begin_sql[] =
		"WITH other AS (DELETE FROM hallmark_progress WHERE version = $1 AND checksum <> $2 RETURNING "
		"version), "
		"gone AS (SELECT count(*) FROM other), "
		"here AS (SELECT EXISTS (SELECT FROM hallmark_progress WHERE version = $1 AND checksum = $2) AS is) "
		"SELECT here.is FROM here, gone";
	char version[16];
	const char *const values[] = { version, migration->checksum };
	PGresult *rows;

	snprintf(version, sizeof version, "%u", migration->version);
	TRY(session_ask(connection, begin_sql, 2, values, &rows));
	*ret_was_begun = *PQgetvalue(rows, 0, 0) == 't';
	PQclear(rows);
	if (*ret_was_begun)
		return HM_OK;
	return session_ask(connection, "INSERT INTO hallmark_progress (version, checksum) VALUES ($1, $2)", 2, values,
			   NULL);
}

hm_status progress_forget(PGconn *connection, const struct migration *migration)
{
	char version[16];
	const char *const values[] = { version };

	snprintf(version, sizeof version, "%u", migration->version);
	return session_ask(connection, "DELETE FROM hallmark_progress WHERE version = $1", 1, values, NULL);
}

/* ---- What a contract waits for ----------------------------------------------------------------------------------- */

hm_status record_find_due(const struct migrate *migrate, const struct migration *migration, struct hm_arena *arena,
			  const char **ret_due, uint32_t *ret_ms)
{
	static const char due_sql[] = "SELECT to_char(due AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
				      "ceil(least(2e9, extract(epoch FROM due - now()) * 1000))::bigint "
				      "FROM (SELECT applied_at + make_interval(secs => $2::bigint) AS due "
				      "FROM hallmark_migration WHERE version = $1) AS expanded WHERE due > now()";
	int64_t gap_s = migrate->config->contract_gap_s ? migrate->config->contract_gap_s : HM_CONTRACT_GAP_S;
	char version[16], gap[24];
	const char *const values[] = { version, gap };
	PGresult *rows;

	*ret_due = NULL;
	if (!migration->header.expands || migrate->is_initial || gap_s < 0)
		return HM_OK;
	snprintf(version, sizeof version, "%u", migration->header.expands);
	snprintf(gap, sizeof gap, "%lld", (long long)gap_s);
	TRY(session_ask(migrate->connection, due_sql, 2, values, &rows));
	if (PQntuples(rows)) {
		*ret_due = hm_arena_strdup(arena, PQgetvalue(rows, 0, 0));
		*ret_ms = (uint32_t)strtoul(PQgetvalue(rows, 0, 1), NULL, 10);
	}
	PQclear(rows);
	return HM_OK;
}

hm_status record_check_due(struct migrate *migrate, const struct migration *migration)
{
	hm_status status;
	const char *due;
	uint32_t ms = 0;

	TRY(record_find_due(migrate, migration, &migrate->arena, &due, &ms));
	if (!due)
		return HM_OK;
	status = hm_raise(
		FAILED_PRECONDITION,
		"%s: contracts what %s expanded, and what relies on the old form may still run; it is due at %s "
		"(--contract-gap says how long after the other)",
		migration->path, migrate->list.items[migration->header.expands - 1].name, due);
	hm_error_set_reason("CONTRACT_NOT_DUE");
	hm_error_set_retry(ms);
	return status;
}
