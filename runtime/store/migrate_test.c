/* Migrate: files against what is recorded, errors in the words of who wrote the file, and no half of anything. */
#include "store/migrate.h"

#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fixture.h"
#include "tests/vault.h"

TestSuite(migrate, .timeout = 60);

static struct vault v;

static void refuses_with(hm_status code, const char *words)
{
	cr_assert_eq(vault_migrate(&v), code, "%s", hm_error_get()->message);
	cr_expect(strstr(hm_error_get()->message, words), "\"%s\" is not in: %s", words, hm_error_get()->message);
}

/* A vault with its first file applied. */
static void set_up(void)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS);
	must(vault_migrate(&v));
}

static void note_step(void *user, const char *service, const char *what)
{
	char *steps = user;
	size_t used = strlen(steps);

	snprintf(steps + used, 256 - used, "%s: %s\n", service, what);
}

Test(migrate, applies_each_file_once)
{
	char steps[256] = "";
	const struct hm_migrate_progress progress = { .user = steps, .step = note_step };

	v = vault_open();
	struct hm_migrate_config config = {
		.admin_dsn = v.admin_dsn, .dsn = v.dsn, .service = "vault", .directory = v.folder, .progress = &progress
	};

	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG);
	vault_write(&v, "0002_things.sql", VAULT_THINGS);
	must(hm_migrate(&config));
	cr_expect_str_eq(steps, "vault: 0001_init.sql\nvault: 0002_things.sql\nvault: secured 5 tables\n");
	*steps = 0;
	must(hm_migrate(&config));
	cr_expect_str_eq(steps, "", "there was nothing to do");
	vault_write(&v, "0003_more.sql", "ALTER TABLE things ADD note text;");
	must(hm_migrate(&config));
	cr_expect_str_eq(steps, "vault: 0003_more.sql\nvault: secured 5 tables\n");
	cr_expect_str_eq(
		vault_ask(&v, "", NULL, "SELECT string_agg(name, ' ' ORDER BY version) FROM hallmark_migration"),
		"rules 0001_init.sql 0002_things.sql 0003_more.sql");
}

/* As a schema is that was migrated when there was no such table yet: the rules have changed since. */
Test(migrate, an_older_schema_gets_the_table_of_idempotent_replies, .init = set_up)
{
	static const char insert[] =
		"INSERT INTO idempotent_reply (key_hash, request_hash, audit_id, busy_until, expires_at) "
		"VALUES ('k', 'r', gen_random_uuid(), now(), now() + interval '1 hour') RETURNING brand_id";

	cr_assert_str_eq(vault_ask(&v, "", NULL, "DROP TABLE vault.idempotent_reply"), "");
	cr_assert_str_eq(vault_ask(&v, "", NULL,
				   "UPDATE vault.hallmark_migration SET checksum = 'of before' "
				   "WHERE version = 0 RETURNING version"),
			 "0");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "app", "loop", insert), "loop");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "SELECT count(*) FROM idempotent_reply"), "0");
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "DELETE FROM idempotent_reply RETURNING 1"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "SELECT count(*) FROM idempotent_reply"), "0", "not expired");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "UPDATE idempotent_reply SET outcome = 0"), "!42501");
}

Test(migrate, needs_no_bootstrap_once_there_was_one, .init = set_up)
{
	vault_write(&v, "0002_more.sql", "ALTER TABLE things ADD note text;");
	must(hm_migrate(&(struct hm_migrate_config){ .dsn = v.dsn, .service = "vault", .directory = v.folder }));
}

Test(migrate, refuses_a_service_that_no_schema_could_be)
{
	struct hm_migrate_config config = { .dsn = "", .service = "x; DROP SCHEMA y", .directory = "/" };

	refuses(INVALID_ARGUMENT, hm_migrate(&config));
	config.service = "pg_catalog";
	refuses(INVALID_ARGUMENT, hm_migrate(&config));
}

