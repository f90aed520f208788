/*
 * Token: what is shown for tokens, by grant type. Each kind of grant is found by its hash and checked with its owner's row
 * locked; two calls with the same code or refresh token therefore come one after the other, and the second finds it used.
 */
#include "identity.h"

#include <string.h>

/* One call of Token on its way. */
struct redemption {
	const Identity__TokenRequest *request;
	Identity__ClientRow client; /* client_id NULL: none was named */
	Identity__SessionRow session; /* what tokens are issued for */
};

static hm_status fail_grant(struct hm_call *call)
{
	return identity_because(hm_fail(call, UNAUTHENTICATED, "what was shown is unknown, void or another client's"),
				"INVALID_GRANT");
}

/* Two bearers of one secret: whatever the first was given is void from now on, although this call fails. */
static hm_status refuse_reuse(struct hm_call *call, const char *session_id)
{
	TRY(identity_end_session(call, session_id));
	hm_audit_entity(call, session_id);
	hm_audit_detail(call, "reuse", "session %s is ended", session_id);
	return identity_because(hm_refuse(call, UNAUTHENTICATED, "this was used before: its session is ended"),
				"INVALID_GRANT");
}

static bool same_client(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* ---- authorization_code */

static bool fits_challenge(const char *verifier, const char *challenge)
{
	uint8_t hash[HM_HASH_BYTES];
	char text[HM_HASH_BYTES * 4 / 3 + 4];
	size_t length;

	hm_hash_sha256(verifier, strlen(verifier), hash);
	length = hm_base64url_encode(hash, sizeof hash, text, sizeof text);
	return strlen(challenge) == length && hm_equal(text, challenge, length);
}

static hm_status redeem_code(struct hm_call *call, struct redemption *redemption)
{
	const Identity__TokenRequest *request = redemption->request;
	Identity__GrantRow grant = { IDENTITY_GRANT_ROW_BASE, HM_SET(hash, identity_hash(call, request->code)) };
	Identity__UserRow owner = IDENTITY__USER_ROW__INIT;
	bool found;

	TRY(hm_query_optional(call, &identity_sql_lock_owner_of_code, &grant, &owner, &found));
	if (found)
		TRY(hm_query_optional(call, &identity_sql_find_code, &grant, &grant, &found));
	if (!found || !same_client(grant.client_id, redemption->client.client_id))
		return fail_grant(call);
	if (grant.is_used)
		return refuse_reuse(call, grant.session_id);
	if (grant.is_over || strcmp(grant.redirect_uri, request->redirect_uri) ||
	    !fits_challenge(request->code_verifier, grant.code_challenge))
		return fail_grant(call);
	TRY(identity_open_session(call, grant.user_id, grant.client_id, grant.scopes, grant.n_scopes,
				  &redemption->session));
	grant.session_id = redemption->session.session_id;
	return hm_query_run(call, &identity_sql_use_code, &grant, NULL);
}

/* ---- refresh_token */

static hm_status redeem_refresh(struct hm_call *call, struct redemption *redemption)
{
	Identity__GrantRow grant = { IDENTITY_GRANT_ROW_BASE,
				     HM_SET(hash, identity_hash(call, redemption->request->refresh_token)) };
	Identity__UserRow owner = IDENTITY__USER_ROW__INIT;
	bool found;

	TRY(hm_query_optional(call, &identity_sql_lock_owner_of_token, &grant, &owner, &found));
	if (found)
		TRY(hm_query_optional(call, &identity_sql_find_token, &grant, &grant, &found));
	if (!found || strcmp(grant.kind, "refresh") || !same_client(grant.client_id, redemption->client.client_id))
		return fail_grant(call);
	if (grant.is_used)
		return refuse_reuse(call, grant.session_id);
	if (grant.is_over)
		return fail_grant(call);
	redemption->session = (Identity__SessionRow){
		IDENTITY_SESSION_ROW_BASE,    .session_id = grant.session_id, .user_id = grant.user_id,
		.client_id = grant.client_id, .n_scopes = grant.n_scopes,     .scopes = grant.scopes,
	};
	return hm_query_run(call, &identity_sql_use_token, &grant, NULL);
}

/* ---- device_code */

/* RFC 8628, section 3.5: who asks too soon waits five seconds longer from then on. */
static hm_status refuse_pending(struct hm_call *call, Identity__GrantRow *grant)
{
	enum { SLOWER_S = 5, INTERVAL_MAX_S = 60 };
	hm_status status;

	if (grant->is_hasty && grant->interval_seconds < INTERVAL_MAX_S)
		grant->interval_seconds += SLOWER_S;
	TRY(hm_query_run(call, &identity_sql_note_poll, grant, NULL));
	if (!grant->is_hasty)
		return identity_because(hm_refuse(call, FAILED_PRECONDITION, "the user has not decided yet"),
					"AUTHORIZATION_PENDING");
	status = identity_because(hm_refuse(call, RESOURCE_EXHAUSTED, "asked too soon: wait %d s between attempts",
					    grant->interval_seconds),
				  "SLOW_DOWN");
	hm_error_set_retry((uint32_t)grant->interval_seconds * 1000);
	return status;
}

static hm_status check_device(struct hm_call *call, Identity__GrantRow *grant)
{
	if (grant->is_used)
		return refuse_reuse(call, grant->session_id);
	if (grant->is_over)
		return identity_because(hm_fail(call, UNAUTHENTICATED, "the device code has expired: start again"),
					"EXPIRED_TOKEN");
	if (!strcmp(grant->status, "denied"))
		return identity_because(hm_fail(call, PERMISSION_DENIED, "the user refused the device"),
					"ACCESS_DENIED");
	return strcmp(grant->status, "approved") ? refuse_pending(call, grant) : HM_OK;
}

static hm_status redeem_device(struct hm_call *call, struct redemption *redemption)
{
	Identity__GrantRow grant = { IDENTITY_GRANT_ROW_BASE,
				     HM_SET(hash, identity_hash(call, redemption->request->device_code)) };
	bool found, active;

	TRY(hm_query_optional(call, &identity_sql_lock_device, &grant, &grant, &found));
	if (!found || !same_client(grant.client_id, redemption->client.client_id))
		return fail_grant(call);
	TRY(check_device(call, &grant));
	TRY(identity_lock_user(call, grant.user_id, &active));
	if (!active)
		return fail_grant(call);
	TRY(identity_open_session(call, grant.user_id, grant.client_id, grant.scopes, grant.n_scopes,
				  &redemption->session));
	grant.session_id = redemption->session.session_id;
	return hm_query_run(call, &identity_sql_use_device, &grant, NULL);
}

/* ---- All of them */

/* What each needs beside its type, by offset in the request. */
#define NEEDS(field)                                            \
	{                                                       \
#field, offsetof(Identity__TokenRequest, field) \
	}

static const struct grant_type {
	const char *name;
	struct {
		const char *name;
		size_t offset;
	} needs[5];
	hm_status (*redeem)(struct hm_call *call, struct redemption *redemption);
} grant_types[] = {
	{ "authorization_code",
	  { NEEDS(client_id), NEEDS(code), NEEDS(redirect_uri), NEEDS(code_verifier) },
	  redeem_code },
	{ "refresh_token", { NEEDS(refresh_token) }, redeem_refresh },
	{ "urn:ietf:params:oauth:grant-type:device_code", { NEEDS(client_id), NEEDS(device_code) }, redeem_device },
};

static const struct grant_type *find_type(const char *name)
{
	for (size_t i = 0; i < sizeof grant_types / sizeof *grant_types; i++)
		if (!strcmp(grant_types[i].name, name))
			return &grant_types[i];
	return NULL;
}

static hm_status check_needs(struct hm_call *call, const struct grant_type *type, const Identity__TokenRequest *request)
{
	for (size_t i = 0; type->needs[i].name; i++) {
		const void *field = (const char *)request + type->needs[i].offset;

		if (!*(const char *const *)field)
			return identity_because(
				hm_fail(call, INVALID_ARGUMENT, "%s needs %s", type->name, type->needs[i].name),
				"INVALID_REQUEST");
	}
	return HM_OK;
}

IDENTITY_HANDLER(token, Token, Tokens)
{
	struct redemption redemption = {
		.request = request,
		.client = IDENTITY__CLIENT_ROW__INIT,
		.session = IDENTITY__SESSION_ROW__INIT,
	};
	const struct grant_type *type = find_type(request->grant_type);

	if (!type)
		return identity_because(hm_fail(call, INVALID_ARGUMENT, "grantType: there is none of this name"),
					"UNSUPPORTED_GRANT_TYPE");
	TRY(check_needs(call, type, request));
	if (request->client_id)
		TRY(identity_authenticate_client(call, request->client_id, request->client_secret, &redemption.client));
	TRY(type->redeem(call, &redemption));
	hm_audit_entity(call, redemption.session.session_id);
	return identity_issue(call, &redemption.session, reply);
}
