/* Transactions that lose something on a real database: their connection at every moment, their plan, the answer to their commit. */
#include <pthread.h>
#include <time.h>

#include "base/clock_manual.h"
#include "store/pool.h"
#include "store/tx.h"
#include "tests/relay.h"
#include "tests/storetest.h"

Test(tx, a_connection_killed_half_way_is_unavailable_and_the_next_one_works)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	must(storetest_write(tx, "a"));
	storetest_kill(&test);
	refuses(UNAVAILABLE, storetest_write(tx, "b"));
	refuses(INTERNAL, storetest_write(tx, "c"));
	hm_tx_rollback(tx);
	cr_expect_eq(storetest_count(&test, "loop", "a"), 0);
	(void)storetest_put(&test, "loop", "a");
	storetest_close(&test);
}

Test(tx, a_connection_that_died_in_the_pool_is_not_noticed_by_the_caller)
{
	struct storetest test = storetest_open(2);

	(void)storetest_put(&test, "loop", "a");
	storetest_kill(&test);
	(void)storetest_put(&test, "loop", "b");
	cr_expect_eq(storetest_count(&test, "loop", "b"), 1);
	storetest_close(&test);
}

Test(tx, a_plan_gone_stale_is_made_again)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, 0);
	Storetest__Row row = STORETEST__ROW__INIT, reply = STORETEST__ROW__INIT;

	row.id = storetest_put(&test, "loop", "a");
	must(hm_tx_query(tx, &storetest_sql_get, &row.base, NULL, &reply.base, NULL));
	must(hm_tx_commit(tx));
	(void)test_sql(test.dsn, "ALTER TABLE notes.rows ALTER whole TYPE smallint, ALTER words TYPE varchar(99)");
	tx = storetest_tx(&test, "loop", true, 0);
	must(hm_tx_query(tx, &storetest_sql_get, &row.base, NULL, &reply.base, NULL));
	cr_expect_str_eq(reply.words, "a");
	must(hm_tx_commit(tx));
	storetest_close(&test);
}

Test(tx, a_plan_gone_stale_half_way_asks_to_run_the_call_again)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, 0);
	Storetest__Row row = STORETEST__ROW__INIT, reply = STORETEST__ROW__INIT;

	row.id = storetest_put(&test, "loop", "a");
	must(hm_tx_query(tx, &storetest_sql_get, &row.base, NULL, &reply.base, NULL));
	must(hm_tx_commit(tx));
	(void)test_sql(test.dsn, "ALTER TABLE notes.rows ALTER whole TYPE smallint");
	tx = storetest_tx(&test, "nova", false, 0);
	must(hm_tx_query(tx, &storetest_sql_defer, &row.base, NULL, NULL, NULL));
	refuses(ABORTED, hm_tx_query(tx, &storetest_sql_get, &row.base, NULL, &reply.base, NULL));
	cr_expect_str_eq(hm_error_get()->reason, "SERIALIZATION");
	hm_tx_rollback(tx);
	tx = storetest_tx(&test, "loop", true, 0);
	must(hm_tx_query(tx, &storetest_sql_get, &row.base, NULL, &reply.base, NULL));
	must(hm_tx_commit(tx));
	storetest_close(&test);
}

Test(tx, a_commit_whose_answer_was_lost_is_found_out_to_have_happened)
{
	struct storetest test = storetest_open(2), relayed = { .store = NULL };
	char dsn[TEST_DSN_BYTES];
	struct relay *relay = relay_open(test.dsn, dsn);
	struct hm_tx *tx;

	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = dsn }, &relayed.store));
	tx = storetest_tx(&relayed, "loop", false, 0);
	must(storetest_write(tx, "a"));
	relay_cut_next(relay);
	must(hm_tx_commit(tx));
	cr_expect_eq(storetest_count(&test, "loop", "a"), 1);
	storetest_close(&relayed);
	relay_close(relay);
	storetest_close(&test);
}

