/* Files that are no transaction: run once, repaired where a crash or a failure left half of one, and nobody waits. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fixture.h"
#include "tests/vault.h"

TestSuite(migrate_concurrent, .timeout = 60);

static struct vault v;

#define BY_NAME "-- notransaction\nCREATE INDEX CONCURRENTLY things_by_name ON things (brand_id, name);"

/* Two rows of the same name. */
static void set_up(void)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS);
	must(vault_migrate(&v));
	cr_assert_str_eq(vault_ask(&v, "app", "loop", "INSERT INTO things (id, name) VALUES (1, 'a'), (2, 'a')"), "");
}

static const char *valid(const char *index)
{
	char sql[200];

	snprintf(sql, sizeof sql, "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('%s')", index);
	return vault_ask(&v, "", NULL, sql);
}

static const char *version(void)
{
	return vault_ask(&v, "", NULL, "SELECT max(version) FROM hallmark_migration");
}

/* CREATE INDEX CONCURRENTLY cannot be run where vault_ask would, in a transaction. */
static void run_alone(const char *sql, bool fails)
{
	char dsn[TEST_DSN_BYTES + 100];
	PGconn *connection;
	PGresult *result;

	snprintf(dsn, sizeof dsn, "%s options='-c search_path=vault -c role=vault_owner'", v.admin_dsn);
	connection = PQconnectdb(dsn);
	result = PQexec(connection, sql);
	cr_assert_eq(PQresultStatus(result) == PGRES_FATAL_ERROR, fails, "%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
}

static void refuses_with(hm_status code, const char *words)
{
	cr_assert_eq(vault_migrate(&v), code, "%s", hm_error_get()->message);
	cr_expect(strstr(hm_error_get()->message, words), "\"%s\" is not in: %s", words, hm_error_get()->message);
}

/* As if the run had died between the statement and its record. */
static void forget(void)
{
	vault_ask(&v, "", NULL, "DELETE FROM hallmark_migration WHERE version IN (0, 2) RETURNING 1");
}

Test(migrate_concurrent, builds_an_index_once, .init = set_up)
{
	vault_write(&v, "0002_by_name.sql", BY_NAME);
	must(vault_migrate(&v));
	cr_expect_str_eq(valid("things_by_name"), "t");
	cr_expect_str_eq(version(), "2");
	must(vault_migrate(&v));
}

Test(migrate_concurrent, an_index_that_was_built_before_the_crash_counts_as_done, .init = set_up)
{
	char before[64];

	vault_write(&v, "0002_by_name.sql", BY_NAME);
	must(vault_migrate(&v));
	snprintf(before, sizeof before, "%s", vault_ask(&v, "", NULL, "SELECT 'things_by_name'::regclass::oid"));
	forget();
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT 'things_by_name'::regclass::oid"), before);
	cr_expect_str_eq(version(), "2");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT to_regclass('hallmark_wanted')"), "");
}

Test(migrate_concurrent, an_index_that_was_left_invalid_is_built_again, .init = set_up)
{
	run_alone("CREATE UNIQUE INDEX CONCURRENTLY things_by_name ON things (brand_id, name)", true);
	cr_assert_str_eq(valid("things_by_name"), "f");
	vault_write(&v, "0002_by_name.sql", BY_NAME);
	must(vault_migrate(&v));
	cr_expect_str_eq(valid("things_by_name"), "t");
	cr_expect_str_eq(vault_ask(&v, "", NULL,
				   "SELECT indisunique FROM pg_index WHERE indexrelid = "
				   "'things_by_name'::regclass"),
			 "f");
}

Test(migrate_concurrent, if_not_exists_takes_no_invalid_index_for_one_that_is_there, .init = set_up)
{
	run_alone("CREATE UNIQUE INDEX CONCURRENTLY things_by_name ON things (brand_id, name)", true);
	vault_write(
		&v, "0002_by_name.sql",
		"-- notransaction\nCREATE INDEX CONCURRENTLY IF NOT EXISTS things_by_name ON things (brand_id, name);");
	must(vault_migrate(&v));
	cr_expect_str_eq(valid("things_by_name"), "t");
	vault_write(&v, "0003_gone.sql", "-- notransaction\nDROP INDEX CONCURRENTLY IF EXISTS was_never_there;");
	must(vault_migrate(&v));
	cr_expect_str_eq(version(), "3");
}

Test(migrate_concurrent, another_index_of_that_name_is_refused_and_left_alone, .init = set_up)
{
	static const char *const others[] = {
		"CREATE INDEX things_by_name ON things (brand_id, id)",
		"CREATE INDEX things_by_name ON things (brand_id, name) WHERE id > 0",
		"CREATE INDEX things_by_name ON audit_log (brand_id, id)",
	};

	vault_write(&v, "0002_by_name.sql", BY_NAME);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		run_alone(others[i], false);
		refuses_with(HM_FAILED_PRECONDITION, "there is another index things_by_name");
		cr_expect_str_eq(valid("things_by_name"), "t");
		run_alone("DROP INDEX things_by_name", false);
	}
	must(vault_migrate(&v));
}

