/*
 * Migrate: a service's numbered, forward-only SQL files, then the rules put on every table, and verified.
 *
 *     bootstrap   roles <svc>_owner, _migrator, _app, _system and the schema, by one credential that may create roles
 *     apply       services/<svc>/migrations/NNNN_name.sql, each once, as <svc>_migrator under SET ROLE <svc>_owner; recorded
 *                 with its checksum in <svc>.hallmark_migration. One transaction each, or what its first lines say: one
 *                 statement that is none, or a backfill, many small ones with their progress in <svc>.hallmark_progress
 *     secure      in the file's (last) transaction, on every table, idempotent: brand_id's default, row-level security enabled
 *                 and forced, the brand's policy, the owner's policy, grants; on audit_log INSERT and SELECT alone, its
 *                 indexes, UPDATE/DELETE/TRUNCATE triggers
 *     verify      that all of it holds in the live catalog, by verify.sql, which shares nothing with what put it on. A
 *                 migration that breaks a rule is refused whole, by the rule's name; so is what was changed by hand, where
 *                 it cannot be put right
 *
 *                 the table of idempotent replies is made with the rules, in every schema
 *
 * What a migration says beyond its tables:
 *     COMMENT ON TABLE transactions IS 'append-only: …';                 secured like audit_log: INSERT and SELECT alone
 *     CREATE POLICY relay ON outbox TO <svc>_system …; GRANT … ;         what crosses brands, for each job that does
 *     -- notransaction, -- backfill: …, -- contract: …                   how it is run: migrate_header.h has the grammar
 * It needs no audit_log index, no grant to <svc>_app, no brand_id in an INSERT. search_path is the schema, then public
 * (for btree_gist). It is one transaction and cannot end it, unless its headers say otherwise.
 */
#pragma once
#include "base/arena.h"
#include "base/status.h"

/* How far a run is; called on its thread. */
struct hm_migrate_progress {
	void *user;
	void (*step)(void *user, const char *service, const char *what); /* "0001_init.sql", "secured 5 tables" */
	/* after each batch of a backfill; rows are estimated when it begins. NULL: not told */
	void (*rows)(void *user, const char *service, const char *file, uint64_t passed, uint64_t estimated);
	/* after each statement of a file, how many rows it wrote, by PostgreSQL's word. NULL: not told */
	void (*wrote)(void *user, const char *file, const char *statement, size_t statement_bytes, uint64_t rows);
};

enum { HM_CONTRACT_GAP_S = 24 * 3600, HM_CONTRACT_GAP_NONE = -1 };

struct hm_migrate_config {
	const char *admin_dsn; /* the same database, for bootstrap; NULL: no bootstrap */
	const char *dsn; /* without user */
	const char *service;
	const char *directory; /* services/<svc>/migrations */
	const struct hm_migrate_progress *progress; /* NULL: none */
	int64_t contract_gap_s; /* seconds from an expanding file to its contract; 0: HM_CONTRACT_GAP_S */
	int64_t statement_timeout_ms; /* of files that do not say; 0: what their kind has; negative: none */
};

/* hm_migrate brings one service's schema up to date; a few queries if it is. Any number of processes may at once: one does,
 * the others wait. Killed at any moment, it goes on where it was when run again. On an embedded cluster the service must
 * have been admitted (hm_cluster_admit).
 *
 * A contract waits until the gap has passed since the file it names was applied in this database. It does not wait in a
 * schema that has never been up to date (a new one, whatever happened to the runs so far): nothing old runs there.
 *
 * A schema that is up to date by its record is verified all the same: rules changed by hand are put on again.
 * Errors: FAILED_PRECONDITION (a gap, an edited or out-of-order file: which, and what to do; a contract that is not due,
 * reason CONTRACT_NOT_DUE; rows that a backfill left, reason BACKFILL_INCOMPLETE; a broken rule, its name as the error's
 * reason: AUDIT_TABLE_REQUIRED, MIGRATION_BRAND_ID_REQUIRED …), INVALID_ARGUMENT (a header; SQL refused: file, line,
 * column, PostgreSQL's words; reason CONSTRAINT_BROKEN if rows break one), DEADLINE_EXCEEDED (a statement's time), ABORTED (a table stayed locked, or another migration
 * runs), UNAVAILABLE. */
hm_status hm_migrate(const struct hm_migrate_config *config);

/* hm_migrate_bootstrap makes what only an administrator can, and nothing else: the service's roles, its schema, the
 * extension. With admin_dsn; dsn and directory are not looked at. */
hm_status hm_migrate_bootstrap(const struct hm_migrate_config *config);

/* ---- What is, and what would be ---------------------------------------------------------------------------------- */

enum hm_migration_kind {
	HM_MIGRATION_ORDINARY,
	HM_MIGRATION_NOTRANSACTION,
	HM_MIGRATION_BACKFILL,
	HM_MIGRATION_CONTRACT
};
enum hm_migration_trial { HM_TRIAL_NONE, HM_TRIAL_WHOLE, HM_TRIAL_FIRST_BATCH /* and there are more */ };

/* Texts live in the arena they were asked into; times are RFC 3339, UTC. */
struct hm_migration_state {
	const char *name; /* "0001_init.sql" */
	enum hm_migration_kind kind;
	const char *applied_at; /* NULL: pending */
	const char *due_at; /* of a pending contract that has to wait; NULL: of none */
	const char *waits_for; /* of one whose expanding file is pending too: its name, since when is not known yet */
	bool is_begun; /* of a backfill: progress was made */
	uint64_t rows_passed, rows_estimated, rows_changed; /* of one that is or was begun */
	enum hm_migration_trial trial; /* by hm_migrate_try */
};

enum hm_migrate_phase {
	HM_PHASE_NEW, /* nothing was applied */
	HM_PHASE_BEHIND, /* an ordinary file is next, or one that is no transaction */
	HM_PHASE_EXPANDED, /* a backfill is next */
	HM_PHASE_BACKFILLING, /* it has begun */
	HM_PHASE_WAITING, /* a contract is next, and not due */
	HM_PHASE_CONTRACT_DUE, /* a contract is next */
	HM_PHASE_CONTRACTED, /* everything was applied, the last of it a contract */
	HM_PHASE_CURRENT, /* everything was applied */
	HM_PHASE_COUNT,
};

struct hm_migrate_state {
	enum hm_migrate_phase phase;
	size_t n_applied, n_files;
	struct hm_migration_state *files; /* of the folder, in order */
	const char
		*broken; /* a rule that does not hold: "grants-as-put-on: things is open to PUBLIC"; NULL: all hold */
};

/* hm_migrate_phase_name returns "backfilling" and the like. */
const char *hm_migrate_phase_name(enum hm_migrate_phase phase);

/* hm_migrate_inspect says how far a schema is, as the migrator, and changes nothing. Errors: as hm_migrate has them for the
 * folder, the record and the headers of what is pending. */
hm_status hm_migrate_inspect(const struct hm_migrate_config *config, struct hm_arena *arena,
			     struct hm_migrate_state *ret_state);

/* hm_migrate_try runs what is pending in one transaction and rolls it back: files whole, a backfill's first batch. What is no
 * transaction is only read, what fails for rows that the backfill did not come to is passed over, and what follows a contract
 * that is not due is not tried. It takes the locks that the files take,
 * and holds them until all have been run. Errors: as hm_migrate's; nothing is left behind. */
hm_status hm_migrate_try(const struct hm_migrate_config *config, struct hm_arena *arena,
			 struct hm_migrate_state *ret_state);
