/* Trace: what it says of a file on the fixtures beside this; the rules' pages have the rest. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/cli.h"

static const char first[] =
	"CREATE TABLE orders (brand_id text NOT NULL, id uuid NOT NULL, total bigint NOT NULL,"
	" PRIMARY KEY (brand_id, id));\n"
	"CREATE TABLE audit_log (id UUID PRIMARY KEY, occurred_at TIMESTAMPTZ NOT NULL,"
	" actor_type TEXT NOT NULL, actor_id TEXT NOT NULL, actor_brand_id TEXT, event_type TEXT NOT NULL,"
	" entity_type TEXT, entity_id TEXT, brand_id TEXT NOT NULL, request_id TEXT, details JSONB);\n";

/* Traces 0002 behind the first file. */
static json_t *trace(const char *second, int exit_code)
{
	static char folder[] = "/tmp/hallmark-trace-XXXXXX";
	char migrations[64], path[96];
	struct child_result result, removed;
	json_t *report;
	FILE *file;

	cr_assert(mkdtemp(folder));
	snprintf(migrations, sizeof migrations, "%s/shop", folder);
	mkdir(migrations, 0700);
	snprintf(migrations, sizeof migrations, "%s/shop/migrations", folder);
	mkdir(migrations, 0700);
	for (int i = 1; i <= 2; i++) {
		snprintf(path, sizeof path, "%s/000%d_step.sql", migrations, i);
		file = fopen(path, "w");
		cr_assert(file);
		fputs(i == 1 ? first : second, file);
		fclose(file);
	}
	result = hallmark("check", "--trace", path, "--json", NULL);
	ends(result, exit_code);
	report = json_loads(result.out.data, 0, NULL);
	must(child_run((const char *const[]){ "/bin/rm", "-r", folder, NULL }, NULL, &removed));
	child_fini(&removed);
	return report;
}

static const json_t *statement(const json_t *report, size_t i)
{
	return json_array_get(json_object_get(report, "statements"), i);
}

static bool locks(const json_t *statement, const char *relation, const char *mode)
{
	const json_t *lock;
	size_t i;

	json_array_foreach(json_object_get(statement, "locks"), i,
			   lock) if (!strcmp(cli_text(lock, "relation"), relation) &&
				     !strcmp(cli_text(lock, "mode"), mode)) return true;
	return false;
}

Test(check_trace, shows_each_lock_with_the_statement_that_took_it)
{
	json_t *report =
		trace("CREATE TABLE notes (brand_id text NOT NULL, id uuid NOT NULL, PRIMARY KEY (brand_id, id));\n"
		      "CREATE INDEX orders_by_total ON orders (brand_id, total);\n"
		      "ALTER TABLE orders ADD COLUMN note text;\n",
		      0);

	cr_expect_eq(json_array_size(json_object_get(statement(report, 0), "locks")), 0,
		     "a new table is nobody's concern");
	cr_expect(locks(statement(report, 1), "orders", "ShareLock"));
	cr_expect(locks(statement(report, 2), "orders", "AccessExclusiveLock"));
	cr_expect_not(locks(statement(report, 2), "orders", "ShareLock"), "it was taken before");
	json_decref(report);
}

Test(check_trace, sees_what_an_index_built_concurrently_locks)
{
	json_t *report =
		trace("-- notransaction\nCREATE INDEX CONCURRENTLY orders_by_total ON orders (brand_id, total);\n", 0);

	cr_expect(locks(statement(report, 0), "orders", "ShareUpdateExclusiveLock"));
	cr_expect_not(locks(statement(report, 0), "orders", "ShareLock"));
	json_decref(report);
}

Test(check_trace, shows_a_rewrite_that_is_hidden_in_dynamic_sql)
{
	json_t *report = trace("DO $$ DECLARE name text := 'orders'; BEGIN\n"
			       " EXECUTE 'ALTER TABLE ' || name || ' ALTER total TYPE numeric'; END $$;\n",
			       1);

	cr_expect_str_eq(json_string_value(json_array_get(json_object_get(statement(report, 0), "rewrites"), 0)),
			 "orders");
	json_decref(report);
}
