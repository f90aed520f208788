/*
 * Device: the device authorization grant (RFC 8628). The device gets a code for itself and one for its user, who types it in
 * elsewhere, logged in, sees who asks for what, and decides.
 */
#include "identity.h"

#include <ctype.h>

enum { USER_CODE_LETTERS = 8, USER_CODE_BYTES = USER_CODE_LETTERS + 2 };

/* RFC 8628, section 6.1: consonants, so that no word is spelled; eight of these are 34 bits. "BCDF-GHJK" */
static void make_user_code(char ret_code[USER_CODE_BYTES])
{
	static const char letters[] = "BCDFGHJKLMNPQRSTVWXZ";
	enum { N = sizeof letters - 1, FAIR = 256 / N * N };
	char *at = ret_code;

	for (int i = 0; i < USER_CODE_LETTERS;) {
		uint8_t byte;

		hm_random(&byte, sizeof byte);
		if (byte >= FAIR)
			continue;
		if (i == USER_CODE_LETTERS / 2)
			*at++ = '-';
		*at++ = letters[byte % N];
		i++;
	}
	*at = '\0';
}

/* As its user may type it: any case, with or without dashes and blanks. */
static ProtobufCBinaryData hash_user_code(struct hm_call *call, const char *code)
{
	char letters[USER_CODE_LETTERS + 2];
	size_t n = 0;

	for (; *code && n + 1 < sizeof letters; code++)
		if (isalnum((unsigned char)*code))
			letters[n++] = (char)toupper((unsigned char)*code);
	letters[n] = '\0';
	return identity_hash(call, letters);
}

IDENTITY_HANDLER(start_device, StartDevice, StartDeviceReply)
{
	enum { DEVICE_LIFE_S = 600, INTERVAL_S = 5 };
	char *device_code = hm_arena_alloc(hm_call_arena(call), HM_SECRET_TEXT_BYTES);
	char *user_code = hm_arena_alloc(hm_call_arena(call), USER_CODE_BYTES);
	Identity__GrantRow grant = { IDENTITY_GRANT_ROW_BASE, .client_id = request->client_id };
	Identity__ClientRow client;

	TRY(identity_authenticate_client(call, request->client_id, request->client_secret, &client));
	if (!client.verification_uri)
		return identity_because(
			hm_fail(call, FAILED_PRECONDITION, "client %s has no verification_uri", request->client_id),
			"UNAUTHORIZED_CLIENT");
	grant.scopes = identity_split(call, request->scope, &grant.n_scopes);
	TRY(identity_check_scopes(call, "the client's to ask for",
				  identity_list(call, client.scopes, client.n_scopes, NULL), grant.scopes,
				  grant.n_scopes));
	hm_secret_new(device_code);
	make_user_code(user_code);
	grant.has_hash = grant.has_user_code_hash = true;
	grant.hash = identity_hash(call, device_code);
	grant.user_code_hash = hash_user_code(call, user_code);
	TRY(hm_query_run(call, &identity_sql_insert_device, &grant, NULL));
	*reply = (Identity__StartDeviceReply){
		IDENTITY_START_DEVICE_REPLY_BASE,
		.device_code = device_code,
		.user_code = user_code,
		.verification_uri = client.verification_uri,
		HM_SET(expires_in, DEVICE_LIFE_S),
		HM_SET(interval, INTERVAL_S),
	};
	return HM_OK;
}

/* A user code is short enough to be guessed by who may try often enough. */
static hm_status find_waiting(struct hm_call *call, const char *user_code, Identity__GrantRow *ret_grant)
{
	const char *subject = hm_arena_printf(hm_call_arena(call), "device:%s", hm_call_actor(call)->id);
	bool found;

	TRY(identity_need_user(call));
	TRY(identity_check_guesses(call, subject));
	*ret_grant = (Identity__GrantRow){ IDENTITY_GRANT_ROW_BASE,
					   HM_SET(user_code_hash, hash_user_code(call, user_code)) };
	TRY(hm_query_optional(call, &identity_sql_lock_waiting_device, ret_grant, ret_grant, &found));
	if (found)
		return HM_OK;
	TRY(identity_count_guess(call, subject));
	return hm_refuse(call, NOT_FOUND, "no device waits for this code: it may have expired");
}

static void describe(const Identity__GrantRow *grant, Identity__Device *reply)
{
	*reply = (Identity__Device){
		IDENTITY_DEVICE_BASE,
		.client_id = grant->client_id,
		.client_name = grant->client_name,
		.n_scopes = grant->n_scopes,
		.scopes = grant->scopes,
		.status = grant->status,
		.expires_at = grant->expires_at,
	};
}

IDENTITY_HANDLER(get_device, GetDevice, Device)
{
	Identity__GrantRow grant;

	TRY(find_waiting(call, request->user_code, &grant));
	describe(&grant, reply);
	return HM_OK;
}

IDENTITY_HANDLER(approve_device, ApproveDevice, Device)
{
	const struct hm_actor *actor = hm_call_actor(call);
	Identity__GrantRow grant;

	TRY(find_waiting(call, request->user_code, &grant));
	if (request->approve)
		TRY(identity_check_scopes(call, "the user's to give", actor->permissions, grant.scopes,
					  grant.n_scopes));
	grant.status = request->approve ? "approved" : "denied";
	grant.user_id = actor->id;
	describe(&grant, reply);
	return hm_query_run(call, &identity_sql_decide_device, &grant, NULL);
}
