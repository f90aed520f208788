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

struct hm_migrate_progress {
	void *user;
	void (*step)(void *user, const char *service, const char *what); /* "0001_init.sql", "secured 5 tables" */
};

struct hm_migrate_config {
	const char *admin_dsn; /* the same database, for bootstrap; NULL: no bootstrap */
	const char *dsn; /* without user */
	const char *service;
	const char *directory; /* services/<svc>/migrations */
	const struct hm_migrate_progress *progress; /* NULL: none */
};

/* hm_migrate brings one service's schema up to date; a few queries if it is. Any number of processes may at once: one does,
 * the others wait. Killed at any moment, it goes on where it was when run again. On an embedded cluster the service must
 * have been admitted (hm_cluster_admit).
 * Errors: FAILED_PRECONDITION (a gap, an edited or out-of-order file: which, and what to do; a broken rule, its name as
 * the error's reason: AUDIT_TABLE_REQUIRED, MIGRATION_BRAND_ID_REQUIRED …), INVALID_ARGUMENT (SQL refused: file, line,
 * column, PostgreSQL's words), ABORTED (a table stayed locked, or another migration runs), UNAVAILABLE. */
hm_status hm_migrate(const struct hm_migrate_config *config);
