/* Stream pool: calls are handed over by a short list, never longer than there are threads on their way to it. */
#include "server/stream_pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/serving.h"
#include "server/worker.h"

enum {
	THREADS_LIMIT = 4096,
	NAME_BYTES = 16,
	SPARE_PART = 4, /* of threads_max; so many more are there for brands that have no stream open here */
};

struct hm_stream_pool {
	char name[NAME_BYTES];
	pthread_mutex_t lock;
	pthread_cond_t added;
	struct hm_call *first;
	uint32_t n_waiting; /* in the list */
	uint32_t n_threads, n_busy, threads_max, n_spare;
	bool is_stopping;
	uint16_t open[HM_TENANTS_MAX]; /* calls of a tenant that wait or are served */
	pthread_t threads[];
};

/* With the lock held, but for the work itself. */
static void serve(struct hm_stream_pool *pool)
{
	struct hm_call *call = pool->first;
	const uint32_t tenant = ((struct hm_serving *)call)->node.tenant;

	pool->first = call->next;
	pool->n_waiting--;
	pool->n_busy++;
	pthread_mutex_unlock(&pool->lock);
	call->now_us = hm_clock_mono_us();
	(void)hm_serving_work((struct hm_serving *)call);
	pthread_mutex_lock(&pool->lock);
	pool->n_busy--;
	pool->open[tenant]--;
}

static void *run(void *user)
{
	struct hm_stream_pool *pool = user;

	hm_worker_begin();
	pthread_mutex_lock(&pool->lock);
	for (;;) {
		if (pool->first)
			serve(pool);
		else if (pool->is_stopping)
			break;
		else
			pthread_cond_wait(&pool->added, &pool->lock);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Signals are for the program's own threads. */
static void start_thread(struct hm_stream_pool *pool)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!pthread_create(&pool->threads[pool->n_threads], NULL, run, pool))
		pthread_setname_np(pool->threads[pool->n_threads++], pool->name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct hm_stream_pool *hm_stream_pool_open(const char *name, uint32_t threads_max)
{
	struct hm_stream_pool *pool;
	uint32_t n_spare;

	if (threads_max > THREADS_LIMIT)
		threads_max = THREADS_LIMIT;
	n_spare = threads_max / SPARE_PART;
	pool = calloc(1, sizeof *pool + (threads_max + n_spare) * sizeof *pool->threads);
	if (!pool)
		abort();
	snprintf(pool->name, sizeof pool->name, "%s", name);
	pool->threads_max = threads_max;
	pool->n_spare = n_spare;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->added, NULL);
	return pool;
}

/* With the lock held: whether the tenant may have one more thread, and there is one. */
static bool has_thread(struct hm_stream_pool *pool, uint32_t tenant)
{
	const uint32_t n_taken = pool->n_busy + pool->n_waiting;

	if (n_taken >= pool->threads_max + (pool->open[tenant] ? 0 : pool->n_spare) || pool->is_stopping)
		return false;
	if (n_taken == pool->n_threads)
		start_thread(pool);
	return n_taken < pool->n_threads;
}

bool hm_stream_pool_add(struct hm_stream_pool *pool, struct hm_serving *serving)
{
	const uint32_t tenant = serving->node.tenant;
	bool fits;

	pthread_mutex_lock(&pool->lock);
	fits = has_thread(pool, tenant);
	if (fits) {
		pool->open[tenant]++;
		serving->call.next = pool->first;
		pool->first = &serving->call;
		pool->n_waiting++;
		pthread_cond_signal(&pool->added);
	}
	pthread_mutex_unlock(&pool->lock);
	return fits;
}

void hm_stream_pool_close(struct hm_stream_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_stopping = true;
	pthread_cond_broadcast(&pool->added);
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->added);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
