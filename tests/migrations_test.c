/* Migrations: every service's files on schemas that are secured and have rows; and that such a trial finds what it is for. */
#include <stdio.h>
#include <string.h>

#include "host/services.h"
#include "tests/fixture.h"
#include "tests/migration_trial.h"
#include "tests/services.h"
#include "tests/vault.h"

TestSuite(migrations, .timeout = 300);

static void try_services(const struct hm_service *const *services, const char *root)
{
	char directory[100], rows_path[100];
	const char *offences;

	for (; *services; services++) {
		const struct hm_service_table *table = (*services)->table;

		if (!table->schema)
			continue;
		snprintf(directory, sizeof directory, "%s/%s/migrations", root, table->short_name);
		snprintf(rows_path, sizeof rows_path, "%s/%s/rows.sql", root, table->short_name);
		offences = migration_trial(table->short_name, directory, rows_path);
		cr_expect_str_eq(offences, "", "%s:\n%s", table->short_name, offences);
	}
}

Test(migrations, of_every_service_run_on_a_secured_schema_with_rows)
{
	try_services(hm_services, "services");
	try_services(test_services, "tests/services");
}

/* What the trial says of a second file, behind one that makes things. */
static const char *tried(const char *text)
{
	struct vault files = vault_open();

	vault_write(&files, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS);
	vault_write(&files, "0002_more.sql", text);
	return migration_trial("vault", files.folder, "");
}

Test(migrations, that_fill_rows_pass_the_trial)
{
	cr_expect_str_eq(tried("ALTER TABLE things ADD upper_name text; UPDATE things SET upper_name = upper(name);"
			       "ALTER TABLE things ALTER upper_name SET NOT NULL;"),
			 "");
	cr_expect_str_eq(tried("-- backfill: table=things batch=2\n-- remaining: name NOT LIKE 'y%'\n"
			       "UPDATE things SET name = 'y' WHERE @batch;"),
			 "");
	cr_expect_str_eq(tried("-- notransaction\nCREATE INDEX CONCURRENTLY i ON things (brand_id, name);"), "");
}

Test(migrations, that_touch_no_row_do_not)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "UPDATE things SET name = 'y' WHERE id < 0;", "touched no row: UPDATE things" },
		/* row-level security is forced, and the owner's own policy is what lets it see rows */
		{ "SELECT 1; DROP POLICY owner ON things; UPDATE things SET name = 'y';",
		  "touched no row: UPDATE things" },
		{ "CREATE TABLE copies (LIKE things); INSERT INTO copies SELECT * FROM things WHERE id > 100;",
		  "touched no row: INSERT INTO copies" },
		{ "-- backfill: table=things\n-- remaining: name = 'never'\nUPDATE things SET name = 'y' WHERE @batch "
		  "AND id < 0;",
		  "the backfill touched no row" },
		{ "ALTER TABLE things ADD other text; ALTER TABLE things ALTER other SET NOT NULL;",
		  "contains null values" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		const char *offences = tried(cases[i].text);

		cr_expect(strstr(offences, cases[i].words), "%s: %s", cases[i].text, offences);
	}
}
