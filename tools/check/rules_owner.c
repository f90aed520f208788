/*
 * Rules of who may do what: a service works in its own schema, as its owner, and touches neither roles nor the server. Schemas, roles and
 * extensions are made once, by hallmark migrate --bootstrap.
 */
#include <string.h>
#include <strings.h>

#include "names.h"
#include "rules.h"
#include "settings.h"

struct ban {
	PgQuery__Node__NodeCase node;
	const char *what;
};

static void look_for_bans(const struct look *look, const struct ban *bans, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (look->statement->node->node_case == bans[i].node)
			complain(look, -1, "%s", bans[i].what);
}

/* ---- schema-owner -------------------------------------------------------------------------------------------------- */

static const char role_work[] = "roles are made by hallmark migrate --bootstrap, for all services";
static const char schema_work[] = "schemas are made by hallmark migrate --bootstrap, one a service";
static const char database_work[] = "databases are not a service's to make or change";
static const char extension_work[] = "an extension belongs to the database, and is made where that is set up";
static const char owner_work[] = "what a service makes belongs to its owner role, and stays there";

static const struct ban owner_bans[] = {
	{ PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT, schema_work },
	{ PG_QUERY__NODE__NODE_CREATE_ROLE_STMT, role_work },
	{ PG_QUERY__NODE__NODE_ALTER_ROLE_STMT, role_work },
	{ PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT, role_work },
	{ PG_QUERY__NODE__NODE_DROP_ROLE_STMT, role_work },
	{ PG_QUERY__NODE__NODE_CREATEDB_STMT, database_work },
	{ PG_QUERY__NODE__NODE_DROPDB_STMT, database_work },
	{ PG_QUERY__NODE__NODE_ALTER_DATABASE_STMT, database_work },
	{ PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT, database_work },
	{ PG_QUERY__NODE__NODE_CREATE_TABLE_SPACE_STMT, database_work },
	{ PG_QUERY__NODE__NODE_DROP_TABLE_SPACE_STMT, database_work },
	{ PG_QUERY__NODE__NODE_ALTER_EXTENSION_STMT, extension_work },
	{ PG_QUERY__NODE__NODE_ALTER_EXTENSION_CONTENTS_STMT, extension_work },
	{ PG_QUERY__NODE__NODE_ALTER_OWNER_STMT, owner_work },
	{ PG_QUERY__NODE__NODE_REASSIGN_OWNED_STMT, owner_work },
	{ PG_QUERY__NODE__NODE_DROP_OWNED_STMT, owner_work },
};

/* Those two are no-cross-schema's. */
static bool reaches_out(const char *extension)
{
	return !strcmp(extension, "dblink") || !strcmp(extension, "postgres_fdw");
}

/* Power over roles that pass row-level security is row-level-security-required's, membership of an owner audit-append-only's. */
static void look_at_membership(const struct look *look, const PgQuery__GrantRoleStmt *grant)
{
	for (size_t i = 0; i < grant->n_granted_roles; i++) {
		const char *role = grant->granted_roles[i]->access_priv->priv_name;

		if (!grant->is_grant || !name_is_role(role, NULL, "_owner"))
			complain(look, -1, "%s", role_work);
	}
}

/* CREATE on a schema or a database lets others make things there, which then belong to them. */
static void look_at_create_right(const struct look *look, const PgQuery__GrantStmt *grant)
{
	bool is_place = grant->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA ||
			grant->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE;
	bool is_create = is_place && grant->is_grant && !grant->n_privileges;

	for (size_t i = 0; is_place && grant->is_grant && i < grant->n_privileges; i++)
		is_create |= !strcmp(grant->privileges[i]->access_priv->priv_name, "create");
	if (is_create)
		complain(look, -1, "whoever may CREATE there makes things that are not the owner's");
}

static void look_at_moved(const struct look *look, const PgQuery__AlterObjectSchemaStmt *move)
{
	if (!strcmp(move->newschema, "public") || (name_is_system(move->newschema) && look->group->service))
		complain(look, -1, "%s is not this service's schema", move->newschema);
}

