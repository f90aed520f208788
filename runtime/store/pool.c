/* Pools: a stack of idle connections and a count of all. */
#include "store/pool.h"

#include <errno.h>
#include <time.h>

#include "base/clock.h"

void pool_init(struct pool *pool, unsigned n_max)
{
	pthread_condattr_t attributes;

	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->freed, &attributes);
	pthread_condattr_destroy(&attributes);
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
	pthread_cond_destroy(&pool->freed);
	pthread_mutex_destroy(&pool->lock);
}

/* With the lock held: until there is an idle connection, or room for a new one. */
static bool wait_for_room(struct pool *pool, int64_t deadline_us)
{
	const struct timespec deadline = {
		.tv_sec = deadline_us / HM_US_PER_S,
		.tv_nsec = deadline_us % HM_US_PER_S * 1000,
	};
	int error = 0;

	while (!pool->idle && pool->n_open >= pool->n_max && error != ETIMEDOUT)
		error = deadline_us ? pthread_cond_timedwait(&pool->freed, &pool->lock, &deadline)
				    : pthread_cond_wait(&pool->freed, &pool->lock);
	return pool->idle || pool->n_open < pool->n_max;
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
	pthread_mutex_unlock(&pool->lock);
	for (const struct connection *at = idle; at; at = at->next)
		n++;
	close_all(idle);
	if (n)
		free_places(pool, n);
}

/* An idle connection, or the right to make one: then *ret_connection is NULL. */
static hm_status take_place(struct hm_store *store, enum hm_role role, int64_t deadline_us,
			    struct connection **ret_connection)
{
	struct pool *pool = &store->pools[role];
	bool has_room;

	pthread_mutex_lock(&pool->lock);
	has_room = wait_for_room(pool, deadline_us);
	*ret_connection = pool->idle;
	if (pool->idle)
		pool->idle = pool->idle->next;
	else if (has_room)
		pool->n_open++;
	pthread_mutex_unlock(&pool->lock);
	if (!has_room)
		return hm_raise(RESOURCE_EXHAUSTED, "all %u connections of %s are busy", pool->n_max,
				store->user[role]);
	return HM_OK;
}

hm_status pool_take(struct hm_store *store, enum hm_role role, bool fresh, int64_t deadline_us,
		    struct connection **ret_connection)
{
	struct pool *pool = &store->pools[role];
	hm_status status;

	if (fresh)
		purge(pool);
	for (;;) {
		TRY(take_place(store, role, deadline_us, ret_connection));
		if (!*ret_connection)
			break;
		if (!fresh && connection_is_alive(*ret_connection))
			return HM_OK;
		pool_drop(store, *ret_connection);
	}
	status = connection_open(store, role, deadline_us, ret_connection);
	if (status != HM_OK)
		free_places(pool, 1);
	return status;
}

void pool_give(struct hm_store *store, struct connection *connection)
{
	struct pool *pool = &store->pools[connection->role];

	connection->is_used = true;
	pthread_mutex_lock(&pool->lock);
	connection->next = pool->idle;
	pool->idle = connection;
	pthread_cond_signal(&pool->freed);
	pthread_mutex_unlock(&pool->lock);
}

void pool_drop(struct hm_store *store, struct connection *connection)
{
	struct pool *pool = &store->pools[connection->role];

	connection_close(connection);
	free_places(pool, 1);
}