Test(migrate, refuses_folders_that_are_not_in_order)
{
	static const struct {
		const char *files[3], *words;
	} cases[] = {
		{ { NULL }, "begin with 0001_init.sql" },
		{ { "0002_b.sql" }, "0001 is missing" },
		{ { "0001_a.sql", "0003_c.sql" }, "0002 is missing" },
		{ { "0001_a.sql", "0002_b.sql", "0002_c.sql" }, "0002_c.sql: has the number of 0002_b.sql" },
		{ { "0001_a.sql", "2_b.sql" }, "not named like" },
		{ { "0001_a.sql", "0002_B.sql" }, "not named like" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		v = vault_open();
		for (size_t n = 0; n < 3 && cases[i].files[n]; n++)
			vault_write(&v, cases[i].files[n], "SELECT 1");
		refuses_with(HM_FAILED_PRECONDITION, cases[i].words);
	}
}

Test(migrate, refuses_a_file_edited_after_it_was_applied, .init = set_up)
{
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS "-- a word");
	refuses_with(HM_FAILED_PRECONDITION, "0001_init.sql: was edited after it was applied; restore it");
}

Test(migrate, refuses_a_file_that_came_late_or_went, .init = set_up)
{
	char old[128], new[128];

	snprintf(old, sizeof old, "%s/0001_init.sql", v.folder);
	snprintf(new, sizeof new, "%s/0001_other.sql", v.folder);
	cr_assert_eq(rename(old, new), 0);
	refuses_with(HM_FAILED_PRECONDITION, "0001_other.sql: out of order, number 0001 was applied as 0001_init.sql");
	cr_assert_eq(rename(new, old), 0);
	vault_write(&v, "0002_more.sql", "SELECT 1");
	must(vault_migrate(&v));
	snprintf(old, sizeof old, "%s/0002_more.sql", v.folder);
	cr_assert_eq(unlink(old), 0);
	refuses_with(HM_FAILED_PRECONDITION, "0002_more.sql: was applied here and is gone");
}

Test(migrate, says_where_the_error_is, .init = set_up)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "SELECT 1;\nSELECT\n  nonsense;", "0002_bad.sql:3:3: column \"nonsense\" does not exist (42703)" },
		{ "SELECT 'größe', nonsense;", "0002_bad.sql:1:17: column" },
		{ "SELEKT 1;", "0002_bad.sql:1:1: syntax error" },
		/* PostgreSQL names no place for these: it is where the statement begins. */
		{ "-- first\nSELECT 1;\n\n" VAULT_THINGS,
		  "0002_bad.sql:4:1: relation \"things\" already exists (42P07)" },
		{ "SELECT ';';\nDO $$ BEGIN\nRAISE 'it is so'; END $$;", "0002_bad.sql:2:1: it is so (P0001)" },
		{ "CREATE TABLE a (brand_id text NOT NULL);\nCOPY a FROM STDIN;",
		  "0002_bad.sql:2:1: COPY from stdin failed" },
		{ "SELECT 1;\nCOMMIT;", "0002_bad.sql:2:1: a migration is one transaction" },
		{ "CREATE TABLE open (id int);\nCOMMIT/**/;", "0002_bad.sql:2:1: a migration is one transaction" },
		{ "DROP TABLE pg_catalog.pg_class;", "0002_bad.sql:1:1: must be owner of table pg_class" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		vault_write(&v, "0002_bad.sql", cases[i].text);
		refuses_with(HM_INVALID_ARGUMENT, cases[i].words);
	}
}

Test(migrate, leaves_nothing_of_a_file_that_failed, .init = set_up)
{
	vault_write(&v, "0002_more.sql", "CREATE TABLE more (brand_id text NOT NULL); SELECT nonsense;");
	refuses_with(HM_INVALID_ARGUMENT, "nonsense");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT to_regclass('vault.more')"), "");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT max(version) FROM hallmark_migration"), "1");
	vault_write(&v, "0002_more.sql", "CREATE TABLE more (brand_id text NOT NULL);");
	must(vault_migrate(&v));
}

