/*
 * Inspecting: how far a schema is, and what the files that are pending would do, without a change to either.
 */
#include <stdlib.h>
#include <string.h>

#include "store/migrate_internal.h"

const char *hm_migrate_phase_name(enum hm_migrate_phase phase)
{
	static const char *const names[HM_PHASE_COUNT] = {
		[HM_PHASE_NEW] = "new",
		[HM_PHASE_BEHIND] = "behind",
		[HM_PHASE_EXPANDED] = "expanded",
		[HM_PHASE_BACKFILLING] = "backfilling",
		[HM_PHASE_WAITING] = "contract waiting",
		[HM_PHASE_CONTRACT_DUE] = "contract due",
		[HM_PHASE_CONTRACTED] = "contracted",
		[HM_PHASE_CURRENT] = "up to date",
	};

	return names[phase];
}

static enum hm_migration_kind kind_of(const struct hm_migration_header *header)
{
	if (header->expands)
		return HM_MIGRATION_CONTRACT;
	if (*header->backfill.table)
		return HM_MIGRATION_BACKFILL;
	return header->notransaction ? HM_MIGRATION_NOTRANSACTION : HM_MIGRATION_ORDINARY;
}

static enum hm_migrate_phase phase_of(const struct hm_migrate_state *state)
{
	const struct hm_migration_state *next = &state->files[state->n_applied];

	if (state->n_applied == state->n_files)
		return next[-1].kind == HM_MIGRATION_CONTRACT ? HM_PHASE_CONTRACTED : HM_PHASE_CURRENT;
	if (!state->n_applied)
		return HM_PHASE_NEW;
	if (next->kind == HM_MIGRATION_CONTRACT)
		return next->due_at ? HM_PHASE_WAITING : HM_PHASE_CONTRACT_DUE;
	if (next->kind == HM_MIGRATION_BACKFILL)
		return next->is_begun ? HM_PHASE_BACKFILLING : HM_PHASE_EXPANDED;
	return HM_PHASE_BEHIND;
}

/* ---- What is recorded -------------------------------------------------------------------------------------------- */

static hm_status read_applied(const struct migrate *migrate, struct hm_arena *arena, struct hm_migrate_state *state)
{
	static const char sql[] = "SELECT to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"') "
				  "FROM hallmark_migration WHERE version > 0 ORDER BY version";
	PGresult *rows;

	TRY(session_ask(migrate->connection, sql, 0, NULL, &rows));
	for (int i = 0; i < PQntuples(rows) && (size_t)i < state->n_files; i++)
		state->files[i].applied_at = hm_arena_strdup(arena, PQgetvalue(rows, i, 0));
	PQclear(rows);
	return HM_OK;
}

/* A schema from before there were backfills has no table of their progress. */
static hm_status read_progress(const struct migrate *migrate, struct hm_migrate_state *state)
{
	static const char has_sql[] = "SELECT to_regclass(current_schema() || '.hallmark_progress') IS NOT NULL";
	PGresult *rows;
	bool has;

	TRY(session_ask_bool(migrate->connection, has_sql, &has));
	if (!has)
		return HM_OK;
	TRY(session_ask(migrate->connection,
			"SELECT version, rows_passed, rows_estimated, rows_changed FROM hallmark_progress", 0, NULL,
			&rows));
	for (int i = 0; i < PQntuples(rows); i++) {
		size_t version = strtoull(PQgetvalue(rows, i, 0), NULL, 10);

		if (!version || version > state->n_files)
			continue;
		state->files[version - 1].is_begun = true;
		state->files[version - 1].rows_passed = strtoull(PQgetvalue(rows, i, 1), NULL, 10);
		state->files[version - 1].rows_estimated = strtoull(PQgetvalue(rows, i, 2), NULL, 10);
		state->files[version - 1].rows_changed = strtoull(PQgetvalue(rows, i, 3), NULL, 10);
	}
	PQclear(rows);
	return HM_OK;
}

/* The gap of a contract counts from when the other was applied. */
static hm_status read_due(const struct migrate *migrate, struct hm_arena *arena, struct hm_migrate_state *state)
{
	bool has_gap = !migrate->is_initial && migrate->config->contract_gap_s >= 0;
	uint32_t ms;

	for (size_t i = migrate->n_applied; i < state->n_files; i++) {
		const struct migration *one = &migrate->list.items[i];

		TRY(record_find_due(migrate, one, arena, &state->files[i].due_at, &ms));
		if (has_gap && one->header.expands > migrate->n_applied)
			state->files[i].waits_for = state->files[one->header.expands - 1].name;
	}
	return HM_OK;
}

/* What was applied cannot be edited any more, whatever is thought of its headers today. */
static void read_old_headers(struct migrate *migrate)
{
	struct hm_migration_header header;

	for (size_t i = 0; i < migrate->n_applied; i++)
		if (hm_migration_header_read("", migrate->list.items[i].text, &header) == HM_OK)
			migrate->list.items[i].header = header;
}

