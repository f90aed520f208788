/*
 * Passwords: logging in and changing one.
 *
 *     locked out? → read the hash → let go of the transaction → verify, 50 ms and more → write what came of it
 *
 * Between reading and writing anything may have happened, so the write asks again: is the user still active, is the hash
 * still the one that was checked, has nobody used up the attempts meanwhile? Whatever is wrong with a name or password looks
 * the same from outside: same status, same words, same work.
 */
#include "identity.h"

#include <string.h>

#include "crypto/password.h"

static hm_status fail_login(struct hm_call *call, const char *username)
{
	TRY(identity_count_guess(call, username));
	return hm_refuse(call, UNAUTHENTICATED, "username and password do not fit");
}

/* The password was right. Is it still, now that the user's row is locked? Hashes it anew if it was hashed at other costs. */
static hm_status use_credential(struct hm_call *call, Identity__CredentialRow *credential, bool *ret_good)
{
	uint64_t n_used;

	TRY(identity_lock_user(call, credential->user_id, ret_good));
	if (!*ret_good)
		return HM_OK;
	TRY(hm_query_run(call, &identity_sql_use_credential, credential, &n_used));
	*ret_good = n_used == 1;
	return HM_OK;
}

static hm_status open_login(struct hm_call *call, const char *username, const char *user_id, Identity__Tokens *reply)
{
	const Identity__FailureRow failures = { IDENTITY_FAILURE_ROW_BASE, .subject = username };
	Identity__SessionRow session = IDENTITY__SESSION_ROW__INIT;

	TRY(identity_check_guesses(call, username));
	TRY(hm_query_run(call, &identity_sql_forget_failures, &failures, NULL));
	TRY(identity_open_session(call, user_id, NULL, NULL, 0, &session));
	hm_audit_entity(call, user_id);
	return identity_issue(call, &session, reply);
}

IDENTITY_HANDLER(login, Login, Tokens)
{
	int64_t deadline_us = hm_call_context(call)->deadline_us;
	Identity__CredentialRow credential = IDENTITY__CREDENTIAL_ROW__INIT;
	char new_hash[HM_PASSWORD_HASH_BYTES];
	bool found, good, stale;

	TRY(identity_check_guesses(call, request->username));
	TRY(hm_query_optional(call, &identity_sql_find_credential, request, &credential, &found));
	hm_release(call);
	TRY(hm_password_verify(request->password, found ? credential.password_hash : NULL, deadline_us, &good, &stale));
	if (good && stale) {
		TRY(hm_password_hash(request->password, deadline_us, new_hash));
		credential.new_hash = new_hash;
	}
	if (good)
		TRY(use_credential(call, &credential, &good));
	if (!good)
		return fail_login(call, request->username);
	return open_login(call, request->username, credential.user_id, reply);
}

static hm_status fail_change(struct hm_call *call, const char *subject)
{
	TRY(identity_count_guess(call, subject));
	return hm_refuse(call, PERMISSION_DENIED, "the old password is wrong");
}

/* The caller has a token, but a stolen one must not be enough to guess the password with. */
IDENTITY_HANDLER(change_password, ChangePassword, ChangePasswordReply)
{
	const char *user_id = hm_call_actor(call)->id;
	const char *subject = hm_arena_printf(hm_call_arena(call), "password:%s", user_id);
	int64_t deadline_us = hm_call_context(call)->deadline_us;
	Identity__CredentialRow credential = { IDENTITY_CREDENTIAL_ROW_BASE, .user_id = user_id };
	char new_hash[HM_PASSWORD_HASH_BYTES];
	bool found, good, stale, active;
	uint64_t n_changed;

	(void)reply;
	TRY(identity_need_user(call));
	TRY(identity_check_guesses(call, subject));
	TRY(hm_query_optional(call, &identity_sql_credential_of_user, &credential, &credential, &found));
	hm_release(call);
	TRY(hm_password_verify(request->old_password, found ? credential.password_hash : NULL, deadline_us, &good,
			       &stale));
	if (!good)
		return fail_change(call, subject);
	TRY(hm_password_hash(request->new_password, deadline_us, new_hash));
	credential.new_hash = new_hash;
	TRY(identity_lock_user(call, user_id, &active));
	TRY(hm_query_run(call, &identity_sql_change_credential, &credential, &n_changed));
	if (!n_changed)
		return fail_change(call, subject);
	hm_audit_entity(call, user_id);
	return identity_end_sessions_of_user(call, user_id);
}
