/*
 * Cancelling a statement that PostgreSQL is at work on. PQcancel opens a connection of its own and blocks, and PostgreSQL may carry
 * it out when the statement is over and the NEXT one runs. So one thread a process does all of it, and a connection with a cancel
 * under way returns to its pool by that thread's hand, when the cancel has ended.
 *
 *     wait for an answer ─ cancelled ─> canceller_ask ─> PQcancel, again after a while ─┬─ the answer ─> canceller_stop
 *                                                                                       └─ still running: pool_give hands it over
 *
 * It is done again because PostgreSQL passes over a cancel that finds it between two statements of one burst.
 * A connection's calls below come from the one thread that has it; canceller_ask also from any other while that thread watches.
 */
#pragma once
#include "base/status.h"

struct connection;
struct hm_store;
struct hm_tx;

/* canceller_ask has the connection's statement cancelled, until canceller_stop. */
void canceller_ask(struct connection *connection);

/* canceller_stop: the statement is over. One cancel may still be on its way. */
void canceller_stop(struct connection *connection);

/* canceller_keeps: true if a cancel is on its way; the connection is then given to the store's pool when that has ended. */
bool canceller_keeps(struct hm_store *store, struct connection *connection);

/* canceller_forget: the connection is about to be closed. */
void canceller_forget(struct connection *connection);

/* canceller_wait returns when no connection of the store is kept any more. */
void canceller_wait(const struct hm_store *store);

/* tx_watch has a cancellation of the call (hm_tx_options.cancel) cancel what runs on the transaction's connection, until
 * tx_unwatch, which may be called twice. */
void tx_watch(struct hm_tx *tx);
void tx_unwatch(struct hm_tx *tx);
