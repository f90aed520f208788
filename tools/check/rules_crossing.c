/*
 * Rules of the border around a schema: no SQL reaches into another service's, and no other service is let in.
 */
#include <string.h>

#include "names.h"
#include "rules.h"
#include "settings.h"

/* ---- Whose a file is, where nobody said ---------------------------------------------------------------------------- */

struct guess {
	const char *target; /* the first schema that something is made or changed in; NULL: none is named */
	bool has_plain; /* something is made or changed without a schema */
};

static const PgQuery__RangeVar *changed_relation(const PgQuery__Node *node)
{
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
		return node->alter_table_stmt->relation;
	case PG_QUERY__NODE__NODE_INDEX_STMT:
		return node->index_stmt->relation;
	case PG_QUERY__NODE__NODE_CREATE_TRIG_STMT:
		return node->create_trig_stmt->relation;
	case PG_QUERY__NODE__NODE_CREATE_POLICY_STMT:
		return node->create_policy_stmt->table;
	default:
		return NULL;
	}
}

static struct guess guess_owner(const struct look *look)
{
	struct guess guess = { 0 };

	for (const struct file *file = look->group->files; file; file = file->next)
		for (const struct statement *one = file->statements; one; one = one->next) {
			const PgQuery__RangeVar *relation = changed_relation(one->node);
			const char *schema = relation ? relation->schemaname : names_made(one->node).schema;

			if (!schema || name_is_system(schema) || !strcmp(schema, "public"))
				continue;
			if (!*schema)
				guess.has_plain = true;
			else if (!guess.target)
				guess.target = schema;
		}
	return guess;
}

/* Of a file that nobody said whose it is: another schema than the one it works in; or, if it names none there, one of the platform's services,
 * unless the thing is made here. */
static bool is_strange(const struct look *look, const char *schema, const char *name)
{
	struct guess guess = guess_owner(look);
	const char *dot = strchr(name, '.');

	if (guess.target)
		return strcmp(guess.target, schema) != 0;
	return guess.has_plain && name_is_service(schema) && !(dot && schema_find_name(look->schema, dot + 1));
}

/* ---- no-cross-schema ----------------------------------------------------------------------------------------------- */

static void judge_name(const struct look *look, const char *schema, const char *name, int location)
{
	const char *service = look->group->service;

	if (name_is_system(schema) || !strcmp(schema, "public"))
		return;
	if (service ? strcmp(schema, service) != 0 : is_strange(look, schema, name))
		complain(look, location,
			 "%s is in another service's schema: ask that service, or keep a copy of what it tells", name);
}

static void judge_path(const struct look *look, const struct setting *setting)
{
	const char *schema;

	if (strcmp(setting->name, "search_path") != 0)
		return;
	for (size_t i = 0; (schema = setting_value(look, setting, i)); i++)
		if (*schema && *schema != '$')
			judge_name(look, schema, hm_arena_printf(&look->check->arena, "the search_path %s", schema),
				   setting->location);
}

/* Other databases are reached by these. */
static bool visit_call(void *user, const ProtobufCMessage *message, int location)
{
	const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)(const void *)message;
	const char *name = message->descriptor == &pg_query__func_call__descriptor
				   ? list_last(call->n_funcname, call->funcname)
				   : "";

	(void)location;
	if (!strncmp(name, "dblink", 6) || !strncmp(name, "postgres_fdw_", 13))
		complain(user, call->location, "%s reaches another database by SQL", name);
	return true;
}

static const char *extension_of(const PgQuery__Node *node)
{
	return node->node_case == PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT ? node->create_extension_stmt->extname
									     : "";
}

static void look_for_foreign(const struct look *look)
{
	static const PgQuery__Node__NodeCase foreign[] = {
		PG_QUERY__NODE__NODE_CREATE_FDW_STMT,
		PG_QUERY__NODE__NODE_CREATE_FOREIGN_SERVER_STMT,
		PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT,
		PG_QUERY__NODE__NODE_CREATE_USER_MAPPING_STMT,
		PG_QUERY__NODE__NODE_IMPORT_FOREIGN_SCHEMA_STMT,
		PG_QUERY__NODE__NODE_CREATE_SUBSCRIPTION_STMT,
	};
	const PgQuery__Node *node = look->statement->node;
	const char *extension = extension_of(node);
	struct look copy = *look;

	for (size_t i = 0; i < sizeof foreign / sizeof *foreign; i++)
		if (node->node_case == foreign[i])
			complain(look, -1, "this reaches another database by SQL");
	if (!strcmp(extension, "dblink") || !strcmp(extension, "postgres_fdw"))
		complain(look, -1, "%s reaches other databases by SQL", extension);
	tree_walk(node_message(node), visit_call, &copy);
}

static void look_for_crossings(const struct look *look)
{
	names_each(look, judge_name);
	settings_each(look, judge_path);
	look_for_foreign(look);
}

/* ---- schema-is-private --------------------------------------------------------------------------------------------- */

/* The service's own three roles, and none else. Of a file nobody said whose it is: PUBLIC alone is wrong for sure. */
static bool is_own_role(const struct look *look, const PgQuery__RoleSpec *role)
{
	static const char *const suffixes[] = { "_owner", "_app", "_system" };

	if (role->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
		return false;
	if (role->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_CSTRING || !look->group->service)
		return true;
	for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++)
		if (name_is_role(role->rolename, look->group->service, suffixes[i]))
			return true;
	return false;
}

static void judge_grant(const struct look *look, const PgQuery__GrantStmt *grant)
{
	for (size_t i = 0; grant->is_grant && i < grant->n_grantees; i++) {
		const PgQuery__RoleSpec *role = grant->grantees[i]->role_spec;

		if (!is_own_role(look, role))
			complain(look, role->location, "%s is let in: only this service reads and writes its schema",
				 *role->rolename ? role->rolename : "PUBLIC");
	}
}

static void look_at_grants(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_GRANT_STMT)
		judge_grant(look, node->grant_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT)
		judge_grant(look, node->alter_default_privileges_stmt->action);
}

const struct rule rules_crossing[] = {
	{ .name = "no-cross-schema",
	  .category = "border",
	  .summary = "no SQL names another service's schema",
	  .safe = "keep the other's id as plain text and call its service; foreign keys stay within the schema",
	  .anywhere = look_for_crossings },
	{ .name = "schema-is-private",
	  .category = "border",
	  .summary = "nobody but the service's own roles is granted anything",
	  .safe = "GRANT … TO SERVICE_app or SERVICE_system; others call the service",
	  .statement = look_at_grants },
	{ 0 },
};