Test(migrate_concurrent, a_build_that_fails_leaves_no_index, .init = set_up)
{
	vault_write(&v, "0002_one_name.sql",
		    "-- notransaction\nCREATE UNIQUE INDEX CONCURRENTLY one_name ON things (brand_id, name);");
	refuses_with(HM_INVALID_ARGUMENT, "0002_one_name.sql:2:1: could not create unique index");
	cr_expect_str_eq(valid("one_name"), "");
	cr_expect_str_eq(version(), "1");
	vault_ask(&v, "app", "loop", "UPDATE things SET name = 'b' WHERE id = 2");
	must(vault_migrate(&v));
	cr_expect_str_eq(valid("one_name"), "t");
}

Test(migrate_concurrent, an_index_that_breaks_a_rule_is_refused_and_taken_away, .init = set_up)
{
	vault_write(&v, "0002_one_id.sql", "-- notransaction\nCREATE UNIQUE INDEX CONCURRENTLY one_id ON things (id);");
	refuses_with(HM_FAILED_PRECONDITION, "0002_one_id.sql: brand-id-in-keys-required: vault.things.one_id");
	cr_expect_str_eq(valid("one_id"), "");
	cr_expect_str_eq(version(), "1");
}

Test(migrate_concurrent, drops_an_index_once_and_no_index_that_never_was, .init = set_up)
{
	vault_write(&v, "0002_drop.sql", "-- notransaction\nDROP INDEX CONCURRENTLY things_by_name;");
	for (size_t i = 0; i < 2; i++) /* that it was tried does not make it done */
		refuses_with(HM_INVALID_ARGUMENT, "0002_drop.sql:2:1: index \"things_by_name\" does not exist");
	run_alone("CREATE INDEX things_by_name ON things (brand_id, name)", false);
	must(vault_migrate(&v));
	cr_expect_str_eq(valid("things_by_name"), "");
	forget();
	must(vault_migrate(&v));
	cr_expect_str_eq(version(), "2");
}

Test(migrate_concurrent, a_reindex_clears_what_the_last_one_left, .init = set_up)
{
	run_alone("CREATE INDEX things_by_name ON things (brand_id, name)", false);
	run_alone("CREATE UNIQUE INDEX CONCURRENTLY things_by_name_ccnew ON things (brand_id, name)", true);
	vault_write(&v, "0002_anew.sql", "-- notransaction\nREINDEX INDEX CONCURRENTLY things_by_name;");
	must(vault_migrate(&v));
	cr_expect_str_eq(valid("things_by_name"), "t");
	cr_expect_str_eq(valid("things_by_name_ccnew"), "");
}

#define PARTS                                                                                                      \
	"CREATE TABLE parts (brand_id text NOT NULL, id int, PRIMARY KEY (brand_id, id)) PARTITION BY RANGE (id);" \
	"CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"