/* In public nothing is a service's; in another service's schema it is no-cross-schema's. */
static void look_at_made(const struct look *look, const PgQuery__Node *node)
{
	struct made made = names_made(node);

	if (made.name && look->group->service && strcmp(made.schema, look->group->service) != 0 &&
	    (!strcmp(made.schema, "public") || (name_is_system(made.schema) && strcmp(made.schema, "pg_temp") != 0)))
		complain(look, -1, "%s.%s is made outside the service's schema", made.schema, made.name);
}

static void look_at_extension(const struct look *look, const PgQuery__Node *node)
{
	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_EXTENSION_STMT &&
	    !reaches_out(node->create_extension_stmt->extname))
		complain(look, -1, "%s", extension_work);
}

static void look_at_dropped(const struct look *look, const PgQuery__DropStmt *drop)
{
	if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
		complain(look, -1, "%s", schema_work);
	else if (drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_EXTENSION)
		complain(look, -1, "%s", extension_work);
}

static void look_at_renamed(const struct look *look, const PgQuery__RenameStmt *rename)
{
	if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
		complain(look, -1, "%s", schema_work);
	else if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_DATABASE)
		complain(look, -1, "%s", database_work);
	else if (rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_ROLE)
		complain(look, -1, "%s", role_work);
}

static void look_at_owner(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	look_for_bans(look, owner_bans, sizeof owner_bans / sizeof *owner_bans);
	look_at_made(look, node);
	look_at_extension(look, node);
	if (node->node_case == PG_QUERY__NODE__NODE_GRANT_ROLE_STMT)
		look_at_membership(look, node->grant_role_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_GRANT_STMT)
		look_at_create_right(look, node->grant_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT)
		look_at_moved(look, node->alter_object_schema_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_DROP_STMT)
		look_at_dropped(look, node->drop_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT)
		look_at_renamed(look, node->rename_stmt);
}

/* The audit log's owner is audit-append-only's, too; it says so better. */
static void look_at_owner_command(const struct look *look, const PgQuery__AlterTableCmd *command,
				  const struct table *table)
{
	(void)table;
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_ChangeOwner &&
	    strcmp(look_name(look->statement->node->alter_table_stmt->relation), "audit_log") != 0)
		complain(look, -1, "%s", owner_work);
}

static void judge_identity(const struct look *look, const struct setting *setting)
{
	static const char *const names[] = { "role", "session_authorization", "search_path" };

	if (look->statement->place == PLACE_ROUTINE || setting->kind == SETTING_ROUTINE)
		return;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (!strcmp(setting->name, names[i]) &&
		    look->statement->node->node_case != PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT)
			complain(look, setting->location,
				 "%s is set by the migrator: the service's owner, in the service's schema", names[i]);
}

static void look_at_identity(const struct look *look)
{
	settings_each(look, judge_identity);
}

/* ---- security-definer-search-path ---------------------------------------------------------------------------------- */

/* What a routine's options say of its search_path. */
enum pin { PIN_NONE, PIN_SAFE, PIN_UNSAFE };

/* pg_temp, where it is not named, comes before all others. */
static enum pin pin_of(const struct look *look, const PgQuery__VariableSetStmt *set)
{
	const struct setting path = { .n_values = set->n_args, .values = set->args };
	const char *name, *last = "";
	bool is_early = false;

	if (set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_RESET_ALL)
		return PIN_UNSAFE;
	if (strcasecmp(set->name, "search_path") != 0)
		return PIN_NONE;
	if (set->kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE || setting_has(look, &path, "public") ||
	    setting_has(look, &path, "$user"))
		return PIN_UNSAFE;
	for (size_t i = 0; (name = setting_value(look, &path, i)); last = name, i++)
		is_early |= !strcmp(last, "pg_temp");
	return is_early || strcmp(last, "pg_temp") != 0 ? PIN_UNSAFE : PIN_SAFE;
}

struct powers {
	bool is_definer, is_invoker; /* as said; neither: not said */
	enum pin pin;
};