Test(tx, a_commit_that_died_is_found_out_not_to_have_happened)
{
	struct storetest test = storetest_open(2);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.words = "a";
	must(hm_tx_query(tx, &storetest_sql_die_at_commit, &row.base, NULL, NULL, NULL));
	refuses(UNAVAILABLE, hm_tx_commit(tx));
	cr_expect_not(hm_error_get()->maybe_processed);
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM notes.dying"), 0);
	storetest_close(&test);
}

/* Its connection was made before a recovery, as far as it can tell. */
static void seem_recovered(struct hm_tx *tx)
{
	*tx->connection->recovery = '?';
}

Test(tx, after_a_recovery_a_committed_id_may_be_anothers)
{
	struct storetest test = storetest_open(2), relayed = { .store = NULL };
	char dsn[TEST_DSN_BYTES];
	struct relay *relay = relay_open(test.dsn, dsn);
	struct hm_tx *tx;

	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = dsn }, &relayed.store));
	tx = storetest_tx(&relayed, "loop", false, 0);
	must(storetest_write(tx, "a"));
	seem_recovered(tx);
	relay_cut_next(relay);
	refuses(UNKNOWN, hm_tx_commit(tx));
	cr_expect(hm_error_get()->maybe_processed);
	storetest_close(&relayed);
	relay_close(relay);
	storetest_close(&test);
}

Test(tx, after_a_recovery_an_id_that_is_not_committed_never_was)
{
	struct storetest test = storetest_open(2);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.words = "a";
	must(hm_tx_query(tx, &storetest_sql_die_at_commit, &row.base, NULL, NULL, NULL));
	seem_recovered(tx);
	refuses(UNAVAILABLE, hm_tx_commit(tx));
	cr_expect_not(hm_error_get()->maybe_processed);
	storetest_close(&test);
}

Test(tx, an_id_that_a_recovery_has_not_given_out_again_was_never_committed)
{
	struct storetest test = storetest_open(2);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	must(storetest_write(tx, "a"));
	*tx->recovery = '?';
	tx->xid += 1000000;
	refuses(UNAVAILABLE, outcome_ask(tx));
	hm_tx_rollback(tx);
	storetest_close(&test);
}

static _Atomic hm_status found;

static void *ask(void *tx)
{
	return (void *)(intptr_t)(found = outcome_ask(tx));
}

Test(tx, what_is_under_way_is_waited_for_whatever_there_was_before, .timeout = 60, .init = hm_clock_take)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000000 };
	struct storetest test = storetest_open(2);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
	pthread_t thread;

	must(storetest_write(tx, "a"));
	*tx->recovery = '?';
	found = HM_OK;
	cr_assert_eq(pthread_create(&thread, NULL, ask, tx), 0);
	for (; found == HM_OK; nanosleep(&pause, NULL))
		hm_clock_advance_ms(100);
	pthread_join(thread, NULL);
	cr_expect_eq(found, HM_UNKNOWN, "%s", hm_status_name(found));
	must(hm_tx_commit(tx));
	storetest_close(&test);
}

Test(tx, a_commit_whose_outcome_cannot_be_asked_is_unknown)
{
	struct storetest test = storetest_open(2), relayed = { .store = NULL };
	char dsn[TEST_DSN_BYTES];
	struct relay *relay = relay_open(test.dsn, dsn);
	struct hm_tx *tx;

	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = dsn }, &relayed.store));
	(void)storetest_put(&relayed, "loop", "prepared");
	tx = storetest_tx(&relayed, "loop", false, 0);
	must(storetest_append(tx, "a")); /* nothing is sent yet, so the transaction's id is not known */
	relay_cut_next(relay);
	refuses(UNKNOWN, hm_tx_commit(tx));
	cr_expect(hm_error_get()->maybe_processed);
	storetest_close(&relayed);
	relay_close(relay);
	storetest_close(&test);
}
