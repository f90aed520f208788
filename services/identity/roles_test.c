/* Roles: what they give, what they take away, and who may touch them. */
#include <string.h>

#include "tests/identity.h"

static hm_status define(struct fixture *f, struct hm_context *context, const char *name, const char *permission)
{
	Identity__Role *role;

	return identity_define_role(
		f->channel, context,
		request(DEFINE_ROLE, DefineRole, .name = name, .n_permissions = 1, .permissions = &permission), &role);
}

static bool may(struct fixture *f, const char *user_id, const char *permission)
{
	Identity__CheckPermissionReply *reply;

	must(identity_check_permission(
		f->channel, fixture_operator(f, "loop"),
		request(CHECK_PERMISSION, CheckPermission, .user_id = user_id, .permission = permission), &reply));
	return reply->allowed;
}

Test(identity, a_role_gives_its_permissions_and_takes_them_away_again)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	const char *ana = test_user(&f, "ana");
	Identity__ListAssignmentsReply *assignments;
	Identity__Tokens *tokens, *next;
	Identity__RevokeRoleReply *revoked;
	Identity__ListRolesReply *roles;

	cr_assert(!may(&f, ana, "notes.read") && may(&f, ana, "identity.self"));
	test_role(&f, ana, "reader", "notes.*");
	cr_assert(may(&f, ana, "notes.read") && !may(&f, ana, "ledger.read"));
	must(identity_list_roles(f.channel, operator, request(LIST_ROLES, ListRoles), &roles));
	cr_assert_eq(roles->n_roles, 1);
	cr_assert_str_eq(roles->roles[0]->permissions[0], "notes.*");
	must(identity_list_assignments(f.channel, operator, request(LIST_ASSIGNMENTS, ListAssignments, .user_id = ana),
				       &assignments));
	cr_assert_eq(assignments->n_assignments, 1);
	cr_assert_str_eq(assignments->assignments[0]->role, "reader");
	cr_assert_str_eq(assignments->assignments[0]->assigned_by, "operator");
	tokens = test_login(&f, "ana");
	must(identity_revoke_role(f.channel, operator,
				  request(REVOKE_ROLE, RevokeRole, .user_id = ana, .role = "reader"), &revoked));
	cr_assert(!may(&f, ana, "notes.read"));
	test_feed(&f);
	refuses(UNAUTHENTICATED, identity_list_assignments(f.channel, test_bearer(&f, tokens),
							   request(LIST_ASSIGNMENTS, ListAssignments), &assignments));
	must(identity_token(
		f.channel, fixture_anonymous(&f, "loop"),
		request(TOKEN, Token, .grant_type = "refresh_token", .refresh_token = tokens->refresh_token), &next));
	cr_assert_str_eq(next->scope, "identity.self");
	refuses(NOT_FOUND,
		identity_revoke_role(f.channel, operator,
				     request(REVOKE_ROLE, RevokeRole, .user_id = ana, .role = "reader"), &revoked));
}

Test(identity, a_narrowed_role_voids_the_tokens_that_carry_it)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop"), *ana, *ben;
	Identity__ListSessionsReply *list;

	test_role(&f, test_user(&f, "ana"), "reader", "notes.read");
	test_user(&f, "ben");
	ana = test_bearer(&f, test_login(&f, "ana"));
	ben = test_bearer(&f, test_login(&f, "ben"));
	must(define(&f, operator, "reader", "notes.*"));
	test_feed(&f);
	must(identity_list_sessions(f.channel, ana, request(LIST_SESSIONS, ListSessions), &list));
	must(define(&f, operator, "reader", "notes.write"));
	test_feed(&f);
	refuses(UNAUTHENTICATED, identity_list_sessions(f.channel, ana, request(LIST_SESSIONS, ListSessions), &list));
	must(identity_list_sessions(f.channel, ben, request(LIST_SESSIONS, ListSessions), &list));
	ana = test_bearer(&f, test_login(&f, "ana"));
	must(identity_list_sessions(f.channel, ana, request(LIST_SESSIONS, ListSessions), &list));
}

/* One who may write roles, and read notes, makes of himself no more than that; nor takes away what is above him. */
Test(identity, nobody_gives_what_he_does_not_hold)
{
	struct fixture f = test_identity();
	struct hm_context *eve =
		fixture_user_with(&f, "loop", test_user(&f, "eve"), "identity.roles.write", "notes.read", NULL);
	const char *ana = test_user(&f, "ana"), *wide[] = { "notes.read", "notes.*" };
	Identity__Assignment *assignment;
	Identity__RevokeRoleReply *revoked;
	Identity__Role *role;

	test_role(&f, ana, "admin", "*");
	must(define(&f, eve, "reader", "notes.read"));
	refuses(PERMISSION_DENIED, define(&f, eve, "writer", "notes.write"));
	cr_assert(test_reason("ESCALATION"));
	refuses(PERMISSION_DENIED, define(&f, eve, "everything", "*"));
	refuses(PERMISSION_DENIED, define(&f, eve, "admin", "notes.read"));
	refuses(PERMISSION_DENIED, identity_define_role(f.channel, eve,
							request(DEFINE_ROLE, DefineRole, .name = "reader",
								.n_permissions = 2, .permissions = wide),
							&role));
	refuses(PERMISSION_DENIED,
		identity_assign_role(f.channel, eve, request(ASSIGN_ROLE, AssignRole, .user_id = ana, .role = "admin"),
				     &assignment));
	refuses(PERMISSION_DENIED,
		identity_revoke_role(f.channel, eve, request(REVOKE_ROLE, RevokeRole, .user_id = ana, .role = "admin"),
				     &revoked));
	must(identity_assign_role(f.channel, eve, request(ASSIGN_ROLE, AssignRole, .user_id = ana, .role = "reader"),
				  &assignment));
	cr_assert(may(&f, ana, "ledger.write"));
}

Test(identity, roles_and_users_must_exist_and_permissions_be_well_formed)
{
	static const char *const wrong[] = { "", "Notes.read", "notes.", "notes*", "notes.*.read", "a b", "**" };
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	const char *ana = test_user(&f, "ana"), *nobody = "0198f000-0000-7000-8000-000000000000";
	Identity__CheckPermissionReply *checked;
	Identity__RevokeRoleReply *revoked;
	Identity__Assignment *assignment;
	Identity__Role *role;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refuses(INVALID_ARGUMENT, define(&f, operator, "reader", wrong[i]));
	refuses(INVALID_ARGUMENT,
		identity_define_role(f.channel, operator, request(DEFINE_ROLE, DefineRole, .name = "reader"), &role));
	refuses(NOT_FOUND,
		identity_assign_role(f.channel, operator,
				     request(ASSIGN_ROLE, AssignRole, .user_id = ana, .role = "reader"), &assignment));
	refuses(NOT_FOUND,
		identity_revoke_role(f.channel, operator,
				     request(REVOKE_ROLE, RevokeRole, .user_id = ana, .role = "reader"), &revoked));
	must(define(&f, operator, "reader", "notes.read"));
	refuses(NOT_FOUND, identity_assign_role(f.channel, operator,
						request(ASSIGN_ROLE, AssignRole, .user_id = nobody, .role = "reader"),
						&assignment));
	refuses(NOT_FOUND,
		identity_check_permission(f.channel, operator, request(CHECK_PERMISSION, CheckPermission,
								       .user_id = nobody, .permission = "notes.read"),
					  &checked));
}
