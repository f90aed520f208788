/*
 * Migrate: a service's numbered, forward-only SQL files, then the rules put on every table.
 *
 *     bootstrap   roles <svc>_owner, _migrator, _app, _system and the schema, by one credential that may create roles
 *     apply       services/<svc>/migrations/NNNN_name.sql, each once, each in a transaction, as <svc>_migrator under
 *                 SET ROLE <svc>_owner; recorded with its checksum in <svc>.hallmark_migration
 *     secure      on every table, idempotent: brand_id's default, row-level security enabled and forced, the brand's
 *                 policy, the owner's policy, grants; on audit_log INSERT and SELECT alone, UPDATE/DELETE/TRUNCATE triggers
 */
#pragma once
#include "base/status.h"

struct hm_migrate_progress {
	void *user;
	void (*step)(void *user, const char *service, const char *what); /* "0001_init.sql", "secured 5 tables" */
};

struct hm_migrate_config {
	const char *admin_dsn; /* for bootstrap; NULL: no bootstrap */
	const char *dsn; /* without user */
	const char *service;
	const char *directory; /* services/<svc>/migrations */
	const struct hm_migrate_progress *progress; /* NULL: none */
};

/* hm_migrate brings one service's schema up to date. Errors: FAILED_PRECONDITION (a gap, an edited or out-of-order
 * file: which, and what to do), INVALID_ARGUMENT (SQL refused: file, line, PostgreSQL's words), UNAVAILABLE. */
hm_status hm_migrate(const struct hm_migrate_config *config);
