/* The check of queries before their first call: what PostgreSQL refuses, and what does not fit the messages, by its place. */
#include <string.h>

#include "tests/storetest.h"

static const char *const no_names[] = { NULL };

static const struct hm_query_use unknown, rows_into_row = { .arguments = &storetest__row__descriptor,
							    .reply = &storetest__row__descriptor,
							    .builtins = no_names };

/* The check of one query out of services/x/queries.sql:7. */
static hm_status check(struct storetest *test, const char *sql, enum hm_rows rows, const char *const *parameters,
		       const struct hm_query_use *use)
{
	struct hm_query *query = hm_arena_zalloc(&test->arena, sizeof *query);

	*query = (struct hm_query){ .name = "bad",
				    .sql = sql,
				    .rows = rows,
				    .parameters = parameters,
				    .file = "services/x/queries.sql",
				    .line = 7 };
	return hm_store_check(test->store, query, use);
}

static void says(const char *words)
{
	const char *message = hm_error_get()->message;

	cr_expect(strstr(message, "services/x/queries.sql:7: bad") && strstr(message, words), "not '%s' but: %s", words,
		  message);
}

Test(check, what_the_schema_can_answer_passes)
{
	static const struct hm_query *const good[] = { &storetest_sql_put, &storetest_sql_get, &storetest_sql_find,
						       &storetest_sql_rename, &storetest_sql_count_all };
	static const char *const builtins[] = { "new_id", NULL };
	const struct hm_query_use use = { &storetest__row__descriptor, &storetest__row__descriptor, builtins };
	struct storetest test = storetest_open(1);

	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < sizeof good / sizeof *good; i++)
			must(hm_store_check(test.store, good[i], &use));
	must(hm_store_check(test.store, &storetest_sql_put_words, &use));
	must(hm_store_check(
		test.store, &storetest_sql_list,
		&(struct hm_query_use){ &storetest__row__descriptor, &storetest__rows__descriptor, builtins }));
	must(hm_store_check(test.store, &storetest_sql_stranger, &unknown));
	storetest_close(&test);
}

Test(check, what_the_schema_lacks_is_found)
{
	struct storetest test = storetest_open(1);

	refuses(INTERNAL, check(&test, "SELECT id FROM nowhere", HM_ROWS_ONE, no_names, &unknown));
	says("nowhere");
	storetest_close(&test);
}

Test(check, a_missing_grant_is_found)
{
	struct storetest test = storetest_open(1);

	refuses(INTERNAL, check(&test, "SELECT brand_id FROM locked_away", HM_ROWS_ONE, no_names, &unknown));
	cr_expect(strstr(hm_error_get()->message, "permission denied"), "%s", hm_error_get()->message);
	storetest_close(&test);
}

Test(check, a_column_that_does_not_fit_its_field_is_named)
{
	static const struct {
		const char *sql, *words;
	} bad[] = {
		{ "SELECT words AS nobody FROM rows", "column nobody has no field in the reply" },
		{ "SELECT sum(big) AS big FROM rows", "column big is numeric" },
		{ "SELECT words AS whole FROM rows", "column whole (text) does not fit" },
		{ "SELECT big AS words FROM rows", "column words (bigint) does not fit" },
		{ "SELECT flag AS at FROM rows", "column at (boolean) does not fit" },
		{ "SELECT doc AS raw FROM rows", "column raw (jsonb) does not fit" },
		{ "SELECT at AS kind FROM rows", "column kind (timestamptz) does not fit" },
		{ "SELECT names AS words FROM rows", "column words (text[]) does not fit" },
		{ "SELECT words AS names FROM rows", "column names (text) does not fit" },
		{ "SELECT ids AS numbers FROM rows", "column numbers (uuid[]) does not fit" },
	};
	struct storetest test = storetest_open(1);

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		refuses(INTERNAL, check(&test, bad[i].sql, HM_ROWS_ONE, no_names, &rows_into_row));
		says(bad[i].words);
	}
	storetest_close(&test);
}

Test(check, a_list_needs_its_elements_fields_and_the_replys)
{
	const struct hm_query_use list = { .reply = &storetest__rows__descriptor };
	const struct hm_query_use no_list = { .reply = &storetest__strict__descriptor };
	struct storetest test = storetest_open(1);

	must(check(&test, "SELECT words, id AS next_page_token FROM rows", HM_ROWS_MANY, no_names, &list));
	refuses(INTERNAL,
		check(&test, "SELECT words, big AS next_page_token FROM rows", HM_ROWS_MANY, no_names, &list));
	says("column next_page_token (bigint) does not fit");
	refuses(INTERNAL, check(&test, "SELECT words, id AS next FROM rows", HM_ROWS_MANY, no_names, &list));
	says("column next has no field");
	refuses(INTERNAL, check(&test, "SELECT words FROM rows", HM_ROWS_MANY, no_names, &no_list));
	says("exactly one repeated message field");
	storetest_close(&test);
}

Test(check, what_a_reply_requires_must_be_a_column)
{
	const struct hm_query_use use = { .reply = &storetest__strict__descriptor };
	struct storetest test = storetest_open(1);

	must(check(&test, "SELECT words FROM rows", HM_ROWS_ONE, no_names, &use));
	refuses(INTERNAL, check(&test, "SELECT FROM rows", HM_ROWS_ONE, no_names, &use));
	says("storetest.Strict requires words");
	storetest_close(&test);
}

Test(check, a_parameter_that_is_no_field_or_of_another_type_is_named)
{
	static const char *const nobody[] = { "nobody", NULL }, *const words[] = { "words", NULL };
	static const char *const names[] = { "names", NULL }, *const at[] = { "at", NULL },
				 *const kind[] = { "kind", NULL };
	static const struct {
		const char *sql;
		const char *const *parameters;
		const char *problem;
	} bad[] = {
		{ "UPDATE rows SET words = $1", nobody, "@nobody is neither a field" },
		{ "UPDATE rows SET big = $1", words, "@words is bigint" },
		{ "UPDATE rows SET at = $1", kind, "@kind is timestamptz" },
		{ "UPDATE rows SET flag = $1", at, "@at is boolean" },
		{ "UPDATE rows SET words = $1", names, "@names is text in the database" },
		{ "UPDATE rows SET names = $1", words, "@words is text[] in the database" },
		{ "UPDATE rows SET big = $1::numeric", words, "@words is numeric" },
	};
	struct storetest test = storetest_open(1);

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		refuses(INTERNAL, check(&test, bad[i].sql, HM_ROWS_NONE, bad[i].parameters, &rows_into_row));
		says(bad[i].problem);
	}
	must(check(&test, "UPDATE rows SET kind = $1", HM_ROWS_NONE, kind, &rows_into_row));
	must(check(&test, "UPDATE rows SET kind_number = $1", HM_ROWS_NONE, kind, &rows_into_row));
	must(check(&test, "UPDATE rows SET at = $1", HM_ROWS_NONE, at, &rows_into_row));
	must(check(&test, "UPDATE rows SET names = $1", HM_ROWS_NONE, names, &rows_into_row));
	storetest_close(&test);
}
