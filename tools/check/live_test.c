/*
 * Live: the examples on the pages of rules/live are their tests, too, on a database of their own. An example of files is a service that is
 * migrated and then checked; one of bare SQL is done by hand to the platform's schema, as the superuser.
 */
#include <criterion/criterion.h>
#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "store/cluster.h"
#include "store/migrate.h"
#include "tests/child.h"
#include "tests/cli.h"
#include "tests/database.h"
#include "tests/example.h"
#include "tests/fixture.h"
#include "tools/check/live_names.h"

enum { PATH_BYTES = 512 };

static const char pages[] = "tools/check/rules/live", fence[] = "```sql\n";

/* What a check came to. */
struct outcome {
	json_t *findings;
	int exit_code;
};

static struct outcome check_live(const char *path, const char *dsn, const char *service)
{
	const char *const command[] = {
		cli_program(), "check", path, "--dsn", dsn, "--json", service ? "--service" : NULL, service, NULL
	};
	struct child_result result;
	struct outcome outcome;

	must(child_run(command, NULL, &result));
	outcome.exit_code = result.exit_code;
	outcome.findings = json_loads(result.out.data, 0, NULL);
	cr_assert(outcome.findings, "no JSON but: %s%s", result.out.data, result.err.size ? result.err.data : "");
	child_fini(&result);
	return outcome;
}

static void make_root(char root[PATH_BYTES])
{
	snprintf(root, PATH_BYTES, "/tmp/hallmark-live-XXXXXX");
	cr_assert(mkdtemp(root));
}

static void remove_root(const char *root)
{
	struct child_result result;

	must(child_run((const char *const[]){ "/bin/rm", "-r", root, NULL }, NULL, &result));
	child_fini(&result);
}

static bool is_in(const json_t *findings, const json_t *one)
{
	const json_t *finding;
	size_t i;

	json_array_foreach(findings, i, finding) if (json_equal(finding, one)) return true;
	return false;
}

/* Findings of the rule that are not among those from before. */
static size_t count_new(const json_t *findings, const json_t *before, const char *rule)
{
	const json_t *finding;
	size_t i, n = 0;

	json_array_foreach(findings, i, finding) n +=
		!strcmp(cli_text(finding, "rule"), rule) && !is_in(before, finding);
	return n;
}

/* ---- Examples ---------------------------------------------------------------------------------------------------------- */

/* A page's examples by hand follow each other on one database, as a database a block would take its time. */
struct stand {
	const char *rule;
	char root[PATH_BYTES], dsn[TEST_DSN_BYTES];
	json_t *findings; /* of the last check */
};

static void migrate_example(const struct stand *stand, const char *dsn)
{
	char admin_dsn[TEST_DSN_BYTES], folder[PATH_BYTES + 32];

	test_admin_dsn(dsn, admin_dsn);
	snprintf(folder, sizeof folder, "%s/services/example/migrations", stand->root);
	must(hm_migrate(&(struct hm_migrate_config){
		.admin_dsn = admin_dsn, .dsn = dsn, .service = "example", .directory = folder }));
}

static struct outcome check_files(const struct stand *stand, const char *example)
{
	char dsn[TEST_DSN_BYTES], path[PATH_BYTES + 32];

	test_database(dsn);
	free(example_write(stand->root, example, false));
	migrate_example(stand, dsn);
	snprintf(path, sizeof path, "%s/services/example", stand->root);
	return check_live(path, dsn, "example");
}

/* Drift is against the migrations; all else needs none. */
static struct outcome check_by_hand(const struct stand *stand, const char *example)
{
	test_sql(stand->dsn, example);
	return check_live(strcmp(stand->rule, "catalog-drift") ? stand->root : "services/platform", stand->dsn,
			  "platform");
}

/* One change by hand may break several rules: this one must be among them. */
static void expect_example(struct stand *stand, const char *example, bool is_bad)
{
	bool is_files = strstr(example, "-- file: ");
	struct outcome outcome = is_files ? check_files(stand, example) : check_by_hand(stand, example);
	size_t n = count_new(outcome.findings, is_files ? NULL : stand->findings, stand->rule);
	char *text = json_dumps(outcome.findings, 0);

	cr_expect_eq(outcome.exit_code, is_bad, "%s: %s%s", stand->rule, example, text);
	cr_expect_eq(n > 0, is_bad, "%s: %s%s", stand->rule, example, text);
	free(text);
	json_decref(stand->findings);
	stand->findings = outcome.findings;
}

static void expect_all(const char *rule, const char *page, const char *heading, bool is_bad)
{
	struct stand stand = { .rule = rule };
	unsigned n = 0;

	make_root(stand.root);
	test_database(stand.dsn);
	for (char *example; (example = example_find(page, heading, fence, n)); n++) {
		expect_example(&stand, example, is_bad);
		free(example);
	}
	json_decref(stand.findings);
	remove_root(stand.root);
	cr_expect_gt(n, 0, "%s: nothing under %s", rule, heading);
}