Test(migrate, forgets_what_a_file_set_in_the_session, .init = set_up)
{
	vault_write(&v, "0002_set.sql", "SET search_path = pg_catalog; SET ROLE vault_migrator;");
	vault_write(&v, "0003_more.sql", "CREATE TABLE more (brand_id text NOT NULL);");
	must(vault_migrate(&v));
	cr_expect_str_eq(
		vault_ask(&v, "", NULL, "SELECT relowner::regrole FROM pg_class WHERE oid = 'vault.more'::regclass"),
		"vault_owner");
}

Test(migrate, refuses_what_breaks_a_rule_and_names_it, .init = set_up)
{
	static const struct {
		const char *text, *reason, *words;
	} cases[] = {
		{ "CREATE TABLE a (id int);", "MIGRATION_BRAND_ID_REQUIRED",
		  "migration-brand-id-required: vault.a has to" },
		{ "CREATE TABLE a (brand_id text);", "MIGRATION_BRAND_ID_REQUIRED", "vault.a" },
		{ "CREATE TABLE a (brand_id int NOT NULL);", "MIGRATION_BRAND_ID_REQUIRED", "vault.a" },
		{ "CREATE TABLE a (id int); CREATE TABLE b (id int);", "MIGRATION_BRAND_ID_REQUIRED", "vault.a, b" },
		{ "DROP TABLE audit_log;", "AUDIT_TABLE_REQUIRED", "is missing" },
		{ "ALTER TABLE audit_log ADD reason text;", "AUDIT_TABLE_REQUIRED",
		  "lacks [] and has beside them [reason text]" },
		{ "ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey;", "AUDIT_TABLE_REQUIRED", "PRIMARY KEY (id)" },
		{ "CREATE POLICY open ON things FOR SELECT TO vault_app USING (true);", "POLICY_KEEPS_THE_BRAND",
		  "things.open" },
		{ "CREATE POLICY open ON things FOR INSERT TO vault_app WITH CHECK (id > 0);", "POLICY_KEEPS_THE_BRAND",
		  "things.open" },
		{ "CREATE RULE quiet AS ON DELETE TO things DO INSTEAD NOTHING;", "RULE_FORBIDDEN", "things.quiet" },
		{ "CREATE UNIQUE INDEX one_name ON things (name);", "BRAND_ID_IN_KEYS_REQUIRED", "things.one_name" },
		{ "ALTER TABLE things ADD EXCLUDE (name WITH =);", "BRAND_ID_IN_KEYS_REQUIRED", "things_name_excl" },
		{ "CREATE TABLE parts (brand_id text NOT NULL, id uuid REFERENCES audit_log);",
		  "BRAND_ID_IN_KEYS_REQUIRED", "parts_id_fkey" },
		{ "CREATE POLICY all_of_them ON things USING (true);", "POLICY_NAMES_ITS_ROLE", "things.all_of_them" },
		{ "CREATE VIEW a AS SELECT * FROM things;", "VIEW_SECURITY_INVOKER_REQUIRED", "vault.a" },
		{ "CREATE MATERIALIZED VIEW a AS SELECT 1;", "VIEW_SECURITY_INVOKER_REQUIRED", "vault.a" },
		{ "CREATE FUNCTION f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1';",
		  "SECURITY_DEFINER_SEARCH_PATH", "vault.f()" },
		{ "GRANT SELECT ON things TO notes_app;", "SCHEMA_IS_PRIVATE", "things to notes_app" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		vault_write(&v, "0002_bad.sql", cases[i].text);
		refuses_with(HM_FAILED_PRECONDITION, cases[i].words);
		cr_expect_str_eq(hm_error_get()->reason, cases[i].reason);
		cr_expect(strstr(hm_error_get()->message, "0002_bad.sql: "), "%s", hm_error_get()->message);
	}
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT max(version) FROM hallmark_migration"), "1");
}

Test(migrate, does_not_wait_for_anybody_to_take_what_copy_gives, .init = set_up)
{
	vault_write(&v, "0002_copy.sql", "COPY (SELECT 1) TO STDOUT; CREATE TABLE a (brand_id text NOT NULL);");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT count(*) FROM a"), "0");
}

Test(migrate, requires_the_audit_log_from_the_first_file_on)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_THINGS);
	refuses_with(HM_FAILED_PRECONDITION, "audit-table-required: vault.audit_log is missing");
}

