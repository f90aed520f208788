/* Transactions on a real database: brand, roles, ends good and bad, deadlines, many at once. */
#include <pthread.h>

#include "base/clock.h"
#include "base/id.h"
#include "tests/storetest.h"

static int64_t count(struct hm_tx *tx, const struct hm_query *query)
{
	Storetest__Row reply = STORETEST__ROW__INIT;

	must(hm_tx_query(tx, query, NULL, NULL, &reply.base, NULL));
	return reply.big;
}

Test(tx, a_brand_sees_its_own_rows_alone)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx;

	(void)storetest_put(&test, "loop", "a");
	(void)storetest_put(&test, "nova", "a");
	(void)storetest_put(&test, "nova", "b");
	tx = storetest_tx(&test, "loop", true, 0);
	cr_expect_eq(count(tx, &storetest_sql_count), 1);
	must(hm_tx_commit(tx));
	tx = storetest_tx(&test, "nova", true, 0);
	cr_expect_eq(count(tx, &storetest_sql_count), 2);
	must(hm_tx_commit(tx));
	storetest_close(&test);
}

Test(tx, without_a_brand_there_are_no_rows_even_on_a_connection_that_had_one)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx;

	(void)storetest_put(&test, "loop", "a");
	tx = storetest_tx(&test, "", true, 0);
	cr_expect_eq(count(tx, &storetest_sql_count), 0);
	must(hm_tx_commit(tx));
	refuses(INTERNAL, hm_tx_open(test.store, &test.arena, &(struct hm_tx_options){ .brand = NULL }, &tx));
	storetest_close(&test);
}

Test(tx, the_system_role_sees_every_brand)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx;

	(void)storetest_put(&test, "loop", "a");
	(void)storetest_put(&test, "nova", "a");
	must(hm_tx_open(test.store, &test.arena, &(struct hm_tx_options){ .role = HM_ROLE_SYSTEM, .read_only = true },
			&tx));
	cr_expect_eq(count(tx, &storetest_sql_count_all), 2);
	hm_tx_rollback(tx);
	storetest_close(&test);
}

Test(tx, a_row_of_another_brand_cannot_be_written)
{
	static const char *const none[] = { NULL };
	static const struct hm_query smuggle = {
		.name = "smuggle",
		.sql = "INSERT INTO rows (brand_id, id) VALUES ('nova', '01980000-0000-7000-8000-000000000001')",
		.rows = HM_ROWS_NONE,
		.parameters = none,
	};
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	refuses(PERMISSION_DENIED, hm_tx_query(tx, &smuggle, NULL, NULL, NULL, NULL));
	hm_tx_rollback(tx);
	storetest_close(&test);
}

Test(tx, a_reader_cannot_write)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, 0);

	refuses(INTERNAL, storetest_write(tx, "a"));
	hm_tx_rollback(tx);
	cr_expect_eq(storetest_count(&test, "loop", "a"), 0);
	storetest_close(&test);
}

Test(tx, nothing_is_left_of_a_rollback)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	cr_expect_not(hm_tx_is_active(tx));
	must(storetest_write(tx, "a"));
	cr_expect(hm_tx_is_active(tx));
	hm_tx_rollback(tx);
	cr_expect_not(hm_tx_is_active(tx));
	hm_tx_rollback(tx);
	hm_tx_rollback(NULL);
	cr_expect_eq(storetest_count(&test, "loop", "a"), 0);
	(void)storetest_put(&test, "loop", "a");
	storetest_close(&test);
}

Test(tx, what_is_appended_commits_with_the_rest)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	must(storetest_write(tx, "query"));
	must(storetest_append(tx, "appended"));
	cr_expect_eq(storetest_count(&test, "loop", "appended"), 0);
	must(hm_tx_commit(tx));
	cr_expect_eq(storetest_count(&test, "loop", "query"), 1);
	cr_expect_eq(storetest_count(&test, "loop", "appended"), 1);
	storetest_close(&test);
}

Test(tx, a_failing_append_undoes_everything)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	(void)storetest_put(&test, "loop", "taken");
	must(storetest_write(tx, "new"));
	must(storetest_append(tx, "taken"));
	refuses(ALREADY_EXISTS, hm_tx_commit(tx));
	cr_expect_str_eq(hm_error_get()->message, "words: exists already");
	cr_expect_eq(storetest_count(&test, "loop", "new"), 0);
	(void)storetest_put(&test, "loop", "new");
	storetest_close(&test);
}

Test(tx, a_transaction_of_appends_alone_commits_in_one_burst)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);

	must(storetest_append(tx, "a"));
	must(storetest_append(tx, "b"));
	must(hm_tx_commit(tx));
	cr_expect_eq(storetest_count(&test, "loop", "a") + storetest_count(&test, "loop", "b"), 2);
	storetest_close(&test);
}

