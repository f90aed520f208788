/*
 * Trace: what a migration locks and rewrites, not by rules but by PostgreSQL's word. In a scratch cluster the files before it are applied; then
 * each of its statements runs in one transaction, as the migrator runs it, and after each pg_locks is read, whose rows stay until the
 * transaction's end, and the file nodes of all tables and indexes, which change when PostgreSQL writes a table anew.
 *
 * A `-- notransaction` file's one statement lets go of its locks by itself. There a second session holds a snapshot, which every CONCURRENTLY
 * waits for in the end; while it waits, its locks are read by a third.
 */
#include "trace.h"

#include <jansson.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/scoped.h"
#include "base/text.h"
#include "rules.h"
#include "scratch.h"
#include "store/migrate_header.h"
#include "trace_report.h"

enum { PAUSE_MS = 5, WAIT_S = 30, STATEMENT_BYTES = 100, OPTIONS_BYTES = 256 };

struct trace {
	struct check *check;
	const struct file *file;
	const char *service;
	PGconn *session, *watcher;
	json_t *report; /* a statement each */
	json_t *held; /* "table mode" of every lock so far */
	json_t *nodes; /* oid → {name, node} of every table that was there before, as it is now */
};

HM_SCOPED(pg_conn, PQfinish)
HM_SCOPED(pg_result, PQclear)

/* The watcher does not see what the transaction made: locks on new tables are nobody's concern. */
static const char locks_sql[] =
	"SELECT DISTINCT c.relname, l.mode FROM pg_locks l JOIN pg_class c ON c.oid = l.relation "
	"WHERE l.pid = $1::int AND l.granted AND l.locktype = 'relation' AND c.relnamespace = $2::regnamespace "
	"AND c.relkind IN ('r', 'p', 'm', 'v') AND l.mode <> 'AccessShareLock' ORDER BY 1, 2";

static const char nodes_sql[] = "SELECT c.oid, c.relname, pg_relation_filenode(c.oid) FROM pg_class c "
				"WHERE c.relnamespace = $1::regnamespace AND c.relkind IN ('r', 'm') ORDER BY c.oid";

static const char is_waiting_sql[] = "SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE pid = $1::int";

/* A snapshot, and a lock of a reader on each table: between them every CONCURRENTLY waits for one. */
static const char hold_sql[] =
	"BEGIN ISOLATION LEVEL REPEATABLE READ;"
	"SELECT set_config('search_path', '%s', true);"
	"DO $$ DECLARE one record; BEGIN"
	" FOR one IN SELECT relname FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
	" AND relkind IN ('r', 'p') LOOP EXECUTE format('LOCK TABLE %%I IN ACCESS SHARE MODE', one.relname);"
	" END LOOP; END $$";

/* From the manual's table of conflicts (Explicit Locking): what waits while the lock is held. */
static const struct {
	const char *mode, *holds_off;
} modes[] = {
	{ "AccessExclusiveLock", "reads and writes wait" },
	{ "ExclusiveLock", "writes wait" },
	{ "ShareRowExclusiveLock", "writes wait" },
	{ "ShareLock", "writes wait" },
	{ "ShareUpdateExclusiveLock", "other changes of the table and VACUUM wait" },
	{ "RowExclusiveLock", "nothing of the application waits" },
	{ "RowShareLock", "nothing of the application waits" },
};

static const char *holds_off(const char *mode)
{
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++)
		if (!strcmp(modes[i].mode, mode))
			return modes[i].holds_off;
	return "";
}

/* ---- The cluster asked -------------------------------------------------------------------------------------------------- */

static hm_status connect_as(const char *dsn, const char *user, const char *options, PGconn **ret_pg)
{
	const char *const names[] = { "dbname", "application_name", "user", "options", NULL };
	const char *const values[] = { dsn, "hallmark check --trace", user, options, NULL };
	PGconn *pg = PQconnectdbParams(names, values, 1);
	hm_status status;

	if (PQstatus(pg) == CONNECTION_OK) {
		*ret_pg = pg;
		return HM_OK;
	}
	status = hm_raise(UNAVAILABLE, "%s", PQerrorMessage(pg));
	PQfinish(pg);
	return status;
}

