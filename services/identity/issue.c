/*
 * Issue: a session's next pair of tokens. The access token is signed, so that every service can believe it by itself; the
 * refresh token is a random secret. Of both, only the hash is stored.
 *
 * The times are the database's: revocations are compared with them, and all clocks but one can be wrong.
 */
#include "identity.h"

#include <string.h>

#include "crypto/token.h"
#include "guard/permission.h"

enum { ACCESS_LIFE_S = 15 * 60 };

hm_status identity_open_session(struct hm_call *call, const char *user_id, const char *client_id, const char **scopes,
				size_t n_scopes, Identity__SessionRow *ret_session)
{
	const Identity__SessionRow wanted = { IDENTITY_SESSION_ROW_BASE, .user_id = user_id, .client_id = client_id,
					      .n_scopes = n_scopes, .scopes = scopes };

	return hm_query_one(call, &identity_sql_open_session, &wanted, ret_session);
}

hm_status identity_permissions_of(struct hm_call *call, const char *user_id, Identity__PermissionsRow *ret_row,
				  const char ***ret_permissions, bool *ret_found)
{
	const Identity__UserRow user = { IDENTITY_USER_ROW_BASE, .user_id = user_id };

	*ret_row = (Identity__PermissionsRow)IDENTITY__PERMISSIONS_ROW__INIT;
	TRY(hm_query_optional(call, &identity_sql_permissions_of_user, &user, ret_row, ret_found));
	*ret_permissions = identity_list(call, ret_row->permissions, ret_row->n_permissions, IDENTITY_SELF);
	return HM_OK;
}

/* What of a client's scopes the user may still do. */
static const char **keep_covered(struct hm_call *call, const Identity__SessionRow *session,
				 const char *const *permissions)
{
	const char **kept = identity_list(call, session->scopes, session->n_scopes, NULL);
	size_t n = 0;

	for (size_t i = 0; i < session->n_scopes; i++)
		if (hm_permissions_cover(permissions, session->scopes[i]))
			kept[n++] = session->scopes[i];
	kept[n] = NULL;
	return kept;
}

static const char *join(struct hm_call *call, const char *const *permissions)
{
	char *text = hm_arena_strdup(hm_call_arena(call), "");

	for (; *permissions; permissions++)
		text = hm_arena_printf(hm_call_arena(call), "%s%s%s", text, *text ? " " : "", *permissions);
	return text;
}

static hm_status sign(struct hm_call *call, const Identity__SessionRow *session, const char *token_id,
		      const char *const *permissions, const Google__Protobuf__Timestamp *issued_at, char **ret_token)
{
	int64_t issued_at_us = issued_at->seconds * HM_US_PER_S + issued_at->nanos / 1000;
	const struct hm_claims claims = {
		.subject = session->user_id,
		.type = "user",
		.brand = hm_call_brand(call),
		.session = session->session_id,
		.id = token_id,
		.permissions = permissions,
		.issued_at_us = issued_at_us,
		.expires_at_us = issued_at_us + (int64_t)ACCESS_LIFE_S * HM_US_PER_S,
	};

	if (hm_token_sign(hm_call_signing_key(call), &claims, hm_call_arena(call), ret_token) == HM_OK)
		return HM_OK;
	return hm_fail(call, FAILED_PRECONDITION, "no token holds all permissions of %s: give wider ones (\"notes.*\")",
		       session->user_id);
}

static hm_status store(struct hm_call *call, const Identity__SessionRow *session, const char *token_id,
		       const Google__Protobuf__Timestamp *issued_at, const Identity__Tokens *tokens)
{
	Google__Protobuf__Timestamp at = *issued_at, expires_at = *issued_at;
	Identity__TokensRow stored = {
		IDENTITY_TOKENS_ROW_BASE,
		.session_id = session->session_id,
		.access_id = token_id,
		.has_access_hash = true,
		.access_hash = identity_hash(call, tokens->access_token),
		.has_refresh_hash = true,
		.refresh_hash = identity_hash(call, tokens->refresh_token),
		.issued_at = &at,
		.access_expires_at = &expires_at,
	};

	expires_at.seconds += ACCESS_LIFE_S;
	stored.permissions = identity_split(call, tokens->scope, &stored.n_permissions);
	return hm_query_run(call, &identity_sql_insert_tokens, &stored, NULL);
}

hm_status identity_issue(struct hm_call *call, const Identity__SessionRow *session, Identity__Tokens *reply)
{
	struct hm_arena *arena = hm_call_arena(call);
	const struct hm_id id = hm_id_new();
	char *token_id = hm_arena_alloc(arena, HM_ID_TEXT_BYTES), *access_token;
	char *refresh_token = hm_arena_alloc(arena, HM_SECRET_TEXT_BYTES);
	Identity__PermissionsRow row;
	const char **permissions;
	bool found;

	TRY(identity_permissions_of(call, session->user_id, &row, &permissions, &found));
	if (!found)
		return hm_fail(call, UNAUTHENTICATED, "user %s is disabled", session->user_id);
	if (session->client_id)
		permissions = keep_covered(call, session, permissions);
	hm_id_format(&id, token_id);
	hm_secret_new(refresh_token);
	TRY(sign(call, session, token_id, permissions, row.issued_at, &access_token));
	reply->access_token = access_token;
	reply->refresh_token = refresh_token;
	reply->token_type = "Bearer";
	reply->has_expires_in = true;
	reply->expires_in = ACCESS_LIFE_S;
	reply->scope = join(call, permissions);
	return store(call, session, token_id, row.issued_at, reply);
}
