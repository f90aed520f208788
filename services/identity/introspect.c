/* Introspect: what a token is worth (RFC 7662), and making it worth nothing (RFC 7009). */
#include "identity.h"

#include <string.h>

IDENTITY_HANDLER(introspect, Introspect, IntrospectReply)
{
	const Identity__GrantRow wanted = { IDENTITY_GRANT_ROW_BASE,
					    HM_SET(hash, identity_hash(call, request->token)) };
	bool found;

	TRY(hm_query_optional(call, &identity_sql_introspect, &wanted, reply, &found));
	reply->has_active = true;
	return HM_OK;
}

/* A token that is not the client's is as unknown to it as one that never was. */
static bool is_given_to(const Identity__GrantRow *grant, const char *client_id)
{
	return grant->client_id && client_id ? !strcmp(grant->client_id, client_id) : grant->client_id == client_id;
}

IDENTITY_HANDLER(revoke, Revoke, RevokeReply)
{
	Identity__GrantRow grant = { IDENTITY_GRANT_ROW_BASE, HM_SET(hash, identity_hash(call, request->token)) };
	Identity__UserRow owner = IDENTITY__USER_ROW__INIT;
	Identity__ClientRow client;
	bool found;

	(void)reply;
	if (request->client_id)
		TRY(identity_authenticate_client(call, request->client_id, request->client_secret, &client));
	TRY(hm_query_optional(call, &identity_sql_lock_owner_of_token, &grant, &owner, &found));
	if (found)
		TRY(hm_query_optional(call, &identity_sql_find_token, &grant, &grant, &found));
	if (!found || !is_given_to(&grant, request->client_id))
		return HM_OK;
	hm_audit_entity(call, grant.session_id);
	if (!strcmp(grant.kind, "refresh"))
		return identity_end_session(call, grant.session_id);
	TRY(hm_query_run(call, &identity_sql_end_token, &grant, NULL));
	return identity_void_tokens(call, grant.id);
}
