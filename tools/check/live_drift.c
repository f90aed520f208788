/*
 * Drift: the schema that the migrations fold to, against the one that is there. What the migrator adds itself is in no migration and is
 * passed over, as are partitions (a service makes them as time goes on), and whatever the fold does not know for certain.
 */
#include <stdlib.h>
#include <string.h>

#include "live.h"
#include "schema.h"

static const char rule[] = "catalog-drift";

static bool has_row(const PGresult *result, const char *table, int column, const char *name)
{
	for (int i = 0; i < PQntuples(result); i++)
		if (!strcmp(PQgetvalue(result, i, 0), table) && !strcmp(PQgetvalue(result, i, column), name))
			return true;
	return false;
}

/* ---- Tables and columns ------------------------------------------------------------------------------------------------ */

/* type: without modifiers, as the catalog names it; modifier: "(10,2)". A column NULL: the relation has none. */
static const char columns_sql[] =
	"SELECT relname, attname, attnotnull, format_type(atttypid, NULL), "
	"coalesce(substring(format_type(atttypid, atttypmod) FROM '\\([0-9,]+\\)'), '') "
	"FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON relnamespace = n.oid "
	"LEFT JOIN pg_catalog.pg_attribute ON attrelid = c.oid AND attnum > 0 AND NOT attisdropped "
	"WHERE nspname = $1 AND relkind IN ('r', 'p', 'v', 'm', 'f') AND NOT relispartition "
	"AND relname NOT IN ('hallmark_migration', 'hallmark_progress', 'idempotent_reply') ORDER BY c.oid, attnum";

enum { COLUMN_TABLE, COLUMN_NAME, COLUMN_NOT_NULL, COLUMN_TYPE, COLUMN_MODIFIER };

/* Names of types that are written in several ways, or are made into others. */
static const struct {
	const char *written, *type;
} aliases[] = {
	{ "int2", "smallint" },
	{ "smallserial", "smallint" },
	{ "serial2", "smallint" },
	{ "int4", "integer" },
	{ "int", "integer" },
	{ "serial", "integer" },
	{ "serial4", "integer" },
	{ "int8", "bigint" },
	{ "bigserial", "bigint" },
	{ "serial8", "bigint" },
	{ "float4", "real" },
	{ "float8", "double precision" },
	{ "bool", "boolean" },
	{ "decimal", "numeric" },
	{ "varchar", "character varying" },
	{ "bpchar", "character" },
	{ "timestamptz", "timestamp with time zone" },
	{ "timestamp", "timestamp without time zone" },
	{ "timetz", "time with time zone" },
	{ "time", "time without time zone" },
	{ "varbit", "bit varying" },
};

/* "numeric(10,2)[]" as the catalog says it: "numeric[]". */
static const char *catalog_type(struct hm_arena *arena, const char *written)
{
	size_t size = strcspn(written, "([");
	const char *base = hm_arena_dup(arena, written, size), *array = strchr(written, '[');

	for (size_t i = 0; i < sizeof aliases / sizeof *aliases; i++)
		if (!strcmp(base, aliases[i].written))
			base = aliases[i].type;
	return array ? hm_arena_printf(arena, "%s[]", base) : base;
}

static const char *modifier_of(struct hm_arena *arena, const char *written)
{
	const char *open = strchr(written, '('), *close = open ? strchr(open, ')') : NULL;

	return close ? hm_arena_dup(arena, open, (size_t)(close + 1 - open)) : "";
}

/* A type of the schema's own is named with or without it. */
static bool is_type(const struct live *live, const struct column *column, const char *type, const char *modifier)
{
	struct hm_arena *arena = &live->check->arena;
	const char *wanted = catalog_type(arena, column->type), *wanted_modifier = modifier_of(arena, column->type);
	const char *dot = strrchr(wanted, '.'), *own = strrchr(type, '.');

	if (strcmp(dot ? dot + 1 : wanted, own ? own + 1 : type))
		return false;
	return strchr(wanted_modifier, '?') || !strcmp(wanted_modifier, modifier) ||
	       (!*wanted_modifier && !strncmp(type, "character", strlen("character")) && !strcmp(modifier, "(1)"));
}

static void compare_column(const struct live *live, const struct table *table, const PGresult *live_columns, int i)
{
	const char *name = PQgetvalue(live_columns, i, COLUMN_NAME);
	const struct column *column = table_column(table, name);
	bool is_not_null = *PQgetvalue(live_columns, i, COLUMN_NOT_NULL) == 't';

	if (PQgetisnull(live_columns, i, COLUMN_NAME) || table->is_unsure)
		return;
	if (!column) {
		live_complain(live, rule, table->name, "column %s.%s is there, and not by the migrations", table->name,
			      name);
		return;
	}
	if (table->kind != TABLE_PLAIN && table->kind != TABLE_PARTITIONED)
		return;
	if (column->type && !is_type(live, column, PQgetvalue(live_columns, i, COLUMN_TYPE),
				     PQgetvalue(live_columns, i, COLUMN_MODIFIER)))
		live_complain(live, rule, table->name, "%s.%s is %s%s there, and %s by the migrations", table->name,
			      name, PQgetvalue(live_columns, i, COLUMN_TYPE),
			      PQgetvalue(live_columns, i, COLUMN_MODIFIER), column->type);
	if (column->is_not_null != is_not_null)
		live_complain(live, rule, table->name, "%s.%s may %sbe NULL there, and may %sby the migrations",
			      table->name, name, is_not_null ? "not " : "", column->is_not_null ? "not " : "");
}

