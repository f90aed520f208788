/* Clients: the applications that may ask for tokens, and how they prove who they are. */
#include "identity.h"

#include <string.h>

#include "guard/permission.h"

/* A secret has 32 random bytes, so a plain hash keeps it; a slow one would only cost. */
static void make_secret(struct hm_call *call, char **ret_secret, ProtobufCBinaryData *ret_hash)
{
	*ret_secret = hm_arena_alloc(hm_call_arena(call), HM_SECRET_TEXT_BYTES);
	hm_secret_new(*ret_secret);
	*ret_hash = identity_hash(call, *ret_secret);
}

IDENTITY_HANDLER(create_client, CreateClient, Client)
{
	Identity__ClientRow client = {
		IDENTITY_CLIENT_ROW_BASE,
		.name = request->name,
		.n_redirect_uris = request->n_redirect_uris,
		.redirect_uris = request->redirect_uris,
		.n_scopes = request->n_scopes,
		.scopes = request->scopes,
		.verification_uri = request->verification_uri,
	};
	char *secret = NULL;

	if (!request->n_redirect_uris && !request->verification_uri)
		return hm_fail(call, INVALID_ARGUMENT,
			       "redirectUris, verificationUri: a client needs one of them to get a user's consent");
	if (request->confidential) {
		make_secret(call, &secret, &client.secret_hash);
		client.has_secret_hash = true;
	}
	TRY(hm_query_one(call, &identity_sql_create_client, &client, reply));
	reply->client_secret = secret;
	return HM_OK;
}

IDENTITY_HANDLER(rotate_client_secret, RotateClientSecret, Client)
{
	Identity__ClientRow client = { IDENTITY_CLIENT_ROW_BASE, .client_id = request->id };
	char *secret;
	bool found;

	TRY(hm_query_optional(call, &identity_sql_find_client, &client, &client, &found));
	if (!found)
		return hm_fail(call, NOT_FOUND, "no client %s", request->id);
	if (!client.has_secret_hash)
		return hm_fail(call, FAILED_PRECONDITION, "client %s is public: it has no secret", request->id);
	make_secret(call, &secret, &client.secret_hash);
	TRY(hm_query_one(call, &identity_sql_rotate_secret, &client, reply));
	reply->client_secret = secret;
	return HM_OK;
}

static bool proves_itself(const Identity__ClientRow *client, const char *secret)
{
	uint8_t hash[HM_HASH_BYTES];

	if (!client->has_secret_hash || !secret)
		return !client->has_secret_hash && !secret;
	hm_hash(secret, strlen(secret), hash);
	return client->secret_hash.len == sizeof hash && hm_equal(client->secret_hash.data, hash, sizeof hash);
}

hm_status identity_authenticate_client(struct hm_call *call, const char *client_id, const char *secret,
				       Identity__ClientRow *ret_client)
{
	const Identity__ClientRow wanted = { IDENTITY_CLIENT_ROW_BASE, .client_id = client_id };
	bool found;

	*ret_client = (Identity__ClientRow)IDENTITY__CLIENT_ROW__INIT;
	TRY(hm_query_optional(call, &identity_sql_find_client, &wanted, ret_client, &found));
	if (!found || !proves_itself(ret_client, secret))
		return identity_because(hm_fail(call, UNAUTHENTICATED, "no such client, or not with this secret"),
					"INVALID_CLIENT");
	return HM_OK;
}

hm_status identity_check_scopes(struct hm_call *call, const char *whose, const char *const *held,
				const char *const *scopes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!hm_permissions_cover(held, scopes[i]))
			return identity_because(
				hm_fail(call, PERMISSION_DENIED, "scope %s is not %s", scopes[i], whose),
				"INVALID_SCOPE");
	return HM_OK;
}
