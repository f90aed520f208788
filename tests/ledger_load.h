/*
 * Ledger load: threads that post transactions to accounting and remember which of them were acknowledged, so that a test can
 * take something away under them and then count. Each call is a request of its own, each transaction's id its caller's.
 *
 *     load_prepare → load_begin → … load_acknowledged grows … → load_end → load_is_exact
 */
#pragma once
#include "tests/fixture.h"

struct ledger_load;

/* load_prepare opens the two accounts as soon as the service answers over the channel, which must be within 30 s. */
void load_prepare(struct hm_channel *channel);

/* load_begin starts the threads; they post until load_end, whatever happens. load_end waits for them, and fails the test
 * if a call ended otherwise than OK, or UNAVAILABLE, UNKNOWN or DEADLINE_EXCEEDED as befits a service or a database that is gone. */
struct ledger_load *load_begin(struct hm_channel *channel);
void load_end(struct ledger_load *load);

/* load_wait returns when so many transactions have been acknowledged, which must be within 60 s. */
void load_wait(struct ledger_load *load, uint64_t acknowledged);
uint64_t load_acknowledged(const struct ledger_load *load);

/* load_is_exact waits until no session of the service is left in the database, as one may be about to commit for a caller who
 * is gone, then fails the test unless
 *   every acknowledged transaction is there, and with it exactly one entry that says OK;
 *   every transaction has such an entry, every such entry its transaction; each is whole, and the balances are their sums;
 *   no transaction is there whose posting failed without being in doubt (maybe_processed);
 *   no attempt of a call has two entries, and no request has two of postings that ran.
 * It frees the load, which has ended. sessions_end: false where the service goes on. */
void load_is_exact(struct ledger_load *load, const char *admin_dsn, bool sessions_end);

/* load_count runs SQL as the superuser and returns its first value. */
int64_t load_count(const char *admin_dsn, const char *sql);
