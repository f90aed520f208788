/* Sessions: listing and ending them, and the revocations that make every service refuse their tokens. */
#include "identity.h"

#include <string.h>

#include "guard/permission.h"

hm_status identity_lock_user(struct hm_call *call, const char *user_id, bool *ret_active)
{
	const Identity__UserRow wanted = { IDENTITY_USER_ROW_BASE, .user_id = user_id };
	Identity__UserRow user = IDENTITY__USER_ROW__INIT;
	bool found;

	TRY(hm_query_optional(call, &identity_sql_lock_user, &wanted, &user, &found));
	*ret_active = found && !strcmp(user.status, "active");
	return HM_OK;
}

hm_status identity_void_tokens(struct hm_call *call, const char *subject)
{
	const char *subjects[] = { hm_arena_strdup(hm_call_arena(call), subject) };
	const Identity__SubjectsRow row = { IDENTITY_SUBJECTS_ROW_BASE, .n_subjects = 1, .subjects = subjects };

	return hm_query_run(call, &identity_sql_void_tokens, &row, NULL);
}

hm_status identity_close_session(struct hm_call *call, const char *session_id)
{
	const Identity__SessionRow session = { IDENTITY_SESSION_ROW_BASE, .session_id = session_id };

	TRY(hm_query_run(call, &identity_sql_end_session, &session, NULL));
	return identity_void_tokens(call, session_id);
}

hm_status identity_end_session(struct hm_call *call, const char *session_id)
{
	const Identity__SessionRow session = { IDENTITY_SESSION_ROW_BASE, .session_id = session_id };
	Identity__SubjectsRow delegations = IDENTITY__SUBJECTS_ROW__INIT;

	TRY(identity_close_session(call, session_id));
	TRY(hm_query_one(call, &identity_sql_end_delegations_of_session, &session, &delegations));
	return delegations.n_subjects ? hm_query_run(call, &identity_sql_void_tokens, &delegations, NULL) : HM_OK;
}

hm_status identity_end_sessions_of_user(struct hm_call *call, const char *user_id)
{
	const Identity__UserRow user = { IDENTITY_USER_ROW_BASE, .user_id = user_id };

	TRY(hm_query_run(call, &identity_sql_end_sessions_of_user, &user, NULL));
	return identity_void_tokens(call, user_id);
}

IDENTITY_HANDLER(logout, Logout, LogoutReply)
{
	const struct hm_actor *actor = hm_call_actor(call);
	bool active;

	(void)request;
	(void)reply;
	TRY(identity_need_user(call));
	if (!actor->session)
		return hm_fail(call, FAILED_PRECONDITION, "this token is of no session: there is nothing to close");
	TRY(identity_lock_user(call, actor->id, &active));
	hm_audit_entity(call, actor->session);
	return identity_close_session(call, actor->session);
}

IDENTITY_HANDLER(list_sessions, ListSessions, ListSessionsReply)
{
	const struct hm_actor *actor = hm_call_actor(call);
	Identity__ListSessionsRequest wanted = *request;

	if (!wanted.user_id) {
		TRY(identity_need_user(call));
		wanted.user_id = actor->id;
	}
	if (strcmp(wanted.user_id, actor->id) && !hm_permissions_cover(actor->permissions, "identity.sessions.read"))
		return hm_fail(call, PERMISSION_DENIED,
			       "another user's sessions need permission identity.sessions.read");
	return hm_query_many(call, &identity_sql_list_sessions, &wanted, reply);
}

IDENTITY_HANDLER(revoke_session, RevokeSession, RevokeSessionReply)
{
	const struct hm_actor *actor = hm_call_actor(call);
	Identity__SessionRow session = IDENTITY__SESSION_ROW__INIT;
	bool found, active;

	(void)reply;
	TRY(hm_query_optional(call, &identity_sql_owner_of_session, request, &session, &found));
	if (!found || (strcmp(session.user_id, actor->id) &&
		       !hm_permissions_cover(actor->permissions, "identity.sessions.write")))
		return hm_fail(call, NOT_FOUND, "no session %s", request->id);
	TRY(identity_lock_user(call, session.user_id, &active));
	return identity_end_session(call, request->id);
}
