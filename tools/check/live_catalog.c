/*
 * Catalog: what PostgreSQL itself says of a service's schema. verify.sql has what the migrator looks after, catalog.sql the rest; bodies of
 * routines are read by the same parser and the same walk as a migration's.
 */
#include <string.h>

#include "live.h"
#include "live_names.h"
#include "tree.h"

static const char verify_sql[] =
#include "gen/runtime/store/verify.sql.h"
	;
static const char catalog_sql[] =
#include "gen/tools/check/catalog.sql.h"
	;

/* catalog.sql's rules have the names of their pages. */
static const char *rule_of(struct hm_arena *arena, const char *name)
{
	for (size_t i = 0; i < sizeof live_names / sizeof *live_names; i++)
		if (!strcmp(live_names[i].of_migrator, name))
			return live_names[i].rule;
	return hm_arena_strdup(arena, name);
}

static hm_status ask(const struct live *live, const char *sql)
{
	struct hm_arena *arena = &live->check->arena;
	SCOPED(pg_result) result = NULL;

	TRY(live_query(live, sql, &result));
	for (int i = 0; i < PQntuples(result); i++) {
		const char *object = PQgetvalue(result, i, 1);
		size_t prefix = strlen(live->service);

		if (!strncmp(object, live->service, prefix) && object[prefix] == '.')
			object += prefix + 1;
		live_complain(live, rule_of(arena, PQgetvalue(result, i, 0)), object, "%s %s", object,
			      PQgetvalue(result, i, 2));
	}
	return HM_OK;
}

hm_status live_catalog(const struct live *live)
{
	TRY(ask(live, verify_sql));
	return ask(live, catalog_sql);
}

/* ---- Bodies of routines ----------------------------------------------------------------------------------------------- */

static const char routines_sql[] =
	"SELECT proname, pg_get_functiondef(p.oid), lanname, prosecdef FROM pg_catalog.pg_proc p "
	"JOIN pg_catalog.pg_namespace n ON n.oid = pronamespace JOIN pg_catalog.pg_language l ON l.oid = prolang "
	"WHERE nspname = $1 AND prokind IN ('f', 'p') ORDER BY proname, p.oid";

struct crossing {
	const struct live *live;
	const char *object;
};

static bool is_foreign(const struct live *live, const char *schema)
{
	static const char *const known[] = { "", "pg_catalog", "information_schema", "pg_temp", "public" };

	for (size_t i = 0; i < sizeof known / sizeof *known; i++)
		if (!strcmp(schema, known[i]))
			return false;
	return strcmp(schema, live->service) != 0;
}

static void look_at_name(const struct crossing *crossing, const char *schema, const char *name)
{
	if (schema && name && is_foreign(crossing->live, schema))
		live_complain(crossing->live, "catalog-other-schemas", crossing->object,
			      "its body names %s.%s: what is another service's is asked of that service", schema, name);
}

static bool visit(void *user, const ProtobufCMessage *message, int location)
{
	const struct crossing *crossing = user;

	(void)location;
	if (message->descriptor == &pg_query__range_var__descriptor) {
		const PgQuery__RangeVar *table = (const PgQuery__RangeVar *)message;

		look_at_name(crossing, table->schemaname, table->relname);
	} else if (message->descriptor == &pg_query__func_call__descriptor) {
		const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)message;

		look_at_name(crossing, list_qualifier(call->n_funcname, call->funcname),
			     list_last(call->n_funcname, call->funcname));
	} else if (message->descriptor == &pg_query__type_name__descriptor) {
		const PgQuery__TypeName *type = (const PgQuery__TypeName *)message;

		look_at_name(crossing, list_qualifier(type->n_names, type->names), type_base(type));
	}
	return true;
}

static void look_at_body(const struct crossing *crossing, const char *definition)
{
	struct check *check = crossing->live->check;
	struct file *file = hm_arena_zalloc(&check->arena, sizeof *file);

	file->path = file->name = crossing->object;
	file->text = hm_arena_strdup(&check->arena, definition);
	file->size = strlen(definition);
	file->is_context = true; /* what does not parse is PostgreSQL's affair: it took the body */
	file_parse(check, file);
	for (const struct statement *one = file->statements; one; one = one->next)
		for (const struct statement *inner = one->first_inner; inner; inner = inner->next_inner) {
			tree_walk(node_message(inner->node), visit, (void *)(uintptr_t)crossing);
			if (inner->is_unread)
				live_complain(
					crossing->live, "catalog-other-schemas", crossing->object,
					"its body runs SQL that is put together at run time, so nobody has checked it");
		}
}

hm_status live_routines(const struct live *live)
{
	SCOPED(pg_result) result = NULL;

	TRY(live_query(live, routines_sql, &result));
	for (int i = 0; i < PQntuples(result); i++) {
		struct crossing crossing = { live,
					     hm_arena_printf(&live->check->arena, "%s()", PQgetvalue(result, i, 0)) };

		if (!strcmp(PQgetvalue(result, i, 2), "plpgsql") || !strcmp(PQgetvalue(result, i, 2), "sql"))
			look_at_body(&crossing, PQgetvalue(result, i, 1));
		else if (strcmp(PQgetvalue(result, i, 2), "internal"))
			live_complain(live, "catalog-other-schemas", crossing.object,
				      "is in %s, which cannot be read here", PQgetvalue(result, i, 2));
	}
	return HM_OK;
}
