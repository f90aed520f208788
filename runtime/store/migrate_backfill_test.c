/* Backfills: every row once, in batches, going on where a killed run was; and contracts that wait for what they contract. */
#include <libpq-fe.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/fixture.h"
#include "tests/vault.h"

TestSuite(migrate_backfill, .timeout = 120);

static struct vault v;

#define EXPAND "ALTER TABLE things ADD upper_name text;"
#define FILL(batch)                                                                                       \
	"-- Upper names.\n-- backfill: table=things batch=" #batch "\n-- remaining: upper_name IS NULL\n" \
	"UPDATE things SET upper_name = upper(name) WHERE @batch AND upper_name IS NULL;\n"

/* 25 things in each of two brands, to be filled. */
static void set_up(void)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS);
	must(vault_migrate(&v));
	cr_assert_str_eq(vault_ask(&v, "", NULL,
				   "INSERT INTO things SELECT brand, n, 'n' || n FROM generate_series(1, 25) n, "
				   "unnest(ARRAY['loop', 'nova']) brand"),
			 "");
	vault_write(&v, "0002_expand.sql", EXPAND);
	must(vault_migrate(&v));
}

static void refuses_with(hm_status code, const char *words)
{
	cr_assert_eq(vault_migrate(&v), code, "%s", hm_error_get()->message);
	cr_expect(strstr(hm_error_get()->message, words), "\"%s\" is not in: %s", words, hm_error_get()->message);
}

static const char *count(const char *condition)
{
	char sql[200];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM things WHERE %s", condition);
	return vault_ask(&v, "", NULL, sql);
}

struct told {
	unsigned batches;
	uint64_t passed, estimated;
};

static void note_step(void *user, const char *service, const char *what)
{
	(void)user, (void)service, (void)what;
}

static void note_rows(void *user, const char *service, const char *file, uint64_t passed, uint64_t estimated)
{
	struct told *told = user;

	cr_expect_str_eq(service, "vault");
	cr_expect_str_eq(file, "0003_fill.sql");
	told->batches++;
	told->passed = passed;
	told->estimated = estimated;
}

Test(migrate_backfill, fills_every_row_of_every_brand_batch_by_batch, .init = set_up)
{
	struct told told = { 0 };
	const struct hm_migrate_progress progress = { .user = &told, .step = note_step, .rows = note_rows };

	vault_write(&v, "0003_fill.sql", FILL(7));
	must(hm_migrate(&(struct hm_migrate_config){
		.dsn = v.dsn, .service = "vault", .directory = v.folder, .progress = &progress }));
	cr_expect_str_eq(count("upper_name = upper(name)"), "50");
	cr_expect_eq(told.batches, 8);
	cr_expect_eq(told.passed, 50);
	cr_expect_eq(told.estimated, 50);
	/* one of its own for each batch, and the expanding file's row versions are in none */
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT count(DISTINCT xmin::text) FROM things"), "8");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT rows_changed FROM hallmark_progress WHERE version = 3"), "50");
	must(vault_migrate(&v));
}

Test(migrate_backfill, has_nothing_to_do_in_an_empty_table, .init = set_up)
{
	vault_ask(&v, "", NULL, "DELETE FROM things");
	vault_write(&v, "0003_fill.sql", FILL(7));
	must(vault_migrate(&v));
}

/* The brand's own policy would show no row, and -- remaining count none. */
Test(migrate_backfill, fills_though_the_owners_policy_was_taken_away, .init = set_up)
{
	vault_ask(&v, "", NULL, "DROP POLICY owner ON things");
	vault_write(&v, "0003_fill.sql", FILL(7));
	must(vault_migrate(&v));
	cr_expect_str_eq(count("upper_name IS NULL"), "0");
}

Test(migrate_backfill, that_touches_no_row_is_refused, .init = set_up)
{
	vault_write(&v, "0003_fill.sql",
		    "-- backfill: table=things\n-- remaining: upper_name IS NULL\n"
		    "UPDATE things SET upper_name = upper(name) WHERE @batch AND id < 0;");
	refuses_with(HM_FAILED_PRECONDITION, "0003_fill.sql: 50 rows of things remain, for which upper_name IS NULL");
	cr_expect(strstr(hm_error_get()->message, "0 were changed"), "%s", hm_error_get()->message);
	cr_expect_str_eq(hm_error_get()->reason, "BACKFILL_INCOMPLETE");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT max(version) FROM hallmark_migration"), "2");
	vault_write(&v, "0003_fill.sql", FILL(50)); /* not applied yet, so it may be edited */
	must(vault_migrate(&v));
}