Test(migrate, heals_row_security_switched_off_by_hand, .init = set_up)
{
	vault_ask(&v, "owner", NULL, "ALTER TABLE things DISABLE ROW LEVEL SECURITY");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT relrowsecurity FROM pg_class WHERE oid = 'things'::regclass"),
			 "t");
}

Test(migrate, says_who_cannot_log_in_where_nothing_was_bootstrapped)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG);
	struct hm_migrate_config config = { .dsn = v.dsn, .service = "never_made", .directory = v.folder };

	refuses(UNAVAILABLE, hm_migrate(&config));
	cr_expect(strstr(hm_error_get()->message, "never_made_migrator"), "%s", hm_error_get()->message);
}

/* ---- Several at once, and death ------------------------------------------------------------------------------- */

static pid_t migrate_in_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(vault_migrate(&v) != HM_OK);
	return child;
}

static int outcome_of(pid_t child)
{
	int outcome = -1;

	cr_assert_eq(waitpid(child, &outcome, 0), child);
	return outcome;
}

static PGconn *hold(const char *sql)
{
	PGconn *connection = PQconnectdb(v.admin_dsn);

	PQclear(PQexec(connection, "BEGIN"));
	PQclear(PQexec(connection, sql));
	cr_assert_eq(PQtransactionStatus(connection), PQTRANS_INTRANS, "%s", PQerrorMessage(connection));
	return connection;
}

/* Until somebody in this database waits for a lock. */
static void await_waiter(void)
{
	while (!test_sql(v.dsn, "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
				"WHERE NOT granted AND datname = current_database()"))
		;
}

Test(migrate, two_at_once_apply_each_file_once)
{
	pid_t children[4];

	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS);
	vault_write(&v, "0002_more.sql", "CREATE TABLE more (brand_id text NOT NULL);");
	for (size_t i = 0; i < 4; i++)
		children[i] = migrate_in_child();
	for (size_t i = 0; i < 4; i++)
		cr_expect_eq(outcome_of(children[i]), 0);
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT count(*) FROM hallmark_migration"), "3");
}

Test(migrate, two_databases_share_the_roles)
{
	struct vault first = vault_open(), second = vault_open();
	pid_t child;

	vault_write(&first, "0001_init.sql", VAULT_AUDIT_LOG);
	vault_write(&second, "0001_init.sql", VAULT_AUDIT_LOG);
	v = first;
	child = migrate_in_child();
	must(vault_migrate(&second));
	cr_expect_eq(outcome_of(child), 0);
}

Test(migrate, completes_after_it_was_killed_in_the_middle, .init = set_up)
{
	PGconn *holder = hold("SELECT pg_advisory_xact_lock(4711)");
	pid_t child;

	vault_write(&v, "0002_more.sql",
		    "CREATE TABLE more (brand_id text NOT NULL); SELECT pg_advisory_xact_lock(4711);"
		    "INSERT INTO more VALUES ('loop');");
	child = migrate_in_child();
	await_waiter();
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert(WIFSIGNALED(outcome_of(child)));
	PQfinish(holder);
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT count(*) FROM more"), "1");
}

Test(migrate, waits_for_a_table_that_is_in_use, .init = set_up)
{
	PGconn *holder = hold("LOCK TABLE vault.things IN ACCESS SHARE MODE");
	pid_t child;

	vault_write(&v, "0002_more.sql", "ALTER TABLE things ADD note text;");
	child = migrate_in_child();
	await_waiter();
	PQfinish(holder);
	cr_expect_eq(outcome_of(child), 0);
}