static hm_status ask(PGconn *pg, const char *sql, int n, const char *const *values, PGresult **ret_rows)
{
	PGresult *rows = PQexecParams(pg, sql, n, NULL, values, NULL, NULL, 0);
	hm_status status;

	if (PQresultStatus(rows) == PGRES_TUPLES_OK) {
		*ret_rows = rows;
		return HM_OK;
	}
	status = hm_raise(UNAVAILABLE, "%s", PQerrorMessage(pg));
	PQclear(rows);
	return status;
}

static const char *session_pid(const struct trace *trace)
{
	return hm_arena_printf(&trace->check->arena, "%d", PQbackendPID(trace->session));
}

/* Adds the locks that are new since the last time. */
static hm_status read_locks(const struct trace *trace, json_t *locks)
{
	const char *const values[] = { session_pid(trace), trace->service };
	SCOPED(pg_result) rows = NULL;

	TRY(ask(trace->watcher, locks_sql, 2, values, &rows));
	for (int i = 0; i < PQntuples(rows); i++) {
		const char *table = PQgetvalue(rows, i, 0), *mode = PQgetvalue(rows, i, 1);
		const char *key = hm_arena_printf(&trace->check->arena, "%s %s", table, mode);

		if (json_object_get(trace->held, key))
			continue;
		json_object_set_new(trace->held, key, json_true());
		json_array_append_new(locks, json_pack("{s:s, s:s, s:s}", "relation", table, "mode", mode, "effect",
						       holds_off(mode)));
	}
	return HM_OK;
}

/* Adds the tables whose file is another than the last time. NULL: only remembers. */
static hm_status read_nodes(const struct trace *trace, json_t *rewrites)
{
	SCOPED(pg_result) rows = NULL;

	TRY(ask(trace->session, nodes_sql, 1, &trace->service, &rows));
	for (int i = 0; i < PQntuples(rows); i++) {
		const char *oid = PQgetvalue(rows, i, 0), *node = PQgetvalue(rows, i, 2);
		const char *known = json_string_value(json_object_get(trace->nodes, oid));

		if (rewrites && known && strcmp(known, node))
			json_array_append_new(rewrites, json_string(PQgetvalue(rows, i, 1)));
		if (known || !rewrites)
			json_object_set_new(trace->nodes, oid, json_string(node));
	}
	return HM_OK;
}

/* ---- Statements ----------------------------------------------------------------------------------------------------------- */

static bool is_done(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

static json_t *new_entry(const struct trace *trace, const struct statement *statement)
{
	const char *text = trace->file->text + statement->begin;
	size_t size = statement->end - statement->begin, line_size = strcspn(text, "\n");
	unsigned line, column;

	size = size < line_size ? size : line_size;
	size = size < STATEMENT_BYTES ? size : hm_utf8_span(text, STATEMENT_BYTES);
	findings_place(trace->file->text, trace->file->size, statement->begin, &line, &column);
	return json_pack("{s:s, s:i, s:s%, s:[], s:[]}", "file", trace->file->path, "line", (int)line, "statement",
			 text, size, "locks", "rewrites");
}

static void note_failure(const struct trace *trace, const struct statement *statement, json_t *entry,
			 const PGresult *result)
{
	const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);

	message = message ? message : PQerrorMessage(trace->session);
	json_object_set_new(entry, "error", json_string(message));
	finding_add(trace->check, "trace-fails", trace->file, statement->begin, statement->end,
		    hm_arena_printf(&trace->check->arena, "PostgreSQL refuses it: %s", message));
}

