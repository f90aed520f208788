/*
 * Verify: what somebody changed by hand in a schema that is up to date is put right by the next run, or refused by its
 * name, and nothing else is found.
 */
#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "tests/fixture.h"
#include "tests/vault.h"

TestSuite(verify, .timeout = 240);

static struct vault v;
static char steps[1024];

#define LEDGER                                                                                           \
	"CREATE TABLE ledger (brand_id text NOT NULL, id serial, PRIMARY KEY (brand_id, id));\n"         \
	"COMMENT ON TABLE ledger IS 'append-only: what was posted stays posted';\n"                      \
	"CREATE VIEW names WITH (security_invoker = true) AS SELECT id, name FROM things;\n"             \
	"CREATE FUNCTION n_things() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM vault.things';" \
	"CREATE PROCEDURE nothing() LANGUAGE sql AS 'SELECT 1';"

static void set_up(void)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS LEDGER);
	must(vault_migrate(&v));
}

static void note_step(void *user, const char *service, const char *what)
{
	(void)user, (void)service;
	strncat(steps, what, sizeof steps - strlen(steps) - 1);
	strncat(steps, "\n", sizeof steps - strlen(steps) - 1);
}

static hm_status migrate(void)
{
	static const struct hm_migrate_progress progress = { .step = note_step };

	*steps = 0;
	return hm_migrate(&(struct hm_migrate_config){
		.dsn = v.dsn, .service = "vault", .directory = v.folder, .progress = &progress });
}

Test(verify, finds_nothing_in_a_schema_as_it_was_left, .init = set_up)
{
	must(migrate());
	cr_expect_str_eq(steps, "");
}

