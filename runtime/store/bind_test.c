/* Binding against a real database: every type there and back, NULLs, lists, and what does not fit. */
#include <string.h>

#include "google/protobuf/timestamp.pb-c.h"
#include "tests/storetest.h"

static const char id_text[] = "01980000-0000-7000-8000-0000000000ff";

static void init_full_row(Storetest__Row *row)
{
	static Google__Protobuf__Timestamp times[2], *time_list[] = { &times[0], &times[1] };
	static const char *names[] = { "a", "", "größer" }, *ids[] = { id_text };
	static int64_t numbers[] = { 0, -1, INT64_MAX };
	static uint8_t bytes[] = { 0, 1, 0xff };

	google__protobuf__timestamp__init(&times[0]);
	google__protobuf__timestamp__init(&times[1]);
	times[0].seconds = -1; /* 1969-12-31T23:59:59.999999Z */
	times[0].nanos = 999999000;
	times[1].seconds = 253402300799;
	*row = (Storetest__Row)STORETEST__ROW__INIT;
	row->id = id_text;
	row->has_flag = row->flag = true;
	row->has_small = true, row->small = -3;
	row->has_whole = true, row->whole = INT32_MIN;
	row->has_big = true, row->big = INT64_MIN;
	row->has_single = true, row->single = 1.5F;
	row->has_number = true, row->number = -1e300;
	row->words = "größer 🙂";
	row->short_words = "";
	row->has_raw = true, row->raw = (ProtobufCBinaryData){ sizeof bytes, bytes };
	row->at = &times[0];
	row->day = "2024-02-29";
	row->doc = "{\"a\": [1, null]}";
	row->plain = "[1,  2]";
	row->has_kind = true, row->kind = STORETEST__KIND__FANCY;
	row->has_kind_number = true, row->kind_number = STORETEST__KIND__FANCY;
	row->n_names = 3, row->names = names;
	row->n_numbers = 3, row->numbers = numbers;
	row->n_ids = 1, row->ids = ids;
	row->n_times = 2, row->times = time_list;
	row->has_large = true, row->large = INT64_MAX;
	row->choice_case = STORETEST__ROW__CHOICE_RIGHT, row->right = 42;
}

/* Stores a row and gives back what the database made of it. */
static Storetest__Row *there_and_back(struct storetest *test, const Storetest__Row *row)
{
	struct hm_tx *tx = storetest_tx(test, "loop", false, 0);
	Storetest__Row *back = hm_arena_alloc(&test->arena, sizeof *back);

	storetest__row__init(back);
	must(hm_tx_query(tx, &storetest_sql_put, &row->base, NULL, &back->base, NULL));
	must(hm_tx_commit(tx));
	return back;
}

Test(bind, brings_every_type_there_and_back)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row, *back;
	uint8_t sent[1024], got[1024];

	init_full_row(&row);
	back = there_and_back(&test, &row);
	cr_expect_str_eq(back->words, row.words);
	cr_expect_eq(back->kind, STORETEST__KIND__FANCY);
	cr_expect_eq(back->at->seconds, -1);
	cr_assert_lt(storetest__row__get_packed_size(back), sizeof got);
	cr_assert_eq(storetest__row__pack(back, got), storetest__row__pack(&row, sent));
	cr_expect_arr_eq(got, sent, storetest__row__get_packed_size(&row));
	cr_expect_eq(test_sql(test.dsn, "SELECT count(*) FROM notes.rows WHERE kind = 'FANCY' AND kind_number = 2"
					" AND at = '1969-12-31 23:59:59.999999+00' AND day = '2024-02-29'"
					" AND names = ARRAY['a', '', 'größer'] AND raw = '\\x0001ff'"),
		     1);
	storetest_close(&test);
}

Test(bind, keeps_absent_and_null_the_same)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row = STORETEST__ROW__INIT, *back;

	row.id = id_text;
	back = there_and_back(&test, &row);
	cr_expect_eq(storetest__row__get_packed_size(back), storetest__row__get_packed_size(&row));
	cr_expect_eq(test_sql(test.dsn,
			      "SELECT count(*) FROM notes.rows WHERE words IS NULL AND flag IS NULL AND raw IS NULL"
			      " AND at IS NULL AND kind IS NULL AND names = '{}' AND left_side IS NULL"),
		     1);
	storetest_close(&test);
}

