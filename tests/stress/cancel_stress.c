/*
 * Cancel stress: threads run transactions on few connections while others cancel them at every moment, as a server's transport does
 * under its lock. What nobody cancelled must never be cancelled; nothing may hang.
 *
 * A plain program because Criterion does not run under ThreadSanitizer: make VARIANT=tsan stress.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "store/cluster.h"
#include "store/migrate.h"
#include "store/store.h"
#include "storetest/storetest.sql.h"

enum { WORKERS = 5, CONNECTIONS = 3, SECONDS = 6 };

struct worker {
	struct hm_store *store;
	pthread_t thread;
	pthread_mutex_t lock; /* as a peer's: over its running calls, and who cancels one */
	struct hm_cancel *current;
};

static struct worker workers[WORKERS];
static _Atomic bool is_over;
static _Atomic unsigned long n_ok, n_cancelled, n_wrong;

static void die(const char *what)
{
	fprintf(stderr, "cancel_stress: %s: %s\n", what, hm_error_get()->message);
	exit(1);
}

static void set_current(struct worker *worker, struct hm_cancel *cancel)
{
	pthread_mutex_lock(&worker->lock);
	worker->current = cancel;
	pthread_mutex_unlock(&worker->lock);
}

static hm_status nap(struct worker *worker, struct hm_arena *arena, struct hm_cancel *cancel)
{
	const struct hm_tx_options options = { .brand = "loop", .cancel = cancel };
	struct hm_tx *tx;
	hm_status status;

	TRY(hm_tx_open(worker->store, arena, &options, &tx));
	status = hm_tx_query(tx, &storetest_sql_nap, NULL, NULL, NULL, NULL);
	if (status == HM_OK)
		return hm_tx_commit(tx);
	hm_tx_rollback(tx);
	return status;
}

static void *work(void *user)
{
	struct worker *worker = user;
	struct hm_arena arena = { 0 };

	while (!atomic_load(&is_over)) {
		struct hm_cancel cancel = { 0 };
		hm_status status;

		set_current(worker, &cancel);
		status = nap(worker, &arena, &cancel);
		set_current(worker, NULL);
		atomic_fetch_add(status == HM_OK ? &n_ok : status == HM_CANCELLED ? &n_cancelled : &n_wrong, 1);
		if (nap(worker, &arena, NULL) != HM_OK)
			atomic_fetch_add(&n_wrong, 1);
		hm_arena_reset(&arena);
	}
	hm_arena_fini(&arena);
	return NULL;
}

static void *cancel_all(void *unused)
{
	while (!atomic_load(&is_over))
		for (size_t i = 0; i < WORKERS; i++) {
			pthread_mutex_lock(&workers[i].lock);
			if (workers[i].current)
				hm_cancel_set(workers[i].current);
			pthread_mutex_unlock(&workers[i].lock);
			for (size_t rest = 0; rest < 100 * i; rest++)
				sched_yield();
		}
	return unused;
}

static struct hm_store *open_store(struct hm_cluster *cluster)
{
	const char *dsn = hm_cluster_dsn(cluster);
	struct hm_store *store;

	if (hm_cluster_admit(cluster, "notes") != HM_OK)
		die("roles");
	if (hm_migrate(&(struct hm_migrate_config){ .admin_dsn = hm_cluster_admin_dsn(cluster),
						    .dsn = dsn,
						    .service = "notes",
						    .directory = "tests/services/notes/migrations" }) != HM_OK)
		die("migrate");
	if (hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = dsn, .connections_max = CONNECTIONS },
			  &store) != HM_OK)
		die("store");
	return store;
}

static void run_all(struct hm_store *store)
{
	int64_t until_us = hm_clock_mono_us() + SECONDS * HM_US_PER_S;
	pthread_t canceller;

	for (size_t i = 0; i < WORKERS; i++) {
		workers[i].store = store;
		pthread_mutex_init(&workers[i].lock, NULL);
		pthread_create(&workers[i].thread, NULL, work, &workers[i]);
	}
	pthread_create(&canceller, NULL, cancel_all, NULL);
	while (hm_clock_mono_us() < until_us)
		sched_yield();
	atomic_store(&is_over, true);
	pthread_join(canceller, NULL);
	for (size_t i = 0; i < WORKERS; i++)
		pthread_join(workers[i].thread, NULL);
}

int main(void)
{
	char folder[] = "/tmp/hallmark-stress-XXXXXX", directory[sizeof folder + 3], command[sizeof folder + 8];
	struct hm_cluster *cluster;
	struct hm_store *store;

	if (!mkdtemp(folder) || chmod(folder, 0711))
		return 1;
	snprintf(directory, sizeof directory, "%s/pg", folder);
	if (hm_cluster_start(&(struct hm_cluster_config){ .directory = directory }, &cluster) != HM_OK)
		die("cluster");
	store = open_store(cluster);
	run_all(store);
	hm_store_close(store);
	hm_cluster_stop(cluster);
	snprintf(command, sizeof command, "rm -rf %s", folder);
	printf("cancel_stress: %lu done, %lu cancelled, %lu wrong\n", n_ok, n_cancelled, n_wrong);
	return system(command) || n_wrong || !n_cancelled;
}
