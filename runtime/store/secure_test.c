/* Secure: what the rules on a schema let each role do, tried as that role. */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "tests/fixture.h"
#include "tests/vault.h"

TestSuite(secure, .timeout = 60);

static struct vault v;

#define LEDGER                                                                                         \
	"CREATE TABLE ledger (brand_id text NOT NULL, id int NOT NULL, PRIMARY KEY (brand_id, id));\n" \
	"COMMENT ON TABLE ledger IS 'append-only: what was posted stays posted';\n"
#define AUDIT_ROW(id, brand)                                                                          \
	"INSERT INTO audit_log (id, occurred_at, actor_type, actor_id, event_type, brand_id) VALUES " \
	"('00000000-0000-7000-8000-00000000000" #id "', now(), 'user', 'ana', 'thing.made', '" brand "')"

/* loop has things 1 and 2, nova has 1; each has an audit entry; loop has a ledger row. */
static void set_up(void)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS LEDGER);
	must(vault_migrate(&v));
	cr_assert_str_eq(vault_ask(&v, "app", "loop", "INSERT INTO things (id) VALUES (1), (2)"), "");
	cr_assert_str_eq(vault_ask(&v, "app", "nova", "INSERT INTO things (id) VALUES (1)"), "");
	cr_assert_str_eq(vault_ask(&v, "app", "loop", AUDIT_ROW(1, "loop")), "");
	cr_assert_str_eq(vault_ask(&v, "app", "nova", AUDIT_ROW(2, "nova")), "");
	cr_assert_str_eq(vault_ask(&v, "app", "loop", "INSERT INTO ledger (id) VALUES (1)"), "");
}

Test(secure, a_brand_sees_its_own_rows_and_no_brand_sees_none, .init = set_up)
{
	static const char count[] = "SELECT count(*) FROM things";

	cr_expect_str_eq(vault_ask(&v, "app", "loop", count), "2");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", count), "1");
	cr_expect_str_eq(vault_ask(&v, "app", "third", count), "0");
	cr_expect_str_eq(vault_ask(&v, "app", "", count), "0");
	cr_expect_str_eq(vault_ask(&v, "app", NULL, count), "0");
	cr_expect_str_eq(vault_ask(&v, "owner", NULL, count), "3");
}

/* Such a function runs as the owner, which sees all brands when it migrates. */
Test(secure, a_function_that_runs_as_the_owner_stays_within_its_callers_brand, .init = set_up)
{
	vault_write(&v, "0002_count.sql",
		    "CREATE FUNCTION n_things() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
		    " SET search_path = pg_catalog, vault, pg_temp AS 'SELECT count(*) FROM things';\n"
		    "CREATE FUNCTION rename_things() RETURNS void LANGUAGE sql SECURITY DEFINER"
		    " SET search_path = pg_catalog, vault, pg_temp AS 'UPDATE things SET name = ''taken''';\n");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT n_things()"), "2");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "SELECT n_things()"), "1");
	cr_expect_str_eq(vault_ask(&v, "app", NULL, "SELECT n_things()"), "0");
	cr_expect_str_eq(vault_ask(&v, "owner", NULL, "SELECT n_things()"), "3");
	vault_ask(&v, "app", "nova", "SELECT rename_things()");
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT count(*) FROM things WHERE name = 'taken'"), "0");
}

Test(secure, a_brand_touches_no_other_brands_rows, .init = set_up)
{
	vault_ask(&v, "app", "nova", "UPDATE things SET name = 'mine'");
	vault_ask(&v, "app", "nova", "DELETE FROM things WHERE brand_id = 'loop'");
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT count(*) FROM things WHERE name IS NULL"), "2");
}

Test(secure, a_brand_writes_under_no_other_name, .init = set_up)
{
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "INSERT INTO things (brand_id, id) VALUES ('loop', 9)"),
			 "!42501");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "UPDATE things SET brand_id = 'loop', id = 9"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "app", NULL, "INSERT INTO things (brand_id, id) VALUES ('loop', 9)"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", AUDIT_ROW(9, "loop")), "!42501");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "INSERT INTO things (id) VALUES (9) RETURNING brand_id"), "nova");
}

