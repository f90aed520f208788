/* Users: registering and disabling; the rest is plain SQL. */
#include "identity.h"

#include "crypto/password.h"

/* The hash is made before the first query, so that nothing is held meanwhile. */
IDENTITY_HANDLER(register_user, RegisterUser, User)
{
	char hash[HM_PASSWORD_HASH_BYTES];
	const Identity__CredentialRow user = {
		IDENTITY_CREDENTIAL_ROW_BASE,          .username = request->username, .email = request->email,
		.display_name = request->display_name, .password_hash = hash,
	};

	TRY(hm_password_hash(request->password, hm_call_context(call)->deadline_us, hash));
	return hm_query_one(call, &identity_sql_register_user, &user, reply);
}

IDENTITY_HANDLER(disable_user, DisableUser, User)
{
	bool active;

	TRY(identity_lock_user(call, request->id, &active));
	TRY(hm_query_one(call, &identity_sql_disable_user, request, reply));
	return identity_end_sessions_of_user(call, request->id);
}