Test(migrate_backfill, that_leaves_some_rows_is_refused, .init = set_up)
{
	vault_write(&v, "0003_fill.sql",
		    "-- backfill: table=things\n-- remaining: upper_name IS NULL\n"
		    "UPDATE things SET upper_name = upper(name) WHERE @batch AND id <> 3;");
	refuses_with(HM_FAILED_PRECONDITION, "2 rows of things remain");
}

Test(migrate_backfill, statements_are_refused_that_could_not_go_along, .init = set_up)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "-- backfill: table=things\n-- remaining: true\nUPDATE things SET name = 'x';",
		  "0003_fill.sql:3:1: a backfill is a statement that says by @batch" },
		{ "-- backfill: table=things\n-- remaining: true\nUPDATE things SET name = 'x' WHERE 1 =@batch;",
		  "by @batch" },
		{ "-- backfill: table=things\n-- remaining: true\nUPDATE things SET name = '@batch' -- @batch\n;",
		  "by @batch" },
		{ "-- backfill: table=things\n-- remaining: true\n", "by @batch" },
		{ "-- backfill: table=things\n-- remaining: true\nSELECT 1 WHERE @batch;\nSELECT 2;",
		  "0003_fill.sql:4:1: a backfill is one statement" },
		{ "-- backfill: table=nothings\n-- remaining: true\nSELECT 1 WHERE @batch;", "no table nothings here" },
		{ "-- backfill: table=things\n-- remaining: true\nUPDATE things SET nonsense = 1 WHERE @batch;",
		  "0003_fill.sql: behind the beginning: column \"nonsense\"" },
		{ "-- backfill: table=things\n-- remaining: nonsense\nUPDATE things SET upper_name = 'x' WHERE @batch;",
		  "0003_fill.sql: -- remaining: column \"nonsense\"" },
	};

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		vault_write(&v, "0003_fill.sql", cases[i].text);
		refuses_with(HM_INVALID_ARGUMENT, cases[i].words);
	}
}

/* Old code that writes behind the batches: a trigger does, once. */
Test(migrate_backfill, rows_written_behind_it_take_another_pass, .init = set_up)
{
	vault_ask(&v, "", NULL,
		  "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.id = 20 AND NEW.brand_id "
		  "= 'nova' THEN "
		  "INSERT INTO vault.things (brand_id, id, name) VALUES ('loop', 0, 'late') ON CONFLICT DO NOTHING; "
		  "END IF; "
		  "RETURN NULL; END $$; ALTER FUNCTION late() OWNER TO vault_owner; CREATE TRIGGER late AFTER UPDATE "
		  "ON things FOR "
		  "EACH ROW EXECUTE FUNCTION late()");
	vault_write(&v, "0003_fill.sql", FILL(10));
	must(vault_migrate(&v));
	cr_expect_str_eq(count("upper_name IS NULL"), "0");
	cr_expect_str_eq(count("upper_name = 'LATE'"), "1");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT pass FROM hallmark_progress WHERE version = 3"), "2");
}

/* ---- Death ------------------------------------------------------------------------------------------------------- */

static pid_t migrate_in_child(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(vault_migrate(&v) != HM_OK);
	return child;
}

/* The 30th row is locked by somebody else: the batches before it are done, its own waits. */
Test(migrate_backfill, goes_on_where_it_was_killed, .init = set_up)
{
	PGconn *holder = PQconnectdb(v.admin_dsn);
	int outcome;
	pid_t child;

	PQclear(PQexec(holder, "BEGIN; SELECT 1 FROM vault.things WHERE brand_id = 'nova' AND id = 5 FOR UPDATE"));
	vault_write(&v, "0003_fill.sql", FILL(10));
	child = migrate_in_child();
	while (!test_sql(v.dsn, "SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid) "
				"WHERE NOT granted AND datname = current_database()"))
		;
	cr_assert_eq(kill(child, SIGKILL), 0);
	cr_assert_eq(waitpid(child, &outcome, 0), child);
	PQfinish(holder);
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT rows_passed FROM hallmark_progress WHERE version = 3"), "20");
	must(vault_migrate(&v));
	cr_expect_str_eq(count("upper_name = upper(name)"), "50");
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT rows_changed FROM hallmark_progress WHERE version = 3"), "50",
			 "no batch was done twice");
}

