/*
 * Migrate: bootstrap, compare the folder with what is recorded, apply what is new, secure. What a service was brought
 * to last is remembered as one fingerprint over its files and the rules, so an up-to-date one costs a query.
 */
#include "store/migrate.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "store/migrate_internal.h"
#include "store/service_name.h"

static const char bootstrap_sql[] =
#include "runtime/store/bootstrap.sql.h"
	;

enum { LOCK_LIMIT_S = 300, LOCK_PAUSE_MS = 5 };

/* Version 0 is the rules: its checksum is the fingerprint of all. */
static const char make_record_sql[] = "CREATE TABLE IF NOT EXISTS hallmark_migration ("
				      "  brand_id   text NOT NULL DEFAULT 'system',"
				      "  version    int NOT NULL,"
				      "  name       text NOT NULL,"
				      "  checksum   text NOT NULL,"
				      "  applied_at timestamptz NOT NULL DEFAULT now(),"
				      "  PRIMARY KEY (brand_id, version))";

static const char has_record_sql[] = "SELECT to_regclass(current_schema() || '.hallmark_migration') IS NOT NULL";

/* Row-level security switched off by hand is seen too. */
static const char is_current_sql[] =
	"SELECT EXISTS (SELECT FROM hallmark_migration WHERE version = 0 AND checksum = encode(sha256($1), 'hex')) "
	"AND NOT EXISTS (SELECT FROM pg_class WHERE relnamespace = current_schema()::regnamespace "
	"AND relkind IN ('r', 'p') AND NOT (relrowsecurity AND relforcerowsecurity))";

static const char checksum_sql[] = "SELECT encode(sha256($1), 'hex')";

struct migrate {
	const struct hm_migrate_config *config;
	struct hm_arena arena;
	struct migration_list list;
	struct hm_buffer fingerprint; /* what it is taken of */
	PGconn *connection; /* <service>_migrator's, as the owner */
};

static void report(const struct migrate *migrate, const char *what)
{
	const struct hm_migrate_progress *progress = migrate->config->progress;

	if (progress)
		progress->step(progress->user, migrate->config->service, what);
}

static hm_status bootstrap(const struct hm_migrate_config *config)
{
	PGconn *connection;
	hm_status status;

	TRY(session_open(config->admin_dsn, NULL, NULL, &connection));
	status = session_ask(connection, "SELECT set_config('hallmark.service', $1, false)", 1, &config->service, NULL);
	if (status == HM_OK)
		status = session_run(connection, bootstrap_sql);
	PQfinish(connection);
	return status;
}

/* As options, role and search_path are what RESET goes back to. A client that was killed is noticed within a second even
 * in the middle of a statement, and its locks with it. */
static hm_status open_as_owner(struct migrate *migrate)
{
	const char *service = migrate->config->service;
	const char *user = hm_arena_printf(&migrate->arena, "%s_migrator", service);
	const char *options = hm_arena_printf(&migrate->arena,
					      "-c role=%s_owner -c search_path=%s,public -c lock_timeout=2s"
					      " -c statement_timeout=0 -c client_connection_check_interval=1s",
					      service, service);

	return session_open(migrate->config->dsn, user, options, &migrate->connection);
}

static void collect_fingerprint(struct migrate *migrate)
{
	for (size_t i = 0; i < migrate->list.n; i++) {
		const struct migration *one = &migrate->list.items[i];

		hm_buffer_printf(&migrate->fingerprint, "%s %zu\n", one->name, one->size);
		hm_buffer_add(&migrate->fingerprint, one->text, one->size);
	}
	migration_fingerprint_add_rules(&migrate->fingerprint);
}

static hm_status ask_bool(PGconn *connection, const char *sql, bool *ret_answer)
{
	PGresult *rows;

	TRY(session_ask(connection, sql, 0, NULL, &rows));
	*ret_answer = *PQgetvalue(rows, 0, 0) == 't';
	PQclear(rows);
	return HM_OK;
}

static hm_status is_current(const struct migrate *migrate, bool *ret_current)
{
	char answer[8] = "f";
	bool has_record;

	TRY(ask_bool(migrate->connection, has_record_sql, &has_record));
	if (has_record)
		TRY(session_ask_bytes(migrate->connection, is_current_sql, migrate->fingerprint.data,
				      migrate->fingerprint.size, answer, sizeof answer));
	*ret_current = *answer == 't';
	return HM_OK;
}