/* Who waits for the other does so outside any transaction, or the build would wait for it. */
Test(migrate_concurrent, several_runs_at_once_build_it_once, .init = set_up)
{
	pid_t children[3];
	int outcome;

	vault_write(&v, "0002_by_name.sql", BY_NAME);
	vault_write(&v, "0003_fill.sql",
		    "-- backfill: table=things batch=1\n-- remaining: name NOT LIKE 'x%'\n"
		    "UPDATE things SET name = 'x' || name WHERE @batch;");
	for (size_t i = 0; i < 3; i++) {
		children[i] = fork();
		if (children[i] == 0)
			_exit(vault_migrate(&v) != HM_OK);
	}
	for (size_t i = 0; i < 3; i++) {
		cr_assert_eq(waitpid(children[i], &outcome, 0), children[i]);
		cr_expect_eq(outcome, 0);
	}
	cr_expect_str_eq(valid("things_by_name"), "t");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT string_agg(name, ' ') FROM things"), "xa xa");
	cr_expect_str_eq(version(), "3");
}

Test(migrate_concurrent, detaches_a_partition_once, .init = set_up)
{
	vault_write(&v, "0002_parts.sql", PARTS);
	vault_write(&v, "0003_detach.sql",
		    "-- notransaction\nALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;");
	must(vault_migrate(&v));
	cr_expect_str_eq(
		vault_ask(&v, "", NULL, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts'::regclass"), "0");
	vault_ask(&v, "", NULL, "DELETE FROM hallmark_migration WHERE version IN (0, 3) RETURNING 1");
	must(vault_migrate(&v));
	cr_expect_str_eq(version(), "3");
}

Test(migrate_concurrent, finishes_a_partition_that_is_half_detached, .init = set_up)
{
	vault_write(&v, "0002_parts.sql", PARTS);
	must(vault_migrate(&v));
	vault_ask(&v, "", NULL,
		  "UPDATE pg_inherits SET inhdetachpending = true WHERE inhparent = 'parts'::regclass RETURNING 1");
	vault_write(&v, "0003_detach.sql",
		    "-- notransaction\nALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;");
	must(vault_migrate(&v));
	cr_expect_str_eq(
		vault_ask(&v, "", NULL, "SELECT count(*) FROM pg_inherits WHERE inhparent = 'parts'::regclass"), "0");
}

Test(migrate_concurrent, refuses_a_file_of_more_than_that, .init = set_up)
{
	vault_write(&v, "0002_two.sql", "-- notransaction\nDROP INDEX CONCURRENTLY a;\nSELECT 1;");
	refuses_with(HM_INVALID_ARGUMENT, "0002_two.sql:3:1: there is a second statement");
}

Test(migrate_concurrent, a_header_is_refused_before_any_file_is_applied, .init = set_up)
{
	vault_write(&v, "0002_more.sql", "CREATE TABLE more (brand_id text NOT NULL);");
	vault_write(&v, "0003_index.sql", "-- no transaction\nSELECT 1;");
	refuses_with(HM_INVALID_ARGUMENT, "0003_index.sql:1: this comment is no header as it stands");
	cr_expect_str_eq(version(), "1");
}

Test(migrate_concurrent, a_statement_ends_when_its_time_is_over, .init = set_up)
{
	vault_write(&v, "0002_slow.sql", "-- statement_timeout: 1ms\nSELECT pg_sleep(50);");
	refuses_with(HM_DEADLINE_EXCEEDED, "0002_slow.sql:2:1: ");
	cr_expect(strstr(hm_error_get()->message, "say") && strstr(hm_error_get()->message, "-- statement_timeout: "),
		  "%s", hm_error_get()->message);
	vault_write(
		&v, "0002_slow.sql",
		"-- statement_timeout: 1h\nDO $$ BEGIN ASSERT current_setting('statement_timeout') = '1h'; END $$;");
	must(vault_migrate(&v));
}

Test(migrate_concurrent, the_runs_own_time_holds_for_files_that_say_nothing, .init = set_up)
{
	struct hm_migrate_config config = {
		.dsn = v.dsn, .service = "vault", .directory = v.folder, .statement_timeout_ms = 1
	};

	vault_write(&v, "0002_slow.sql", "SELECT pg_sleep(50);");
	refuses(DEADLINE_EXCEEDED, hm_migrate(&config));
	config.statement_timeout_ms = -1;
	vault_write(&v, "0002_slow.sql", "DO $$ BEGIN ASSERT current_setting('statement_timeout') = '0'; END $$;");
	must(hm_migrate(&config));
}
