/* Pool: two lines, one lock, and a thread woken only when one sleeps and a call may run. */
#include "server/pool.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "server/serving.h"
#include "server/worker.h"

enum {
	REFUSED_MAX = 256,
	THREADS_LIMIT = 1024,
	SPARE_THREADS = 4, /* beyond threads_max, for brands that have nothing running */
	RUNNING_MIN = 4, /* the limiter goes no lower: calls that wait for something else would hold up all others */
	NAME_BYTES = 16,
	TYPICAL_SHIFT = 3, /* a call's time counts 1/8 in what is typical */
	PATIENCE = 2, /* so many times the wait that is foreseen must be bearable: it is a guess */
	RETRY_MAX_MS = 1000,
};

struct line {
	struct hm_call *first, **end;
	uint32_t count, max;
};

struct hm_pool {
	char name[NAME_BYTES];
	enum hm_outcome (*work)(struct hm_serving *serving);
	_Atomic uint32_t n_waiting; /* fair.count, for who has no lock */
	pthread_mutex_t lock;
	pthread_cond_t added;
	struct hm_fair waiting;
	struct line refused;
	struct hm_limiter limiter;
	bool refused_next; /* the lines take turns */
	bool is_stopping;
	uint32_t n_threads, threads_max;
	uint32_t n_idle, n_woken,
		n_born; /* woken: of the idle, called and not there yet; born: begun and not there yet */
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

static struct hm_serving *serving_of(struct hm_fair_node *node)
{
	return node ? (struct hm_serving *)(void *)((char *)node - offsetof(struct hm_serving, node)) : NULL;
}

static void publish_waiting(struct hm_pool *pool)
{
	atomic_store_explicit(&pool->n_waiting, pool->waiting.count, memory_order_relaxed);
}

static struct hm_serving *take_waiting(struct hm_pool *pool)
{
	struct hm_fair_node *node = hm_fair_take(&pool->waiting, hm_limiter_get(&pool->limiter), SPARE_THREADS);

	publish_waiting(pool);
	return serving_of(node);
}

static struct hm_serving *take_refused(struct hm_pool *pool)
{
	return pool->refused.count ? (struct hm_serving *)line_take(&pool->refused) : NULL;
}

static struct hm_serving *take_call(struct hm_pool *pool, bool *ret_is_refused)
{
	struct hm_serving *serving = pool->refused_next ? take_refused(pool) : take_waiting(pool);

