/*
 * Cancelling: a list of what is to be cancelled, and the thread that goes through it. It sleeps by the machine's clock, as PostgreSQL
 * does: a cancel that came too early is to be made again, though a test has the time stand still.
 */
#include "store/cancel.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

#include "base/clock.h"
#include "store/pool.h"
#include "store/tx.h"

enum { AGAIN_MS_FIRST = 20, AGAIN_MS_MAX = 1000, REASON_BYTES = 256 };

/* A connection's: it finds its own, and clears that, by the hand of the thread that has it. */
struct cancelling {
	struct cancelling *next;
	PGcancel *cancel;
	struct connection *connection; /* NULL: it is closed */
	struct hm_store *keeper; /* not NULL: give the connection to its pool afterwards */
	int64_t due_us, again_ms;
	bool is_running, is_over;
};

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct cancelling *first;
	bool has_thread;
} canceller = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

/* With the lock held. */
static void discard(struct cancelling *one)
{
	struct cancelling **link = &canceller.first;

	while (*link != one)
		link = &(*link)->next;
	*link = one->next;
	PQfreeCancel(one->cancel);
	free(one);
}

/* With the lock held: what is to be done next, NULL: nothing. */
static struct cancelling *find_next(void)
{
	struct cancelling *next = NULL;

	for (struct cancelling *one = canceller.first; one; one = one->next)
		if (!one->is_over && (!next || one->due_us < next->due_us))
			next = one;
	return next;
}

static void sleep_until(int64_t due_us)
{
	const struct timespec due = { .tv_sec = due_us / HM_US_PER_S, .tv_nsec = due_us % HM_US_PER_S * 1000 };

	pthread_cond_clockwait(&canceller.changed, &canceller.lock, CLOCK_MONOTONIC, &due);
}

/* With the lock held, but for the cancel itself. That it could not be made shows in that the statement goes on. */
static void run_one(struct cancelling *one)
{
	char reason[REASON_BYTES];

	one->is_running = true;
	pthread_mutex_unlock(&canceller.lock);
	(void)PQcancel(one->cancel, reason, sizeof reason);
	pthread_mutex_lock(&canceller.lock);
	one->is_running = false;
	one->due_us = hm_clock_machine_us() + one->again_ms * HM_US_PER_MS;
	one->again_ms = one->again_ms * 2 < AGAIN_MS_MAX ? one->again_ms * 2 : AGAIN_MS_MAX;
}

/* With the lock held: what nobody else has any more. */
static void let_go(struct cancelling *one)
{
	struct connection *connection = one->connection;
	struct hm_store *keeper = one->keeper;

	if (connection && !keeper)
		return;
	if (connection) {
		connection->cancelling = NULL;
		pthread_mutex_unlock(&canceller.lock);
		pool_give(keeper, connection);
		pthread_mutex_lock(&canceller.lock);
	}
	discard(one); /* behind the giving: canceller_wait sees it until then */
	pthread_cond_broadcast(&canceller.changed);
}

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&canceller.lock);
	for (;;) {
		struct cancelling *one = find_next();

		if (!one) {
			pthread_cond_wait(&canceller.changed, &canceller.lock);
		} else if (one->due_us > hm_clock_machine_us()) {
			sleep_until(one->due_us);
		} else {
			run_one(one);
			let_go(one);
		}
	}
	return NULL;
}

/* With the lock held. Without a thread statements end by their time-out alone. */
static void start_thread(void)
{
	sigset_t all, before;
	pthread_t thread;

	if (canceller.has_thread)
		return;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	canceller.has_thread = !pthread_create(&thread, NULL, run, NULL);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!canceller.has_thread)
		return;
	pthread_setname_np(thread, "cancel");
	pthread_detach(thread);
}

static struct cancelling *add(struct connection *connection)
{
	struct cancelling *one = calloc(1, sizeof *one);

	if (!one)
		abort();
	one->cancel = PQgetCancel(connection->pg);
	one->connection = connection;
	one->again_ms = AGAIN_MS_FIRST;
	one->next = canceller.first;
	canceller.first = one;
	return one;
}

void canceller_ask(struct connection *connection)
{
	pthread_mutex_lock(&canceller.lock);
	start_thread();
	if (!connection->cancelling)
		connection->cancelling = add(connection);
	connection->cancelling->is_over = false;
	connection->cancelling->due_us = 0;
	pthread_cond_broadcast(&canceller.changed);
	pthread_mutex_unlock(&canceller.lock);
}

/* Takes what is not running off the connection; returns what is. */
static struct cancelling *stop(struct connection *connection)
{
	struct cancelling *one = connection->cancelling;

	one->is_over = true;
	if (one->is_running)
		return one;
	connection->cancelling = NULL;
	discard(one);
	return NULL;
}

void canceller_stop(struct connection *connection)
{
	if (!connection->cancelling)
		return;
	pthread_mutex_lock(&canceller.lock);
	(void)stop(connection);
	pthread_mutex_unlock(&canceller.lock);
}

bool canceller_keeps(struct hm_store *store, struct connection *connection)
{
	struct cancelling *running;

	if (!connection->cancelling)
		return false;
	pthread_mutex_lock(&canceller.lock);
	running = stop(connection);
	if (running)
		running->keeper = store;
	pthread_mutex_unlock(&canceller.lock);
	return running;
}

void canceller_forget(struct connection *connection)
{
	struct cancelling *running;

	if (!connection->cancelling)
		return;
	pthread_mutex_lock(&canceller.lock);
	running = stop(connection);
	if (running)
		running->connection = NULL;
	pthread_mutex_unlock(&canceller.lock);
}

static bool is_keeper(const struct hm_store *store)
{
	for (const struct cancelling *one = canceller.first; one; one = one->next)
		if (one->keeper == store)
			return true;
	return false;
}

void canceller_wait(const struct hm_store *store)
{
	pthread_mutex_lock(&canceller.lock);
	while (is_keeper(store))
		pthread_cond_wait(&canceller.changed, &canceller.lock);
	pthread_mutex_unlock(&canceller.lock);
}

/* ---- A transaction's call is cancelled ------------------------------------------------------------------------------ */

static void wake(struct hm_cancel_watch *watch)
{
	const struct hm_tx *tx = (const struct hm_tx *)((char *)watch - offsetof(struct hm_tx, watch));

	canceller_ask(tx->connection);
}

void tx_watch(struct hm_tx *tx)
{
	if (!tx->options.cancel || !tx->connection)
		return;
	tx->watch.wake = wake;
	tx->is_watching = true;
	hm_cancel_begin_watch(tx->options.cancel, &tx->watch);
}

void tx_unwatch(struct hm_tx *tx)
{
	if (!tx->is_watching)
		return;
	hm_cancel_end_watch(tx->options.cancel);
	tx->is_watching = false;
}