static void compare_columns(const struct live *live, const PGresult *live_columns)
{
	const struct schema *schema = live->group->schema;

	for (int i = 0; i < PQntuples(live_columns); i++) {
		const char *name = PQgetvalue(live_columns, i, COLUMN_TABLE);
		const struct table *table = schema_find_name(schema, name);

		if (table)
			compare_column(live, table, live_columns, i);
		else if (i == 0 || strcmp(name, PQgetvalue(live_columns, i - 1, COLUMN_TABLE)))
			live_complain(live, rule, name, "%s is there, and not by the migrations", name);
	}
	for (const struct table *table = schema->tables; table; table = table->next) {
		if (table->is_temporary || table->parent)
			continue;
		if (!has_row(live_columns, table->name, COLUMN_TABLE, table->name)) {
			live_complain(live, rule, table->name, "%s is made by the migrations, and is not there",
				      table->name);
			continue;
		}
		for (const struct column *column = table->columns; column && !table->is_unsure; column = column->next)
			if (!has_row(live_columns, table->name, COLUMN_NAME, column->name))
				live_complain(live, rule, table->name,
					      "column %s.%s is made by the migrations, and is not there", table->name,
					      column->name);
	}
}

/* ---- Indexes ----------------------------------------------------------------------------------------------------------- */

/* Those of keys and exclusions are their constraints'; the migrator's own are no migration's. */
static const char indexes_sql[] =
	"SELECT t.relname, i.relname, (SELECT string_agg(coalesce(attname, ''), ',' ORDER BY ordinality) "
	"FROM unnest(indkey::int2[]) WITH ORDINALITY AS key(number, ordinality) "
	"LEFT JOIN pg_catalog.pg_attribute ON attrelid = indrelid AND attnum = number AND number <> 0 WHERE ordinality "
	"<= indnkeyatts) "
	"FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class t ON t.relnamespace = n.oid JOIN pg_catalog.pg_index "
	"ON indrelid = t.oid "
	"JOIN pg_catalog.pg_class i ON i.oid = indexrelid "
	"WHERE nspname = $1 AND NOT t.relispartition AND t.relname NOT IN ('hallmark_migration', 'hallmark_progress', "
	"'idempotent_reply') "
	"AND i.relname NOT IN ('audit_log_by_request', 'audit_log_by_entity', 'audit_log_by_time') "
	"AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid AND contype IN ('p', 'u', "
	"'x'))";

static const char *joined(struct hm_arena *arena, const char *const *columns)
{
	const char *text = "";

	for (size_t i = 0; columns && columns[i]; i++)
		text = hm_arena_printf(arena, "%s%s%s", text, i ? "," : "", columns[i]);
	return text;
}

/* Keys are folded as indexes, too. */
static bool is_key(const struct table *table, const struct index *index)
{
	for (const struct constraint *one = table->constraints; one; one = one->next)
		if ((one->kind == CONSTRAINT_PRIMARY || one->kind == CONSTRAINT_UNIQUE) &&
		    (one->columns == index->columns || (one->name && index->name && !strcmp(one->name, index->name))))
			return true;
	return false;
}

/* One without a name is found by its columns. */
static bool is_index(struct hm_arena *arena, const struct index *index, const char *name, const char *columns)
{
	return index->name ? !strcmp(index->name, name) : !strcmp(joined(arena, index->columns), columns);
}

static void compare_indexes(const struct live *live, const PGresult *live_indexes)
{
	struct hm_arena *arena = &live->check->arena;

	for (int i = 0; i < PQntuples(live_indexes); i++) {
		const struct table *table = schema_find_name(live->group->schema, PQgetvalue(live_indexes, i, 0));
		const struct index *index = table ? table->indexes : NULL;

		while (index && !is_index(arena, index, PQgetvalue(live_indexes, i, 1), PQgetvalue(live_indexes, i, 2)))
			index = index->next;
		if (table && !index)
			live_complain(live, rule, table->name, "index %s on %s is there, and not by the migrations",
				      PQgetvalue(live_indexes, i, 1), table->name);
	}
	for (const struct table *table = live->group->schema->tables; table; table = table->next)
		for (const struct index *index = table->indexes; index && !table->parent; index = index->next) {
			int i = 0;

			while (i < PQntuples(live_indexes) && (strcmp(PQgetvalue(live_indexes, i, 0), table->name) ||
							       !is_index(arena, index, PQgetvalue(live_indexes, i, 1),
									 PQgetvalue(live_indexes, i, 2))))
				i++;
			if (i == PQntuples(live_indexes) && !is_key(table, index))
				live_complain(live, rule, table->name,
					      "index %s on %s (%s) is made by the migrations, and is not there",
					      index->name ? index->name : "without a name", table->name,
					      joined(arena, index->columns));
		}
}