static void note_rewrites(const struct trace *trace, const struct statement *statement, const json_t *entry)
{
	const json_t *table;
	size_t i;

	json_array_foreach(json_object_get(entry, "rewrites"), i, table) finding_add(
		trace->check, "trace-rewrite", trace->file, statement->begin, statement->end,
		hm_arena_printf(&trace->check->arena, "table %s was written anew, under a lock that reads wait for",
				json_string_value(table)));
}

/* One statement of the transaction. *ret_failed: the rest has no sense. */
static hm_status run_statement(const struct trace *trace, const struct statement *statement, bool *ret_failed)
{
	const char *text = hm_arena_dup(&trace->check->arena, trace->file->text + statement->begin,
					statement->end - statement->begin);
	json_t *entry = new_entry(trace, statement);
	SCOPED(pg_result) result = NULL;
	int64_t begun_us = hm_clock_mono_us();

	json_array_append_new(trace->report, entry);
	result = PQexec(trace->session, text);
	json_object_set_new(entry, "ms", json_real((double)(hm_clock_mono_us() - begun_us) / HM_US_PER_MS));
	TRY(read_locks(trace, json_object_get(entry, "locks")));
	*ret_failed = !is_done(result);
	if (*ret_failed)
		note_failure(trace, statement, entry, result);
	else
		TRY(read_nodes(trace, json_object_get(entry, "rewrites")));
	note_rewrites(trace, statement, entry);
	return HM_OK;
}

static hm_status begin(const struct trace *trace)
{
	SCOPED(pg_result) result = PQexec(trace->session, "BEGIN");

	return is_done(result) ? HM_OK : hm_raise(UNAVAILABLE, "%s", PQerrorMessage(trace->session));
}

static hm_status run_transaction(const struct trace *trace)
{
	bool failed = false;

	TRY(begin(trace));
	for (const struct statement *one = trace->file->statements; one && !failed; one = one->next)
		TRY(run_statement(trace, one, &failed));
	return HM_OK;
}

/* ---- Without a transaction -------------------------------------------------------------------------------------------------- */

static hm_status is_waiting(const struct trace *trace, bool *ret_waiting)
{
	const char *const values[] = { session_pid(trace) };
	SCOPED(pg_result) rows = NULL;

	TRY(ask(trace->watcher, is_waiting_sql, 1, values, &rows));
	*ret_waiting = PQntuples(rows) && *PQgetvalue(rows, 0, 0) == 't';
	return HM_OK;
}

/* Until it waits for the holder, or has ended without. */
static hm_status watch(const struct trace *trace, json_t *locks)
{
	int64_t limit_us = hm_clock_mono_us() + (int64_t)WAIT_S * HM_US_PER_S;
	bool waits = false;

	while (!waits && hm_clock_mono_us() < limit_us) {
		TRY(read_locks(trace, locks));
		TRY(is_waiting(trace, &waits));
		if (!PQconsumeInput(trace->session) || !PQisBusy(trace->session))
			return HM_OK;
		(void)poll(&(struct pollfd){ PQsocket(trace->session), POLLIN, 0 }, 1, PAUSE_MS);
	}
	return read_locks(trace, locks);
}

static hm_status run_alone(const struct trace *trace, const struct statement *statement)
{
	struct hm_arena *arena = &trace->check->arena;
	json_t *entry = new_entry(trace, statement);
	SCOPED(pg_conn) holder = NULL;
	SCOPED(pg_result) held = NULL;
	SCOPED(pg_result) released = NULL;
	SCOPED(pg_result) result = NULL;

	json_array_append_new(trace->report, entry);
	TRY(connect_as(scratch_admin_dsn(), NULL, NULL, &holder));
	held = PQexec(holder, hm_arena_printf(arena, hold_sql, trace->service));
	if (!is_done(held) || !PQsendQuery(trace->session, hm_arena_dup(arena, trace->file->text + statement->begin,
									statement->end - statement->begin)))
		return hm_raise(UNAVAILABLE, "%s%s", PQerrorMessage(holder), PQerrorMessage(trace->session));
	TRY(watch(trace, json_object_get(entry, "locks")));
	released = PQexec(holder, "ROLLBACK");
	result = PQgetResult(trace->session);
	if (!is_done(result))
		note_failure(trace, statement, entry, result);
	return HM_OK;
}

