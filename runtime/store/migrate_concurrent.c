/*
 * Concurrent: a statement outside any transaction, so that it holds up nobody. PostgreSQL does it in several transactions
 * of its own and, interrupted, leaves what is neither done nor undone: an index that is invalid, a partition that is half
 * detached. Before each try it is found out how far the last one came:
 *
 *     nothing of it is there   it is run
 *     half of it               the half is taken away (detaching: finished), and it is run
 *     all of it                it is done: the crash came between the statement and its record
 *
 * lock_timeout does not hold here: these statements wait for transactions to end, and others do not queue behind them.
 */
#include <stdio.h>
#include <string.h>

#include "store/migrate_alone.h"
#include "store/migrate_internal.h"

enum found { NOTHING, HALF, ALL };

struct work {
	const struct migrate *migrate;
	const struct migration *migration;
	struct hm_migration_alone alone;
	bool was_begun; /* by a run before this one, or a try of this one */
	bool has_run; /* by this one */
};

static hm_status ask_found(struct work *work, const char *sql, const char *a, const char *b, enum found *ret_found)
{
	const char *const values[] = { a, b };
	PGresult *rows;

	TRY(session_ask(work->migrate->connection, sql, b ? 2 : 1, values, &rows));
	*ret_found = PQntuples(rows) ? (enum found)(*PQgetvalue(rows, 0, 0) - '0') : NOTHING;
	PQclear(rows);
	return HM_OK;
}

/* ---- CREATE INDEX ------------------------------------------------------------------------------------------------ */

struct comparison {
	struct work *work;
	bool is_same;
};

/* The statement's definition in PostgreSQL's words, by an index on a table of the same columns that nobody ever sees. */
static hm_status compare_definitions(void *user)
{
	static const char same_sql[] =
		"SELECT count(DISTINCT (substring(pg_get_indexdef(indexrelid) FROM ' USING .*'), indisunique)) = 1 "
		"FROM pg_index WHERE indexrelid IN (to_regclass($1), to_regclass('hallmark_wanted_index'))";
	struct comparison *comparison = user;
	struct work *work = comparison->work;
	const struct hm_migration_alone *alone = &work->alone;
	PGconn *connection = work->migrate->connection;
	const char *const values[] = { alone->name };
	struct hm_buffer sql = { 0 };
	hm_status status;
	PGresult *rows;

	hm_buffer_printf(
		&sql,
		"CREATE TABLE hallmark_wanted (LIKE %s); CREATE %s INDEX hallmark_wanted_index ON hallmark_wanted ",
		alone->table, alone->is_unique ? "UNIQUE" : "");
	hm_buffer_add(&sql, work->migration->text + alone->rest, alone->end - alone->rest);
	status = session_run(connection, sql.data);
	hm_buffer_fini(&sql);
	TRY(status);
	TRY(session_ask(connection, same_sql, 1, values, &rows));
	comparison->is_same = *PQgetvalue(rows, 0, 0) == 't';
	PQclear(rows);
	return session_run(connection, "DROP TABLE hallmark_wanted");
}

static hm_status find_created(struct work *work, enum found *ret_found)
{
	static const char sql[] = "SELECT CASE WHEN indisvalid AND indrelid = to_regclass($2) THEN 2 "
				  "WHEN indisvalid THEN 3 ELSE 1 END FROM pg_index WHERE indexrelid = to_regclass($1)";
	struct comparison comparison = { .work = work };

	TRY(ask_found(work, sql, work->alone.name, work->alone.table, ret_found));
	if (*ret_found < ALL)
		return HM_OK;
	if (*ret_found == ALL)
		TRY(session_transact(work->migrate->connection, compare_definitions, &comparison));
	if (comparison.is_same)
		return HM_OK;
	return hm_raise(FAILED_PRECONDITION,
			"%s: there is another index %s already; drop it or give this one another name",
			work->migration->path, work->alone.name);
}

static hm_status drop_index(const struct work *work)
{
	char sql[HM_ALONE_NAME_BYTES + 64];

	snprintf(sql, sizeof sql, "DROP INDEX CONCURRENTLY IF EXISTS %s", work->alone.name);
	return session_run(work->migrate->connection, sql);
}

/* ---- DROP INDEX -------------------------------------------------------------------------------------------------- */

/* An index that was never there is PostgreSQL's to refuse. */
static hm_status find_dropped(struct work *work, enum found *ret_found)
{
	static const char sql[] = "SELECT CASE WHEN to_regclass($1) IS NULL THEN 2 ELSE 0 END";

	*ret_found = NOTHING;
	return work->was_begun ? ask_found(work, sql, work->alone.name, NULL, ret_found) : HM_OK;
}

/* ---- REINDEX ----------------------------------------------------------------------------------------------------- */

