/* Pools: a stack of idle connections and a count of all. */
#include "store/pool.h"

#include "base/clock.h"
#include "base/sleep.h"
#include "store/cancel.h"

void pool_init(struct pool *pool, unsigned n_max)
{
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->freed, NULL);
	knock_init(&pool->knock);
	pool->n_max = n_max;
}

static void close_all(struct connection *connections)
{
	while (connections) {
		struct connection *next = connections->next;

		connection_close(connections);
		connections = next;
	}
}

void pool_fini(struct pool *pool)
{
	close_all(pool->idle);
	knock_fini(&pool->knock);
	pthread_cond_destroy(&pool->freed);
	pthread_mutex_destroy(&pool->lock);
}

static bool has_room(const struct pool *pool)
{
	return pool->idle || pool->n_open < pool->n_max;
}

static bool is_cancelled(const struct hm_tx_options *options)
{
	return options->cancel && hm_cancel_is_set(options->cancel);
}

/* With the lock held: until there is an idle connection, or room for a new one. */
static void wait_for_room(struct pool *pool, const struct hm_tx_options *options)
{
	int64_t began_us;
	bool is_late = false;

	if (has_room(pool))
		return;
	began_us = hm_clock_mono_us();
	pool->n_waiting++;
	while (!has_room(pool) && !is_late && !is_cancelled(options))
		is_late = !hm_sleep_on(&pool->freed, &pool->lock, options->deadline_us);
	pool->n_waiting--;
	pool->waits++;
	pool->waited_us += (uint64_t)(hm_clock_mono_us() - began_us);
}

/* A place given up: its connection is closed, or could not be made. */
static void free_places(struct pool *pool, unsigned n)
{
	pthread_mutex_lock(&pool->lock);
	pool->n_open -= n;
	pthread_cond_broadcast(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

/* Empties the pool: what is idle beside a connection that died is most likely dead too. */
static void purge(struct pool *pool)
{
	struct connection *idle;
	unsigned n = 0;

	pthread_mutex_lock(&pool->lock);
	idle = pool->idle;
	pool->idle = NULL;
	pool->n_idle = 0;
	pthread_mutex_unlock(&pool->lock);
	for (const struct connection *at = idle; at; at = at->next)
		n++;
	close_all(idle);
	if (n)
		free_places(pool, n);
}

/* An idle connection, or the right to make one: then *ret_connection is NULL. False: neither is to be had. */
static bool try_place(struct pool *pool, const struct hm_tx_options *options, struct connection **ret_connection)
{
	bool had_room;

	pthread_mutex_lock(&pool->lock);
	if (options)
		wait_for_room(pool, options);
	had_room = has_room(pool);
	*ret_connection = pool->idle;
	if (pool->idle) {
		pool->idle = pool->idle->next;
		pool->n_idle--;
	} else {
		pool->n_open += had_room;
	}
	pthread_mutex_unlock(&pool->lock);
	return had_room;
}

struct pool_watch {
	struct hm_cancel_watch watch; /* first */
	struct pool *pool;
};

static void wake(struct hm_cancel_watch *watch)
{
	struct pool *pool = ((struct pool_watch *)watch)->pool;

	pthread_mutex_lock(&pool->lock);
	pthread_cond_broadcast(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

static bool wait_for_place(struct pool *pool, const struct hm_tx_options *options, struct connection **ret_connection)
{
	struct pool_watch watch = { .watch = { wake }, .pool = pool };
	bool had_room;

	if (!options->cancel)
		return try_place(pool, options, ret_connection);
	hm_cancel_begin_watch(options->cancel, &watch.watch);
	had_room = try_place(pool, options, ret_connection);
	hm_cancel_end_watch(options->cancel);
	return had_room;
}

static hm_status take_place(struct hm_store *store, const struct hm_tx_options *options,
			    struct connection **ret_connection)
{
	struct pool *pool = &store->pools[options->role];

	if (try_place(pool, NULL, ret_connection) || wait_for_place(pool, options, ret_connection))
		return HM_OK;
	if (is_cancelled(options))
		return hm_raise(CANCELLED, "the caller no longer waits, and %s had no connection yet",
				store->user[options->role]);
	return hm_raise(RESOURCE_EXHAUSTED, "all %u connections of %s are busy", pool->n_max,
			store->user[options->role]);
}

/* With a place: whether to make a connection in it. It is given up while another finds out whether one can be made. */
static hm_status await_turn(struct pool *pool, const struct hm_tx_options *options, uint64_t seen,
			    enum knock_turn *ret_turn)
{
	*ret_turn = knock_turn(&pool->knock, seen);
	if (*ret_turn != KNOCK_NOT)
		return HM_OK;
	free_places(pool, 1);
	return knock_wait(&pool->knock, seen, options);
}

hm_status pool_take(struct hm_store *store, const struct hm_tx_options *options, bool fresh,
		    struct connection **ret_connection)
{
	struct pool *pool = &store->pools[options->role];
	uint64_t seen = knock_count(&pool->knock);
	enum knock_turn turn = KNOCK_NOT;
	hm_status status;

	if (fresh)
		purge(pool);
	while (turn == KNOCK_NOT) {
		TRY(take_place(store, options, ret_connection));
		if (!*ret_connection) {
			TRY(await_turn(pool, options, seen, &turn));
			continue;
		}
		if (!fresh && connection_is_alive(*ret_connection))
			return HM_OK;
		pool_drop(store, *ret_connection);
	}
	status = connection_open(store, options->role, options->deadline_us, ret_connection);
	knock_end(&pool->knock, turn, status, options);
	if (status != HM_OK)
		free_places(pool, 1);
	return status;
}

void pool_give(struct hm_store *store, struct connection *connection)
{
	struct pool *pool = &store->pools[connection->role];

	if (canceller_keeps(store, connection))
		return;
	connection->is_used = true;
	pthread_mutex_lock(&pool->lock);
	connection->next = pool->idle;
	pool->idle = connection;
	pool->n_idle++;
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

void pool_drop(struct hm_store *store, struct connection *connection)
{
	struct pool *pool = &store->pools[connection->role];

	canceller_forget(connection);
	connection_close(connection);
	free_places(pool, 1);
}

void hm_store_pool_stats(struct hm_store *store, enum hm_role role, struct hm_pool_counts *ret_counts)
{
	struct pool *pool = &store->pools[role];

	pthread_mutex_lock(&pool->lock);
	*ret_counts = (struct hm_pool_counts){ .used = pool->n_open - pool->n_idle,
					       .idle = pool->n_idle,
					       .max = pool->n_max,
					       .waiting = pool->n_waiting,
					       .waits = pool->waits,
					       .waited_us = pool->waited_us };
	pthread_mutex_unlock(&pool->lock);
}
