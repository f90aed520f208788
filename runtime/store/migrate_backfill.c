/*
 * Backfill: one statement over a whole table, as many small transactions, each with its progress. Rows go by in the order
 * of the primary key. A batch is so many keys behind the last one's end, and stands in the statement as @batch:
 *
 *     UPDATE accounts SET code = upper(name) WHERE @batch AND code IS NULL
 *     UPDATE accounts SET code = upper(name)
 *     WHERE ((accounts.brand_id, accounts.id) > (…) AND (accounts.brand_id, accounts.id) <= (…)) AND code IS NULL
 *
 * Killed at any moment, the next run goes on behind the last batch that was committed. When the table's end is reached,
 * what the file says may not remain is counted: rows that old code wrote behind the batches take another pass, as long as
 * there are fewer each time. So a backfill that touches nothing is refused, and not believed.
 *
 * Between batches it pauses for as long as the last one took: it has half of the time, and less where PostgreSQL is slow.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "store/migrate_internal.h"

enum { BATCH_TIMEOUT_MS = 30 * 1000 };

struct backfill {
	const struct migrate *migrate;
	const struct migration *migration;
	struct hm_arena arena;
	/* SQL, made once, of the primary key. A key is a text[] as text: $1 the one behind which to go on, if there is one. */
	const char *find_first_sql, *find_next_sql; /* the batch's last key, and how many rows it has */
	const char *first_sql, *next_sql; /* the statement on it */
	struct hm_buffer last; /* key behind which to go on; empty: at the beginning */
	uint64_t passed, estimated, changed;
	int64_t remaining; /* when the last pass ended; -1: none did */
	/* Of the batch that is under way, taken over when it is committed: */
	struct hm_buffer upto;
	uint64_t batch_rows, batch_changed;
};

/* ---- SQL of the primary key -------------------------------------------------------------------------------------- */

static const char key_sql[] = "SELECT count(*), "
			      "string_agg(format('%I.%I', $1::text, attname), ', ' ORDER BY place), "
			      "string_agg(format('($1::text[])[%s]::%s', place, type), ', ' ORDER BY place), "
			      "string_agg(format('($2::text[])[%s]::%s', place, type), ', ' ORDER BY place), "
			      "string_agg(format('%I.%I::text', $1::text, attname), ', ' ORDER BY place) "
			      "FROM (SELECT attname, format_type(atttypid, atttypmod) AS type, place FROM pg_index "
			      "CROSS JOIN LATERAL unnest(indkey::int2[]) WITH ORDINALITY AS key(number, place) "
			      "JOIN pg_attribute ON attrelid = indrelid AND attnum = number "
			      "WHERE indisprimary AND place <= indnkeyatts "
			      "AND indrelid = to_regclass(format('%I.%I', current_schema(), $1::text))) AS columns";

struct key {
	const char *columns, *of_1, *of_2, *texts; /* "t.a, t.b", "($1::text[])[1]::text, …", with $2, "t.a::text, …" */
};

/* As in queries.sql a parameter is the sign with the word directly behind it; =@ is an operator. */
static bool is_marker(const char *text, size_t begin, size_t end)
{
	static const char word[] = "batch";

	return end - begin == sizeof word - 1 && !memcmp(text + begin, word, sizeof word - 1) && begin &&
	       text[begin - 1] == '@' && (begin == 1 || !strchr("+-*/<>=~!@#%^&|`?", text[begin - 2]));
}

/* The statement with each @batch replaced; NULL: there is none. */
static const char *put_batch(struct backfill *backfill, const char *condition)
{
	const char *text = backfill->migration->text, *sql = NULL;
	size_t begin, end = 0, done = 0;
	struct hm_buffer made = { 0 };

	while (sql_token_find(text, end, &begin, &end)) {
		if (!is_marker(text, begin, end))
			continue;
		hm_buffer_add(&made, text + done, begin - 1 - done);
		hm_buffer_printf(&made, "(%s)", condition);
		done = end;
	}
	hm_buffer_add_text(&made, text + done);
	if (done)
		sql = hm_arena_dup(&backfill->arena, made.data, made.size);
	hm_buffer_fini(&made);
	return sql;
}