/* ---- What comes before ---------------------------------------------------------------------------------------------------------- */

static hm_status copy_file(const struct file *file, const char *folder)
{
	char path[2 * SCRATCH_PATH_BYTES];
	FILE *copy;
	size_t written;

	snprintf(path, sizeof path, "%s/%s", folder, file->name);
	copy = fopen(path, "w");
	if (!copy)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	written = fwrite(file->text, 1, file->size, copy);
	return fclose(copy) || written != file->size ? hm_raise_errno(UNAVAILABLE, "cannot write %s", path) : HM_OK;
}

/* The files before it; without any, the schema alone. */
static hm_status migrate_before(const struct trace *trace)
{
	const struct file *first = trace->file->group->files;
	char folder[SCRATCH_PATH_BYTES + 16];

	snprintf(folder, sizeof folder, "%s/migrations", scratch_folder());
	if (first == trace->file)
		return scratch_admit(trace->service);
	if (mkdir(folder, 0700))
		return hm_raise_errno(UNAVAILABLE, "cannot make %s", folder);
	for (const struct file *file = first; file != trace->file; file = file->next)
		TRY(copy_file(file, folder));
	return scratch_migrate(trace->service, folder);
}

static hm_status open_sessions(struct trace *trace)
{
	char options[OPTIONS_BYTES];

	snprintf(options, sizeof options, "-c role=%s_owner -c search_path=%s,public", trace->service, trace->service);
	TRY(connect_as(scratch_dsn(), hm_arena_printf(&trace->check->arena, "%s_migrator", trace->service), options,
		       &trace->session));
	return connect_as(scratch_admin_dsn(), NULL, NULL, &trace->watcher);
}

static hm_status run(struct trace *trace)
{
	const struct statement *first = trace->file->statements;
	const struct hm_migration_header *header = trace->file->header;

	if (!header)
		return hm_raise(INVALID_ARGUMENT, "%s%s", trace->file->path, trace->file->header_error);
	if (*header->backfill.table)
		return hm_raise(INVALID_ARGUMENT,
				"%s: a backfill locks the rows of a batch alone; there is nothing to trace",
				trace->file->path);
	TRY(migrate_before(trace));
	TRY(open_sessions(trace));
	TRY(read_nodes(trace, NULL));
	return header->notransaction && first ? run_alone(trace, first) : run_transaction(trace);
}

hm_status trace_run(struct check *check, const struct format *format)
{
	const struct group *group = check->groups;
	struct trace trace = { .check = check, .report = json_array(), .held = json_object(), .nodes = json_object() };
	hm_status status;

	trace.file = group->files;
	while (trace.file->next)
		trace.file = trace.file->next;
	trace.service = group->service ? group->service : "example";
	status = scratch_open();
	if (status == HM_OK)
		status = run(&trace);
	PQfinish(trace.session);
	PQfinish(trace.watcher);
	scratch_close();
	if (status == HM_OK)
		trace_report(check, trace.file->path, trace.report, format);
	json_decref(trace.report);
	json_decref(trace.held);
	json_decref(trace.nodes);
	return status;
}

/* Found by running, not by looking. */
const struct rule rules_trace[] = {
	{ .name = "trace-fails",
	  .category = "trace",
	  .summary = "a statement that PostgreSQL refuses when it is run (--trace)",
	  .safe = "what it needs has to be made by an earlier file of the service" },
	{ .name = "trace-rewrite",
	  .category = "trace",
	  .summary = "a table that was there before is written anew when it is run (--trace)",
	  .safe = "expand with a new column, fill it by a backfill, contract later (docs/migrations.md)" },
	{ 0 },
};
