/*
 * Rules, what their pages cannot say: where in a file a finding stands, whose a file is, rules of services that are not "example", and files
 * that git has in another form.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/cli.h"

struct example {
	const char *service; /* NULL: nobody says */
	const char *sql;
	const char *rule; /* NULL: nothing is found */
	int line;
};

#define KEYS "(brand_id text NOT NULL, id uuid NOT NULL, PRIMARY KEY (brand_id, id))"
#define REFUSES "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''no''; END';\n"
#define NODS "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';\n"
#define GUARD                                                                                             \
	"CREATE TRIGGER guard BEFORE UPDATE OR DELETE OR TRUNCATE ON entries FOR EACH STATEMENT EXECUTE " \
	"FUNCTION no();\n"

/* Nested statements are found in their own lines. */
static const struct example nested[] = {
	{ "orders",
	  "DO $$\n"
	  "BEGIN\n"
	  "	CREATE TABLE notes (id uuid);\n"
	  "END $$;",
	  "migration-brand-id-required", 3 },
	{ "orders",
	  "CREATE FUNCTION f() RETURNS void LANGUAGE plpgsql AS $$\n"
	  "BEGIN\n"
	  "	IF true THEN\n"
	  "		DELETE FROM audit_log;\n"
	  "	END IF;\n"
	  "END $$;",
	  "audit-append-only", 4 },
	{ "orders",
	  "CREATE FUNCTION f() RETURNS bigint LANGUAGE sql AS $$\n"
	  "	SELECT 1;\n"
	  "	SELECT count(*) FROM identity.users;\n"
	  "$$;",
	  "no-cross-schema", 3 },
	{ "orders",
	  "SELECT 1;\n"
	  "CREATE TABLE notes " KEYS ";\n"
	  "ALTER TABLE notes RENAME brand_id TO brand;\n"
	  "ALTER TABLE notes ADD COLUMN text text;",
	  "migration-brand-id-required", 3 },
	{ "orders",
	  "CREATE TABLE notes (\n"
	  "	brand_id text NOT NULL,\n"
	  "	id uuid PRIMARY KEY\n"
	  ");",
	  "brand-id-in-keys-required", 3 },
};

/* SQL within SQL, two deep, escaped, in what libpg_query has no words for. */
static const struct example hidden[] = {
	{ "orders", "DO $$ BEGIN EXECUTE 'DO $x$ BEGIN CREATE TABLE notes (id uuid); END $x$'; END $$;",
	  "migration-brand-id-required", 1 },
	{ "orders",
	  "DO $$ BEGIN EXECUTE 'CREATE FUNCTION f() RETURNS void LANGUAGE sql AS ''DELETE FROM audit_log'''; END $$;",
	  "audit-append-only", 1 },
	{ "orders", "DO E'BEGIN\\nTRUNCATE audit_log;\\nEND';", "audit-append-only", 1 },
	{ "orders", "PREPARE forget AS DELETE FROM audit_log;", "audit-append-only", 1 },
	{ "orders", "EXPLAIN ANALYZE DELETE FROM audit_log;", "audit-append-only", 1 },
	{ "orders", "SELECT query_to_xml('SELECT * FROM identity.users', true, true, '');", "no-cross-schema", 1 },
	{ "orders",
	  "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ DECLARE c refcursor; BEGIN\n"
	  "OPEN c FOR DELETE FROM audit_log RETURNING id; RETURN 1; END $$;",
	  "audit-append-only", 2 },
	{ "orders",
	  "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ DECLARE r notes; BEGIN\n"
	  "r.n := (SELECT count(*) FROM identity.users); RETURN r.n; END $$;",
	  "no-cross-schema", 2 },
	{ "orders", "CREATE SCHEMA orders CREATE TABLE notes (id uuid);", "migration-brand-id-required", 1 },
	{ "orders", "CREATE FOREIGN TABLE notes (id uuid) SERVER other;", "migration-brand-id-required", 1 },
	{ "orders", "CREATE TABLE more () INHERITS (audit_log);", "audit-append-only", 1 },
};

