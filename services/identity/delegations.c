/*
 * Delegations: tokens for services that act for a user who may be gone by then. Narrower than the user's own, of one service, and over
 * within a day; the id of the token is the delegation's.
 */
#include "identity.h"

#include <string.h>

#include "crypto/token.h"
#include "guard/permission.h"

static hm_status check_covered(struct hm_call *call, const char *const *held, const Identity__DelegateRequest *request)
{
	for (size_t i = 0; i < request->n_permissions; i++)
		if (!hm_permissions_cover(held, request->permissions[i]))
			return identity_because(
				hm_fail(call, PERMISSION_DENIED, "%s does not hold %s, so nobody can for %s",
					hm_call_actor(call)->id, request->permissions[i], hm_call_actor(call)->id),
				"ESCALATION");
	return HM_OK;
}

/* By the token, which may be a client's and narrow, and by what the roles permit at this moment. */
static hm_status check_permissions(struct hm_call *call, const Identity__DelegateRequest *request,
				   Identity__PermissionsRow *ret_row)
{
	const struct hm_actor *actor = hm_call_actor(call);
	const char **permissions;
	bool active, found;

	TRY(check_covered(call, actor->permissions, request));
	TRY(identity_lock_user(call, actor->id, &active));
	TRY(identity_permissions_of(call, actor->id, ret_row, &permissions, &found));
	if (!found)
		return hm_fail(call, PERMISSION_DENIED, "user %s is disabled", actor->id);
	return check_covered(call, permissions, request);
}

static hm_status sign(struct hm_call *call, const Identity__Delegation *delegation, char **ret_token)
{
	const struct hm_claims claims = {
		.subject = delegation->user_id,
		.type = "user",
		.brand = hm_call_brand(call),
		.delegate = delegation->service,
		.id = delegation->id,
		.permissions = identity_list(call, (const char *const *)delegation->permissions,
					     delegation->n_permissions, NULL),
		.issued_at_us = delegation->issued_at->seconds * HM_US_PER_S + delegation->issued_at->nanos / 1000,
		.expires_at_us = delegation->expires_at->seconds * HM_US_PER_S + delegation->expires_at->nanos / 1000,
	};

	return hm_token_sign(hm_call_signing_key(call), &claims, hm_call_arena(call), ret_token);
}

static hm_status store(struct hm_call *call, const Identity__Delegation *delegation)
{
	const Identity__DelegationRow row = {
		IDENTITY_DELEGATION_ROW_BASE,           .delegation_id = delegation->id,
		.user_id = delegation->user_id,         .session_id = hm_call_actor(call)->session,
		.service = delegation->service,         .n_permissions = delegation->n_permissions,
		.permissions = delegation->permissions, .issued_at = delegation->issued_at,
		.expires_at = delegation->expires_at,
	};

	return hm_query_run(call, &identity_sql_insert_delegation, &row, NULL);
}

/* The token would be void in anybody else's hands, so nobody else is given it. */
static hm_status need_service(struct hm_call *call, const char *service)
{
	if (hm_call_is_from(call, service))
		return HM_OK;
	return identity_because(
		hm_fail(call, PERMISSION_DENIED, "a connection that does not prove to be %s's", service),
		"SERVICE_UNPROVEN");
}

IDENTITY_HANDLER(delegate, Delegate, Delegation)
{
	struct hm_arena *arena = hm_call_arena(call);
	Google__Protobuf__Timestamp *expires_at = hm_arena_alloc(arena, sizeof *expires_at);
	const struct hm_id id = hm_id_new();
	char *id_text = hm_arena_alloc(arena, HM_ID_TEXT_BYTES), *token;
	Identity__PermissionsRow row;

	TRY(identity_need_user(call));
	TRY(need_service(call, request->service));
	TRY(check_permissions(call, request, &row));
	hm_id_format(&id, id_text);
	*expires_at = *row.issued_at;
	expires_at->seconds += request->life_seconds;
	*reply = (Identity__Delegation){
		IDENTITY_DELEGATION_BASE,
		.id = id_text,
		.user_id = hm_call_actor(call)->id,
		.service = request->service,
		.n_permissions = request->n_permissions,
		.permissions = request->permissions,
		.issued_at = row.issued_at,
		.expires_at = expires_at,
	};
	TRY(sign(call, reply, &token));
	reply->access_token = token;
	return store(call, reply);
}

IDENTITY_HANDLER(list_delegations, ListDelegations, ListDelegationsReply)
{
	const struct hm_actor *actor = hm_call_actor(call);
	Identity__ListDelegationsRequest wanted = *request;

	if (!wanted.user_id) {
		TRY(identity_need_user(call));
		wanted.user_id = actor->id;
	}
	if (strcmp(wanted.user_id, actor->id) && !hm_permissions_cover(actor->permissions, "identity.sessions.read"))
		return hm_fail(call, PERMISSION_DENIED,
			       "another user's delegations need permission identity.sessions.read");
	return hm_query_many(call, &identity_sql_list_delegations, &wanted, reply);
}

IDENTITY_HANDLER(revoke_delegation, RevokeDelegation, RevokeDelegationReply)
{
	const struct hm_actor *actor = hm_call_actor(call);
	Identity__DelegationRow delegation = IDENTITY__DELEGATION_ROW__INIT;
	bool found, active;

	(void)reply;
	TRY(hm_query_optional(call, &identity_sql_owner_of_delegation, request, &delegation, &found));
	if (!found || (strcmp(delegation.user_id, actor->id) &&
		       !hm_permissions_cover(actor->permissions, "identity.sessions.write")))
		return hm_fail(call, NOT_FOUND, "no delegation %s", request->id);
	TRY(identity_lock_user(call, delegation.user_id, &active));
	TRY(hm_query_run(call, &identity_sql_end_delegation, &delegation, NULL));
	return identity_void_tokens(call, request->id);
}