static hm_status find_reindexed(struct work *work, enum found *ret_found)
{
	*ret_found = HALF;
	(void)work;
	return HM_OK;
}

/* A REINDEX that was interrupted leaves the new index (…_ccnew), or the old one (…_ccold), invalid beside the other. */
static hm_status drop_leftovers(const struct work *work)
{
	static const char sql[] =
		"SELECT format('DROP INDEX CONCURRENTLY %I.%I', current_schema(), relname) "
		"FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid "
		"WHERE NOT indisvalid AND relname ~ '_cc(new|old)[0-9]*$' AND indrelid = coalesce("
		"(SELECT indrelid FROM pg_index WHERE indexrelid = to_regclass($1)), to_regclass($1))";
	const char *const values[] = { work->alone.name };
	hm_status status = HM_OK;
	PGresult *rows;

	TRY(session_ask(work->migrate->connection, sql, 1, values, &rows));
	for (int i = 0; status == HM_OK && i < PQntuples(rows); i++)
		status = session_run(work->migrate->connection, PQgetvalue(rows, i, 0));
	PQclear(rows);
	return status;
}

/* ---- DETACH PARTITION -------------------------------------------------------------------------------------------- */

static hm_status find_detached(struct work *work, enum found *ret_found)
{
	static const char sql[] = "SELECT CASE WHEN inhdetachpending THEN 1 WHEN inhdetachpending IS NULL AND "
				  "to_regclass($1) IS NOT NULL "
				  "THEN 2 ELSE 0 END FROM (SELECT) AS one LEFT JOIN pg_inherits "
				  "ON inhrelid = to_regclass($1) AND inhparent = to_regclass($2)";

	TRY(ask_found(work, sql, work->alone.name, work->alone.table, ret_found));
	if (*ret_found == ALL && !work->was_begun)
		*ret_found = NOTHING;
	return HM_OK;
}

static hm_status finish_detaching(const struct work *work)
{
	char sql[2 * HM_ALONE_NAME_BYTES + 64];

	snprintf(sql, sizeof sql, "ALTER TABLE %s DETACH PARTITION %s FINALIZE", work->alone.table, work->alone.name);
	return session_run(work->migrate->connection, sql);
}

/* ---- All of them ------------------------------------------------------------------------------------------------- */

static const struct {
	hm_status (*find)(struct work *work, enum found *ret_found);
	hm_status (*repair)(const struct work *work); /* of a half */
	bool is_done_by_repair;
} kinds[] = {
	[HM_ALONE_CREATE_INDEX] = { find_created, drop_index, false },
	[HM_ALONE_DROP_INDEX] = { find_dropped, drop_index, true },
	[HM_ALONE_REINDEX] = { find_reindexed, drop_leftovers, false },
	[HM_ALONE_DETACH] = { find_detached, finish_detaching, true },
};

static hm_status run_once(void *user)
{
	struct work *work = user;
	PGconn *connection = work->migrate->connection;
	enum found found;

	TRY(session_run(connection, "RESET ALL; RESET ROLE"));
	TRY(kinds[work->alone.kind].find(work, &found));
	TRY(session_run(connection, "SET lock_timeout = 0"));
	if (found == HALF)
		TRY(kinds[work->alone.kind].repair(work));
	if (found == ALL || (found == HALF && kinds[work->alone.kind].is_done_by_repair))
		return HM_OK;
	TRY(migration_set_timeout(work->migrate, work->migration, 0));
	work->has_run = work->was_begun = true;
	return migration_run_text(work->migrate, work->migration);
}

/* A build that failed has left an index nobody wants: writes would go on paying for it. What failed is told; what cannot be
 * cleaned up now, the next run finds. A statement that PostgreSQL refused has not begun. */
static hm_status clean_up(const struct work *work)
{
	struct hm_error error = *hm_error_get();
	PGconn *connection = work->migrate->connection;

	if (error.code == HM_UNAVAILABLE)
		return error.code;
	if (session_run(connection, "RESET ALL; SET lock_timeout = 0") == HM_OK && work->has_run &&
	    work->alone.kind == HM_ALONE_CREATE_INDEX)
		(void)drop_index(work);
	(void)progress_forget(connection, work->migration);
	return hm_error_set(&error);
}

hm_status migration_apply_alone(const struct migrate *migrate, const struct migration *migration)
{
	struct work work = { .migrate = migrate, .migration = migration };
	hm_status status;

	TRY(hm_migration_alone_read(migration->path, migration->text, &work.alone));
	TRY(progress_begin(migrate->connection, migration, &work.was_begun));
	status = session_again(run_once, &work);
	if (status == HM_OK)
		status = migration_finish(migrate, migration);
	return status == HM_OK ? status : clean_up(&work);
}
