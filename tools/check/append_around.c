/* Append, around the tables: grants, triggers, the objects themselves, and what reaches every table. */
#include <string.h>

#include "append.h"
#include "settings.h"

/* ---- Grants ------------------------------------------------------------------------------------------------------- */

/* What lets a role change rows, or get at those who keep it from that. "" is ALL. */
static bool is_harmless(const char *privilege)
{
	return !strcmp(privilege, "select") || !strcmp(privilege, "insert");
}

static const char *harmful_privilege(const PgQuery__GrantStmt *grant)
{
	if (!grant->is_grant)
		return NULL;
	for (size_t i = 0; i < grant->n_privileges; i++)
		if (!is_harmless(grant->privileges[i]->access_priv->priv_name))
			return *grant->privileges[i]->access_priv->priv_name
				       ? grant->privileges[i]->access_priv->priv_name
				       : "all";
	return grant->n_privileges ? NULL : "all";
}

static bool is_to_public(const PgQuery__GrantStmt *grant)
{
	for (size_t i = 0; i < grant->n_grantees; i++)
		if (grant->grantees[i]->role_spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
			return grant->is_grant;
	return false;
}

static void judge_grant(const struct look *look, const PgQuery__GrantStmt *grant)
{
	const char *harmful = harmful_privilege(grant);

	if (grant->objtype != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ||
	    grant->targtype != PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_OBJECT)
		return;
	for (size_t i = 0; i < grant->n_objects; i++) {
		const char *kept = append_table(look, grant->objects[i]->range_var);

		if (kept && harmful)
			complain(look, grant->objects[i]->range_var->location,
				 "GRANT %s on %s: it may be read and added to, no more", harmful, kept);
		else if (kept && is_to_public(grant))
			complain(look, grant->objects[i]->range_var->location, "%s is opened to PUBLIC", kept);
	}
}

/* All tables of a schema are the audit log, too; so are those that will be made. */
static void judge_wide_grant(const struct look *look, const PgQuery__GrantStmt *grant)
{
	const char *harmful = harmful_privilege(grant);

	if (harmful && grant->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE &&
	    grant->targtype != PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_OBJECT)
		complain(look, -1, "GRANT %s on all tables reaches audit_log: name the tables", harmful);
}

static void judge_role(const struct look *look, const PgQuery__GrantRoleStmt *grant)
{
	for (size_t i = 0; grant->is_grant && i < grant->n_granted_roles; i++) {
		const char *role = grant->granted_roles[i]->access_priv->priv_name;
		size_t size = strlen(role);

		if (size > 6 && !strcmp(role + size - 6, "_owner"))
			complain(look, -1, "whoever becomes a member of %s can do anything to audit_log", role);
	}
}

/* ---- Objects ------------------------------------------------------------------------------------------------------ */

static bool is_guard(const char *name)
{
	return name && !strncmp(name, "hallmark_append_only", strlen("hallmark_append_only"));
}

static void judge_drop(const struct look *look, const PgQuery__DropStmt *drop)
{
	bool is_part = drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER ||
		       drop->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_RULE;

	if (!is_part && drop->remove_type != PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		return;
	for (size_t i = 0; i < drop->n_objects; i++) {
		const PgQuery__List *name = drop->objects[i]->list;
		size_t n = is_part ? name->n_items - 1 : name->n_items;
		const char *kept = append_find(look, list_qualifier(n, name->items), list_last(n, name->items));

		if (kept && is_part)
			complain(look, -1, "this drops a trigger of %s, which is append-only", kept);
		else if (kept)
			complain(look, -1, "this drops %s, which is append-only", kept);
	}
}

static void judge_rename(const struct look *look, const PgQuery__RenameStmt *rename)
{
	const char *kept = rename->relation ? append_table(look, rename->relation) : NULL;

	if (kept && rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER)
		complain(look, -1, "this renames a trigger that keeps %s append-only", kept);
	else if (kept && rename->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE)
		complain(look, -1, "this takes %s away under another name", kept);
}

/* A trigger before an INSERT could change an entry or leave it out; and the guards' names are the migrator's. */
static void judge_trigger(const struct look *look, const PgQuery__CreateTrigStmt *trigger)
{
	enum { TIMING_BEFORE = 2, TIMING_INSTEAD = 64, EVENT_INSERT = 4 };
	const char *kept = append_table(look, trigger->relation);
	bool is_before = trigger->timing & (TIMING_BEFORE | TIMING_INSTEAD) && trigger->events & EVENT_INSERT;

	if (kept && is_guard(trigger->trigname))
		complain(look, -1, "the trigger %s is the migrator's: it keeps %s append-only", trigger->trigname,
			 kept);
	else if (kept && !strcmp(kept, "audit_log") && is_before)
		complain(look, -1, "a trigger before INSERT can change entries of audit_log, or leave them out");
}

static void judge_move(const struct look *look, const PgQuery__AlterObjectSchemaStmt *move)
{
	const char *kept =
		move->object_type == PG_QUERY__OBJECT_TYPE__OBJECT_TABLE ? append_table(look, move->relation) : NULL;

	if (kept)
		complain(look, -1, "this takes %s into another schema", kept);
}

/* Its rows would go or change with what they refer to. */
static void judge_cascade(const struct look *look, const PgQuery__RangeVar *table, const PgQuery__Constraint *key)
{
	const char *action = strcmp(key->fk_del_action, "a") && strcmp(key->fk_del_action, "r") ? key->fk_del_action
												: key->fk_upd_action;

	if (key->contype == PG_QUERY__CONSTR_TYPE__CONSTR_FOREIGN && *action && strchr("cnd", *action) &&
	    append_table(look, table))
		complain(look, key->location, "through this foreign key rows of %s would change along with those of %s",
			 table->relname, key->pktable->relname);
}

void append_look_at_constraint(const struct look *look, const PgQuery__Constraint *constraint,
			       const PgQuery__ColumnDef *column, const struct table *table)
{
	(void)column, (void)table;
	judge_cascade(look, look->statement->node->alter_table_stmt->relation, constraint);
}

/* A table that inherits has no triggers of the other's, and its rows are seen there. A partition is given them. */
static void judge_heir(const struct look *look, const PgQuery__CreateStmt *create)
{
	for (size_t i = 0; !create->partbound && i < create->n_inh_relations; i++) {
		const char *kept = append_table(look, create->inh_relations[i]->range_var);

		if (kept)
			complain(look, create->inh_relations[i]->range_var->location,
				 "rows of %s are seen in %s, and nothing keeps them as they are",
				 create->relation->relname, kept);
	}
}

static void judge_create(const struct look *look, const PgQuery__CreateStmt *create)
{
	judge_heir(look, create);
	for (size_t i = 0; i < create->n_table_elts; i++) {
		const PgQuery__Node *element = create->table_elts[i];

		if (element->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
			judge_cascade(look, create->relation, element->constraint);
		for (size_t c = 0;
		     element->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF && c < element->column_def->n_constraints;
		     c++)
			judge_cascade(look, create->relation, element->column_def->constraints[c]->constraint);
	}
}

void append_look_at_objects(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_STMT:
		judge_create(look, node->create_stmt);
		break;
	case PG_QUERY__NODE__NODE_GRANT_STMT:
		judge_grant(look, node->grant_stmt);
		break;
	case PG_QUERY__NODE__NODE_DROP_STMT:
		judge_drop(look, node->drop_stmt);
		break;
	case PG_QUERY__NODE__NODE_RENAME_STMT:
		judge_rename(look, node->rename_stmt);
		break;
	case PG_QUERY__NODE__NODE_CREATE_TRIG_STMT:
		judge_trigger(look, node->create_trig_stmt);
		break;
	case PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT:
		judge_move(look, node->alter_object_schema_stmt);
		break;
	default:
		break;
	}
}

/* ---- What reaches every table ------------------------------------------------------------------------------------- */

static void judge_guard_function(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;
	const char *name = NULL;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT)
		name = list_last(node->create_function_stmt->n_funcname, node->create_function_stmt->funcname);
	else if (node->node_case == PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT)
		name = list_last(node->alter_function_stmt->func->n_objname, node->alter_function_stmt->func->objname);
	else if (node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT &&
		 node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION)
		name = list_last(node->rename_stmt->object->object_with_args->n_objname,
				 node->rename_stmt->object->object_with_args->objname);
	else if (node->node_case == PG_QUERY__NODE__NODE_DROP_STMT &&
		 node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_FUNCTION)
		name = list_last(node->drop_stmt->objects[0]->object_with_args->n_objname,
				 node->drop_stmt->objects[0]->object_with_args->objname);
	if (is_guard(name))
		complain(look, -1, "the function %s is the migrator's: its triggers keep tables append-only", name);
}

static void judge_replication(const struct look *look, const struct setting *setting)
{
	if (!strcmp(setting->name, "session_replication_role"))
		complain(look, setting->location, "session_replication_role turns triggers off");
}

void append_look_at_everything(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_GRANT_STMT)
		judge_wide_grant(look, node->grant_stmt);
	else if (node->node_case == PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT)
		judge_wide_grant(look, node->alter_default_privileges_stmt->action);
	else if (node->node_case == PG_QUERY__NODE__NODE_GRANT_ROLE_STMT)
		judge_role(look, node->grant_role_stmt);
	judge_guard_function(look);
	settings_each(look, judge_replication);
}