Test(bind, keeps_empty_apart_from_absent)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row = STORETEST__ROW__INIT, *back;

	row.id = id_text;
	row.words = "";
	row.has_raw = true;
	row.has_big = true;
	row.choice_case = STORETEST__ROW__CHOICE_LEFT;
	row.left = "";
	back = there_and_back(&test, &row);
	cr_expect_str_eq(back->words, "");
	cr_expect(back->has_raw && back->raw.len == 0);
	cr_expect(back->has_big && back->big == 0);
	cr_expect(back->choice_case == STORETEST__ROW__CHOICE_LEFT && !*back->left);
	storetest_close(&test);
}

Test(bind, clears_what_a_null_column_finds_in_the_reply)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
	Storetest__Row row = STORETEST__ROW__INIT, reply;

	init_full_row(&reply);
	row.id = id_text;
	must(hm_tx_query(tx, &storetest_sql_put, &row.base, NULL, &reply.base, NULL));
	cr_expect_eq(storetest__row__get_packed_size(&reply), storetest__row__get_packed_size(&row));
	hm_tx_rollback(tx);
	storetest_close(&test);
}

/* Each of these breaks one field of a good row. */
static void break_uuid(Storetest__Row *row)
{
	row->id = "01980000-0000-7000-8000-0000000000fg";
}

static void break_utf8(Storetest__Row *row)
{
	row->short_words = "a\xff";
}

static void break_day(Storetest__Row *row)
{
	row->day = "2023-02-29";
}

static void break_small(Storetest__Row *row)
{
	row->small = 40000;
}

static void break_large(Storetest__Row *row)
{
	row->large = UINT64_MAX;
}

static void break_time(Storetest__Row *row)
{
	row->at->nanos = 1000000000;
}

static void break_kind(Storetest__Row *row)
{
	row->kind = (Storetest__Kind)7;
}

static void break_ids(Storetest__Row *row)
{
	row->ids[0] = "no uuid";
}

static const struct {
	void (*damage)(Storetest__Row *row);
	const char *field;
} damages[] = {
	{ break_uuid, "id" },     { break_utf8, "shortWords" }, { break_day, "day" },   { break_small, "small" },
	{ break_large, "large" }, { break_time, "at" },         { break_kind, "kind" }, { break_ids, "ids" },
};

Test(bind, names_the_field_that_does_not_fit)
{
	struct storetest test = storetest_open(0);

	for (size_t i = 0; i < sizeof damages / sizeof *damages; i++) {
		struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
		Storetest__Row row;

		init_full_row(&row);
		damages[i].damage(&row);
		refuses(INVALID_ARGUMENT, hm_tx_query(tx, &storetest_sql_put, &row.base, NULL, NULL, NULL));
		cr_assert_eq(hm_error_get()->n_violations, 1);
		cr_expect_str_eq(hm_error_get()->violations[0].field, damages[i].field);
		hm_tx_rollback(tx);
	}
	storetest_close(&test);
}

static hm_status run(struct storetest *test, const struct hm_query *query, ProtobufCMessage *reply)
{
	struct hm_tx *tx = storetest_tx(test, "loop", true, 0);
	Storetest__Row row = STORETEST__ROW__INIT;
	hm_status status;

	row.words = "w";
	row.id = id_text;
	status = hm_tx_query(tx, query, &row.base, NULL, reply, NULL);
	hm_tx_rollback(tx);
	return status;
}

Test(bind, calls_what_no_caller_can_mend_internal_and_says_where)
{
	static const struct hm_query *const queries[] = {
		&storetest_sql_sum,
		&storetest_sql_stranger,
		&storetest_sql_narrow,
		&storetest_sql_missing_argument,
		&storetest_sql_text_into_number,
		&storetest_sql_far_future,
		&storetest_sql_infinity,
	};
	struct storetest test = storetest_open(0);
	Storetest__Row reply = STORETEST__ROW__INIT;

	(void)storetest_put(&test, "loop", "w");
	for (size_t i = 0; i < sizeof queries / sizeof *queries; i++) {
		refuses(INTERNAL, run(&test, queries[i], &reply.base));
		cr_expect(strstr(hm_error_get()->message, "storetest/queries.sql:"), "%s", hm_error_get()->message);
	}
	storetest_close(&test);
}

Test(bind, the_last_moment_of_year_9999_is_a_timestamp)
{
	struct storetest test = storetest_open(0);
	Storetest__Row reply = STORETEST__ROW__INIT;

	(void)storetest_put(&test, "loop", "w");
	must(run(&test, &storetest_sql_last_moment, &reply.base));
	cr_expect_eq(reply.at->seconds, 253402300799);
	cr_expect_eq(reply.at->nanos, 999999000);
	storetest_close(&test);
}

