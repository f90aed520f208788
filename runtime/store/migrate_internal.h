/*
 * Migrate, inside: what its parts share. Nothing outside runtime/store/migrate*.c includes this.
 *
 *     migrate.c             what is to be done, in order
 *     migrate_files.c       the folder: NNNN_name.sql, dense from 0001
 *     migrate_record.c      the folder against what is recorded; what is due
 *     migrate_rules.c       the rules put on, and verified
 *     migrate_apply.c       one file in one transaction, with the rules and its record; where an error is in it
 *     migrate_concurrent.c  one file of one statement that is no transaction
 *     migrate_backfill.c    one file of one statement, batch by batch
 *     migrate_inspect.c     what is and what would be
 *     migrate_session.c     the connection, and PostgreSQL's errors in Hallmark's words
 *     migrate_header.c      what a file's first lines say (public, as the next two: no database is needed for them)
 *     migrate_alone.c       what a file that is no transaction may hold
 *     migrate_text.c        statements and places in SQL text
 *     bootstrap.sql, record.sql, idempotent.sql, secure.sql, verify.sql
 */
#pragma once
#include "base/arena.h"
#include "base/buffer.h"
#include "base/scoped.h"
#include "store/migrate.h"
#include "store/migrate_header.h"
#include "store/migrate_session.h"
#include "store/migrate_text.h"

enum { MIGRATION_CHECKSUM_BYTES = 65 };

struct migration {
	unsigned version;
	const char *name; /* "0001_init.sql" */
	const char *path;
	const char *text; /* NUL-terminated, no NUL inside */
	size_t size;
	struct hm_migration_header header; /* of those that are not applied yet */
	char checksum[MIGRATION_CHECKSUM_BYTES]; /* SHA-256 in hex */
};

struct migration_list {
	struct migration *items; /* in order: items[i].version is i + 1 */
	size_t n;
};

struct migrate {
	const struct hm_migrate_config *config;
	struct hm_arena arena;
	struct migration_list list;
	struct hm_buffer fingerprint; /* what it is taken of */
	PGconn *connection; /* <service>_migrator's, as the owner */
	size_t n_applied; /* files of the list, when this run began */
	bool is_initial; /* the schema has never been up to date: nothing that runs relies on it */
};

/* ---- Files ------------------------------------------------------------------------------------------------------- */

/* migration_list_read reads a folder's migrations into the arena. FAILED_PRECONDITION: a gap, a double number, a name of
 * another form, no file at all. Files that do not end in .sql are not looked at. */
hm_status migration_list_read(const char *directory, struct hm_arena *arena, struct migration_list *ret_list);

/* migration_list_read_headers reads those of the files from the n-th on, which may still be edited, and refuses what they could
 * not be run as. */
hm_status migration_list_read_headers(struct migration_list *list, size_t n);

/* migrate_begin reads the folder, and connects; migrate_end frees, whatever was begun. migrate_lock waits until no other run is
 * at this schema. */
hm_status migrate_begin(struct migrate *migrate);
hm_status migrate_lock(const struct migrate *migrate);
void migrate_end(struct migrate *migrate);

/* ---- Record ------------------------------------------------------------------------------------------------------ */

/* record_exists says whether the record's tables are there; record_make makes them. */
hm_status record_exists(const struct migrate *migrate, bool *ret_exists);
hm_status record_make(const struct migrate *migrate);

/* record_compare sets checksums, n_applied and is_initial; FAILED_PRECONDITION for what was edited, is out of order or
 * gone. The record's tables must be there. */
hm_status record_compare(struct migrate *migrate);

/* record_add notes that a file was applied, in the transaction that does it. */
hm_status record_add(PGconn *connection, const struct migration *migration);

/* record_find_due says when a contract may be applied: its due time, and how many milliseconds that is away; NULL if it is
 * none, or may be now. In the arena. */
hm_status record_find_due(const struct migrate *migrate, const struct migration *migration, struct hm_arena *arena,
			  const char **ret_due, uint32_t *ret_ms);

/* record_check_due refuses a contract that comes too soon behind what it contracts. */
hm_status record_check_due(struct migrate *migrate, const struct migration *migration);

/* progress_begin notes that a file which is no transaction is begun; whether it was already, the same text. */
hm_status progress_begin(PGconn *connection, const struct migration *migration, bool *ret_was_begun);

/* progress_forget takes that back. */
hm_status progress_forget(PGconn *connection, const struct migration *migration);

/* ---- Rules ------------------------------------------------------------------------------------------------------- */

/* rules_put puts the rules on what is there, within a transaction, and verifies that they hold. A refusal is said with
 * `where` before it. */
hm_status rules_put(const struct migrate *migrate, const char *where);

/* rules_hold asks whether they do; what does not is noted as text ("policies-as-put-on: things.brand is missing") in the
 * arena, NULL if nothing. */
hm_status rules_hold(struct migrate *migrate, const char **ret_broken);

/* rules_restore puts on again what does not hold any more, before files rely on it: an owner whose policy is gone backfills
 * nothing and validates everything. */
hm_status rules_restore(struct migrate *migrate);

/* rules_add_to adds the rules' text to what a fingerprint is taken of. */
void rules_add_to(struct hm_buffer *fingerprint);

/* ---- Applying ---------------------------------------------------------------------------------------------------- */

/* migration_apply runs one file in the way its headers say, with the rules and the record of it; again when a lock
 * prevents it. */
hm_status migration_apply(struct migrate *migrate, const struct migration *migration);
hm_status migration_apply_alone(const struct migrate *migrate, const struct migration *migration);
hm_status migration_apply_backfill(const struct migrate *migrate, const struct migration *migration);

/* migration_try runs a file in the transaction that is open, with rules and record; of a backfill one batch, which may be all of
 * it. Not for what is no transaction. */
hm_status migration_try(const struct migrate *migrate, const struct migration *migration, bool *ret_whole);
hm_status migration_try_batch(const struct migrate *migrate, const struct migration *migration, bool *ret_whole);

/* migration_finish ends a file that was no transaction: record and rules, in one. */
hm_status migration_finish(const struct migrate *migrate, const struct migration *migration);

/* migration_run_text sends the file's text as it is; errors have their place in the file. */
hm_status migration_run_text(const struct migrate *migrate, const struct migration *migration);

/* migration_set_timeout sets statement_timeout: what the file says, else the run, else default_ms. */
hm_status migration_set_timeout(const struct migrate *migrate, const struct migration *migration, unsigned default_ms);

/* migration_raise is INVALID_ARGUMENT with the place of an offset in the file's text. */
hm_status migration_raise(const struct migration *migration, size_t offset, const char *message);

/* session_open_as_owner connects as <service>_migrator, under the owner's role. */
hm_status session_open_as_owner(struct migrate *migrate);