Test(verify, puts_right_what_was_changed_by_hand, .init = set_up)
{
	static const struct {
		const char *change, *words; /* as the superuser; what is told of it */
	} cases[] = {
		{ "ALTER TABLE things DISABLE ROW LEVEL SECURITY", "row-security-forced: things" },
		{ "ALTER TABLE things NO FORCE ROW LEVEL SECURITY", "row-security-forced: things" },
		{ "DROP POLICY brand ON things", "policies-as-put-on: things.brand is missing" },
		{ "ALTER POLICY brand ON things USING (true)", "policies-as-put-on: things.brand is another" },
		{ "ALTER POLICY brand ON things WITH CHECK (true)", "policies-as-put-on: things.brand is another" },
		{ "ALTER POLICY brand ON things TO vault_app, vault_system", "policies-as-put-on: things.brand" },
		{ "DROP POLICY owner ON things", "policies-as-put-on: things.owner is missing" },
		{ "ALTER POLICY owner ON things USING (false)", "policies-as-put-on: things.owner is another" },
		{ "DROP POLICY system ON audit_log", "policies-as-put-on: audit_log.system is missing" },
		{ "ALTER POLICY expiry ON idempotent_reply USING (true)", "idempotent_reply.expiry is another" },
		{ "ALTER TABLE things ALTER brand_id DROP DEFAULT", "brand-id-by-itself: things" },
		{ "DROP TRIGGER hallmark_append_only ON ledger", "append-only-triggers: ledger.hallmark_append_only is "
								 "missing" },
		{ "ALTER TABLE ledger DISABLE TRIGGER hallmark_append_only", "does not refuse everybody" },
		{ "ALTER TABLE ledger ENABLE TRIGGER hallmark_append_only_at_all", "does not refuse everybody" },
		{ "DROP TRIGGER hallmark_append_only ON ledger; CREATE TRIGGER hallmark_append_only BEFORE UPDATE ON "
		  "ledger FOR EACH ROW EXECUTE FUNCTION hallmark_append_only(); ALTER TABLE ledger ENABLE ALWAYS "
		  "TRIGGER hallmark_append_only",
		  "does not refuse everybody" },
		{ "DROP TRIGGER hallmark_append_only ON audit_log; CREATE TRIGGER hallmark_append_only BEFORE UPDATE "
		  "OR "
		  "DELETE ON audit_log FOR EACH ROW WHEN (OLD.brand_id <> 'loop') EXECUTE FUNCTION "
		  "hallmark_append_only(); ALTER TABLE audit_log ENABLE ALWAYS TRIGGER hallmark_append_only",
		  "does not refuse everybody" },
		{ "CREATE OR REPLACE FUNCTION hallmark_append_only() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN "
		  "NEW; END'",
		  "append-only-triggers: hallmark_append_only() is not the function" },
		{ "GRANT TRUNCATE ON things TO vault_app", "grants-as-put-on: things vault_app may [DELETE INSERT" },
		{ "GRANT SELECT ON things TO vault_app WITH GRANT OPTION", "SELECT* UPDATE]" },
		{ "REVOKE INSERT ON things FROM vault_app", "vault_app may [DELETE SELECT UPDATE] and should" },
		{ "GRANT UPDATE ON audit_log TO vault_app", "grants-as-put-on: audit_log" },
		{ "GRANT UPDATE (details) ON audit_log TO vault_app", "UPDATE of a column" },
		{ "GRANT DELETE ON ledger TO vault_system", "vault_system may change what is append-only" },
		{ "GRANT UPDATE (details) ON audit_log TO vault_system", "vault_system may change" },
		{ "REVOKE INSERT ON audit_log FROM vault_system", "vault_system has to have INSERT" },
		{ "GRANT SELECT ON hallmark_migration TO vault_app", "grants-as-put-on: hallmark_migration" },
		{ "GRANT SELECT ON things TO PUBLIC", "things is open to PUBLIC" },
		{ "GRANT SELECT ON names TO PUBLIC", "names is open to PUBLIC" },
		{ "REVOKE SELECT ON names FROM vault_app", "names vault_app has to have SELECT" },
		{ "REVOKE ALL ON SEQUENCE ledger_id_seq FROM vault_app", "ledger_id_seq vault_app has to have USAGE" },
		{ "GRANT EXECUTE ON FUNCTION n_things() TO PUBLIC", "n_things() is to be run by" },
		{ "GRANT EXECUTE ON PROCEDURE nothing() TO PUBLIC", "nothing() is to be run by" },
		{ "REVOKE EXECUTE ON FUNCTION n_things() FROM vault_app", "n_things() is to be run by" },
		{ "GRANT CREATE ON SCHEMA vault TO vault_app", "schema vault is for" },
		{ "REVOKE USAGE ON SCHEMA vault FROM vault_system", "schema vault is for" },
		{ "GRANT USAGE ON SCHEMA vault TO PUBLIC", "schema vault is for" },
		{ "DROP INDEX audit_log_by_time", "audit-log-indexes: audit_log_by_time" },
		{ "ALTER TABLE things ALTER brand_id SET DEFAULT 'loop'", "brand-id-by-itself: things" },
		{ "GRANT UPDATE ON SEQUENCE ledger_id_seq TO vault_app", "ledger_id_seq vault_app may" },
		{ "CREATE OR REPLACE FUNCTION hallmark_claim_key(lock bigint, key bytea) RETURNS TABLE (is_ours bool, "
		  "audit_id uuid, request_hash bytea, outcome integer, reply bytea, is_busy bool) LANGUAGE plpgsql AS "
		  "'BEGIN is_ours := true; RETURN NEXT; END'",
		  "idempotent-replies: hallmark_claim_key() is not the function" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		cr_assert_neq(*vault_ask(&v, "", NULL, cases[i].change), '!', "%s", cases[i].change);
		must(migrate());
		cr_expect(strstr(steps, "put right: ") && strstr(steps, cases[i].words), "%s: %s", cases[i].change,
			  steps);
		must(migrate());
		cr_expect_str_eq(steps, "", "%s", cases[i].change);
	}
}

Test(verify, refuses_what_nobody_but_a_person_can_judge)
{
	static const struct {
		const char *change, *reason, *words;
	} cases[] = {
		{ "CREATE POLICY open ON things TO vault_app USING (true)", "POLICY_KEEPS_THE_BRAND", "things.open" },
		{ "CREATE POLICY open ON things USING (true)", "POLICY_NAMES_ITS_ROLE", "things.open" },
		{ "CREATE RULE quiet AS ON DELETE TO things DO INSTEAD NOTHING", "RULE_FORBIDDEN", "things.quiet" },
		{ "GRANT SELECT ON things TO notes_app", "SCHEMA_IS_PRIVATE", "things to notes_app" },
		{ "GRANT SELECT (name) ON things TO notes_app", "SCHEMA_IS_PRIVATE", "things to notes_app" },
		{ "GRANT USAGE ON SCHEMA vault TO notes_app", "SCHEMA_IS_PRIVATE", "vault to notes_app" },
		{ "ALTER FUNCTION n_things() SECURITY DEFINER", "SECURITY_DEFINER_SEARCH_PATH", "n_things()" },
		{ "CREATE COLLATION alike (provider = icu, locale = 'und-u-ks-level1', deterministic = false); "
		  "ALTER TABLE things DISABLE ROW LEVEL SECURITY; DROP VIEW names; DROP POLICY brand ON things; "
		  "DROP POLICY owner ON things; ALTER TABLE things ALTER brand_id TYPE text COLLATE alike",
		  "MIGRATION_BRAND_ID_REQUIRED", "things" },
		{ "ALTER TABLE things OWNER TO CURRENT_USER", "OWNER_OWNS_ALL", "things belongs to" },
		{ "CREATE TABLE mine (brand_id text NOT NULL)", "OWNER_OWNS_ALL", "mine belongs to" },
		{ "ALTER VIEW names RESET (security_invoker)", "VIEW_SECURITY_INVOKER_REQUIRED", "names" },
		{ "ALTER TABLE audit_log DROP CONSTRAINT audit_log_pkey", "AUDIT_TABLE_REQUIRED", "PRIMARY KEY" },
		{ "CREATE TRIGGER t BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION hallmark_append_only(); "
		  "ALTER TABLE things DISABLE TRIGGER t",
		  "TRIGGERS_ARE_ENABLED", "things.t is switched off" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		set_up();
		cr_assert_neq(*vault_ask(&v, "", NULL, cases[i].change), '!', "%s", cases[i].change);
		refuses(FAILED_PRECONDITION, migrate());
		cr_expect_str_eq(hm_error_get()->reason, cases[i].reason, "%s: %s", cases[i].change,
				 hm_error_get()->message);
		cr_expect(strstr(hm_error_get()->message, cases[i].words), "%s", hm_error_get()->message);
	}
}

static const char verify_sql[] =
#include "runtime/store/verify.sql.h"
	;

static const char *first(const PGresult *rows, int column)
{
	return PQntuples(rows) ? PQgetvalue(rows, 0, column) : "";
}

/* Each in a transaction that is rolled back: roles are the whole cluster's, and other tests'. */
Test(verify, sees_what_would_open_a_schema, .init = set_up)
{
	static const struct {
		const char *change, *rule, *words;
	} cases[] = {
		{ "CREATE TRIGGER t BEFORE UPDATE ON things FOR EACH ROW EXECUTE FUNCTION hallmark_append_only(); "
		  "ALTER TABLE things ENABLE REPLICA TRIGGER t",
		  "triggers-are-enabled", "things.t is switched off" },
		{ "CREATE POLICY hide ON things AS RESTRICTIVE TO vault_owner USING (false)", "policy-names-its-role",
		  "things.hide" },
		{ "CREATE UNIQUE INDEX by_name ON things (name) INCLUDE (brand_id)", "brand-id-in-keys-required",
		  "things.by_name" },
		{ "ALTER TABLE things ADD other text, ADD UNIQUE (other, brand_id); ALTER TABLE things ADD FOREIGN KEY "
		  "(brand_id, name) REFERENCES things (other, brand_id)",
		  "brand-id-in-keys-required", "refers over brands" },
		{ "CREATE EXTENSION file_fdw; CREATE SERVER files FOREIGN DATA WRAPPER file_fdw; CREATE FOREIGN TABLE "
		  "others (brand_id text NOT NULL) SERVER files OPTIONS (filename '/dev/null'); ALTER TABLE others "
		  "OWNER "
		  "TO vault_owner; GRANT SELECT ON others TO vault_app",
		  "foreign-table-forbidden", "others" },
		{ "CREATE FUNCTION public.peek() RETURNS bigint LANGUAGE sql SECURITY DEFINER AS 'SELECT count(*) FROM "
		  "vault.things'",
		  "security-definer-forbidden", "public.peek()" },
		{ "ALTER FUNCTION n_things() OWNER TO notes_owner", "owner-owns-all", "n_things()" },
		{ "ALTER FUNCTION n_things() SECURITY DEFINER SET search_path = vault", "security-definer-search-path",
		  "n_things()" },
		{ "ALTER FUNCTION n_things() SECURITY DEFINER SET search_path = public, vault, pg_temp",
		  "security-definer-search-path", "n_things()" },
		{ "ALTER FUNCTION n_things() SET hallmark.brand_id = 'loop'", "function-keeps-the-brand",
		  "n_things()" },
		{ "GRANT CREATE ON SCHEMA public TO PUBLIC", "public-schema-closed", "REVOKE CREATE" },
		{ "GRANT vault_system TO vault_app", "roles-are-plain", "vault_app may become vault_system" },
		{ "GRANT pg_read_all_data TO vault_system", "roles-are-plain",
		  "vault_system may become pg_read_all_data" },
		{ "GRANT vault_app TO notes_app", "schema-is-private", "vault_app to notes_app" },
		{ "ALTER ROLE vault_migrator CREATEROLE", "roles-are-plain", "vault_migrator may pass" },
		{ "ALTER ROLE vault_app REPLICATION", "roles-are-plain", "vault_app may pass" },
		{ "ALTER ROLE vault_owner LOGIN", "roles-are-plain", "vault_owner may pass" },
		{ "ALTER ROLE vault_app SET hallmark.brand_id = 'loop'", "roles-are-plain",
		  "vault_app.hallmark.brand_id is set" },
		{ "ALTER ROLE vault_app SET session_replication_role = replica", "roles-are-plain",
		  "vault_app.session_replication_role is set" },
	};
	PGconn *connection = PQconnectdb(v.admin_dsn);

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		PGresult *rows;
		char found[512];

		PQclear(PQexec(connection, "BEGIN; SET LOCAL search_path = vault, public"));
		rows = PQexec(connection, cases[i].change);
		cr_assert_eq(PQresultStatus(rows), PGRES_COMMAND_OK, "%s", PQerrorMessage(connection));
		PQclear(rows);
		rows = PQexec(connection, verify_sql);
		snprintf(found, sizeof found, "%s: %s %s", first(rows, 0), first(rows, 1), first(rows, 2));
		cr_expect(!strncmp(found, cases[i].rule, strlen(cases[i].rule)) && strstr(found, cases[i].words),
			  "%s: %s", cases[i].change, found);
		cr_expect_str_eq(first(rows, 3), "f", "%s", found);
		PQclear(rows);
		PQclear(PQexec(connection, "ROLLBACK"));
	}
	PQfinish(connection);
}

/* An owner without its policy sees no row: it would fill nothing, and validate everything. */
Test(verify, puts_an_owners_policy_back_before_a_file_relies_on_it, .init = set_up)
{
	cr_assert_str_eq(vault_ask(&v, "app", "loop", "INSERT INTO things (id, name) VALUES (1, 'a')"), "");
	cr_assert_str_eq(vault_ask(&v, "", NULL, "DROP POLICY owner ON things"), "");
	vault_write(&v, "0002_upper.sql",
		    "ALTER TABLE things ADD upper_name text; UPDATE things SET upper_name = upper(name);");
	must(migrate());
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT upper_name FROM things"), "A");
}

Test(verify, holds_for_partitions)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql",
		    VAULT_AUDIT_LOG
		    "CREATE TABLE parts (brand_id text NOT NULL, id int, PRIMARY KEY (brand_id, id)) PARTITION BY "
		    "RANGE (id); CREATE TABLE parts_1 PARTITION OF parts DEFAULT;"
		    "COMMENT ON TABLE parts IS 'append-only: as it is';");
	must(vault_migrate(&v));
	cr_assert_str_eq(vault_ask(&v, "", NULL, "ALTER TABLE parts_1 DISABLE TRIGGER hallmark_append_only"), "");
	must(migrate());
	cr_expect(strstr(steps, "parts_1.hallmark_append_only"), "%s", steps);
	cr_assert_str_eq(vault_ask(&v, "", NULL, "DROP TRIGGER hallmark_append_only ON parts"), "");
	must(migrate());
	must(migrate());
	cr_expect_str_eq(steps, "");
}

