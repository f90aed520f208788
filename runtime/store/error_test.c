/* What PostgreSQL refuses, as callers are told: the status, the fields, and never a row's values. */
#include <string.h>

#include "base/id.h"
#include "tests/storetest.h"

static hm_status run(struct storetest *test, const struct hm_query *query, const Storetest__Row *row)
{
	struct hm_tx *tx = storetest_tx(test, "loop", false, 0);
	struct hm_id id = hm_id_new();
	char text[HM_ID_TEXT_BYTES];
	hm_status status;

	hm_id_format(&id, text);
	status = hm_tx_query(tx, query, &row->base, (const struct hm_builtin[]){ { "new_id", text }, { NULL, NULL } },
			     NULL, NULL);
	hm_tx_rollback(tx);
	return status;
}

Test(error, a_duplicate_names_the_fields_and_not_the_values)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.words = "secret";
	must(run(&test, &storetest_sql_find, &row));
	(void)storetest_put(&test, "loop", "secret");
	for (int i = 0; i < 2; i++) { /* the second time the fields are known without asking */
		refuses(ALREADY_EXISTS, run(&test, &storetest_sql_put_words, &row));
		cr_expect_str_eq(hm_error_get()->message, "words: exists already");
	}
	storetest_close(&test);
}

Test(error, a_reference_to_nothing_names_its_field)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.id = "01980000-0000-7000-8000-000000000001";
	refuses(FAILED_PRECONDITION, run(&test, &storetest_sql_put_child, &row));
	cr_expect(strstr(hm_error_get()->message, "parentId: "), "%s", hm_error_get()->message);
	storetest_close(&test);
}

Test(error, a_broken_rule_is_the_callers_mistake_in_a_field)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.id = "01980000-0000-7000-8000-000000000001";
	row.has_small = true;
	row.small = 1000;
	refuses(INVALID_ARGUMENT, run(&test, &storetest_sql_put, &row));
	cr_assert_eq(hm_error_get()->n_violations, 1);
	cr_expect_str_eq(hm_error_get()->violations[0].field, "small");
	storetest_close(&test);
}

Test(error, a_text_too_long_is_the_callers_mistake)
{
	struct storetest test = storetest_open(0);
	Storetest__Row row = STORETEST__ROW__INIT;

	row.id = "01980000-0000-7000-8000-000000000001";
	row.short_words = "longer";
	refuses(INVALID_ARGUMENT, run(&test, &storetest_sql_put, &row));
	storetest_close(&test);
}

static const struct {
	const char *sqlstate, *words;
	hm_status code;
	const char *message, *reason;
} raised[] = {
	{ "HM009", "entries do not sum to zero", HM_FAILED_PRECONDITION, "entries do not sum to zero", "BY_TRIGGER" },
	{ "HM005", "no such account", HM_NOT_FOUND, "no such account", "BY_TRIGGER" },
	{ "HM000", "no failure at all", HM_INTERNAL, "refuse: SQLSTATE HM000 names no status", "" },
	{ "HM099", "no status", HM_INTERNAL, "refuse: SQLSTATE HM099 names no status", "" },
	{ "40001", "quoting rows", HM_ABORTED, "refuse: another transaction changed the same rows", "SERIALIZATION" },
	{ "40P01", "quoting rows", HM_ABORTED, "refuse: a deadlock with another transaction", "SERIALIZATION" },
	{ "55P03", "quoting rows", HM_ABORTED, "refuse: another transaction holds the rows", "LOCKED" },
	{ "53100", "quoting rows", HM_RESOURCE_EXHAUSTED, "refuse: PostgreSQL has no room", "" },
	{ "22012", "quoting rows", HM_INVALID_ARGUMENT, "refuse: a division by zero", "" },
	{ "2201X", "quoting rows", HM_INVALID_ARGUMENT, "refuse: a value is not acceptable", "" },
	{ "57014", "quoting rows", HM_CANCELLED, "refuse: the statement was cancelled", "" },
};

Test(error, a_sqlstate_is_a_status)
{
	struct storetest test = storetest_open(0);

	for (size_t i = 0; i < sizeof raised / sizeof *raised; i++) {
		Storetest__Row row = STORETEST__ROW__INIT;

		row.short_words = raised[i].sqlstate;
		row.words = raised[i].words;
		cr_expect_eq(run(&test, &storetest_sql_refuse, &row), raised[i].code, "%s: %s", raised[i].sqlstate,
			     hm_error_get()->message);
		cr_expect_str_eq(hm_error_get()->message, raised[i].message);
		cr_expect_str_eq(hm_error_get()->reason, raised[i].reason);
	}
	storetest_close(&test);
}
