/* hallmark migrate as an engineer runs it: a change in five files, looked at, tried, applied, and waited for. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/cli.h"

TestSuite(cli_migrate, .timeout = 120);

static char dsn[TEST_DSN_BYTES], folder[64];

static void remove_folder(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	if (system(command))
		fprintf(stderr, "tests: %s is left behind\n", folder);
}

static void write_migration(const char *name, const char *text)
{
	char path[200];
	FILE *file;

	snprintf(path, sizeof path, "services/platform/migrations/%s", name);
	file = fopen(path, "w");
	cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0, "%s", path);
}

/* In a copy of services/, with four more files for platform, and a brand to fill. */
static void set_up(void)
{
	char command[200];

	test_database(dsn);
	cli_program();
	snprintf(folder, sizeof folder, "/tmp/hallmark-migrate-XXXXXX");
	cr_assert(mkdtemp(folder));
	atexit(remove_folder);
	snprintf(command, sizeof command, "cp -r services %s/", folder);
	cr_assert_eq(system(command), 0);
	cr_assert_eq(chdir(folder), 0);
	test_sql(dsn, "INSERT INTO platform.brands (brand_id, id, name) VALUES ('system', 'loop', 'Loop')");
	write_migration("0002_expand.sql", "ALTER TABLE brands ADD upper_name text;");
	write_migration("0003_fill.sql", "-- backfill: table=brands\n-- remaining: upper_name IS NULL\n"
					 "UPDATE brands SET upper_name = upper(name) WHERE @batch;");
	write_migration("0004_index.sql",
			"-- notransaction\nCREATE INDEX CONCURRENTLY brands_by_name ON brands (brand_id, upper_name);");
	write_migration("0005_contract.sql", "-- contract: expands=0002\nALTER TABLE brands DROP suspended_reason;");
}

Test(cli_migrate, shows_what_is_pending_and_in_which_phase_it_is, .init = set_up)
{
	struct child_result run = hallmark("migrate", "--dsn", dsn, "--status", NULL);
	const json_t *line, *files;

	ends(run, 0);
	shows(run.out.data, "platform     behind   1 applied, 4 pending");
	shows(run.out.data, "0003_fill.sql                    pending, backfill");
	shows(run.out.data, "identity     up to date   ");
	run = hallmark("migrate", "platform", "--dsn", dsn, "--plan", "--json", NULL);
	ends(run, 0);
	line = cli_json(run.out.data, 0);
	cr_expect_str_eq(cli_text(line, "service"), "platform");
	cr_expect_str_eq(cli_text(line, "phase"), "behind");
	files = json_object_get(line, "files");
	cr_assert_eq(json_array_size(files), 5);
	cr_expect(cli_text(json_array_get(files, 0), "appliedAt"));
	cr_expect_str_eq(cli_text(json_array_get(files, 3), "kind"), "notransaction");
	cr_expect_str_eq(cli_text(json_array_get(files, 4), "waitsFor"), "0002_expand.sql");
	cr_expect_eq(test_sql(dsn, "SELECT max(version) FROM platform.hallmark_migration"), 1);
}

Test(cli_migrate, tries_what_can_be_tried_and_leaves_nothing_behind, .init = set_up)
{
	struct child_result run = hallmark("migrate", "--dsn", dsn, "--dry-run", NULL);

	ends(run, 0);
	shows(run.out.data, "0002_expand.sql                  runs\n");
	shows(run.out.data, "0003_fill.sql                    runs, backfill");
	shows(run.out.data, "0004_index.sql                   could not be tried, no transaction");
	shows(run.out.data, "0005_contract.sql                runs, contract");
	shows(run.err.data, "nothing was changed");
	cr_expect_eq(test_sql(dsn, "SELECT max(version) FROM platform.hallmark_migration"), 1);
	cr_expect_eq(test_sql(dsn, "SELECT count(*) FROM pg_attribute WHERE attname = 'upper_name'"), 0);
	cr_expect_eq(test_sql(dsn, "SELECT count(*) FROM platform.hallmark_progress"), 0);
	write_migration("0005_contract.sql", "-- contract: expands=0002\nALTER TABLE brands DROP nonsense;");
	run = hallmark("migrate", "--dsn", dsn, "--dry-run", "--json", NULL);
	ends(run, 1);
	cr_expect_eq(cli_lines(run.out.data), 3, "a line for each service");
	shows(run.out.data, "0005_contract.sql:2:1: column \\\"nonsense\\\"");
}

/* Of two brands one is filled: that no other may be empty cannot be said. That there is no such column, can. */
Test(cli_migrate, passes_over_what_needs_the_whole_of_a_backfill, .init = set_up)
{
	struct child_result run;

	test_sql(dsn, "INSERT INTO platform.brands (brand_id, id, name) VALUES ('system', 'nova', 'Nova')");
	write_migration("0003_fill.sql", "-- backfill: table=brands batch=1\n-- remaining: upper_name IS NULL\n"
					 "UPDATE brands SET upper_name = upper(name) WHERE @batch;");
	write_migration("0005_contract.sql",
			"-- contract: expands=0002\nALTER TABLE brands ALTER upper_name SET NOT NULL;");
	write_migration("0006_more.sql", "ALTER TABLE brands ADD more text;");
	run = hallmark("migrate", "platform", "--dsn", dsn, "--dry-run", NULL);
	ends(run, 0);
	shows(run.out.data, "0003_fill.sql                    runs, as far as its first batch, backfill");
	shows(run.out.data, "0005_contract.sql                could not be tried, contract");
	shows(run.out.data, "0006_more.sql                    runs\n");
	write_migration("0006_more.sql", "ALTER TABLE brands DROP nonsense;");
	ends(hallmark("migrate", "platform", "--dsn", dsn, "--dry-run", NULL), 1);
}