static void expect_page(const char *rule)
{
	char path[PATH_BYTES];
	struct hm_buffer page;

	snprintf(path, sizeof path, "%s/%s.md", pages, rule);
	page = example_page(path);
	cr_expect(!strncmp(page.data, "# ", 2) && !strncmp(page.data + 2, rule, strlen(rule)));
	expect_all(rule, page.data, "\n## Bad", true);
	expect_all(rule, page.data, "\n## Good", false);
	hm_buffer_fini(&page);
}

/* A test each, so that they run side by side. */
#define PAGES(each)                                           \
	each(catalog_audit_log, "catalog-audit-log");         \
	each(catalog_brand, "catalog-brand");                 \
	each(catalog_drift, "catalog-drift");                 \
	each(catalog_functions, "catalog-functions");         \
	each(catalog_grants, "catalog-grants");               \
	each(catalog_half_done, "catalog-half-done");         \
	each(catalog_idempotency, "catalog-idempotency");     \
	each(catalog_other_schemas, "catalog-other-schemas"); \
	each(catalog_owner, "catalog-owner");                 \
	each(catalog_roles, "catalog-roles");                 \
	each(catalog_row_security, "catalog-row-security");   \
	each(query_does_not_run, "query-does-not-run");       \
	each(query_fits_contract, "query-fits-contract");     \
	each(query_nullable, "query-nullable")
