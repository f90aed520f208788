/* Migration alone: the one statement of a file that is no transaction. */
#include "store/migrate_alone.h"

#include <criterion/criterion.h>
#include <string.h>

static struct hm_migration_alone alone;

static hm_status read_text(const char *text)
{
	return hm_migration_alone_read("0002_x.sql", text, &alone);
}

Test(migrate_alone, reads_an_index_and_its_definition)
{
	static const char text[] =
		"-- notransaction\n create Unique index\n concurrently \"My ix\" on only v . things -- why\n"
		" using btree (brand_id, id) where name = ';' ; -- end\n";

	cr_assert_eq(read_text(text), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(alone.kind, HM_ALONE_CREATE_INDEX);
	cr_expect(alone.is_unique);
	cr_expect_str_eq(alone.name, "\"My ix\"");
	cr_expect_str_eq(alone.table, "v . things");
	cr_expect(!strncmp(text + alone.rest, "using btree", 11));
	cr_expect(!strncmp(text + alone.end - 3, "';' ;", 5));
}

Test(migrate_alone, reads_the_others)
{
	static const struct {
		const char *text;
		enum hm_alone_kind kind;
		const char *name, *table;
	} cases[] = {
		{ "DROP INDEX CONCURRENTLY things_by_name", HM_ALONE_DROP_INDEX, "things_by_name", "" },
		{ "REINDEX INDEX CONCURRENTLY v.a;", HM_ALONE_REINDEX, "v.a", "" },
		{ "REINDEX (VERBOSE) TABLE CONCURRENTLY a;", HM_ALONE_REINDEX, "a", "" },
		{ "ALTER TABLE a DETACH PARTITION a_1 CONCURRENTLY;", HM_ALONE_DETACH, "a_1", "a" },
		{ "CREATE INDEX CONCURRENTLY i ON a (b)", HM_ALONE_CREATE_INDEX, "i", "a" },
		{ "CREATE INDEX CONCURRENTLY IF NOT EXISTS i ON a (b)", HM_ALONE_CREATE_INDEX, "i", "a" },
		{ "DROP INDEX CONCURRENTLY IF EXISTS i", HM_ALONE_DROP_INDEX, "i", "" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_eq(read_text(cases[i].text), HM_OK, "%s", hm_error_get()->message);
		cr_expect_eq(alone.kind, cases[i].kind);
		cr_expect_str_eq(alone.name, cases[i].name);
		cr_expect_str_eq(alone.table, cases[i].table);
		cr_expect(!alone.is_unique);
	}
}

Test(migrate_alone, refuses_everything_else_and_says_where)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "-- notransaction\n", "0002_x.sql:1:1: there is no statement" },
		{ "DROP INDEX CONCURRENTLY a;\nSELECT 1", "0002_x.sql:2:1: there is a second" },
		{ "CREATE INDEX i ON a (b)", ":1:1: this can be run in a transaction" },
		{ "CREATE INDEX CONCURRENTLY ON a (b)", ":1:1: this" },
		{ "CREATE INDEX CONCURRENTLY i ON a", ":1:1: this" },
		{ "DROP INDEX CONCURRENTLY IF a", ":1:1: this" },
		{ "DROP INDEX CONCURRENTLY a, b", ":1:1: this" },
		{ "DROP INDEX CONCURRENTLY a CASCADE", ":1:1: this" },
		{ "\nALTER TYPE t ADD VALUE 'a'", ":2:1: this" },
		{ "VACUUM things", "without CASCADE" },
		{ "REINDEX DATABASE CONCURRENTLY a", ":1:1: this" },
		{ "REINDEX (a TABLE CONCURRENTLY b", ":1:1: this" },
		{ "ALTER TABLE a DETACH PARTITION b", ":1:1: this" },
		{ "ALTER TABLE a DETACH PARTITION b FINALIZE", ":1:1: this" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_expect_eq(read_text(cases[i].text), HM_INVALID_ARGUMENT, "%s", cases[i].text);
		cr_expect(strstr(hm_error_get()->message, cases[i].words), "%s", hm_error_get()->message);
	}
}