Test(secure, the_application_changes_the_audit_log_by_no_path, .init = set_up)
{
	static const char *const attempts[] = {
		"UPDATE audit_log SET actor_id = 'ben'",
		"UPDATE audit_log SET actor_id = 'ben' WHERE false",
		"DELETE FROM audit_log",
		"TRUNCATE audit_log",
		AUDIT_ROW(1, "loop") " ON CONFLICT (id) DO UPDATE SET actor_id = 'ben'",
		"MERGE INTO audit_log USING (SELECT 1) AS one ON true WHEN MATCHED THEN DELETE",
		"WITH gone AS (DELETE FROM audit_log RETURNING 1) SELECT count(*) FROM gone",
		"SELECT id FROM audit_log FOR UPDATE",
		"ALTER TABLE audit_log DISABLE TRIGGER ALL",
		"ALTER TABLE audit_log DISABLE ROW LEVEL SECURITY",
		"ALTER TABLE audit_log OWNER TO vault_app",
		"DROP TRIGGER hallmark_append_only ON audit_log",
		"CREATE RULE quiet AS ON INSERT TO audit_log DO INSTEAD NOTHING",
		"DROP TABLE audit_log CASCADE",
		"SET session_replication_role = replica",
		"SET ROLE vault_owner",
		"SET ROLE vault_system",
		"GRANT UPDATE ON audit_log TO vault_app; UPDATE audit_log SET actor_id = 'ben'",
		"CREATE TABLE vault.audit_log_2 (id int)",
		"CREATE TEMP TABLE audit_log (id int)",
	};

	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		cr_expect_eq(*vault_ask(&v, "app", "loop", attempts[i]), '!', "%s", attempts[i]);
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT count(*) FROM audit_log WHERE actor_id = 'ana'"), "2");
}

Test(secure, append_only_tables_refuse_everybody, .init = set_up)
{
	static const char *const roles[] = { "", "owner" };
	static const char *const attempts[] = {
		"UPDATE audit_log SET actor_id = 'ben'",
		"UPDATE audit_log SET actor_id = 'ben' WHERE false",
		"DELETE FROM audit_log",
		"TRUNCATE audit_log",
		"UPDATE ledger SET id = 2",
		"DELETE FROM ledger",
		"TRUNCATE ledger",
	};
	char as_replica[200];

	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		for (size_t r = 0; r < 2; r++)
			cr_expect_str_eq(vault_ask(&v, roles[r], NULL, attempts[i]), "!HM009", "%s: %s", roles[r],
					 attempts[i]);
	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++) {
		snprintf(as_replica, sizeof as_replica, "SET LOCAL session_replication_role = replica; %s",
			 attempts[i]);
		cr_expect_str_eq(vault_ask(&v, "", NULL, as_replica), "!HM009", "%s", as_replica);
	}
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "DELETE FROM ledger"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT count(*) FROM ledger"), "1");
}

Test(secure, the_system_role_writes_audit_entries_over_brands_and_no_more, .init = set_up)
{
	cr_expect_str_eq(vault_ask(&v, "system", NULL,
				   AUDIT_ROW(3, "loop") ", ('00000000-0000-7000-8000-000000000004', now(), 'user', "
							"'ana', 'thing.made', 'nova')"),
			 "");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "SELECT count(*) FROM audit_log"), "4");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "DELETE FROM audit_log"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "SELECT count(*) FROM things"), "!42501");
}

Test(secure, a_migration_gives_the_system_role_what_a_job_needs, .init = set_up)
{
	vault_write(&v, "0002_expiry.sql",
		    "CREATE POLICY expiry ON things FOR SELECT TO vault_system USING (true);\n"
		    "GRANT SELECT (brand_id, id) ON things TO vault_system;\n"
		    "CREATE POLICY relay ON ledger FOR SELECT TO vault_system USING (true);\n"
		    "GRANT SELECT ON ledger TO vault_system;\n");
	must(vault_migrate(&v));
	vault_write(&v, "0003_more.sql", "ALTER TABLE things ADD note text;");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "SELECT count(id) FROM things"), "3");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "SELECT count(*) FROM ledger"), "1");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "SELECT name FROM things"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "system", NULL, "DELETE FROM things"), "!42501");
}

/* Roles are the whole cluster's, so all of it is undone. */
static void refuses_role(PGconn *connection, const char *change, const char *verify)
{
	PGresult *result;

	PQclear(PQexec(connection, "BEGIN"));
	result = PQexec(connection, change);
	cr_assert_eq(PQresultStatus(result), PGRES_COMMAND_OK, "%s", PQresultErrorMessage(result));
	PQclear(result);
	result = PQexec(connection, verify);
	cr_assert_eq(PQntuples(result), 1, "%s %s", change, PQresultErrorMessage(result));
	cr_expect_str_eq(PQgetvalue(result, 0, 0), "roles-are-plain");
	cr_expect_str_eq(PQgetvalue(result, 0, 1), "vault_app");
	PQclear(result);
	PQclear(PQexec(connection, "ROLLBACK"));
}