/* A ledger is one by its service and name. */
static const struct example ledgers[] = {
	{ "accounting", "UPDATE entries SET amount = 1;", "ledger-append-only", 1 },
	{ "orders", "UPDATE entries SET amount = 1 WHERE id = '1';", NULL, 0 },
	{ NULL, "DELETE FROM accounting.transactions WHERE id = '1';", "ledger-append-only", 1 },
	{ "cash", "CREATE TABLE entries " KEYS ";", "ledger-append-only", 1 },
	{ "cash", "CREATE TABLE entries " KEYS ";\nCOMMENT ON TABLE entries IS 'append-only';", NULL, 0 },
	{ "cash", "CREATE TABLE entries " KEYS ";\n" REFUSES GUARD "ALTER TABLE entries ENABLE ALWAYS TRIGGER guard;",
	  NULL, 0 },
	{ "cash", "CREATE TABLE entries " KEYS ";\n" REFUSES GUARD, "ledger-append-only", 3 },
	{ "cash", "CREATE TABLE entries " KEYS ";\n" NODS GUARD "ALTER TABLE entries ENABLE ALWAYS TRIGGER guard;",
	  "ledger-append-only", 4 },
};

/* Where nobody says whose a file is, it is the service it works in. */
static const struct example strangers[] = {
	{ NULL, "ALTER TABLE identity.users ADD COLUMN note text;\nSELECT count(*) FROM identity.users;", NULL, 0 },
	{ NULL, "CREATE TABLE orders.notes " KEYS ";\nSELECT count(*) FROM identity.users;", "no-cross-schema", 2 },
	{ NULL, "CREATE INDEX CONCURRENTLY a ON notes (brand_id, id);\nSELECT count(*) FROM identity.users;",
	  "no-cross-schema", 2 },
	{ NULL,
	  "CREATE TABLE accounts " KEYS ";\n"
	  "CREATE FUNCTION n() RETURNS bigint LANGUAGE sql AS 'SELECT count(*) FROM accounting.accounts';",
	  NULL, 0 },
	{ NULL, "CREATE TABLE public.notes " KEYS ";\nSELECT public.shape();", NULL, 0 },
	{ "patient-graph", "CREATE TABLE patient_graph.notes " KEYS ";", NULL, 0 },
};

static void write_text(const char *path, const char *text)
{
	FILE *file = fopen(path, "w");

	cr_assert(file, "%s cannot be written", path);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
}

static void remove_folder(const char *folder)
{
	struct child_result result;

	must(child_run((const char *const[]){ "/bin/rm", "-r", folder, NULL }, NULL, &result));
	child_fini(&result);
}

static const json_t *find(const json_t *findings, const char *rule)
{
	const json_t *one;
	size_t i;

	json_array_foreach(findings, i, one) if (!strcmp(cli_text(one, "rule"), rule)) return one;
	return NULL;
}

static json_t *check_file(const char *path, const char *service)
{
	const struct child_result result = service ? hallmark("check", path, "--json", "--service", service, NULL)
						   : hallmark("check", path, "--json", NULL);
	json_t *findings = json_loads(result.out.data, 0, NULL);

	cr_assert(findings, "no JSON but: %s%s", result.out.data, result.err.data);
	return findings;
}

static void expect_all(const struct example *examples, size_t n)
{
	char folder[] = "/tmp/hallmark-model-XXXXXX", path[64];

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/example.sql", folder);
	for (size_t i = 0; i < n; i++) {
		const struct example *one = &examples[i];
		json_t *findings;
		const json_t *found;

		write_text(path, one->sql);
		findings = check_file(path, one->service);
		found = one->rule ? find(findings, one->rule) : NULL;
		if (!one->rule)
			cr_expect_eq(json_array_size(findings), 0, "%s\ngives %s", one->sql, json_dumps(findings, 0));
		else if (!found)
			cr_expect(false, "%s\ngives %s", one->sql, json_dumps(findings, 0));
		else
			cr_expect_eq(json_integer_value(json_object_get(found, "line")), one->line, "%s\ngives %s",
				     one->sql, json_dumps(found, 0));
		json_decref(findings);
	}
	remove_folder(folder);
}

#define expect(examples) expect_all(examples, sizeof(examples) / sizeof *(examples))

Test(check_rules, nested_statements_are_found_in_their_own_lines)
{
	expect(nested);
}

Test(check_rules, sql_that_is_hidden_in_sql_is_found)
{
	expect(hidden);
}

Test(check_rules, a_ledger_is_one_by_its_service_and_name)
{
	expect(ledgers);
}

Test(check_rules, a_file_of_nobody_is_judged_by_the_schema_it_works_in)
{
	expect(strangers);
}

/* ---- Text that is none, and too much of it ------------------------------------------------------------------------------ */

