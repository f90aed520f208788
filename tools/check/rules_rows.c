/*
 * Rules of row-level security: nothing turns it off, opens it wider than the brand, or reads past it. What the migrator puts on every table
 * (runtime/store/secure.sql) are the policies brand, owner, system and expiry; those stay as they are.
 */
#include <string.h>

#include "names.h"
#include "settings.h"

/* ---- row-level-security-required ---------------------------------------------------------------------------------- */

static const char *const own_policies[] = { "brand", "owner", "system", "expiry" };

static bool is_own_policy(const char *name)
{
	for (size_t i = 0; name && i < sizeof own_policies / sizeof *own_policies; i++)
		if (!strcmp(name, own_policies[i]))
			return true;
	return false;
}

static void look_at_security(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *name = look->statement->node->alter_table_stmt->relation;

	if (table && table->is_temporary)
		return;
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_DisableRowSecurity)
		complain(look, -1, "%s is left without row-level security: every brand sees every row",
			 look_name(name));
	else if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_NoForceRowSecurity)
		complain(look, -1, "%s's owner is let past row-level security", look_name(name));
}

static void look_at_own_policy(const struct look *look, const char *policy)
{
	if (is_own_policy(policy))
		complain(look, -1, "the policy %s is the migrator's: it keeps brands apart", policy);
}

static void look_at_roles(const struct look *look, size_t n, PgQuery__Node *const *options)
{
	static const char *const powers[] = { "bypassrls", "superuser" };

	for (size_t i = 0; i < sizeof powers / sizeof *powers; i++) {
		const PgQuery__DefElem *power = option_find(n, options, powers[i]);

		if (power && !strcmp(option_text(power), "true"))
			complain(look, power->location, "a role with %s passes row-level security", powers[i]);
	}
}

static void look_at_policies(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_POLICY_STMT)
		look_at_own_policy(look, node->alter_policy_stmt->policy_name);
	else if (node->node_case == PG_QUERY__NODE__NODE_RENAME_STMT &&
		 node->rename_stmt->rename_type == PG_QUERY__OBJECT_TYPE__OBJECT_POLICY)
		look_at_own_policy(look, node->rename_stmt->subname);
	else if (node->node_case == PG_QUERY__NODE__NODE_DROP_STMT &&
		 node->drop_stmt->remove_type == PG_QUERY__OBJECT_TYPE__OBJECT_POLICY)
		look_at_own_policy(look, list_last(node->drop_stmt->objects[0]->list->n_items,
						   node->drop_stmt->objects[0]->list->items));
	else if (node->node_case == PG_QUERY__NODE__NODE_CREATE_ROLE_STMT)
		look_at_roles(look, node->create_role_stmt->n_options, node->create_role_stmt->options);
	else if (node->node_case == PG_QUERY__NODE__NODE_ALTER_ROLE_STMT)
		look_at_roles(look, node->alter_role_stmt->n_options, node->alter_role_stmt->options);
}

static void judge_row_security(const struct look *look, const struct setting *setting)
{
	if (!strcmp(setting->name, "row_security") && setting->kind != SETTING_RESET)
		complain(look, setting->location, "row_security is not a migration's or a routine's to set");
}

static void look_at_row_security(const struct look *look)
{
	settings_each(look, judge_row_security);
}

/* ---- policy-names-its-role ---------------------------------------------------------------------------------------- */

static void look_for_public(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;
	bool is_new = node->node_case == PG_QUERY__NODE__NODE_CREATE_POLICY_STMT;
	size_t n;
	PgQuery__Node *const *roles;

	if (!is_new && node->node_case != PG_QUERY__NODE__NODE_ALTER_POLICY_STMT)
		return;
	n = is_new ? node->create_policy_stmt->n_roles : node->alter_policy_stmt->n_roles;
	roles = is_new ? node->create_policy_stmt->roles : node->alter_policy_stmt->roles;
	for (size_t i = 0; i < n; i++)
		if (roles[i]->role_spec->roletype == PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC)
			complain(look, -1, "policy %s is for PUBLIC: say TO %s_app or %s_system",
				 is_new ? node->create_policy_stmt->policy_name : node->alter_policy_stmt->policy_name,
				 look->group->service ? look->group->service : "SERVICE",
				 look->group->service ? look->group->service : "SERVICE");
}

/* ---- policy-keeps-the-brand --------------------------------------------------------------------------------------- */

/* Of alternatives each has to compare with the brand; of conditions that all hold, one. Only equality keeps to it. */
static bool keeps_brand(const PgQuery__Node *node)
{
	const PgQuery__BoolExpr *joined = node->bool_expr;
	bool is_or;

	if (node->node_case == PG_QUERY__NODE__NODE_A_EXPR)
		return tree_has_text(node, "hallmark.brand_id") &&
		       !strcmp(list_last(node->a_expr->n_name, node->a_expr->name), "=");
	if (node->node_case != PG_QUERY__NODE__NODE_BOOL_EXPR)
		return node->node_case != PG_QUERY__NODE__NODE_NULL_TEST && tree_has_text(node, "hallmark.brand_id");
	if (joined->boolop == PG_QUERY__BOOL_EXPR_TYPE__NOT_EXPR)
		return false;
	is_or = joined->boolop == PG_QUERY__BOOL_EXPR_TYPE__OR_EXPR;
	for (size_t i = 0; i < joined->n_args; i++)
		if (keeps_brand(joined->args[i]) != is_or)
			return !is_or;
	return is_or;
}

/* <service>_system's jobs cross brands, and PUBLIC is policy-names-its-role's. The owner, by whatever name, is whom a SECURITY DEFINER
 * function runs as. */
