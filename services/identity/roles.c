/*
 * Roles: what they permit and who has them. Nobody touches a role that permits more than he may do himself: not to give it,
 * not to take it away, not to change it.
 */
#include "identity.h"

#include "guard/permission.h"

static hm_status check_holds(struct hm_call *call, const char *const *permissions, size_t n)
{
	const struct hm_actor *actor = hm_call_actor(call);

	for (size_t i = 0; i < n; i++)
		if (!hm_permissions_cover(actor->permissions, permissions[i]))
			return identity_because(hm_fail(call, PERMISSION_DENIED,
							"%s does not hold %s, which the role permits", actor->id,
							permissions[i]),
						"ESCALATION");
	return HM_OK;
}

/* Locks the role, so that it stays what was checked. */
static hm_status lock_role(struct hm_call *call, const char *name, Identity__Role *ret_role, bool *ret_found)
{
	const Identity__SubjectsRow wanted = { IDENTITY_SUBJECTS_ROW_BASE, .role = name };

	*ret_role = (Identity__Role)IDENTITY__ROLE__INIT;
	TRY(hm_query_optional(call, &identity_sql_lock_role, &wanted, ret_role, ret_found));
	return *ret_found ? check_holds(call, ret_role->permissions, ret_role->n_permissions) : HM_OK;
}

static hm_status need_role(struct hm_call *call, const char *name)
{
	Identity__Role role;
	bool found;

	TRY(lock_role(call, name, &role, &found));
	return found ? HM_OK : hm_fail(call, NOT_FOUND, "no role %s", name);
}

static bool is_narrowed(struct hm_call *call, const Identity__Role *old, const Identity__DefineRoleRequest *new)
{
	const char **permitted = identity_list(call, new->permissions, new->n_permissions, NULL);

	for (size_t i = 0; i < old->n_permissions; i++)
		if (!hm_permissions_cover(permitted, old->permissions[i]))
			return true;
	return false;
}

/* Access tokens carry permissions, so those that carry too many must go. */
static hm_status void_tokens_of_holders(struct hm_call *call, const char *name)
{
	Identity__SubjectsRow holders = { IDENTITY_SUBJECTS_ROW_BASE, .role = name };

	TRY(hm_query_one(call, &identity_sql_lock_holders, &holders, &holders));
	return hm_query_run(call, &identity_sql_void_tokens, &holders, NULL);
}

IDENTITY_HANDLER(define_role, DefineRole, Role)
{
	Identity__Role old;
	bool found;

	TRY(check_holds(call, request->permissions, request->n_permissions));
	TRY(lock_role(call, request->name, &old, &found));
	TRY(hm_query_one(call, &identity_sql_put_role, request, reply));
	return found && is_narrowed(call, &old, request) ? void_tokens_of_holders(call, request->name) : HM_OK;
}

IDENTITY_HANDLER(assign_role, AssignRole, Assignment)
{
	bool found;

	TRY(need_role(call, request->role));
	TRY(hm_query_optional(call, &identity_sql_assign_role, request, reply, &found));
	return found ? HM_OK : hm_fail(call, NOT_FOUND, "no user %s", request->user_id);
}

IDENTITY_HANDLER(revoke_role, RevokeRole, RevokeRoleReply)
{
	uint64_t n_revoked;
	bool active;

	(void)reply;
	TRY(need_role(call, request->role));
	TRY(identity_lock_user(call, request->user_id, &active));
	TRY(hm_query_run(call, &identity_sql_unassign_role, request, &n_revoked));
	if (!n_revoked)
		return hm_fail(call, NOT_FOUND, "user %s does not have role %s", request->user_id, request->role);
	return identity_void_tokens(call, request->user_id);
}

IDENTITY_HANDLER(check_permission, CheckPermission, CheckPermissionReply)
{
	Identity__PermissionsRow row;
	const char **permissions;
	bool found;

	TRY(identity_permissions_of(call, request->user_id, &row, &permissions, &found));
	if (!found)
		return hm_fail(call, NOT_FOUND, "no active user %s", request->user_id);
	reply->has_allowed = true;
	reply->allowed = hm_permissions_cover(permissions, request->permission);
	return HM_OK;
}