static const struct example bytes[] = {
	{ "orders",
	  "SELECT 1;\nSELECT 'gr\xf6\xdf"
	  "er';",
	  "sql-syntax", 2 },
	{ "orders", "SELECT 1;\r\nALTER TABLE notes ADD COLUMN more json;\r\n", "type-json", 2 },
	{ "orders", "-- notransaction\r\nCREATE INDEX CONCURRENTLY a ON notes (brand_id, text);\r\n", NULL, 0 },
	{ "orders", "-- nothing but this\n", NULL, 0 },
	{ "orders", "", NULL, 0 },
};

Test(check_rules, text_is_utf_8_with_any_ends_of_lines)
{
	expect(bytes);
}

/* Its tree is as deep as it is long. */
Test(check_rules, a_sum_of_twenty_thousand_terms_is_read)
{
	enum { TERMS = 20000 };
	struct example sum = { .service = "orders" };
	struct hm_buffer sql = { 0 };

	hm_buffer_add_text(&sql, "SELECT 1");
	for (unsigned i = 1; i < TERMS; i++)
		hm_buffer_add_text(&sql, "+1");
	sum.sql = sql.data;
	expect_all(&sum, 1);
	hm_buffer_fini(&sql);
}

/* ---- --against ------------------------------------------------------------------------------------------------------- */

#define AUDIT                                                                                                       \
	"CREATE TABLE audit_log (id UUID PRIMARY KEY, occurred_at TIMESTAMPTZ NOT NULL, actor_type TEXT NOT NULL, " \
	"actor_id TEXT NOT NULL, actor_brand_id TEXT, event_type TEXT NOT NULL, entity_type TEXT, entity_id TEXT, " \
	"brand_id TEXT NOT NULL, request_id TEXT, details JSONB);\n"

static void git(const char *folder, const char *const *arguments)
{
	const char *command[16] = { "/usr/bin/git", "-C", folder, "-c", "user.name=a", "-c", "user.email=a@b" };
	struct child_result result;

	for (size_t n = 7; *arguments; arguments++)
		command[n++] = *arguments;
	must(child_run(command, NULL, &result));
	cr_assert_eq(result.exit_code, 0, "git: %s", result.err.data);
	child_fini(&result);
}

Test(check_rules, a_folder_of_contracts_is_checked_and_one_of_nothing_is_not_passed_over)
{
	char folder[] = "/tmp/hallmark-model-XXXXXX";
	struct child_result result;

	result = hallmark("check", "proto", NULL);
	ends(result, 0);
	shows(result.err.data, " files checked: 0 findings");
	cr_assert_not(strstr(result.err.data, "0 files checked"), "%s", result.err.data);
	cr_assert(mkdtemp(folder));
	result = hallmark("check", folder, NULL);
	ends(result, 2);
	shows(result.err.data, "has no migrations, queries or contracts below it");
	remove_folder(folder);
}

Test(check_rules, a_rule_that_is_not_there_is_likened_to_one_that_is_alike_alone)
{
	struct child_result result = hallmark("check", "--explain", "column-set-notnull", NULL);

	ends(result, 2);
	shows(result.err.data, "did you mean column-set-not-null?");
	result = hallmark("check", "--explain", "nonsense", NULL);
	ends(result, 2);
	shows(result.err.data, "there is no rule nonsense (hallmark check --rules)");
}

Test(check_rules, a_migration_that_git_has_in_another_form_was_edited)
{
	char folder[] = "/tmp/hallmark-against-XXXXXX", migrations[64], path[128];
	struct child_result result;

	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/notes", folder);
	snprintf(migrations, sizeof migrations, "%s/notes/migrations", folder);
	cr_assert(!mkdir(path, 0700) && !mkdir(migrations, 0700));
	snprintf(path, sizeof path, "%s/0001_init.sql", migrations);
	write_text(path, AUDIT);
	git(folder, (const char *const[]){ "init", "-q", NULL });
	git(folder, (const char *const[]){ "add", ".", NULL });
	git(folder, (const char *const[]){ "commit", "-qm", "first", NULL });

	result = hallmark("check", migrations, "--against", "HEAD", NULL);
	ends(result, 0);
	write_text(path, AUDIT "SELECT 1;\n");
	result = hallmark("check", migrations, "--against", "HEAD", NULL);
	ends(result, 1);
	shows(result.out.data, "0001_init.sql:1:1: forward-only");
	result = hallmark("check", migrations, "--against", "no-such-revision", NULL);
	ends(result, 2);

	write_text(path, AUDIT);
	snprintf(path, sizeof path, "%s/0002_notes.sql", migrations);
	write_text(path, "CREATE TABLE notes " KEYS ";\n");
	result = hallmark("check", migrations, "--against", "HEAD", NULL);
	ends(result, 0);
	remove_folder(folder);
}