static void read_powers(const struct look *look, size_t n, PgQuery__Node *const *options, struct powers *powers)
{
	for (size_t i = 0; i < n; i++) {
		const PgQuery__DefElem *option = options[i]->def_elem;
		enum pin pin;

		if (!strcmp(option->defname, "security"))
			*(option_is_true(option) ? &powers->is_definer : &powers->is_invoker) = true;
		if (strcmp(option->defname, "set") != 0)
			continue;
		pin = pin_of(look, option->arg->variable_set_stmt);
		powers->pin = pin == PIN_NONE ? powers->pin : pin;
	}
}

static const char *routine_name(const PgQuery__Node *node)
{
	const PgQuery__ObjectWithArgs *altered;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT)
		return list_last(node->create_function_stmt->n_funcname, node->create_function_stmt->funcname);
	if (node->node_case != PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT)
		return NULL;
	altered = node->alter_function_stmt->func;
	return list_last(altered->n_objname, altered->objname);
}

/* What one statement adds to what is known of a routine; one that makes it begins anew. */
static void follow(const struct look *look, const struct statement *one, const char *name, struct powers *powers)
{
	const char *routine = routine_name(one->node);

	if (!routine || strcmp(routine, name) != 0)
		return;
	if (one->node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT) {
		*powers = (struct powers){ 0 };
		read_powers(look, one->node->create_function_stmt->n_options, one->node->create_function_stmt->options,
			    powers);
	} else {
		struct powers before = *powers;

		powers->is_definer = powers->is_invoker = false;
		read_powers(look, one->node->alter_function_stmt->n_actions, one->node->alter_function_stmt->actions,
			    powers);
		if (!powers->is_definer && !powers->is_invoker)
			powers->is_definer = before.is_definer;
	}
}

/* A routine's powers at the end of the file, by all that was read. One that was not read is taken for a definer if its path is unpinned. */
static struct powers powers_of(const struct look *look, const char *name)
{
	struct powers powers = { .is_definer = true, .pin = PIN_SAFE };

	for (const struct file *file = look->group->files; file; file = file->next) {
		for (const struct statement *top = file->statements; top; top = top->next)
			for (const struct statement *one = top; one;
			     one = one == top ? top->first_inner : one->next_inner)
				follow(look, one, name, &powers);
		if (file == look->file)
			break;
	}
	return powers;
}

/* The statement that says "definer" of a routine not read before must say the path, too. */
static bool makes_definer(const struct look *look, const PgQuery__Node *node)
{
	struct powers powers = { 0 };

	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT)
		read_powers(look, node->alter_function_stmt->n_actions, node->alter_function_stmt->actions, &powers);
	return powers.is_definer && powers.pin == PIN_NONE;
}

static bool is_made_before(const struct look *look, const char *name)
{
	for (const struct file *file = look->group->files; file; file = file->next)
		for (const struct statement *one = file->statements; one; one = one->next)
			if (one->node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT &&
			    !strcmp(routine_name(one->node), name))
				return true;
	return false;
}

static void judge_routine(const struct look *look, const struct statement *one)
{
	const char *name = routine_name(one->node);
	struct powers powers;

	if (!name)
		return;
	powers = powers_of(look, name);
	if (powers.is_definer &&
	    (powers.pin != PIN_SAFE || (makes_definer(look, one->node) && !is_made_before(look, name))))
		complain_of(look, one,
			    "%s() runs as its owner, and looks names up wherever its caller says: SET search_path",
			    name);
}

static void look_at_definers(const struct look *look)
{
	for (const struct statement *top = look->file->statements; top; top = top->next)
		for (const struct statement *one = top; one; one = one == top ? top->first_inner : one->next_inner)
			judge_routine(look, one);
}

const struct rule rules_owner[] = {
	{ .name = "schema-owner",
	  .category = "border",
	  .summary = "a service makes things in its own schema, as its owner, and changes no roles",
	  .safe = "names without a schema; hallmark migrate --bootstrap for schemas, roles and extensions",
	  .statement = look_at_owner,
	  .command = look_at_owner_command,
	  .anywhere = look_at_identity },
	{ .name = "security-definer-search-path",
	  .category = "border",
	  .summary = "a function that runs as its owner has its search_path pinned",
	  .safe = "SECURITY INVOKER, or SET search_path = pg_catalog, SERVICE, pg_temp",
	  .file = look_at_definers },
	{ 0 },
};