Test(bind, refuses_null_for_a_required_field)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, 0);
	Storetest__Row row = STORETEST__ROW__INIT;
	Storetest__Strict reply = STORETEST__STRICT__INIT;

	row.id = storetest_put(&test, "loop", "");
	refuses(INTERNAL, hm_tx_query(tx, &storetest_sql_get_strict, &row.base, NULL, &reply.base, NULL));
	hm_tx_rollback(tx);
	storetest_close(&test);
}

Test(bind, promises_of_one_row_are_held)
{
	struct storetest test = storetest_open(0);
	Storetest__Row reply = STORETEST__ROW__INIT;

	refuses(NOT_FOUND, run(&test, &storetest_sql_every, &reply.base));
	(void)storetest_put(&test, "loop", "a");
	must(run(&test, &storetest_sql_every, &reply.base));
	cr_expect_str_eq(reply.words, "a");
	(void)storetest_put(&test, "loop", "b");
	refuses(INTERNAL, run(&test, &storetest_sql_every, &reply.base));
	storetest_close(&test);
}

Test(bind, an_optional_row_may_be_missing)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", true, 0);
	Storetest__Row row = STORETEST__ROW__INIT, reply = STORETEST__ROW__INIT;
	uint64_t rows = 7;

	(void)storetest_put(&test, "loop", "there");
	row.words = "not there";
	must(hm_tx_query(tx, &storetest_sql_find, &row.base, NULL, &reply.base, &rows));
	cr_expect_eq(rows, 0);
	row.words = "there";
	must(hm_tx_query(tx, &storetest_sql_find, &row.base, NULL, &reply.base, &rows));
	cr_expect_eq(rows, 1);
	cr_expect_str_eq(reply.words, "there");
	must(hm_tx_commit(tx));
	storetest_close(&test);
}

static Storetest__Rows list(struct storetest *test, unsigned page_size, const char *page_token)
{
	struct hm_tx *tx = storetest_tx(test, "loop", true, 0);
	Storetest__Row row = STORETEST__ROW__INIT;
	Storetest__Rows reply = STORETEST__ROWS__INIT;

	row.has_page_size = true;
	row.page_size = page_size;
	row.page_token = page_token;
	must(hm_tx_query(tx, &storetest_sql_list, &row.base, NULL, &reply.base, NULL));
	must(hm_tx_commit(tx));
	return reply;
}

Test(bind, pages_follow_one_another_by_token)
{
	struct storetest test = storetest_open(0);
	Storetest__Rows page;

	(void)storetest_put(&test, "loop", "a");
	(void)storetest_put(&test, "loop", "b");
	(void)storetest_put(&test, "loop", "c");
	page = list(&test, 2, NULL);
	cr_assert_eq(page.n_rows, 2);
	cr_expect_str_eq(page.rows[1]->words, "b");
	cr_expect_str_eq(page.next_page_token, page.rows[1]->id);
	page = list(&test, 2, page.next_page_token);
	cr_assert_eq(page.n_rows, 1);
	cr_expect_str_eq(page.rows[0]->words, "c");
	cr_expect_null(page.next_page_token, "a page that is not full is the last");
	storetest_close(&test);
}

Test(bind, a_list_without_page_size_has_no_token)
{
	struct storetest test = storetest_open(0);
	Storetest__Rows reply = STORETEST__ROWS__INIT;

	must(run(&test, &storetest_sql_list_all, &reply.base));
	cr_expect_eq(reply.n_rows, 0);
	(void)storetest_put(&test, "loop", "a");
	must(run(&test, &storetest_sql_list_all, &reply.base));
	cr_expect_eq(reply.n_rows, 1);
	cr_expect_null(reply.next_page_token);
	storetest_close(&test);
}

Test(bind, builtins_go_before_fields)
{
	struct storetest test = storetest_open(0);
	struct hm_tx *tx = storetest_tx(&test, "loop", false, 0);
	const struct hm_builtin builtins[] = { { "id", id_text },  { "whole", "7" },
					       { "flag", "true" }, { "at", "2026-11-22T10:00:00.5Z" },
					       { "words", NULL },  { NULL, NULL } };
	Storetest__Row row, reply = STORETEST__ROW__INIT;

	init_full_row(&row);
	row.id = "not looked at";
	must(hm_tx_query(tx, &storetest_sql_put, &row.base, builtins, &reply.base, NULL));
	cr_expect_str_eq(reply.id, id_text);
	cr_expect_eq(reply.whole, 7);
	cr_expect_eq(reply.at->nanos, 500000000);
	cr_expect_null(reply.words);
	hm_tx_rollback(tx);
	storetest_close(&test);
}
