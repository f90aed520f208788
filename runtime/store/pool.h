/*
 * Pools: a store's connections, one pool a role. The last one given back is the first taken, so that few are warm and
 * the rest stay idle. No lock is held while anything is sent or waited for.
 *
 *     pool_take → a transaction → pool_give (clean, and no cancel on its way) | pool_drop (broken)
 *
 * A connection is in libpq's pipeline mode from its first to its last moment.
 */
#pragma once
#include <libpq-fe.h>
#include <pthread.h>

#include "store/knock.h"
#include "store/statement.h"
#include "store/store.h"

enum { RECOVERY_TEXT_BYTES = 80 };

/* What changes when PostgreSQL recovers from a crash, as the statistics begin anew then, and from one server to another, as a standby may
 * have its primary's statistics. Of pg_stat_wal. */
#define RECOVERY_SQL "(stats_reset::text || ' ' || pg_catalog.pg_postmaster_start_time()::text)"

struct connection {
	struct connection *next;
	PGconn *pg;
	enum hm_role role;
	bool is_used; /* was in the pool before: it may have died there */
	struct cancelling *cancelling; /* what is to be cancelled on it (cancel.h); NULL: nothing */
	bool owes_sync; /* the answer to the last transaction's end was not waited for */
	char recovery
		[RECOVERY_TEXT_BYTES]; /* when PostgreSQL last recovered from a crash, in its words; "": not known */
	unsigned *prepared; /* by statement index: the version prepared here, 0: none */
	size_t n_prepared;
};

struct pool {
	pthread_mutex_t lock;
	pthread_cond_t freed;
	struct connection *idle;
	unsigned n_open, n_max;
	struct knock knock; /* making one */
	unsigned n_idle, n_waiting; /* connections in the pool; threads that wait for one */
	uint64_t waits, waited_us; /* how often one had to, and how long all together */
};

/* What a violated constraint is about, as learnt from the catalog. */
struct constraint {
	struct constraint *next;
	char *table, *name, *columns;
};

struct hm_store {
	char *service, *dsn, *user[HM_ROLE_COUNT];
	struct pool pools[HM_ROLE_COUNT];
	struct registry registry;
	pthread_mutex_t constraints_lock;
	struct constraint *constraints;
};

void pool_init(struct pool *pool, unsigned n_max);

/* pool_fini closes the idle connections; no other may be left. */
void pool_fini(struct pool *pool);

/* pool_take waits for a connection until the options' deadline, or until they are cancelled. fresh: a new one, and every idle
 * one is dropped, because one of them turned out to be dead. RESOURCE_EXHAUSTED when none became free, CANCELLED, UNAVAILABLE
 * when none could be made: while PostgreSQL lets nobody in, one thread at a time finds that out (knock.h). */
hm_status pool_take(struct hm_store *store, const struct hm_tx_options *options, bool fresh,
		    struct connection **ret_connection);
void pool_give(struct hm_store *store, struct connection *connection);
void pool_drop(struct hm_store *store, struct connection *connection);

/* connection_open connects as the store's role, within the deadline. */
hm_status connection_open(const struct hm_store *store, enum hm_role role, int64_t deadline_us,
			  struct connection **ret_connection);
void connection_close(struct connection *connection);

/* connection_is_alive takes in what arrived while nobody looked; false if that was the end. */
bool connection_is_alive(struct connection *connection);

/* connection_prepared points at the version of a statement that is prepared here. */
unsigned *connection_prepared(struct connection *connection, const struct statement *statement);

/* socket_wait waits for poll's events on the connection's socket; false when the deadline (0: none) has come. */
bool socket_wait(const PGconn *pg, short events, int64_t deadline_us);