Test(secure, a_role_that_passes_row_level_security_is_refused, .init = set_up)
{
	static const char verify[] =
#include "runtime/store/verify.sql.h"
		;
	char dsn[TEST_DSN_BYTES + 100];
	PGconn *connection;

	snprintf(dsn, sizeof dsn, "%s options='-c search_path=vault'", v.admin_dsn);
	connection = PQconnectdb(dsn);
	refuses_role(connection, "ALTER ROLE vault_app BYPASSRLS", verify);
	refuses_role(connection, "ALTER ROLE vault_app SUPERUSER", verify);
	refuses_role(connection, "GRANT vault_owner TO vault_app", verify);
	PQfinish(connection);
}

Test(secure, partitions_are_tables_too)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql",
		    VAULT_AUDIT_LOG
		    "DROP TABLE audit_log;\n"
		    "CREATE TABLE audit_log (id uuid PRIMARY KEY, occurred_at timestamptz NOT NULL, "
		    "actor_type text NOT NULL, actor_id text NOT NULL, actor_brand_id text, event_type text "
		    "NOT NULL, entity_type text, entity_id text, brand_id text NOT NULL, request_id text, "
		    "details jsonb) PARTITION BY RANGE (id);\n"
		    "CREATE TABLE audit_log_rest PARTITION OF audit_log DEFAULT;\n");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "app", "loop", AUDIT_ROW(1, "loop")), "");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "SELECT count(*) FROM audit_log_rest"), "0");
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "DELETE FROM audit_log_rest"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "owner", NULL, "DELETE FROM audit_log_rest"), "!HM009");
	cr_expect_str_eq(vault_ask(&v, "owner", NULL, "TRUNCATE audit_log_rest"), "!HM009");
	cr_expect_str_eq(
		vault_ask(&v, "", NULL, "SET LOCAL session_replication_role = replica; DELETE FROM audit_log_rest"),
		"!HM009");
	vault_write(&v, "0002_next.sql",
		    "CREATE TABLE audit_log_next PARTITION OF audit_log FOR VALUES FROM "
		    "('f0000000-0000-7000-8000-000000000000') TO "
		    "('f1000000-0000-7000-8000-000000000000');");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "owner", NULL, "TRUNCATE audit_log_next"), "!HM009");
}

Test(secure, views_functions_and_sequences_serve_under_the_brand, .init = set_up)
{
	vault_write(&v, "0002_more.sql",
		    "CREATE VIEW names WITH (security_invoker = true) AS SELECT id, name FROM things;\n"
		    "CREATE FUNCTION n_things() RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT count(*) FROM "
		    "things; END;\n"
		    "CREATE TABLE counted (brand_id text NOT NULL, n bigserial);\n");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT count(*) FROM names"), "2");
	cr_expect_str_eq(vault_ask(&v, "app", "nova", "SELECT n_things()"), "1");
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "INSERT INTO counted DEFAULT VALUES RETURNING n"), "1");
}

Test(secure, services_do_not_reach_each_other, .init = set_up)
{
	static const char *const attempts[] = {
		"SELECT count(*) FROM notes.notes",      "SELECT count(*) FROM hallmark_migration",
		"CREATE TABLE public.mine (id int)",     "CREATE SCHEMA mine",
		"COPY things TO '/tmp/hallmark-stolen'", "SET ROLE notes_app",
	};

	for (size_t i = 0; i < sizeof attempts / sizeof *attempts; i++)
		cr_expect_str_eq(vault_ask(&v, "app", "loop", attempts[i]), "!42501", "%s", attempts[i]);
	cr_expect_str_eq(vault_ask(&v, "migrator", NULL, "SET ROLE notes_owner"), "!42501");
	cr_expect_str_eq(vault_ask(&v, "migrator", NULL, "CREATE ROLE mine"), "!42501");
}

Test(secure, leaves_alone_what_is_right_already, .init = set_up)
{
	static const char made[] =
		"SELECT md5(string_agg(oid::text || xmin, ' ' ORDER BY oid)) FROM ("
		"SELECT oid, xmin FROM pg_policy UNION ALL SELECT oid, xmin FROM pg_trigger UNION ALL "
		"SELECT indexrelid, xmin FROM pg_index) AS made";
	char before[64];

	snprintf(before, sizeof before, "%s", vault_ask(&v, "", NULL, made));
	vault_write(&v, "0002_nothing.sql", "SELECT 1;");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "", NULL, made), before);
}