static hm_status describe(struct migrate *migrate, struct hm_arena *arena, struct hm_migrate_state *state)
{
	bool has_record;

	TRY(record_exists(migrate, &has_record));
	migrate->is_initial = true;
	if (has_record)
		TRY(record_compare(migrate));
	TRY(migration_list_read_headers(&migrate->list, migrate->n_applied));
	read_old_headers(migrate);
	state->n_files = migrate->list.n;
	state->n_applied = migrate->n_applied;
	state->files = hm_arena_zalloc(arena, state->n_files * sizeof *state->files);
	for (size_t i = 0; i < state->n_files; i++) {
		state->files[i].name = hm_arena_strdup(arena, migrate->list.items[i].name);
		state->files[i].kind = kind_of(&migrate->list.items[i].header);
	}
	if (has_record) {
		TRY(read_applied(migrate, arena, state));
		TRY(read_progress(migrate, state));
		TRY(read_due(migrate, arena, state));
	}
	state->phase = phase_of(state);
	return HM_OK;
}

static hm_status inspect(struct migrate *migrate, struct hm_arena *arena, struct hm_migrate_state *state)
{
	TRY(migrate_begin(migrate));
	TRY(describe(migrate, arena, state));
	if (!state->n_applied)
		return HM_OK;
	TRY(rules_hold(migrate, &state->broken));
	state->broken = hm_arena_strdup(arena, state->broken);
	return HM_OK;
}

/* Bootstrapping would change something. */
static struct hm_migrate_config without_bootstrap(const struct hm_migrate_config *config)
{
	struct hm_migrate_config copy = *config;

	copy.admin_dsn = NULL;
	return copy;
}

hm_status hm_migrate_inspect(const struct hm_migrate_config *config, struct hm_arena *arena,
			     struct hm_migrate_state *ret_state)
{
	const struct hm_migrate_config own = without_bootstrap(config);
	struct migrate migrate = { .config = &own };
	struct hm_migrate_state state = { 0 };
	hm_status status = inspect(&migrate, arena, &state);

	migrate_end(&migrate);
	if (status == HM_OK)
		*ret_state = state;
	return status;
}

/* ---- Trying ------------------------------------------------------------------------------------------------------ */

struct trial {
	struct migrate migrate;
	struct hm_arena *arena;
	struct hm_migrate_state state;
	bool is_partial; /* of some backfill only a batch was run */
};

/* Rows that a backfill has not come to may break what the file asks of all of them: that says nothing. */
static bool is_excused(const struct trial *trial)
{
	return trial->is_partial && session_broke_constraint();
}

static hm_status try_file(struct trial *trial, size_t i)
{
	const struct migration *one = &trial->migrate.list.items[i];
	bool is_whole = false;
	hm_status status;

	if (one->header.notransaction)
		return HM_OK;
	TRY(session_run(trial->migrate.connection, "SAVEPOINT file"));
	status = migration_try(&trial->migrate, one, &is_whole);
	if (status != HM_OK)
		return is_excused(trial) ? session_run(trial->migrate.connection, "ROLLBACK TO file") : status;
	trial->is_partial |= !is_whole;
	trial->state.files[i].trial = is_whole ? HM_TRIAL_WHOLE : HM_TRIAL_FIRST_BATCH;
	return HM_OK;
}

static hm_status try_files(struct trial *trial)
{
	trial->is_partial = false;
	TRY(record_make(&trial->migrate));
	TRY(describe(&trial->migrate, trial->arena, &trial->state));
	for (size_t i = trial->state.n_applied; i < trial->state.n_files && !trial->state.files[i].due_at; i++)
		TRY(try_file(trial, i));
	return HM_OK;
}

static hm_status try_and_undo(void *user)
{
	struct trial *trial = user;
	hm_status status;

	TRY(session_run(trial->migrate.connection, "RESET ALL; RESET ROLE"));
	TRY(session_run(trial->migrate.connection, "BEGIN"));
	status = try_files(trial);
	PQclear(PQexec(trial->migrate.connection, "ROLLBACK"));
	return status;
}

static hm_status run_trial(struct trial *trial)
{
	TRY(migrate_begin(&trial->migrate));
	TRY(migrate_lock(&trial->migrate));
	return session_again(try_and_undo, trial);
}

hm_status hm_migrate_try(const struct hm_migrate_config *config, struct hm_arena *arena,
			 struct hm_migrate_state *ret_state)
{
	const struct hm_migrate_config own = without_bootstrap(config);
	struct trial trial = { .migrate = { .config = &own }, .arena = arena };
	hm_status status = run_trial(&trial);

	migrate_end(&trial.migrate);
	if (status == HM_OK)
		*ret_state = trial.state;
	return status;
}
