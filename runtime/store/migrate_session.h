/*
 * Migration session: the migrator's connection, blocking, with session state; statements in it, and transactions that are tried
 * again while a lock prevents them. Nothing outside runtime/store/migrate*.c includes this.
 */
#pragma once
#include <libpq-fe.h>

#include "base/status.h"

/* session_open connects; user NULL: as the dsn says. options are libpq's ("-c role=…") or NULL. */
hm_status session_open(const char *dsn, const char *user, const char *options, PGconn **ret_connection);

/* session_run runs SQL text without parameters; session_ask one statement with text parameters, n of them, and returns its
 * rows if ret_rows is not NULL. */
hm_status session_run(PGconn *connection, const char *sql);
hm_status session_ask(PGconn *connection, const char *sql, size_t n, const char *const *values, PGresult **ret_rows);

/* session_ask_bool: one statement without parameters, one bool. */
hm_status session_ask_bool(PGconn *connection, const char *sql, bool *ret_answer);

/* session_ask_bytes: one statement, one bytea parameter, one text value. */
hm_status session_ask_bytes(PGconn *connection, const char *sql, const void *bytes, size_t size, char *ret_text,
			    size_t text_bytes);

/* session_transact runs work in a transaction, and commits if it ends well; up to 12 times while it ends ABORTED. A session's
 * settings are its options again before each. */
hm_status session_transact(PGconn *connection, hm_status (*work)(void *user), void *user);

/* session_again runs work, which is no transaction, as often as session_transact would. */
hm_status session_again(hm_status (*work)(void *user), void *user);

/* from_pq_session turns a failed result into a status: ABORTED what a lock or a deadlock prevented, the rules' refusals
 * with the rule as reason, UNAVAILABLE a lost server, else `otherwise`. where is put before. */
hm_status from_pq_session(const PGconn *connection, const PGresult *result, hm_status otherwise, const char *where);

/* session_broke_constraint says whether this thread's error is that of a constraint (class 23), with reason CONSTRAINT_BROKEN. */
bool session_broke_constraint(void);

/* pause_jittered sleeps *pause_ms give or take half of it, and doubles it up to 1 s. */
void pause_jittered(unsigned *pause_ms);
void pause_ms(unsigned ms);
