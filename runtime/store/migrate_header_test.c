/* Migration headers: what is one, what is a comment, and what is too like one to be either. */
#include "store/migrate_header.h"

#include <criterion/criterion.h>
#include <string.h>

static struct hm_migration_header header;

static hm_status read_text(const char *text)
{
	return hm_migration_header_read("0002_x.sql", text, &header);
}

Test(migrate_header, a_file_without_headers_is_an_ordinary_one)
{
	cr_assert_eq(read_text("-- A word about it: what it is for.\n--\n\nCREATE TABLE a (b int);\n"), HM_OK);
	cr_expect(!header.notransaction);
	cr_expect_eq(header.expands, 0);
	cr_expect_eq(header.statement_timeout_ms, HM_MIGRATION_TIMEOUT_DEFAULT);
	cr_expect_str_eq(header.backfill.table, "");
	cr_assert_eq(read_text(""), HM_OK);
}

Test(migrate_header, headers_stand_among_other_comments)
{
	cr_assert_eq(
		read_text("-- Why.\n\n-- notransaction\r\n-- statement_timeout: 2min\n-- contract: expands=0007\nX"),
		HM_OK);
	cr_expect(header.notransaction);
	cr_expect_eq(header.statement_timeout_ms, 120000);
	cr_expect_eq(header.expands, 7);
}

Test(migrate_header, a_backfill_says_table_batch_pause_and_what_remains)
{
	cr_assert_eq(read_text("-- backfill: table=things batch=50 pause=2s\n-- remaining:  a IS NULL AND b = ':'  \n"),
		     HM_OK);
	cr_expect_str_eq(header.backfill.table, "things");
	cr_expect_eq(header.backfill.batch, 50);
	cr_expect_eq(header.backfill.pause_ms, 2000);
	cr_expect_str_eq(header.backfill.remaining, "a IS NULL AND b = ':'");
	cr_assert_eq(read_text("-- remaining: a\n-- backfill: table=things"), HM_OK);
	cr_expect_eq(header.backfill.batch, 1000);
	cr_expect_eq(header.backfill.pause_ms, 0);
}

Test(migrate_header, reads_durations)
{
	static const struct {
		const char *text;
		int64_t ms;
	} cases[] = {
		{ "-- statement_timeout: 1ms", 1 },
		{ "-- statement_timeout: 30s", 30000 },
		{ "-- statement_timeout: 24h", 86400000 },
		{ "-- statement_timeout: none", 0 },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(read_text(cases[i].text), HM_OK, "%s", cases[i].text);
		cr_expect_eq(header.statement_timeout_ms, cases[i].ms);
	}
}

static void refuses_each(const char *const *texts, size_t n, const char *words)
{
	for (size_t i = 0; i < n; i++) {
		cr_expect_eq(read_text(texts[i]), HM_INVALID_ARGUMENT, "%s", texts[i]);
		cr_expect(strstr(hm_error_get()->message, words), "%s: %s", texts[i], hm_error_get()->message);
	}
}

Test(migrate_header, refuses_what_is_nearly_a_header_and_says_how_it_is_written)
{
	static const char *const contracts[] = {
		"-- contarct: expands=0007",
		"-- Contract: expands=0007",
		"--contract: expands=0007",
		"--  contract: expands=0007",
		"-- contract : expands=0007",
		"-- contract expands=0007",
		"-- contract:expands=0007",
		"-- contract: expands=7",
		"-- contract: expands=0000",
		"-- contract: expand=0007",
		"-- contract: expands=0007 x",
		"-- contract: expands=0007 expands=0007",
		"-- contract:",
		"-- contract: expands=-007",
		"-- contracts: expands=0007",
		"-- contract",
		"-- contract = expands=0007",
		"\t-- contrac: expands=0007",
	};
	static const char *const notransactions[] = {
		"-- no transaction", "-- no-transaction", "-- NoTransaction",   "-- notransaction: true",
		"--notransaction",   "-- notransactions", "-- No transaction.",
	};
	static const char *const timeouts[] = {
		"-- statement-timeout: 30s",         "-- statement_timeout: 30",  "-- statement_timeout: 0s",
		"-- statement_timeout: 25h",         "-- statement_timeout: 1 h", "-- statement_timeout: -1s",
		"-- statement_timeout: 9999999999s", "-- statement_timout: 30s",  "-- statement_timeout: soon",
	};
	static const char *const backfills[] = {
		"-- backfill: batch=100",
		"-- backfill: table=a batch=0",
		"-- backfill: table=a batch=100001",
		"-- backfill: table=a pause=61s",
		"-- backfill: table=a.b",
		"-- backfill: table=a; batch=1",
		"-- backfill: table=\"a\"",
		"-- backfill: table=1a",
		"-- backfill: table=a sleep=1s",
		"-- backfill: things",
		"-- back_fill: table=a",
		"-- backfill: table=A",
	};

	refuses_each(contracts, sizeof contracts / sizeof *contracts, "0002_x.sql:1: this comment is no header");
	refuses_each(contracts, sizeof contracts / sizeof *contracts, "write -- contract: expands=0007");
	refuses_each(notransactions, sizeof notransactions / sizeof *notransactions, "write -- notransaction");
	refuses_each(timeouts, sizeof timeouts / sizeof *timeouts, "write -- statement_timeout: 30s");
	refuses_each(backfills, sizeof backfills / sizeof *backfills, "write -- backfill: table=");
}

Test(migrate_header, other_comments_stay_comments)
{
	static const char *const texts[] = {
		"-- contract of the ledger, as it was",
		"-- what remains: nothing",
		"-- transaction: one that is whole",
		"-- 0007 expands: see there",
		"-- no transaction is left open",
		"CREATE TABLE a (); -- contract: expands=0007",
		"SELECT 1; -- x\n-- the backfill: done before\n",
	};

	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
		cr_expect_eq(read_text(texts[i]), HM_OK, "%s: %s", texts[i], hm_error_get()->message);
}

Test(migrate_header, refuses_a_header_that_stands_too_late_or_twice)
{
	static const char *const late[] = { "SELECT 1;\n-- contract: expands=0007\n", "/* x */\n-- notransaction\n",
					    "SELECT 1\n  -- backfill: table=a\n" };
	static const char *const twice[] = { "-- notransaction\n-- notransaction\n" };

	refuses_each(late, 3, ":2: -- ");
	refuses_each(late, 3, "stands among the file's first lines");
	refuses_each(twice, 1, "0002_x.sql:2: -- notransaction is there twice");
}

Test(migrate_header, refuses_headers_that_do_not_go_together)
{
	static const char *const alone[] = { "-- backfill: table=a\n", "-- remaining: a IS NULL\n" };
	static const char *const mixed[] = { "-- backfill: table=a\n-- remaining: b\n-- notransaction\n",
					     "-- backfill: table=a\n-- remaining: b\n-- contract: expands=0001\n" };

	refuses_each(alone, 2, "need each other");
	refuses_each(mixed, 2, "a backfill is a file of its own");
}

Test(migrate_header, refuses_a_value_that_is_too_long)
{
	char text[1024] = "-- backfill: table=a\n-- remaining: ";

	memset(text + strlen(text), 'x', 600);
	cr_expect_eq(read_text(text), HM_INVALID_ARGUMENT);
	cr_expect(strstr(hm_error_get()->message, ":2: "), "%s", hm_error_get()->message);
}