static bool names_reader(const struct look *look, size_t n, PgQuery__Node *const *roles)
{
	for (size_t i = 0; i < n; i++)
		if (roles[i]->role_spec->roletype != PG_QUERY__ROLE_SPEC_TYPE__ROLESPEC_PUBLIC &&
		    !name_is_role(roles[i]->role_spec->rolename, look->group->service, "_system"))
			return true;
	return false;
}

static void judge_conditions(const struct look *look, const char *policy, const PgQuery__Node *qual,
			     const PgQuery__Node *with_check)
{
	if ((qual && !keeps_brand(qual)) || (with_check && !keeps_brand(with_check)))
		complain(look, -1,
			 "policy %s opens rows whatever the brand: compare with the transaction's, or say AS "
			 "RESTRICTIVE",
			 policy);
}

/* The policy that an ALTER changes, where it was read. */
static const PgQuery__CreatePolicyStmt *policy_find(const struct look *look, const PgQuery__AlterPolicyStmt *alter)
{
	const PgQuery__CreatePolicyStmt *found = NULL;

	for (const struct file *file = look->group->files; file; file = file->next)
		for (const struct statement *one = file->statements; one && one != look->statement; one = one->next) {
			const PgQuery__CreatePolicyStmt *policy = one->node->create_policy_stmt;

			if (one->node->node_case == PG_QUERY__NODE__NODE_CREATE_POLICY_STMT &&
			    !strcmp(policy->policy_name, alter->policy_name) &&
			    !strcmp(policy->table->relname, alter->table->relname))
				found = policy;
		}
	return found;
}

static void look_at_altered(const struct look *look, const PgQuery__AlterPolicyStmt *alter)
{
	const PgQuery__CreatePolicyStmt *policy = policy_find(look, alter);
	bool is_for_reader = alter->n_roles ? names_reader(look, alter->n_roles, alter->roles)
					    : policy && names_reader(look, policy->n_roles, policy->roles);

	if (is_for_reader && (!policy || policy->permissive))
		judge_conditions(look, alter->policy_name,
				 alter->qual ? alter->qual
				 : policy    ? policy->qual
					     : NULL,
				 alter->with_check ? alter->with_check
				 : policy          ? policy->with_check
						   : NULL);
}

static void look_at_conditions(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;
	const PgQuery__CreatePolicyStmt *policy = node->create_policy_stmt;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_POLICY_STMT && policy->permissive &&
	    names_reader(look, policy->n_roles, policy->roles))
		judge_conditions(look, policy->policy_name, policy->qual, policy->with_check);
	if (node->node_case == PG_QUERY__NODE__NODE_ALTER_POLICY_STMT)
		look_at_altered(look, node->alter_policy_stmt);
}

/* ---- rule-forbidden ----------------------------------------------------------------------------------------------- */

static void look_for_rules(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_RULE_STMT)
		complain(look, -1, "the rule %s runs as the table's owner, past the brand", node->rule_stmt->rulename);
}

/* ---- view-security-invoker-required ------------------------------------------------------------------------------- */

/* Judged at the end of the file: ALTER VIEW … SET may follow. */
static void look_at_views(const struct look *look)
{
	for (const struct table *view = look->schema->tables; view; view = view->next) {
		if (view->changed_by->file != look->file || view->is_temporary)
			continue;
		if (view->kind == TABLE_MATERIALIZED && view->made_by->file == look->file)
			complain_of(look, view->made_by, "%s keeps rows of all brands, without row-level security",
				    view->name);
		else if (view->kind == TABLE_VIEW && !view->is_invoker)
			complain_of(look, view->changed_by, "view %s reads as its owner, past the brand", view->name);
	}
}

/* Of a view that was not read. */
static void look_at_view_options(const struct look *look, const PgQuery__AlterTableCmd *command,
				 const struct table *table)
{
	const PgQuery__AlterTableStmt *alter = look->statement->node->alter_table_stmt;
	bool is_set = command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_SetRelOptions;
	const PgQuery__DefElem *invoker;

	if (table || (!is_set && command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_ResetRelOptions) ||
	    command->def->node_case != PG_QUERY__NODE__NODE_LIST)
		return;
	invoker = option_find(command->def->list->n_items, command->def->list->items, "security_invoker");
	if (invoker && (!is_set || !option_is_true(invoker)))
		complain(look, -1, "view %s will read as its owner, past the brand", look_name(alter->relation));
}

const struct rule rules_rows[] = {
	{ .name = "row-level-security-required",
	  .category = "brand",
	  .summary = "row-level security stays on, forced, under the migrator's policies",
	  .safe = "leave it to hallmark migrate, which puts it on every table",
	  .statement = look_at_policies,
	  .command = look_at_security,
	  .anywhere = look_at_row_security },
	{ .name = "policy-names-its-role",
	  .category = "brand",
	  .summary = "a policy says for which role it is",
	  .safe = "CREATE POLICY … TO orders_system USING (…)",
	  .statement = look_for_public },
	{ .name = "policy-keeps-the-brand",
	  .category = "brand",
	  .summary = "a policy for any role but SERVICE_system keeps to the transaction's brand",
	  .safe = "USING (… = (SELECT nullif(current_setting('hallmark.brand_id', true), ''))), or AS RESTRICTIVE",
	  .statement = look_at_conditions },
	{ .name = "rule-forbidden",
	  .category = "brand",
	  .summary = "a rule runs as the table's owner, past the brand",
	  .safe = "a trigger, which runs as whoever writes",
	  .statement = look_for_rules },
	{ .name = "view-security-invoker-required",
	  .category = "brand",
	  .summary = "a view reads as whoever asks it",
	  .safe = "CREATE VIEW … WITH (security_invoker = true) AS …; a table in place of a materialized view",
	  .command = look_at_view_options,
	  .file = look_at_views },
	{ 0 },
};
