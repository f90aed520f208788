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

enum { LOCK_LIMIT_S = 300, LOCK_PAUSE_MS = 5 };

static const char bootstrap_sql[] =
#include "runtime/store/bootstrap.sql.h"
	;

static const char is_current_sql[] =
	"SELECT EXISTS (SELECT FROM hallmark_migration WHERE version = 0 AND checksum = encode(sha256($1), 'hex'))";

static void report(const struct migrate *migrate, const char *what)
{
	const struct hm_migrate_progress *progress = migrate->config->progress;

	if (progress)
		progress->step(progress->user, migrate->config->service, what);
}

hm_status hm_migrate_bootstrap(const struct hm_migrate_config *config)
{
	PGconn *connection;
	hm_status status;

	TRY(hm_service_name_check(config->service));
	TRY(session_open(config->admin_dsn, NULL, NULL, &connection));
	/* What others may have put into public is not to be run as the administrator. */
	status = session_run(connection, "SET search_path = pg_catalog");
	if (status == HM_OK)
		status = session_ask(connection, "SELECT set_config('hallmark.service', $1, false)", 1,
				     &config->service, NULL);
	if (status == HM_OK)
		status = session_run(connection, bootstrap_sql);
	PQfinish(connection);
	return status;
}

static void collect_fingerprint(struct migrate *migrate)
{
	for (size_t i = 0; i < migrate->list.n; i++) {
		const struct migration *one = &migrate->list.items[i];

		hm_buffer_printf(&migrate->fingerprint, "%s %zu\n", one->name, one->size);
		hm_buffer_add(&migrate->fingerprint, one->text, one->size);
	}
	rules_add_to(&migrate->fingerprint);
}

static hm_status is_current(const struct migrate *migrate, bool *ret_current)
{
	char answer[8] = "f";
	bool has_record;

	TRY(record_exists(migrate, &has_record));
	if (has_record)
		TRY(session_ask_bytes(migrate->connection, is_current_sql, migrate->fingerprint.data,
				      migrate->fingerprint.size, answer, sizeof answer));
	*ret_current = *answer == 't';
	return HM_OK;
}

/* Asked again and again, outside any transaction: who waits inside one holds up CREATE INDEX CONCURRENTLY. */
hm_status migrate_lock(const struct migrate *migrate)
{
	static const char try_sql[] =
		"SELECT pg_try_advisory_lock(hashtextextended('hallmark.migrate.' || current_schema(), 0))";
	int64_t limit_us = hm_clock_machine_us() + (int64_t)LOCK_LIMIT_S * HM_US_PER_S;
	unsigned pause_ms = LOCK_PAUSE_MS;
	bool is_ours = false;

	TRY(session_ask_bool(migrate->connection, try_sql, &is_ours));
	while (!is_ours) {
		if (hm_clock_machine_us() > limit_us)
			return hm_raise(ABORTED, "%s: another migration of it runs since %d s",
					migrate->config->service, LOCK_LIMIT_S);
		pause_jittered(&pause_ms);
		TRY(session_ask_bool(migrate->connection, try_sql, &is_ours));
	}
	return HM_OK;
}

/* ---- What is to be done ------------------------------------------------------------------------------------------- */

/* All that can be refused before anything is done, is. */
static hm_status apply_new(struct migrate *migrate)
{
	TRY(record_compare(migrate));
	TRY(migration_list_read_headers(&migrate->list, migrate->n_applied));
	if (migrate->n_applied && migrate->n_applied < migrate->list.n)
		TRY(rules_restore(migrate));
	for (size_t i = migrate->n_applied; i < migrate->list.n; i++) {
		TRY(migration_apply(migrate, &migrate->list.items[i]));
		report(migrate, migrate->list.items[i].name);
	}
	return HM_OK;
}

/* The fingerprint's record has no name in the folder: version 0. */
static hm_status secure_and_remember(void *user)
{
	static const char remember_sql[] =
		"INSERT INTO hallmark_migration (version, name, checksum) VALUES (0, 'rules', $1) "
		"ON CONFLICT (brand_id, version) DO UPDATE SET checksum = excluded.checksum, applied_at = now()";
	const struct migrate *migrate = user;
	char fingerprint[MIGRATION_CHECKSUM_BYTES];
	const char *const values[] = { fingerprint };

	TRY(session_ask_bytes(migrate->connection, "SELECT encode(sha256($1), 'hex')", migrate->fingerprint.data,
			      migrate->fingerprint.size, fingerprint, sizeof fingerprint));
	TRY(rules_put(migrate, ""));
	return session_ask(migrate->connection, remember_sql, 1, values, NULL);
}

static hm_status secure(struct migrate *migrate, const char *broken)
{
	static const char count_sql[] = "SELECT 'secured ' || count(*) || ' tables' FROM pg_class "
					"WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p')";
	PGresult *rows;

	TRY(session_transact(migrate->connection, secure_and_remember, migrate));
	if (broken)
		report(migrate, hm_arena_printf(&migrate->arena, "put right: %s", broken));
	TRY(session_ask(migrate->connection, count_sql, 0, NULL, &rows));
	report(migrate, PQgetvalue(rows, 0, 0));
	PQclear(rows);
	return HM_OK;
}

/* By its record and in truth: what was changed by hand has left no record. */
static hm_status find_current(struct migrate *migrate, bool *ret_by_record, const char **ret_broken)
{
	*ret_broken = NULL;
	TRY(is_current(migrate, ret_by_record));
	return *ret_by_record ? rules_hold(migrate, ret_broken) : HM_OK;
}

static hm_status bring_up_to_date(struct migrate *migrate)
{
	const char *broken;
	bool by_record;

	TRY(find_current(migrate, &by_record, &broken));
	if (by_record && !broken)
		return HM_OK;
	TRY(migrate_lock(migrate));
	TRY(find_current(migrate, &by_record, &broken)); /* whoever had the lock may have done it */
	if (by_record && !broken)
		return HM_OK;
	TRY(record_make(migrate));
	if (!by_record)
		TRY(apply_new(migrate));
	return secure(migrate, broken);
}

hm_status migrate_begin(struct migrate *migrate)
{
	TRY(hm_service_name_check(migrate->config->service));
	TRY(migration_list_read(migrate->config->directory, &migrate->arena, &migrate->list));
	collect_fingerprint(migrate);
	if (migrate->config->admin_dsn)
		TRY(hm_migrate_bootstrap(migrate->config));
	return session_open_as_owner(migrate);
}

void migrate_end(struct migrate *migrate)
{
	PQfinish(migrate->connection);
	hm_buffer_fini(&migrate->fingerprint);
	hm_arena_fini(&migrate->arena);
}

hm_status hm_migrate(const struct hm_migrate_config *config)
{
	struct migrate migrate = { .config = config };
	hm_status status = migrate_begin(&migrate);

	if (status == HM_OK)
		status = bring_up_to_date(&migrate);
	migrate_end(&migrate);
	return status;
}
