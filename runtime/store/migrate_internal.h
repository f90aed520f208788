/*
 * Migrate, inside: what its parts share. Nothing outside runtime/store/migrate*.c includes this.
 *
 *     migrate.c          what is to be done, in order
 *     migrate_files.c    the folder: NNNN_name.sql, dense from 0001
 *     migrate_apply.c    one file in one transaction, with the rules and its record; where an error is in it
 *     migrate_session.c  the connection, and PostgreSQL's errors in Hallmark's words
 *     migrate_header.c   what a file's first lines say (public: no database is needed for it)
 *     migrate_text.c     statements and places in SQL text (so is this)
 *     bootstrap.sql, secure.sql
 */
#pragma once
#include <libpq-fe.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/scoped.h"
#include "store/migrate.h"
#include "store/migrate_header.h"
#include "store/migrate_text.h"

enum { MIGRATION_CHECKSUM_BYTES = 65 };

struct migration {
	unsigned version;
	const char *name; /* "0001_init.sql" */
	const char *path;
	const char *text; /* NUL-terminated, no NUL inside */
	size_t size;
	char checksum[MIGRATION_CHECKSUM_BYTES]; /* SHA-256 in hex */
};

struct migration_list {
	struct migration *items; /* in order: items[i].version is i + 1 */
	size_t n;
};

/* migration_list_read reads a folder's migrations into the arena. FAILED_PRECONDITION: a gap, a double number, a name of
 * another form, no file at all. Files that do not end in .sql are not looked at. */
hm_status migration_list_read(const char *directory, struct hm_arena *arena, struct migration_list *ret_list);

/* session_open connects; user NULL: as the dsn says. options are libpq's ("-c role=…") or NULL. */
hm_status session_open(const char *dsn, const char *user, const char *options, PGconn **ret_connection);

/* session_run runs SQL text without parameters; session_ask one statement with text parameters, n of them, and returns its
 * rows if ret_rows is not NULL. */
hm_status session_run(PGconn *connection, const char *sql);
hm_status session_ask(PGconn *connection, const char *sql, size_t n, const char *const *values, PGresult **ret_rows);

/* session_ask_bytes: one statement, one bytea parameter, one text value. */
hm_status session_ask_bytes(PGconn *connection, const char *sql, const void *bytes, size_t size, char *ret_text,
			    size_t text_bytes);

/* from_pq_session turns a failed result into a status: ABORTED what a lock or a deadlock prevented, the rules' refusals
 * with the rule as reason, UNAVAILABLE a lost server, else `otherwise`. where is put before. */
hm_status from_pq_session(const PGconn *connection, const PGresult *result, hm_status otherwise, const char *where);

/* migration_apply runs one file, the rules and the record of it in a transaction; again when a lock prevents it. */
hm_status migration_apply(PGconn *connection, const struct migration *migration);

/* migration_secure puts the rules on what is there and remembers the fingerprint. ret_tables: how many are secured. */
hm_status migration_secure(PGconn *connection, const char *fingerprint, unsigned *ret_tables);

/* migration_fingerprint_add_rules adds the rules' text to what a fingerprint is taken of. */
void migration_fingerprint_add_rules(struct hm_buffer *input);

/* pause_jittered sleeps *pause_ms give or take half of it, and doubles it up to 1 s. */
void pause_jittered(unsigned *pause_ms);