Test(migrate, fills_a_new_column_of_a_secured_table_with_rows, .init = set_up)
{
	vault_ask(&v, "app", "loop", "INSERT INTO things (id, name) VALUES (1, 'a'), (2, 'b')");
	vault_ask(&v, "app", "nova", "INSERT INTO things (id, name) VALUES (1, 'c')");
	vault_write(&v, "0002_upper.sql",
		    "ALTER TABLE things ADD upper_name text;\n"
		    "UPDATE things SET upper_name = upper(name);\n"
		    "ALTER TABLE things ALTER upper_name SET NOT NULL;\n");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT string_agg(upper_name, '' ORDER BY upper_name) FROM things"),
			 "ABC");
}

/* As on a managed cluster, where nobody has a superuser. */
Test(migrate, is_bootstrapped_by_who_is_no_superuser)
{
	char sql[200], name[64], dsn[TEST_DSN_BYTES], admin_dsn[TEST_DSN_BYTES + 20];
	struct hm_migrate_config config = { .admin_dsn = admin_dsn, .dsn = dsn, .service = "fresh" };

	v = vault_open();
	config.directory = v.folder;
	vault_write(&v, "0001_init.sql",
		    VAULT_AUDIT_LOG "CREATE TABLE stays (brand_id text NOT NULL, id int, during int4range, "
				    "EXCLUDE USING gist (brand_id WITH =, during WITH &&));");
	vault_ask(&v, "", NULL, "CREATE ROLE dba_system LOGIN CREATEROLE CREATEDB");
	snprintf(name, sizeof name, "%s_dba", strrchr(v.dsn, '=') + 1);
	snprintf(sql, sizeof sql, "CREATE DATABASE %s OWNER dba_system", name);
	test_sql(v.dsn, sql);
	snprintf(dsn, sizeof dsn, "%.*s=%s", (int)(strrchr(v.dsn, '=') - v.dsn), v.dsn, name);
	snprintf(admin_dsn, sizeof admin_dsn, "%s user=dba_system", dsn);
	cr_assert_eq(test_sql(v.dsn, "SELECT count(*) FROM pg_roles WHERE rolname = 'dba_system' AND rolsuper"), 0);
	must(hm_migrate_bootstrap(&config));
	must(hm_migrate_bootstrap(&config));
	config.admin_dsn = NULL;
	must(hm_migrate(&config));
	cr_expect_eq(test_sql(dsn, "SELECT count(*) FROM fresh.stays"), 0);
	cr_expect_eq(test_sql(dsn,
			      "SELECT count(*) FROM pg_auth_members WHERE roleid = 'fresh_owner'::regrole AND member = "
			      "'dba_system'::regrole"),
		     0, "it was a member for a moment");
}

/* Calls with an idempotency key write this table all the time, some of them for long. */
Test(migrate, waits_for_no_call_with_an_idempotency_key, .init = set_up, .timeout = 120)
{
	PGconn *call = PQconnectdb(v.admin_dsn);

	PQclear(PQexec(call, "BEGIN; DELETE FROM vault.idempotent_reply"));
	vault_write(&v, "0002_more.sql", "ALTER TABLE things ADD note text;");
	must(vault_migrate(&v));
	cr_expect_eq(PQtransactionStatus(call), PQTRANS_INTRANS);
	PQfinish(call);
}

/* Where public is open to all, whoever is there could be called by the administrator. */
Test(migrate, bootstraps_with_nobody_elses_functions, .init = set_up)
{
	const struct hm_migrate_config config = { .admin_dsn = v.admin_dsn, .service = "vault" };

	cr_assert_str_eq(vault_ask(&v, "", NULL, "GRANT CREATE ON SCHEMA public TO vault_owner"), "");
	cr_assert_str_eq(
		vault_ask(&v, "owner", NULL,
			  "CREATE FUNCTION public.pg_has_role(text, text, text) RETURNS bool LANGUAGE plpgsql AS "
			  "'BEGIN RAISE EXCEPTION ''run as %'', current_user; END'"),
		"");
	must(hm_migrate_bootstrap(&config));
}
