/*
 * Proof that no row of one brand is seen under another: every table of every service, read as the service's own role, for each
 * brand and for none, and held against what is really there.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "store/cluster.h"
#include "tests/demo/demo.h"
#include "tests/demo/sql.h"

enum { SQL_BYTES = 400, NAME_BYTES = 80 };

/* A service's two views: its own, and the superuser's, who sees everything. */
struct view {
	PGconn *own, *all;
	int64_t seen, expected, foreign, unbranded;
};

/* Tables that hold brands' rows and that the role may read. */
static const char tables_sql[] =
	"SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c"
	" JOIN pg_namespace n ON n.oid = c.relnamespace"
	" JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = 'brand_id'"
	" WHERE n.nspname = $1 AND c.relkind IN ('r', 'p') AND has_table_privilege($2, c.oid, 'SELECT')"
	" ORDER BY 1";

/* The catalog of brands is the system's; each brand may see its own line of it. */
static const char *foreign_rows(const char *table)
{
	return strcmp(table, "platform.brands") ? "brand_id <> $1" : "brand_id <> $1 AND id <> $1";
}

static hm_status look_as(struct view *view, const char *table, const char *brand)
{
	char sql[SQL_BYTES];
	int64_t n;

	TRY(sql_number(view->own, "SELECT set_config('hallmark.brand_id', $1, false)", brand, NULL, &n));
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE brand_id = $1", table);
	TRY(sql_number(view->own, sql, brand, NULL, &n));
	view->seen += n;
	TRY(sql_number(view->all, sql, brand, NULL, &n));
	view->expected += n;
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s WHERE %s", table, foreign_rows(table));
	TRY(sql_number(view->own, sql, brand, NULL, &n));
	view->foreign += n;
	return HM_OK;
}

static hm_status look_without(struct view *view, const char *table)
{
	char sql[SQL_BYTES];
	int64_t n;

	TRY(sql_number(view->own, "SELECT set_config('hallmark.brand_id', '', false)", NULL, NULL, &n));
	snprintf(sql, sizeof sql, "SELECT count(*) FROM %s", table);
	TRY(sql_number(view->own, sql, NULL, NULL, &n));
	view->unbranded += n;
	return HM_OK;
}

static hm_status look_at_tables(struct view *view, const char *service, const char *role, int *ret_tables)
{
	static const char *const brands[] = { "loop", "nova", "system" };
	PGresult *tables;
	hm_status status;

	TRY(sql_run(view->all, tables_sql, service, role, &tables));
	status = HM_OK;
	for (int i = 0; i < PQntuples(tables) && status == HM_OK; i++) {
		for (size_t b = 0; b < sizeof brands / sizeof *brands && status == HM_OK; b++)
			status = look_as(view, PQgetvalue(tables, i, 0), brands[b]);
		if (status == HM_OK)
			status = look_without(view, PQgetvalue(tables, i, 0));
	}
	*ret_tables = PQntuples(tables);
	PQclear(tables);
	return status;
}

static hm_status check_service(const struct demo *demo, const struct hm_service_table *table)
{
	struct view view = { 0 };
	char role[NAME_BYTES];
	hm_status status;
	int n_tables = 0;

	snprintf(role, sizeof role, "%s_app", table->schema);
	TRY(sql_open(hm_cluster_dsn(demo->stage.cluster), "postgres", &view.all));
	status = sql_open(hm_cluster_dsn(demo->stage.cluster), role, &view.own);
	if (status == HM_OK)
		status = look_at_tables(&view, table->schema, role, &n_tables);
	PQfinish(view.own);
	PQfinish(view.all);
	TRY(status);
	story_check(
		n_tables && view.seen && view.seen == view.expected && !view.foreign && !view.unbranded,
		"%-10s  %2d tables: %lld of %lld rows seen under their own brand, %lld under another, %lld under none",
		table->short_name, n_tables, (long long)view.seen, (long long)view.expected, (long long)view.foreign,
		(long long)view.unbranded);
	return HM_OK;
}

hm_status demo_leaks(struct demo *demo)
{
	story_act("Proof: nothing crosses between brands");
	story_say(
		"each table read with the service's own database role, as Loop, as Nova, as the system, and as nobody");
	for (const struct tally *tally = tallies; tally->table; tally++)
		if (tally->table->schema)
			TRY(check_service(demo, tally->table));
	return HM_OK;
}