	*ret_is_refused = pool->refused_next;
	if (!serving) {
		*ret_is_refused = !pool->refused_next;
		serving = pool->refused_next ? take_waiting(pool) : take_refused(pool);
	}
	pool->refused_next = !*ret_is_refused;
	return serving;
}

static void *run(void *user);

/* Signals are for the program's own threads. If no thread can be had, those that run must do. */
static void start_thread(struct hm_pool *pool)
{
	sigset_t all, before;

	if (pool->n_threads == pool->threads_max || pool->is_stopping)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (!pthread_create(&pool->threads[pool->n_threads], NULL, run, pool)) {
		pthread_setname_np(pool->threads[pool->n_threads++], pool->name);
		pool->n_born++;
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
}

/* Has one more thread come and look. */
static void call_thread(struct hm_pool *pool)
{
	if (pool->n_idle == pool->n_woken) {
		start_thread(pool);
		return;
	}
	pool->n_woken++;
	pthread_cond_signal(&pool->added);
}

static void rest(struct hm_pool *pool)
{
	pool->n_idle++;
	pthread_cond_wait(&pool->added, &pool->lock);
	pool->n_idle--;
	if (pool->n_woken)
		pool->n_woken--;
}

static uint32_t mean(uint32_t former, int64_t latest_us)
{
	int64_t value = former ? former + ((latest_us - former) >> TYPICAL_SHIFT) : latest_us;

	return value < 1 ? 1 : value > UINT32_MAX ? UINT32_MAX : (uint32_t)value;
}

static void learn(struct hm_pool *pool, struct hm_method_row *row, int64_t now_us, int64_t latency_us,
		  enum hm_outcome outcome)
{
	hm_limiter_feed(&pool->limiter, now_us, latency_us, pool->waiting.in_flight, outcome);
	if (outcome == HM_OUTCOME_SERVED)
		atomic_store_explicit(&row->typical_us, mean(row->typical_us, latency_us), memory_order_relaxed);
}

/* Whether more could run than do: the limit has grown, or a thread that was called has found another call. */
static bool has_more(const struct hm_pool *pool)
{
	return pool->waiting.count && pool->waiting.in_flight < hm_limiter_get(&pool->limiter);
}

/* With the lock held, but for the work itself. */
static void serve(struct hm_pool *pool, struct hm_serving *serving, bool is_refused)
{
	const uint32_t tenant = serving->node.tenant;
	struct hm_method_row *row = serving->row;
	enum hm_outcome outcome;
	int64_t began_us, ended_us;

	if (has_more(pool) && !pool->n_woken && !pool->n_born)
		call_thread(pool);
	pthread_mutex_unlock(&pool->lock);
	began_us = serving->call.now_us = hm_clock_mono_us();
	outcome = pool->work(serving);
	ended_us = hm_clock_mono_us();
	pthread_mutex_lock(&pool->lock);
	if (is_refused)
		return;
	learn(pool, row, ended_us, ended_us - began_us, outcome);
	hm_fair_end(&pool->waiting, tenant);
}

static void *run(void *user)
{
	struct hm_pool *pool = user;
	struct hm_serving *serving;
	bool is_refused;

	hm_worker_begin();
	pthread_mutex_lock(&pool->lock);
	pool->n_born--;
	for (;;) {
		serving = take_call(pool, &is_refused);
		if (serving)
			serve(pool, serving, is_refused);
		else if (pool->is_stopping) /* what the limit holds back is for those that run */
			break;
		else
			rest(pool);
	}
	pthread_mutex_unlock(&pool->lock);
	return NULL;
}

static uint32_t least(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

struct hm_pool *hm_pool_open(const struct hm_pool_config *config)
{
	const uint32_t threads = least(config->threads_max, THREADS_LIMIT);
	const uint32_t running = config->running_max ? least(config->running_max, threads) : threads;
	struct hm_pool *pool = calloc(1, sizeof *pool + (threads + SPARE_THREADS) * sizeof *pool->threads);

	if (!pool)
		abort();
	snprintf(pool->name, sizeof pool->name, "%s", config->name);
	pool->work = config->work;
	pool->threads_max = threads + SPARE_THREADS;
	hm_fair_init(&pool->waiting, config->queue_max);
	hm_limiter_init(&pool->limiter, config->running_max ? running : RUNNING_MIN, running);
	pool->refused = (struct line){ .end = &pool->refused.first, .max = REFUSED_MAX };
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->added, NULL);
	return pool;
}

hm_status hm_pool_raise_full(const struct hm_method_row *row)
{
	const char *what = row->method->kind == HM_UNARY ? "calls wait for a worker" : "streams are open";
	hm_status status = hm_raise(RESOURCE_EXHAUSTED, "%s: too many %s", row->method->name, what);

	hm_error_set_reason("QUEUE_FULL");
	hm_error_set_retry(RETRY_MAX_MS / 10);
	return status;
}

static hm_status raise_overloaded(const struct hm_method_row *row, int64_t wait_us)
{
	const int64_t retry_ms = wait_us / HM_US_PER_MS + 1;
	hm_status status = hm_raise(RESOURCE_EXHAUSTED,
				    "%s: about %lld ms would pass before it is begun: too much for its deadline",
				    row->method->name, (long long)(wait_us / HM_US_PER_MS));

	hm_error_set_reason("OVERLOADED");
	hm_error_set_retry(retry_ms < RETRY_MAX_MS ? (uint32_t)retry_ms : RETRY_MAX_MS);
	return status;
}

hm_status hm_pool_admit(struct hm_pool *pool, const struct hm_method_row *row, const struct hm_tenant *tenant,
			int64_t deadline_us, int64_t now_us)
{
	int64_t wait_us, typical_us;
	bool has_place;

	if (!atomic_load_explicit(&pool->n_waiting, memory_order_relaxed))
		return HM_OK;
	pthread_mutex_lock(&pool->lock);
	has_place = hm_fair_has_place(&pool->waiting, tenant->number);
	wait_us = hm_fair_ahead_us(&pool->waiting, tenant->number) / hm_limiter_get(&pool->limiter);
	pthread_mutex_unlock(&pool->lock);
	if (!has_place)
		return hm_pool_raise_full(row);
	typical_us = atomic_load_explicit(&row->typical_us, memory_order_relaxed);
	if (deadline_us && now_us + PATIENCE * wait_us + typical_us > deadline_us)
		return raise_overloaded(row, wait_us);
	return HM_OK;
}

/* With the lock held. */
static bool add(struct hm_pool *pool, struct hm_serving *serving, struct hm_serving **ret_evicted)
{
	const uint32_t tenant = serving->node.tenant;
	struct hm_fair_node *evicted;

	if (!hm_fair_add(&pool->waiting, &serving->node, &evicted))
		return false;
	*ret_evicted = serving_of(evicted);
	publish_waiting(pool);
	if (hm_fair_is_takeable(&pool->waiting, tenant, hm_limiter_get(&pool->limiter), SPARE_THREADS))
		call_thread(pool);
	else
		serving->has_waited = true;
	return true;
}

static bool add_refused(struct hm_pool *pool, struct hm_serving *serving)
{
	if (pool->refused.count == pool->refused.max)
		return false;
	line_add(&pool->refused, &serving->call);
	call_thread(pool);
	return true;
}

bool hm_pool_add(struct hm_pool *pool, struct hm_serving *serving, bool is_refused, struct hm_serving **ret_evicted)
{
	bool fits;

	*ret_evicted = NULL;
	pthread_mutex_lock(&pool->lock);
	if (!pool->n_threads)
		start_thread(pool);
	fits = pool->n_threads && !pool->is_stopping &&
	       (is_refused ? add_refused(pool, serving) : add(pool, serving, ret_evicted));
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
	hm_fair_fini(&pool->waiting);
	pthread_cond_destroy(&pool->added);
	pthread_mutex_destroy(&pool->lock);
	free(pool);
}

size_t hm_pool_list(struct hm_pool *pool, struct hm_pool_stats *ret_stats, struct hm_fair_share *ret_list, size_t max)
{
	size_t n;

	pthread_mutex_lock(&pool->lock);
	*ret_stats = (struct hm_pool_stats){
		.waiting = pool->waiting.count,
		.running = pool->waiting.in_flight,
		.limit = hm_limiter_get(&pool->limiter),
	};
	n = hm_fair_list(&pool->waiting, ret_list, max);
	pthread_mutex_unlock(&pool->lock);
	return n;
}

void hm_pool_stats(struct hm_pool *pool, struct hm_pool_stats *ret_stats)
{
	(void)hm_pool_list(pool, ret_stats, NULL, 0);
}
