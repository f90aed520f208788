/* Authorize: a user lets a client act for him, within a scope; the client gets a code, to be redeemed once (RFC 6749, 7636). */
#include "identity.h"

#include <string.h>

static bool has_redirect(const Identity__ClientRow *client, const char *uri)
{
	for (size_t i = 0; i < client->n_redirect_uris; i++)
		if (!strcmp(client->redirect_uris[i], uri))
			return true;
	return false;
}

/* A redirect_uri that is not the client's must not get as much as an error: hence the order. */
static hm_status check_request(struct hm_call *call, const Identity__AuthorizeRequest *request,
			       const char *const *scopes, size_t n_scopes)
{
	Identity__ClientRow client = IDENTITY__CLIENT_ROW__INIT;
	bool found;

	TRY(hm_query_optional(call, &identity_sql_find_client, request, &client, &found));
	if (!found)
		return hm_fail(call, NOT_FOUND, "no client %s", request->client_id);
	if (!has_redirect(&client, request->redirect_uri))
		return hm_fail(call, INVALID_ARGUMENT, "redirectUri: none of client %s, letter for letter",
			       request->client_id);
	TRY(identity_check_scopes(call, "the client's to ask for",
				  identity_list(call, client.scopes, client.n_scopes, NULL), scopes, n_scopes));
	return identity_check_scopes(call, "the user's to give", hm_call_actor(call)->permissions, scopes, n_scopes);
}

IDENTITY_HANDLER(authorize, Authorize, AuthorizeReply)
{
	enum { CODE_LIFE_S = 60 };
	char *code = hm_arena_alloc(hm_call_arena(call), HM_SECRET_TEXT_BYTES);
	Identity__GrantRow grant = {
		IDENTITY_GRANT_ROW_BASE,
		.has_hash = true,
		.client_id = request->client_id,
		.user_id = hm_call_actor(call)->id,
		.redirect_uri = request->redirect_uri,
		.code_challenge = request->code_challenge,
	};

	TRY(identity_need_user(call));
	grant.scopes = identity_split(call, request->scope, &grant.n_scopes);
	TRY(check_request(call, request, grant.scopes, grant.n_scopes));
	hm_secret_new(code);
	grant.hash = identity_hash(call, code);
	TRY(hm_query_run(call, &identity_sql_insert_code, &grant, NULL));
	*reply = (Identity__AuthorizeReply){
		IDENTITY_AUTHORIZE_REPLY_BASE,   .code = code,
		.state = request->state,         .redirect_uri = request->redirect_uri,
		HM_SET(expires_in, CODE_LIFE_S),
	};
	return HM_OK;
}