static const char *make_find_sql(struct backfill *backfill, const struct key *key, const char *where)
{
	const struct hm_migration_backfill *header = &backfill->migration->header.backfill;

	return hm_arena_printf(
		&backfill->arena,
		"SELECT last, n FROM (SELECT ARRAY[%s]::text AS last, row_number() OVER (ORDER BY %s) AS n "
		"FROM %s %s ORDER BY %s LIMIT %u) AS batch ORDER BY n DESC LIMIT 1",
		key->texts, key->columns, header->table, where, key->columns, header->batch);
}

static hm_status make_sql(struct backfill *backfill, const struct key *key)
{
	struct hm_arena *arena = &backfill->arena;
	size_t begin, end = 0;

	backfill->find_first_sql = make_find_sql(backfill, key, "");
	backfill->find_next_sql =
		make_find_sql(backfill, key, hm_arena_printf(arena, "WHERE (%s) > (%s)", key->columns, key->of_1));
	backfill->first_sql = put_batch(backfill, hm_arena_printf(arena, "(%s) <= (%s)", key->columns, key->of_1));
	backfill->next_sql = put_batch(backfill, hm_arena_printf(arena, "(%s) > (%s) AND (%s) <= (%s)", key->columns,
								 key->of_1, key->columns, key->of_2));
	if (!sql_statement_find(backfill->migration->text, 0, &begin, &end) || !backfill->next_sql)
		return migration_raise(
			backfill->migration, end ? begin : 0,
			"a backfill is a statement that says by @batch at which rows it is, as in WHERE @batch");
	if (sql_statement_find(backfill->migration->text, end, &begin, &end))
		return migration_raise(backfill->migration, begin, "a backfill is one statement");
	return HM_OK;
}

static hm_status read_key(struct backfill *backfill)
{
	const char *table = backfill->migration->header.backfill.table;
	hm_status status;
	PGresult *rows;

	TRY(session_ask(backfill->migrate->connection, key_sql, 1, &table, &rows));
	if (*PQgetvalue(rows, 0, 0) == '0')
		status = hm_raise(INVALID_ARGUMENT, "%s: there is no table %s here with a primary key to go along",
				  backfill->migration->path, table);
	else
		status = make_sql(backfill, &(struct key){ PQgetvalue(rows, 0, 1), PQgetvalue(rows, 0, 2),
							   PQgetvalue(rows, 0, 3), PQgetvalue(rows, 0, 4) });
	PQclear(rows);
	return status;
}

/* ---- Progress ---------------------------------------------------------------------------------------------------- */

static uint64_t number(const PGresult *rows, int column)
{
	return strtoull(PQgetvalue(rows, 0, column), NULL, 10);
}

/* Runs SQL about this file's progress: $1 is its version. */
static hm_status ask_progress(const struct backfill *backfill, const char *sql, const char *a, const char *b,
			      const char *c, PGresult **ret_rows)
{
	char version[16];
	const char *const values[] = { version, a, b, c };

	snprintf(version, sizeof version, "%u", backfill->migration->version);
	return session_ask(backfill->migrate->connection, sql, 1 + !!a + !!b + !!c, values, ret_rows);
}

static hm_status read_progress(struct backfill *backfill)
{
	static const char sql[] = "SELECT coalesce(last_key::text, ''), rows_passed, rows_estimated, rows_changed, "
				  "coalesce(rows_remaining, -1) FROM hallmark_progress WHERE version = $1";
	PGresult *rows;
	bool was_begun;

	TRY(progress_begin(backfill->migrate->connection, backfill->migration, &was_begun));
	TRY(ask_progress(backfill, sql, NULL, NULL, NULL, &rows));
	hm_buffer_add_text(&backfill->last, PQgetvalue(rows, 0, 0));
	backfill->passed = number(rows, 1);
	backfill->estimated = number(rows, 2);
	backfill->changed = number(rows, 3);
	backfill->remaining = strtoll(PQgetvalue(rows, 0, 4), NULL, 10);
	PQclear(rows);
	return HM_OK;
}

static hm_status count(const struct backfill *backfill, const char *sql, uint64_t *ret_count)
{
	PGresult *rows;

	TRY(session_ask(backfill->migrate->connection, sql, 0, NULL, &rows));
	*ret_count = number(rows, 0);
	PQclear(rows);
	return HM_OK;
}