/* Its parent's triggers go with it, and its parent's comment. */
Test(verify, keeps_append_only_a_partition_that_is_detached)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql",
		    VAULT_AUDIT_LOG
		    "CREATE TABLE parts (brand_id text NOT NULL, id int, PRIMARY KEY (brand_id, id)) PARTITION BY "
		    "RANGE (id); CREATE TABLE parts_1 PARTITION OF parts FOR VALUES FROM (0) TO (10);"
		    "COMMENT ON TABLE parts IS 'append-only: as it is';");
	vault_write(&v, "0002_detach.sql",
		    "-- notransaction\nALTER TABLE parts DETACH PARTITION parts_1 CONCURRENTLY;");
	must(vault_migrate(&v));
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "DELETE FROM parts_1"), "!42501");
	cr_assert_str_eq(vault_ask(&v, "", NULL, "INSERT INTO parts_1 VALUES ('loop', 1)"), "");
	cr_expect_str_eq(vault_ask(&v, "owner", NULL, "UPDATE parts_1 SET id = 2"), "!HM009");
}

/* Its comment alone made it so, and a comment is easily lost; a partition leaves its parent's behind. */
Test(verify, keeps_append_only_what_was_so, .init = set_up)
{
	cr_assert_str_eq(vault_ask(&v, "", NULL, "COMMENT ON TABLE ledger IS NULL"), "");
	must(migrate());
	cr_expect_str_eq(steps, "");
	vault_write(&v, "0002_more.sql", "CREATE TABLE more (brand_id text NOT NULL, PRIMARY KEY (brand_id));");
	must(migrate());
	cr_expect_str_eq(vault_ask(&v, "app", "loop", "DELETE FROM ledger"), "!42501");
	cr_assert_str_eq(vault_ask(&v, "", NULL, "DROP TRIGGER hallmark_append_only ON ledger"), "");
	must(migrate());
	cr_expect(strstr(steps, "ledger.hallmark_append_only is missing"), "%s", steps);
}