/* ---- Constraints ------------------------------------------------------------------------------------------------------- */

static const char constraints_sql[] =
	"SELECT relname, contype, conname, coalesce((SELECT string_agg(attname, ',' ORDER BY ordinality) "
	"FROM unnest(conkey) WITH ORDINALITY AS key(number, ordinality) "
	"JOIN pg_catalog.pg_attribute ON attrelid = conrelid AND attnum = number), '') "
	"FROM pg_catalog.pg_namespace n JOIN pg_catalog.pg_class c ON relnamespace = n.oid JOIN "
	"pg_catalog.pg_constraint ON conrelid = c.oid "
	"WHERE nspname = $1 AND contype IN ('c', 'f', 'p', 'u', 'x') AND NOT relispartition "
	"AND relname NOT IN ('hallmark_migration', 'hallmark_progress', 'idempotent_reply')";

static const struct {
	char letter;
	const char *name;
	bool is_counted; /* CHECKs are not told apart by columns */
} kinds[] = {
	[CONSTRAINT_CHECK] = { 'c', "CHECK", true },       [CONSTRAINT_FOREIGN] = { 'f', "FOREIGN KEY", false },
	[CONSTRAINT_UNIQUE] = { 'u', "UNIQUE", false },    [CONSTRAINT_PRIMARY] = { 'p', "PRIMARY KEY", false },
	[CONSTRAINT_EXCLUSION] = { 'x', "EXCLUDE", true },
};

static unsigned count_live(const PGresult *all, const char *table, char letter, const char *columns)
{
	unsigned n = 0;

	for (int i = 0; i < PQntuples(all); i++)
		n += !strcmp(PQgetvalue(all, i, 0), table) && *PQgetvalue(all, i, 1) == letter &&
		     (!columns || !strcmp(PQgetvalue(all, i, 3), columns));
	return n;
}

static unsigned count_folded(struct hm_arena *arena, const struct table *table, enum constraint_kind kind,
			     const char *columns)
{
	unsigned n = 0;

	for (const struct constraint *one = table->constraints; one; one = one->next)
		n += one->kind == kind && (!columns || !strcmp(joined(arena, one->columns), columns));
	return n;
}

static void compare_one(const struct live *live, const struct table *table, const PGresult *all,
			enum constraint_kind kind, const char *columns)
{
	const char *wanted = kinds[kind].is_counted ? NULL : columns;
	unsigned n_live = count_live(all, table->name, kinds[kind].letter, wanted),
		 n_folded = count_folded(&live->check->arena, table, kind, wanted);

	if (n_live != n_folded)
		live_complain(live, rule, table->name, "%s has %u %s%s%s%s there, and %u by the migrations",
			      table->name, n_live, kinds[kind].name, wanted ? " (" : "", wanted ? wanted : "",
			      wanted ? ")" : "", n_folded);
}

static enum constraint_kind kind_of(char letter)
{
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (kinds[i].letter == letter)
			return (enum constraint_kind)i;
	return CONSTRAINT_CHECK;
}

static void compare_constraints(const struct live *live, const PGresult *all)
{
	for (int i = 0; i < PQntuples(all); i++) {
		const struct table *table = schema_find_name(live->group->schema, PQgetvalue(all, i, 0));

		if (table && !table->is_unsure)
			compare_one(live, table, all, kind_of(*PQgetvalue(all, i, 1)), PQgetvalue(all, i, 3));
	}
	for (const struct table *table = live->group->schema->tables; table; table = table->next)
		for (const struct constraint *one = table->constraints; one; one = one->next)
			if (!table->parent && !table->is_unsure && !table->is_temporary)
				compare_one(live, table, all, one->kind, joined(&live->check->arena, one->columns));
}

hm_status live_drift(const struct live *live)
{
	SCOPED(pg_result) columns = NULL;
	SCOPED(pg_result) indexes = NULL;
	SCOPED(pg_result) constraints = NULL;

	if (!live->group)
		return HM_OK;
	TRY(live_query(live, columns_sql, &columns));
	TRY(live_query(live, indexes_sql, &indexes));
	TRY(live_query(live, constraints_sql, &constraints));
	compare_columns(live, columns);
	compare_indexes(live, indexes);
	compare_constraints(live, constraints);
	return HM_OK;
}
