/* Cancelling statements: the one that is meant, and no other, whatever the moment. */
#include <pthread.h>
#include <sched.h>

#include "base/clock.h"
#include "tests/storetest.h"

enum { MOMENTS = 300 };

/* A transaction of one statement, in a thread of its own. */
struct victim {
	struct storetest *test;
	const struct hm_query *query;
	unsigned timeout_ms;
	struct hm_cancel cancel;
	hm_status status;
	pthread_t thread;
};

static struct hm_tx *open_cancellable(struct storetest *test, struct hm_arena *arena, unsigned timeout_ms,
				      struct hm_cancel *cancel)
{
	const struct hm_tx_options options = {
		.brand = "loop",
		.deadline_us = timeout_ms ? hm_clock_mono_us() + timeout_ms * HM_US_PER_MS : 0,
		.cancel = cancel,
	};
	struct hm_tx *tx;

	must(hm_tx_open(test->store, arena, &options, &tx));
	return tx;
}

static hm_status run_and_commit(struct hm_tx *tx, const struct hm_query *query)
{
	Storetest__Row row = STORETEST__ROW__INIT;
	hm_status status;

	row.words = "a";
	status = hm_tx_query(tx, query, &row.base, NULL, NULL, NULL);
	if (status == HM_OK)
		return hm_tx_commit(tx);
	hm_tx_rollback(tx);
	return status;
}

static void *be_victim(void *argument)
{
	struct victim *victim = argument;
	struct hm_arena arena = { 0 };

	victim->status = run_and_commit(open_cancellable(victim->test, &arena, victim->timeout_ms, &victim->cancel),
					victim->query);
	hm_arena_fini(&arena);
	return NULL;
}

static void start(struct victim *victim)
{
	cr_assert_eq(pthread_create(&victim->thread, NULL, be_victim, victim), 0);
}

static void wait_until(const struct storetest *test, const char *sql)
{
	while (!test_sql(test->dsn, sql))
		sched_yield();
}

#define ACTIVE "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND usename = 'notes_app' "

Test(cancel, a_statement_is_ended_and_its_connection_kept, .timeout = 30)
{
	struct storetest test = storetest_open(1);
	struct victim victim = { .test = &test, .query = &storetest_sql_sleep };
	int64_t backend;

	start(&victim);
	wait_until(&test, ACTIVE "AND wait_event = 'PgSleep'");
	backend = test_sql(
		test.dsn,
		"SELECT pid FROM pg_stat_activity WHERE datname = current_database() AND wait_event = 'PgSleep'");
	hm_cancel_set(&victim.cancel);
	pthread_join(victim.thread, NULL);
	cr_expect_eq(victim.status, HM_CANCELLED, "%s", hm_status_name(victim.status));
	(void)storetest_put(&test, "loop", "next");
	cr_expect_eq(test_sql(test.dsn, "SELECT pid FROM pg_stat_activity WHERE usename = 'notes_app' "
					"AND datname = current_database()"),
		     backend);
	storetest_close(&test);
}

Test(cancel, a_wait_for_an_advisory_lock_is_ended, .timeout = 30)
{
	struct storetest test = storetest_open(2);
	struct victim victim = { .test = &test, .query = &storetest_sql_lock };
	struct hm_tx *holder = storetest_tx(&test, "loop", false, 0);

	must(hm_tx_query(holder, &storetest_sql_lock, NULL, NULL, NULL, NULL));
	start(&victim);
	wait_until(&test, ACTIVE "AND wait_event = 'advisory'");
	hm_cancel_set(&victim.cancel);
	pthread_join(victim.thread, NULL);
	cr_expect_eq(victim.status, HM_CANCELLED, "%s", hm_status_name(victim.status));
	must(hm_tx_commit(holder));
	storetest_close(&test);
}

Test(cancel, a_wait_for_a_connection_is_ended, .timeout = 30)
{
	struct storetest test = storetest_open(1);
	struct victim victim = { .test = &test, .query = &storetest_sql_nap };
	struct hm_tx *holder = storetest_tx(&test, "loop", false, 0);

	must(hm_tx_query(holder, &storetest_sql_nap, NULL, NULL, NULL, NULL));
	start(&victim);
	hm_cancel_set(&victim.cancel);
	pthread_join(victim.thread, NULL);
	cr_expect_eq(victim.status, HM_CANCELLED, "%s", hm_status_name(victim.status));
	must(hm_tx_commit(holder));
	storetest_close(&test);
}

/* One connection for all, so the next statement is there when a cancel comes late. It must not be hit, ever. */
Test(cancel, the_next_statement_of_a_connection_is_never_hit, .timeout = 60)
{
	struct storetest test = storetest_open(1);
	int n_cancelled = 0;

	for (int i = 0; i < MOMENTS; i++) {
		struct victim victim = { .test = &test, .query = &storetest_sql_nap };

		start(&victim);
		for (int moment = 0; moment < i; moment++)
			sched_yield();
		hm_cancel_set(&victim.cancel);
		pthread_join(victim.thread, NULL);
		cr_assert(victim.status == HM_OK || victim.status == HM_CANCELLED, "%s", hm_status_name(victim.status));
		n_cancelled += victim.status == HM_CANCELLED;
		must(run_and_commit(open_cancellable(&test, &test.arena, 0, NULL), &storetest_sql_nap));
		must(run_and_commit(open_cancellable(&test, &test.arena, 0, NULL), &storetest_sql_nap));
	}
	cr_expect_gt(n_cancelled, 0);
	storetest_close(&test);
}

Test(cancel, a_cancelled_transaction_sends_nothing_more, .timeout = 30)
{
	struct storetest test = storetest_open(1);
	struct hm_cancel cancel = { 0 };
	struct hm_tx *tx = open_cancellable(&test, &test.arena, 0, &cancel);
	Storetest__Row row = STORETEST__ROW__INIT;

	must(hm_tx_query(tx, &storetest_sql_defer, &row.base, NULL, NULL, NULL));
	hm_cancel_set(&cancel);
	refuses(CANCELLED, hm_tx_query(tx, &storetest_sql_defer, &row.base, NULL, NULL, NULL));
	refuses(CANCELLED, hm_tx_commit(tx));
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM notes.deferring"), 0);
	storetest_close(&test);
}

/* A commit's deferred triggers run after statement_timeout has been switched off. */
Test(cancel, a_commit_past_the_deadline_is_ended_too, .timeout = 30)
{
	struct storetest test = storetest_open(1);
	struct hm_cancel never = { 0 };

	refuses(DEADLINE_EXCEEDED,
		run_and_commit(open_cancellable(&test, &test.arena, 300, &never), &storetest_sql_sleep_at_commit));
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM notes.dozing"), 0);
	(void)storetest_put(&test, "loop", "next");
	storetest_close(&test);
}

/* Whoever cancelled, a call whose time was up failed for that. */
Test(cancel, what_is_both_cancelled_and_late_is_late, .timeout = 30)
{
	struct storetest test = storetest_open(1);
	struct hm_cancel cancel = { 0 };
	const struct hm_tx_options options = { .brand = "loop",
					       .deadline_us = hm_clock_mono_us() - 1,
					       .cancel = &cancel };
	struct hm_tx *tx;

	hm_cancel_set(&cancel);
	must(hm_tx_open(test.store, &test.arena, &options, &tx));
	refuses(DEADLINE_EXCEEDED, run_and_commit(tx, &storetest_sql_nap));
	storetest_close(&test);
}