/* What ANALYZE has found, or a count where it never was: such tables are new, and mostly small. */
static hm_status begin_pass(struct backfill *backfill)
{
	const char *table = backfill->migration->header.backfill.table;
	struct hm_arena *arena = &backfill->arena;
	char estimated[24];

	TRY(count(backfill,
		  hm_arena_printf(arena,
				  "SELECT greatest(reltuples, 0)::bigint FROM pg_class WHERE oid = '%s'::regclass",
				  table),
		  &backfill->estimated));
	if (!backfill->estimated)
		TRY(count(backfill, hm_arena_printf(arena, "SELECT count(*) FROM %s", table), &backfill->estimated));
	snprintf(estimated, sizeof estimated, "%llu", (unsigned long long)backfill->estimated);
	return ask_progress(backfill, "UPDATE hallmark_progress SET rows_estimated = $2 WHERE version = $1", estimated,
			    NULL, NULL, NULL);
}

/* ---- Batches ----------------------------------------------------------------------------------------------------- */

static hm_status find_batch(struct backfill *backfill)
{
	bool is_first = !backfill->last.size;
	const char *last = backfill->last.data;
	PGresult *rows;

	TRY(session_ask(backfill->migrate->connection, is_first ? backfill->find_first_sql : backfill->find_next_sql,
			!is_first, &last, &rows));
	hm_buffer_reset(&backfill->upto);
	backfill->batch_rows = PQntuples(rows) ? number(rows, 1) : 0;
	if (backfill->batch_rows)
		hm_buffer_add_text(&backfill->upto, PQgetvalue(rows, 0, 0));
	PQclear(rows);
	return HM_OK;
}

static hm_status run_batch(struct backfill *backfill)
{
	bool is_first = !backfill->last.size;
	const char *const values[] = { backfill->last.data, backfill->upto.data };
	PGconn *connection = backfill->migrate->connection;
	PGresult *result = PQexecParams(connection, is_first ? backfill->first_sql : backfill->next_sql, 2 - is_first,
					NULL, values + is_first, NULL, NULL, 0);
	ExecStatusType outcome = PQresultStatus(result);
	hm_status status = HM_OK;
	char where[HM_MESSAGE_BYTES / 2];

	snprintf(where, sizeof where, "%s: behind %s: ", backfill->migration->path,
		 is_first ? "the beginning" : backfill->last.data);
	if (outcome != PGRES_COMMAND_OK && outcome != PGRES_TUPLES_OK)
		status = from_pq_session(connection, result, HM_INVALID_ARGUMENT, where);
	else
		backfill->batch_changed = strtoull(PQcmdTuples(result), NULL, 10);
	PQclear(result);
	return status;
}

static hm_status do_batch(void *user)
{
	struct backfill *backfill = user;
	char rows[24], changed[24];

	TRY(find_batch(backfill));
	if (!backfill->batch_rows)
		return HM_OK;
	TRY(migration_set_timeout(backfill->migrate, backfill->migration, BATCH_TIMEOUT_MS));
	TRY(run_batch(backfill));
	snprintf(rows, sizeof rows, "%llu", (unsigned long long)backfill->batch_rows);
	snprintf(changed, sizeof changed, "%llu", (unsigned long long)backfill->batch_changed);
	return ask_progress(backfill,
			    "UPDATE hallmark_progress SET last_key = $2::text[], rows_passed = rows_passed + $3, "
			    "rows_changed = rows_changed + $4, updated_at = now() WHERE version = $1",
			    backfill->upto.data, rows, changed, NULL);
}

static void take_over_batch(struct backfill *backfill)
{
	const struct hm_migrate_progress *progress = backfill->migrate->config->progress;
	struct hm_buffer last = backfill->last;

	backfill->last = backfill->upto;
	backfill->upto = last;
	backfill->passed += backfill->batch_rows;
	backfill->changed += backfill->batch_changed;
	if (progress && progress->rows)
		progress->rows(progress->user, backfill->migrate->config->service, backfill->migration->name,
			       backfill->passed, backfill->estimated);
}

/* A schema that nothing runs on yet has nobody to make room for. */
static void give_way(const struct backfill *backfill, int64_t took_us)
{
	unsigned least_ms = backfill->migration->header.backfill.pause_ms;
	unsigned took_ms = backfill->migrate->is_initial ? 0 : (unsigned)(took_us / 1000);

	pause_ms(took_ms > least_ms ? took_ms : least_ms);
}