/* ---- Contracts --------------------------------------------------------------------------------------------------- */

#define CONTRACT "-- contract: expands=0002\nALTER TABLE things DROP name;"

static hm_status migrate_with_gap(int64_t gap_s)
{
	return hm_migrate(&(struct hm_migrate_config){
		.dsn = v.dsn, .service = "vault", .directory = v.folder, .contract_gap_s = gap_s });
}

Test(migrate_backfill, a_contract_waits_until_the_gap_has_passed, .init = set_up)
{
	vault_write(&v, "0003_fill.sql", FILL(50));
	vault_write(&v, "0004_contract.sql", CONTRACT);
	refuses(FAILED_PRECONDITION, migrate_with_gap(0));
	cr_expect_str_eq(hm_error_get()->reason, "CONTRACT_NOT_DUE");
	cr_expect(strstr(hm_error_get()->message, "0004_contract.sql: contracts what 0002_expand.sql expanded"), "%s",
		  hm_error_get()->message);
	cr_expect(hm_error_get()->retry_after_ms > 86000000, "%u", hm_error_get()->retry_after_ms);
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT max(version) FROM hallmark_migration"), "3",
			 "what is due is done");
	vault_ask(&v, "", NULL, "UPDATE hallmark_migration SET applied_at = now() - interval '25 hours' RETURNING 1");
	must(migrate_with_gap(0));
	cr_expect_str_eq(vault_ask(&v, "", NULL, "SELECT count(*) FROM things WHERE name = ''"), "!42703");
}

Test(migrate_backfill, the_gap_is_the_runs_to_say, .init = set_up)
{
	vault_write(&v, "0003_contract.sql", CONTRACT);
	refuses(FAILED_PRECONDITION, migrate_with_gap(60));
	must(migrate_with_gap(HM_CONTRACT_GAP_NONE));
}

/* Nothing old runs there. A run that was killed does not make it old: it was never up to date. */
Test(migrate_backfill, a_new_schema_waits_for_nothing)
{
	v = vault_open();
	vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG VAULT_THINGS);
	vault_write(&v, "0002_expand.sql", EXPAND);
	vault_write(&v, "0003_fill.sql", FILL(50));
	vault_write(&v, "0004_contract.sql", "-- contract: expands=0002\nSELECT nonsense;");
	refuses(INVALID_ARGUMENT, vault_migrate(&v));
	vault_write(&v, "0004_contract.sql", CONTRACT);
	must(migrate_with_gap(0));
}

Test(migrate_backfill, a_contract_names_a_file_that_comes_before_it, .init = set_up)
{
	vault_write(&v, "0003_contract.sql", "-- contract: expands=0003\nSELECT 1;");
	refuses(FAILED_PRECONDITION, migrate_with_gap(HM_CONTRACT_GAP_NONE));
	cr_expect(strstr(hm_error_get()->message, "says expands=0003; a contract names an earlier file"), "%s",
		  hm_error_get()->message);
}

/* Only what fails for rows that the batch did not come to is passed over, and nothing that fails after it. */
Test(migrate_backfill, a_trial_that_passes_over_one_file_refuses_the_next, .init = set_up)
{
	static const struct {
		const char *text, *words;
	} cases[] = {
		{ "SELECT 1;\nCOMMIT;", "cannot begin or end it" },
		{ "CREATE TABLE bare (id int PRIMARY KEY);", "bare has to have a column brand_id" },
	};
	const struct hm_migrate_config config = { .dsn = v.dsn, .service = "vault", .directory = v.folder };

	vault_write(&v, "0003_fill.sql", FILL(10));
	vault_write(&v, "0004_required.sql", "ALTER TABLE things ALTER upper_name SET NOT NULL;");
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		struct hm_arena arena = { 0 };
		struct hm_migrate_state state;

		vault_write(&v, "0005_wrong.sql", cases[i].text);
		cr_expect_neq(hm_migrate_try(&config, &arena, &state), HM_OK, "%s", cases[i].text);
		cr_expect(strstr(hm_error_get()->message, cases[i].words), "%s", hm_error_get()->message);
		hm_arena_fini(&arena);
	}
}