/* Asked again and again, outside any transaction: who waits inside one holds up CREATE INDEX CONCURRENTLY. */
static hm_status lock(const struct migrate *migrate)
{
	static const char try_sql[] =
		"SELECT pg_try_advisory_lock(hashtextextended('hallmark.migrate.' || current_schema(), 0))";
	int64_t limit_us = hm_clock_mono_us() + (int64_t)LOCK_LIMIT_S * HM_US_PER_S;
	unsigned pause_ms = LOCK_PAUSE_MS;
	bool is_ours = false;

	TRY(ask_bool(migrate->connection, try_sql, &is_ours));
	while (!is_ours) {
		if (hm_clock_mono_us() > limit_us)
			return hm_raise(ABORTED, "%s: another migration of it runs since %d s",
					migrate->config->service, LOCK_LIMIT_S);
		pause_jittered(&pause_ms);
		TRY(ask_bool(migrate->connection, try_sql, &is_ours));
	}
	return HM_OK;
}

/* ---- The folder against the record ----------------------------------------------------------------------------- */

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

static hm_status compare_all(const struct migrate *migrate, size_t *ret_applied)
{
	hm_status status = HM_OK;
	PGresult *rows;
	int n;

	TRY(session_ask(migrate->connection,
			"SELECT name, checksum FROM hallmark_migration WHERE version > 0 ORDER BY version", 0, NULL,
			&rows));
	n = PQntuples(rows);
	for (int i = 0; status == HM_OK && i < n; i++)
		status = compare(migrate, (size_t)i, PQgetvalue(rows, i, 0), PQgetvalue(rows, i, 1));
	PQclear(rows);
	*ret_applied = (size_t)n;
	return status;
}

static hm_status apply_new(const struct migrate *migrate)
{
	size_t n_applied;

	for (size_t i = 0; i < migrate->list.n; i++) {
		struct migration *one = &migrate->list.items[i];

		TRY(session_ask_bytes(migrate->connection, checksum_sql, one->text, one->size, one->checksum,
				      sizeof one->checksum));
	}
	TRY(compare_all(migrate, &n_applied));
	for (size_t i = n_applied; i < migrate->list.n; i++) {
		TRY(migration_apply(migrate->connection, &migrate->list.items[i]));
		report(migrate, migrate->list.items[i].name);
	}
	return HM_OK;
}

static hm_status secure(const struct migrate *migrate)
{
	char fingerprint[MIGRATION_CHECKSUM_BYTES], what[64];
	unsigned n_tables;

	TRY(session_ask_bytes(migrate->connection, checksum_sql, migrate->fingerprint.data, migrate->fingerprint.size,
			      fingerprint, sizeof fingerprint));
	TRY(migration_secure(migrate->connection, fingerprint, &n_tables));
	snprintf(what, sizeof what, "secured %u tables", n_tables);
	report(migrate, what);
	return HM_OK;
}

static hm_status bring_up_to_date(const struct migrate *migrate)
{
	bool current;

	TRY(is_current(migrate, &current));
	if (current)
		return HM_OK;
	TRY(lock(migrate));
	TRY(is_current(migrate, &current)); /* whoever had the lock may have done it */
	if (current)
		return HM_OK;
	TRY(session_run(migrate->connection, make_record_sql));
	TRY(apply_new(migrate));
	return secure(migrate);
}

static hm_status run(struct migrate *migrate)
{
	TRY(hm_service_name_check(migrate->config->service));
	TRY(migration_list_read(migrate->config->directory, &migrate->arena, &migrate->list));
	collect_fingerprint(migrate);
	if (migrate->config->admin_dsn)
		TRY(bootstrap(migrate->config));
	TRY(open_as_owner(migrate));
	return bring_up_to_date(migrate);
}

hm_status hm_migrate(const struct hm_migrate_config *config)
{
	struct migrate migrate = { .config = config };
	hm_status status = run(&migrate);

	PQfinish(migrate.connection);
	hm_buffer_fini(&migrate.fingerprint);
	hm_arena_fini(&migrate.arena);
	return status;
}