static hm_status run_pass(struct backfill *backfill)
{
	int64_t begun_us;

	if (!backfill->last.size)
		TRY(begin_pass(backfill));
	for (;;) {
		begun_us = hm_clock_mono_us();
		TRY(session_transact(backfill->migrate->connection, do_batch, backfill));
		if (!backfill->batch_rows)
			return HM_OK;
		take_over_batch(backfill);
		give_way(backfill, hm_clock_mono_us() - begun_us);
	}
}

/* ---- All of it --------------------------------------------------------------------------------------------------- */

static hm_status raise_incomplete(const struct backfill *backfill, uint64_t remaining)
{
	const struct hm_migration_backfill *header = &backfill->migration->header.backfill;
	hm_status status = hm_raise(FAILED_PRECONDITION,
				    "%s: %llu rows of %s remain, for which %s, and there are no fewer than before; "
				    "%llu were changed. Does the "
				    "statement do what -- remaining asks for, and does all code that writes the table?",
				    backfill->migration->path, (unsigned long long)remaining, header->table,
				    header->remaining, (unsigned long long)backfill->changed);

	hm_error_set_reason("BACKFILL_INCOMPLETE");
	return status;
}

static hm_status count_remaining(const struct backfill *backfill, uint64_t *ret_remaining)
{
	const struct hm_migration_backfill *header = &backfill->migration->header.backfill;
	PGconn *connection = backfill->migrate->connection;
	char sql[HM_MIGRATION_REMAINING_BYTES + 128], where[HM_MESSAGE_BYTES / 2];
	hm_status status = HM_OK;
	PGresult *rows;

	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE (%s\n)", header->table, header->remaining);
	snprintf(where, sizeof where, "%s: -- remaining: ", backfill->migration->path);
	rows = PQexecParams(connection, sql, 0, NULL, NULL, NULL, NULL, 0);
	if (PQresultStatus(rows) != PGRES_TUPLES_OK)
		status = from_pq_session(connection, rows, HM_INVALID_ARGUMENT, where);
	else
		*ret_remaining = number(rows, 0);
	PQclear(rows);
	return status;
}

static hm_status end_pass(struct backfill *backfill, bool *ret_done)
{
	int64_t before = backfill->remaining;
	uint64_t remaining = 0;
	char text[24];

	TRY(count_remaining(backfill, &remaining));
	*ret_done = !remaining;
	if (*ret_done)
		return HM_OK;
	snprintf(text, sizeof text, "%llu", (unsigned long long)remaining);
	TRY(ask_progress(backfill,
			 "UPDATE hallmark_progress SET pass = pass + 1, last_key = NULL, rows_passed = 0, "
			 "rows_remaining = $2, updated_at = now() WHERE version = $1",
			 text, NULL, NULL, NULL));
	backfill->remaining = (int64_t)remaining;
	backfill->passed = 0;
	hm_buffer_reset(&backfill->last);
	if (!backfill->changed || (before >= 0 && backfill->remaining >= before))
		return raise_incomplete(backfill, remaining);
	return HM_OK;
}

static hm_status fill(struct backfill *backfill)
{
	bool is_done = false;

	TRY(session_run(backfill->migrate->connection, "RESET ALL; RESET ROLE"));
	TRY(read_key(backfill));
	TRY(read_progress(backfill));
	while (!is_done) {
		TRY(run_pass(backfill));
		TRY(end_pass(backfill, &is_done));
	}
	return migration_finish(backfill->migrate, backfill->migration);
}

static void free_backfill(struct backfill *backfill)
{
	hm_buffer_fini(&backfill->last);
	hm_buffer_fini(&backfill->upto);
	hm_arena_fini(&backfill->arena);
}

hm_status migration_apply_backfill(const struct migrate *migrate, const struct migration *migration)
{
	struct backfill backfill = { .migrate = migrate, .migration = migration };
	hm_status status = fill(&backfill);

	free_backfill(&backfill);
	return status;
}

static hm_status try_batch(struct backfill *backfill)
{
	TRY(read_key(backfill));
	TRY(read_progress(backfill));
	return do_batch(backfill);
}

hm_status migration_try_batch(const struct migrate *migrate, const struct migration *migration, bool *ret_whole)
{
	struct backfill backfill = { .migrate = migrate, .migration = migration };
	hm_status status = try_batch(&backfill);

	*ret_whole = backfill.batch_rows < migration->header.backfill.batch;
	free_backfill(&backfill);
	return status;
}
