/*
 * Migrate: a service's numbered, forward-only SQL files, then the rules put on every table.
 *
 *     bootstrap   roles <svc>_owner, _migrator, _app, _system and the schema, by one credential that may create roles
 *     apply       services/<svc>/migrations/NNNN_name.sql, each once, each in a transaction, as <svc>_migrator under
 *                 SET ROLE <svc>_owner; recorded with its checksum in <svc>.hallmark_migration
 *     secure      in that same transaction, on every table, idempotent: brand_id's default, row-level security enabled and
 *                 forced, the brand's policy, the owner's policy, grants; on audit_log INSERT and SELECT alone, its indexes,
 *                 UPDATE/DELETE/TRUNCATE triggers. A migration that breaks a rule is refused whole, by the rule's name.
 *
 *                 the table of idempotent replies is made with the rules, in every schema
 *
 * What a migration says beyond its tables:
 *     COMMENT ON TABLE transactions IS 'append-only: …';                 secured like audit_log: INSERT and SELECT alone
 *     CREATE POLICY relay ON outbox TO <svc>_system …; GRANT … ;         what crosses brands, for each job that does
 * How a file is to be run, its first comment lines say: migrate_header.h has their grammar.
 * It needs no audit_log index, no grant to <svc>_app, no brand_id in an INSERT. search_path is the schema, then public
 * (for btree_gist). It is one transaction and cannot end it.
 */
#pragma once
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
 * column, PostgreSQL's words), DEADLINE_EXCEEDED (a statement's time), ABORTED (a table stayed locked, or another migration
 * runs), UNAVAILABLE. */
hm_status hm_migrate(const struct hm_migrate_config *config);

/* hm_migrate_bootstrap makes what only an administrator can, and nothing else: the service's roles, its schema, the
 * extension. With admin_dsn; dsn and directory are not looked at. */
hm_status hm_migrate_bootstrap(const struct hm_migrate_config *config);