Test(cli_migrate, applies_all_but_a_contract_that_is_not_due, .init = set_up)
{
	struct child_result run = hallmark("migrate", "--dsn", dsn, NULL);

	ends(run, 1);
	shows(run.err.data, "platform     0003_fill.sql 99 %");
	shows(run.err.data, "0005_contract.sql: contracts what 0002_expand.sql expanded");
	shows(run.err.data, "CONTRACT_NOT_DUE, try again in 24 h\n");
	run = hallmark("migrate", "platform", "--dsn", dsn, "--plan", NULL);
	ends(run, 0);
	shows(run.out.data, "platform     contract waiting   4 applied, 1 pending");
	shows(run.out.data, "0005_contract.sql                pending, contract, due 20");
	run = hallmark("migrate", "platform", "--dsn", dsn, "--plan", "--contract-gap", "none", NULL);
	shows(run.out.data, "platform     contract due   4 applied");
	ends(hallmark("migrate", "--dsn", dsn, "--contract-gap", "none", NULL), 0);
	run = hallmark("migrate", "platform", "--dsn", dsn, "--plan", "--json", NULL);
	cr_expect_str_eq(cli_text(cli_json(run.out.data, 0), "phase"), "contracted");
}

Test(cli_migrate, says_how_far_a_backfill_is, .init = set_up)
{
	struct child_result run;

	write_migration("0003_fill.sql", "-- backfill: table=brands batch=1\n-- remaining: upper_name IS NULL\n"
					 "UPDATE brands SET upper_name = 'X' WHERE @batch AND id <> 'nova';");
	test_sql(dsn, "INSERT INTO platform.brands (brand_id, id, name) VALUES ('system', 'nova', 'Nova')");
	run = hallmark("migrate", "platform", "--dsn", dsn, NULL);
	ends(run, 1);
	shows(run.err.data, "BACKFILL_INCOMPLETE");
	test_sql(dsn, "UPDATE platform.hallmark_progress SET rows_passed = 4, rows_estimated = 10 RETURNING 1");
	run = hallmark("migrate", "platform", "--dsn", dsn, "--plan", NULL);
	shows(run.out.data, "platform     backfilling   2 applied, 3 pending");
	shows(run.out.data, "0003_fill.sql                    pending, backfill, 40 %: 4 rows of about 10");
}

Test(cli_migrate, tells_of_each_service_that_failed, .init = set_up)
{
	struct child_result run;

	write_migration("0002_expand.sql", "SELECT nonsense;");
	cr_assert_eq(system("echo 'SELECT nonsense;' > services/accounting/migrations/0002_bad.sql"), 0);
	run = hallmark("migrate", "--dsn", dsn, NULL);
	ends(run, 1);
	shows(run.err.data, "accounting/migrations/0002_bad.sql:1:8: column");
	shows(run.err.data, "platform/migrations/0002_expand.sql:1:8: column");
}

Test(cli_migrate, bootstraps_only_with_a_credential_that_is_in_no_argument, .init = set_up)
{
	char admin_dsn[TEST_DSN_BYTES];
	struct child_result run = hallmark("migrate", "--dsn", dsn, "--bootstrap", NULL);

	ends(run, 1);
	shows(run.err.data, "put its conninfo into $HALLMARK_ADMIN_DSN");
	test_sql(dsn, "DROP SCHEMA platform CASCADE; DROP EXTENSION btree_gist CASCADE; SELECT 1");
	test_admin_dsn(dsn, admin_dsn);
	setenv("HALLMARK_ADMIN_DSN", admin_dsn, 1);
	run = hallmark("migrate", "--dsn", dsn, "--dry-run", NULL);
	ends(run, 1);
	cr_expect_eq(test_sql(dsn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'platform'"), 0,
		     "a trial makes nothing");
	ends(hallmark("migrate", "platform", "--dsn", dsn, "--bootstrap", NULL), 0);
	cr_expect_eq(test_sql(dsn, "SELECT count(*) FROM pg_namespace WHERE nspname = 'platform'"), 1);
	cr_expect_eq(test_sql(dsn, "SELECT count(*) FROM pg_class WHERE relnamespace = 'platform'::regnamespace"), 0);
	unsetenv("HALLMARK_ADMIN_DSN");
	ends(hallmark("migrate", "platform", "--dsn", dsn, NULL), 0);
}

Test(cli_migrate, refuses_two_things_at_once_and_times_that_are_none, .init = set_up)
{
	ends(hallmark("migrate", "--dsn", dsn, "--plan", "--status", NULL), 2);
	ends(hallmark("migrate", "--dsn", dsn, "--contract-gap", "3 days", NULL), 2);
	ends(hallmark("migrate", "--dsn", dsn, "--statement-timeout", "0s", NULL), 2);
}
