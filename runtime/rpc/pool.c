/* Pool: two lines, one lock, and a thread woken only when one sleeps. */
#include "rpc/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "rpc/serving.h"

enum { REFUSED_MAX = 256, THREADS_LIMIT = 1024, NAME_BYTES = 16 };

struct line {
	struct hm_call *first, **end;
	uint32_t count, max;
};

struct hm_pool {
	char name[NAME_BYTES];
	void (*work)(struct hm_serving *serving);
	pthread_mutex_t lock;
	pthread_cond_t added;
	struct line waiting, refused;
	bool refused_next; /* the lines take turns */
	bool is_stopping;
	uint32_t n_threads, n_idle, threads_max;
	pthread_t threads[];
};

static void line_add(struct line *line, struct hm_call *call)
{
	call->next = NULL;
	*line->end = call;
	line->end = &call->next;
	line->count++;
}

static struct hm_call *line_take(struct line *line)
{
	struct hm_call *call = line->first;

	line->first = call->next;
	if (!line->first)
		line->end = &line->first;
	line->count--;
	return call;
}

static struct hm_call *take_call(struct hm_pool *pool)
{
	bool is_refused = pool->refused.count && (pool->refused_next || !pool->waiting.count);

	pool->refused_next = !is_refused;
	if (is_refused)
		return line_take(&pool->refused);
	return pool->waiting.count ? line_take(&pool->waiting) : NULL;
}

static void *run(void *user)
{
	struct hm_pool *pool = user;
	struct hm_call *call;

	pthread_mutex_lock(&pool->lock);
	for (;;) {
		call = take_call(pool);
		if (call) {
			pthread_mutex_unlock(&pool->lock);
			pool->work((struct hm_serving *)call);
			pthread_mutex_lock(&pool->lock);
		} else if (pool->is_stopping) {
			break;
		} else {
			pool->n_idle++;
			pthread_cond_wait(&pool->added, &pool->lock);
			pool->n_idle--;
		}
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

/* Signals are for the program's own threads. If no thread can be had, those that run must do. */
static void start_thread(struct hm_pool *pool)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!pthread_create(&pool->threads[pool->n_threads], NULL, run, pool))
		pthread_setname_np(pool->threads[pool->n_threads++], pool->name);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

struct hm_pool *hm_pool_open(const char *name, uint32_t threads_max, uint32_t queue_max,
			     void (*work)(struct hm_serving *serving))
{
	struct hm_pool *pool;

	if (threads_max > THREADS_LIMIT)
		threads_max = THREADS_LIMIT;
	pool = calloc(1, sizeof *pool + threads_max * sizeof *pool->threads);
	if (!pool)
		abort();
	snprintf(pool->name, sizeof pool->name, "%s", name);
	pool->work = work;
	pool->threads_max = threads_max;
	pool->waiting = (struct line){ .end = &pool->waiting.first, .max = queue_max };
	pool->refused = (struct line){ .end = &pool->refused.first, .max = REFUSED_MAX };
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->added, NULL);
	return pool;
}

bool hm_pool_add(struct hm_pool *pool, struct hm_serving *serving, bool is_refused)
{
	struct line *line = is_refused ? &pool->refused : &pool->waiting;
	bool fits;

	pthread_mutex_lock(&pool->lock);
	if (pool->waiting.count + pool->refused.count >= pool->n_idle && pool->n_threads < pool->threads_max &&
	    !pool->is_stopping)
		start_thread(pool);
	fits = line->count < line->max && pool->n_threads && !pool->is_stopping;
	if (fits) {
		line_add(line, &serving->call);
		if (pool->n_idle)
			pthread_cond_signal(&pool->added);
	}
	pthread_mutex_unlock(&pool->lock);
	return fits;
}

void hm_pool_stop(struct hm_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_stopping = true;
	pthread_cond_broadcast(&pool->added);
	pthread_mutex_unlock(&pool->lock);
	for (uint32_t i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pool->n_threads = 0;
}

void hm_pool_close(struct hm_pool *pool)
{
	if (!pool)
		return;
	hm_pool_stop(pool);
	pthread_cond_destroy(&pool->added);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}
