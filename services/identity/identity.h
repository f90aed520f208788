/*
 * Identity's own header: the handlers, by file, and what they share. Handlers are identity_do_<method>, since identity_<method>
 * is the generated client.
 *
 *     users.c  passwords.c  sessions.c     who there is, and how one logs in
 *     clients.c  authorize.c  device.c     how an application gets a code
 *     token.c  issue.c  introspect.c       how it gets tokens for it, and what those are worth
 *     roles.c                              what anybody may do
 *     delegations.c                        what services may do for users who are gone
 */
#pragma once
#include "identity/v1/identity.hm.h"
#include "identity/v1/rows.hm.h"

#include "crypto/crypto.h"

/* What everyone who logs in with a password may do: manage himself. Clients have it only if they were given it. */
#define IDENTITY_SELF "identity.self"

#define IDENTITY_HANDLER(name, request_type, reply_type)                                                     \
	hm_status identity_do_##name(struct hm_call *call, const Identity__##request_type##Request *request, \
				     Identity__##reply_type *reply)

IDENTITY_HANDLER(register_user, RegisterUser, User);
IDENTITY_HANDLER(disable_user, DisableUser, User);
IDENTITY_HANDLER(login, Login, Tokens);
IDENTITY_HANDLER(change_password, ChangePassword, ChangePasswordReply);
IDENTITY_HANDLER(logout, Logout, LogoutReply);
IDENTITY_HANDLER(list_sessions, ListSessions, ListSessionsReply);
IDENTITY_HANDLER(revoke_session, RevokeSession, RevokeSessionReply);
IDENTITY_HANDLER(delegate, Delegate, Delegation);
IDENTITY_HANDLER(list_delegations, ListDelegations, ListDelegationsReply);
IDENTITY_HANDLER(revoke_delegation, RevokeDelegation, RevokeDelegationReply);
IDENTITY_HANDLER(create_client, CreateClient, Client);
IDENTITY_HANDLER(rotate_client_secret, RotateClientSecret, Client);
IDENTITY_HANDLER(authorize, Authorize, AuthorizeReply);
IDENTITY_HANDLER(token, Token, Tokens);
IDENTITY_HANDLER(introspect, Introspect, IntrospectReply);
IDENTITY_HANDLER(revoke, Revoke, RevokeReply);
IDENTITY_HANDLER(start_device, StartDevice, StartDeviceReply);
IDENTITY_HANDLER(get_device, GetDevice, Device);
IDENTITY_HANDLER(approve_device, ApproveDevice, Device);
IDENTITY_HANDLER(define_role, DefineRole, Role);
IDENTITY_HANDLER(assign_role, AssignRole, Assignment);
IDENTITY_HANDLER(revoke_role, RevokeRole, RevokeRoleReply);
IDENTITY_HANDLER(check_permission, CheckPermission, CheckPermissionReply);

/* ---- shared.c */

/* identity_because gives the failure just raised its reason: return identity_because(hm_fail(…), "INVALID_GRANT"); */
hm_status identity_because(hm_status status, const char *reason);

/* identity_need_user: PERMISSION_DENIED unless the caller is a user of this service (operators and services are not), in person:
 * a delegate is not, whatever it was given. */
hm_status identity_need_user(struct hm_call *call);

/* identity_hash hashes a token, code or secret into the call's arena, as it is stored. */
ProtobufCBinaryData identity_hash(struct hm_call *call, const char *text);

/* identity_split splits a scope at its blanks; the list lives in the call's arena and ends with NULL. */
const char **identity_split(struct hm_call *call, const char *scope, size_t *ret_n);

/* identity_list makes a NULL-terminated list of a repeated field's elements, with `more` behind them if it is not NULL. */
const char **identity_list(struct hm_call *call, const char *const *elements, size_t n, const char *more);

/* identity_check_guesses: RESOURCE_EXHAUSTED, with the time to wait, if too much was guessed wrong at a subject. */
hm_status identity_check_guesses(struct hm_call *call, const char *subject);

/* identity_count_guess counts one more; RESOURCE_EXHAUSTED if others had used up the attempts meanwhile. Ends the handler with
 * a failure of its own after this, by hm_refuse: the count must stay. */
hm_status identity_count_guess(struct hm_call *call, const char *subject);

/* ---- sessions.c: all of these with the user's row locked */

/* identity_lock_user locks the user's row; *ret_active: there is such a user, not disabled. */
hm_status identity_lock_user(struct hm_call *call, const char *user_id, bool *ret_active);

/* identity_void_tokens makes every service refuse the access tokens of a token id, session or user issued until now. */
hm_status identity_void_tokens(struct hm_call *call, const char *subject);

/* identity_close_session is a log-out: the delegations made in the session go on. identity_end_session ends these, too. */
hm_status identity_close_session(struct hm_call *call, const char *session_id);
hm_status identity_end_session(struct hm_call *call, const char *session_id);
hm_status identity_end_sessions_of_user(struct hm_call *call, const char *user_id);

/* ---- clients.c */

/* identity_authenticate_client finds the client that a request says it comes from. UNAUTHENTICATED, INVALID_CLIENT, if there is
 * none, its secret is wrong or missing, or a public one shows one. */
hm_status identity_authenticate_client(struct hm_call *call, const char *client_id, const char *secret,
				       Identity__ClientRow *ret_client);

/* identity_check_scopes: PERMISSION_DENIED, INVALID_SCOPE, unless the list covers each scope. whose: "the client". */
hm_status identity_check_scopes(struct hm_call *call, const char *whose, const char *const *held,
				const char *const *scopes, size_t n);

/* ---- issue.c */

/* identity_open_session opens a session of a user; client_id NULL: a login, which scopes do not bound. */
hm_status identity_open_session(struct hm_call *call, const char *user_id, const char *client_id, const char **scopes,
				size_t n_scopes, Identity__SessionRow *ret_session);

/* identity_issue signs and stores an access token and a refresh token for a session. The user must be active and locked. */
hm_status identity_issue(struct hm_call *call, const Identity__SessionRow *session, Identity__Tokens *reply);

/* identity_permissions_of reads what a user may do now, IDENTITY_SELF included, as a list in the call's arena; the row keeps
 * the time. *ret_found: there is such an active user. */
hm_status identity_permissions_of(struct hm_call *call, const char *user_id, Identity__PermissionsRow *ret_row,
				  const char ***ret_permissions, bool *ret_found);