Test(tx, one_without_statements_needs_no_database)
{
	struct hm_store *store;
	struct hm_arena arena = { 0 };
	struct hm_tx *tx;

	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = "host=/nowhere" }, &store));
	must(hm_tx_open(store, &arena, &(struct hm_tx_options){ .brand = "loop" }, &tx));
	must(hm_tx_commit(tx));
	hm_store_close(store);
	hm_arena_fini(&arena);
}

Test(tx, an_unreachable_database_is_unavailable)
{
	struct hm_store *store;
	struct hm_arena arena = { 0 };
	struct hm_tx *tx;

	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = "host=/nowhere" }, &store));
	must(hm_tx_open(store, &arena, &(struct hm_tx_options){ .brand = "loop" }, &tx));
	refuses(UNAVAILABLE, storetest_write(tx, "a"));
	hm_tx_rollback(tx);
	hm_store_close(store);
	hm_arena_fini(&arena);
}

Test(tx, a_constraint_checked_at_commit_fails_the_commit)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.words = "twice";
	must(hm_tx_query(tx, &storetest_sql_defer, &row.base, NULL, NULL, NULL));
	must(hm_tx_query(tx, &storetest_sql_defer, &row.base, NULL, NULL, NULL));
	refuses(ALREADY_EXISTS, hm_tx_commit(tx));
	cr_expect_str_eq(hm_error_get()->message, "words: exists already");
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM notes.deferring"), 0);
	(void)storetest_put(&test, "loop", "next");
	storetest_close(&test);
}

Test(tx, a_statement_past_the_deadline_is_ended_and_its_connection_kept)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, 300);

	refuses(DEADLINE_EXCEEDED, hm_tx_query(tx, &storetest_sql_sleep, NULL, NULL, NULL, NULL));
	hm_tx_rollback(tx);
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'notes_app'"
					" AND datname = current_database() AND state = 'idle'"),
		     1);
	(void)storetest_put(&test, "loop", "next");
	storetest_close(&test);
}

Test(tx, a_deadline_further_off_than_postgresql_counts_is_fine)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, UINT32_MAX);

	cr_expect_eq(count(tx, &storetest_sql_count), 0);
	must(hm_tx_commit(tx));
	storetest_close(&test);
}

Test(tx, a_deadline_that_has_passed_sends_nothing)
{
	struct storetest test = storetest_open(1);
	const struct hm_tx_options options = { .brand = "loop", .deadline_us = hm_clock_mono_us() - 1 };
	struct hm_tx *tx;

	must(hm_tx_open(test.store, &test.arena, &options, &tx));
	refuses(DEADLINE_EXCEEDED, storetest_write(tx, "a"));
	cr_expect_not(hm_tx_is_active(tx));
	storetest_close(&test);
}

Test(tx, waiting_for_a_connection_ends_with_the_deadline)
{
	struct storetest test = storetest_open(1);
	struct hm_tx *first = storetest_tx(&test, "loop", false, 0), *second;

	must(storetest_write(first, "a"));
	second = storetest_tx(&test, "loop", false, 500); /* long enough that it is waiting when it is over */
	refuses(RESOURCE_EXHAUSTED, storetest_write(second, "b"));
	must(hm_tx_commit(first));
	(void)storetest_put(&test, "loop", "c");
	storetest_close(&test);
}

struct crowd {
	struct storetest *test;
	unsigned failures;
};

/* Each thread writes, reads what it wrote, and sometimes changes its mind. */
static void *crowd_member(void *argument)
{
	struct crowd *crowd = argument;
	struct storetest own = *crowd->test;

	own.arena = (struct hm_arena){ 0 };
	for (int i = 0; i < 40; i++) {
		struct hm_tx *tx = storetest_tx(&own, "loop", false, 0);
		struct hm_id id = hm_id_new();
		char words[HM_ID_TEXT_BYTES];

		hm_id_format(&id, words);
		crowd->failures += storetest_write(tx, words) != HM_OK;
		if (i % 4 == 0)
			hm_tx_rollback(tx);
		else
			crowd->failures += hm_tx_commit(tx) != HM_OK;
	}
	hm_arena_fini(&own.arena);
	return NULL;
}

Test(tx, many_threads_share_few_connections)
{
	struct storetest test = storetest_open(3);
	struct crowd crowds[8];
	pthread_t threads[8];

	for (int i = 0; i < 8; i++) {
		crowds[i] = (struct crowd){ .test = &test };
		cr_assert_eq(pthread_create(&threads[i], NULL, crowd_member, &crowds[i]), 0);
	}
	for (int i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		cr_expect_eq(crowds[i].failures, 0);
	}
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM notes.rows"), 8 * 30);
	cr_expect_leq(test_sql(test.dsn, "SELECT count(*) FROM pg_stat_activity WHERE usename = 'notes_app'"
					 " AND datname = current_database()"),
		      3);
	storetest_close(&test);
}