#define PAGE_TEST(name, rule)                               \
	Test(check_live, the_examples_of_##name##_are_true) \
	{                                                   \
		expect_page(rule);                          \
	}                                                   \
	struct check_live_##name
#define PAGE_NAME(name, rule) names[n++] = rule

PAGES(PAGE_TEST);

Test(check_live, every_page_of_a_live_rule_has_its_test)
{
	const char *names[32];
	size_t n = 0;
	DIR *folder = opendir(pages);
	const struct dirent *entry;

	PAGES(PAGE_NAME);
	cr_assert(folder);
	while ((entry = readdir(folder))) {
		bool is_tested = *entry->d_name == '.';

		for (size_t i = 0; i < n; i++)
			is_tested |= !strncmp(entry->d_name, names[i], strlen(names[i]));
		cr_expect(is_tested, "%s", entry->d_name);
	}
	closedir(folder);
}

/* ---- The migrator's rules ---------------------------------------------------------------------------------------------- */

static const char verify_sql[] =
#include "gen/runtime/store/verify.sql.h"
	;

/* The page of a rule of verify.sql, which begins at its quoted name. */
static const char *page_of(const char *text)
{
	for (size_t i = 0; i < sizeof live_names / sizeof *live_names; i++) {
		size_t n = strlen(live_names[i].of_migrator);

		if (!strncmp(text, live_names[i].of_migrator, n) && text[n] == '\'')
			return live_names[i].rule;
	}
	return NULL;
}

/* Each part of offences begins with its rank and its rule, both written out. */
Test(check_live, every_rule_that_the_migrator_verifies_has_a_page)
{
	const char *part = strstr(verify_sql, "offences(rank, rule, object, advice) AS (");
	size_t n = 0;

	for (; part; part = strstr(part + 1, "UNION ALL"), n++) {
		const char *select = strstr(part, "\tSELECT ");
		char path[PATH_BYTES], rule[64];

		cr_assert(select);
		cr_assert(sscanf(select, " SELECT %*u, '%63[a-z-]", rule) == 1 ||
				  sscanf(select, " SELECT DISTINCT %*u, '%63[a-z-]", rule) == 1,
			  "no rule at: %.60s", select);
		cr_assert(page_of(strstr(select, rule)), "%s is not in live_names.h", rule);
		snprintf(path, sizeof path, "%s/%s.md", pages, page_of(strstr(select, rule)));
		cr_expect_eq(access(path, R_OK), 0, "%s", path);
	}
	cr_expect_gt(n, sizeof live_names / sizeof *live_names);
}

/* ---- What is right is not complained of -------------------------------------------------------------------------------- */

Test(check_live, really_migrated_services_keep_every_rule_and_a_role_without_privileges_sees_that)
{
	char dsn[TEST_DSN_BYTES];
	struct outcome outcome;

	test_database(dsn);
	cr_assert_eq(test_sql(dsn, "SELECT count(*) FROM pg_roles WHERE rolname LIKE '%\\_app' AND rolsuper"), 0);
	outcome = check_live("services", dsn, NULL);
	cr_expect_eq(outcome.exit_code, 0, "%s", json_dumps(outcome.findings, 0));
	json_decref(outcome.findings);
}

/* ---- What a person sees ------------------------------------------------------------------------------------------------ */

Test(check_live, a_password_in_the_conninfo_is_refused)
{
	struct child_result result =
		hallmark("check", "services", "--dsn", "host=/nowhere password=hunter2 dbname=hallmark", NULL);

	ends(result, 2);
	shows(result.err.data, "PGPASSFILE");
	cr_expect_not(strstr(result.err.data, "hunter2"));
}

/* libpq's own complaint quotes it. */
Test(check_live, a_conninfo_that_cannot_be_read_is_not_shown)
{
	struct child_result result = hallmark("check", "services", "--dsn", "postgresql://u:hunter%zz@h/", NULL);

	ends(result, 2);
	shows(result.err.data, "--dsn");
	cr_expect_not(strstr(result.err.data, "hunter"));
}

Test(check_live, a_database_that_is_not_there_is_no_finding)
{
	struct child_result result = hallmark("check", "services", "--dsn", "host=/nowhere dbname=hallmark", NULL);

	ends(result, 2);
	shows(result.err.data, "/nowhere");
}

Test(check_live, a_column_renamed_under_a_query_is_found_at_the_querys_line)
{
	char dsn[TEST_DSN_BYTES];
	struct outcome outcome;
	const json_t *finding;
	size_t i, n = 0;

	test_database(dsn);
	test_sql(dsn, "ALTER TABLE platform.settings RENAME COLUMN value TO content");
	outcome = check_live("services/platform", dsn, "platform");
	cr_expect_eq(outcome.exit_code, 1);
	json_array_foreach(outcome.findings, i, finding)
	{
		if (strcmp(cli_text(finding, "rule"), "query-does-not-run"))
			continue;
		cr_expect_str_eq(cli_text(finding, "file"), "services/platform/queries.sql");
		cr_expect_gt(json_integer_value(json_object_get(finding, "line")), 1);
		cr_expect(strstr(cli_text(finding, "message"), "value"));
		n++;
	}
	cr_expect_eq(n, 3, "%zu", n);
	json_decref(outcome.findings);
}

static void carry_out(const char *dsn, const char *sql)
{
	PGconn *pg = PQconnectdb(dsn);
	PGresult *result = PQexec(pg, sql);

	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s: %s", sql, PQerrorMessage(pg));
	PQclear(result);
	PQfinish(pg);
}

/* Roles are the cluster's, and other tests are on the run's. */
Test(check_live, roles_that_can_step_around_the_rules_are_named)
{
	static const char *const changes[] = {
		"CREATE ROLE writer LOGIN; GRANT pg_write_all_data TO writer",
		"CREATE ROLE deputy LOGIN; GRANT platform_owner TO deputy",
		"CREATE ROLE passer BYPASSRLS",
		"CREATE ROLE second SUPERUSER LOGIN",
		"GRANT pg_read_all_data TO platform_app",
		"CREATE ROLE middle; GRANT platform_owner TO middle; GRANT middle TO platform_system",
		"ALTER ROLE platform_app BYPASSRLS",
	};
	static const char *const names[] = {
		"writer", "deputy", "passer", "second", "platform_app", "platform_system", "may pass row-level security"
	};
	char root[PATH_BYTES], folder[PATH_BYTES + 8], dsn[TEST_DSN_BYTES];
	SCOPED(hm_cluster) cluster = NULL;
	struct outcome outcome;
	char *text;

	make_root(root);
	snprintf(folder, sizeof folder, "%s", root);
	must(hm_cluster_start(&(struct hm_cluster_config){ .directory = folder }, &cluster));
	must(hm_cluster_admit(cluster, "platform"));
	must(hm_migrate(&(struct hm_migrate_config){ .admin_dsn = hm_cluster_admin_dsn(cluster),
						     .dsn = hm_cluster_dsn(cluster),
						     .service = "platform",
						     .directory = "services/platform/migrations" }));
	snprintf(dsn, sizeof dsn, "%s", hm_cluster_admin_dsn(cluster));
	for (size_t i = 0; i < sizeof changes / sizeof *changes; i++)
		carry_out(dsn, changes[i]);
	outcome = check_live("services/platform", hm_cluster_dsn(cluster), "platform");
	text = json_dumps(outcome.findings, 0);
	cr_expect(count_new(outcome.findings, NULL, "catalog-roles"));
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		cr_expect(strstr(text, names[i]), "%s is not in %s", names[i], text);
	free(text);
	json_decref(outcome.findings);
	hm_cluster_stop(take(&cluster));
	remove_root(root);
}

/* ---- From nothing ------------------------------------------------------------------------------------------------------ */

Test(check_live, scratch_migrates_looks_and_leaves_nothing)
{
	struct child_result result = hallmark("check", "services/platform", "--scratch", NULL);

	ends(result, 0);
}
