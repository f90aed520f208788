/* Users: registering, reading, changing, disabling. */
#include <stdio.h>
#include <string.h>

#include "hallmark/audit.hm.h"
#include "tests/identity.h"

Test(identity, a_user_is_registered_once_whatever_the_case)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop"), *nova = fixture_operator(&f, "nova");
	Identity__User *user;

	must(identity_register_user(f.channel, operator,
				    request(REGISTER_USER, RegisterUser, .username = "Ana", .password = TEST_PASSWORD,
					    .email = "ana@example.org", .display_name = "Ana A."),
				    &user));
	cr_assert_str_eq(user->username, "ana");
	cr_assert_str_eq(user->email, "ana@example.org");
	cr_assert_str_eq(user->status, "active");
	refuses(ALREADY_EXISTS,
		identity_register_user(
			f.channel, operator,
			request(REGISTER_USER, RegisterUser, .username = "aNA", .password = TEST_PASSWORD), &user));
	must(identity_register_user(f.channel, nova,
				    request(REGISTER_USER, RegisterUser, .username = "ana", .password = TEST_PASSWORD),
				    &user));
}

Test(identity, a_name_has_plain_characters_and_a_password_eight)
{
	static const char *const names[] = { "a b", "-ana", "an\xc3\xa4", "ana\n", "" };
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	Identity__User *user;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		refuses(INVALID_ARGUMENT,
			identity_register_user(
				f.channel, operator,
				request(REGISTER_USER, RegisterUser, .username = names[i], .password = TEST_PASSWORD),
				&user));
	refuses(INVALID_ARGUMENT,
		identity_register_user(f.channel, operator,
				       request(REGISTER_USER, RegisterUser, .username = "ana", .password = "seven77"),
				       &user));
}

Test(identity, nothing_stored_or_audited_holds_a_password_or_a_token)
{
	struct fixture f = test_identity();
	Identity__Tokens *tokens;
	char sql[1024];

	test_user(&f, "ana");
	tokens = test_login(&f, "ana");
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM (SELECT t::text FROM identity.audit_log t UNION ALL SELECT t::text FROM "
		 "identity.credentials t UNION ALL SELECT t::text FROM identity.tokens t UNION ALL SELECT t::text FROM "
		 "identity.sessions t) AS rows(row) WHERE row LIKE '%%%s%%' OR row LIKE '%%%s%%' OR row LIKE "
		 "'%%v4.public%%'",
		 TEST_PASSWORD, tokens->refresh_token);
	cr_assert_eq(test_sql(f.dsn, sql), 0);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.tokens"), 2);
	cr_assert_eq(
		test_sql(f.dsn, "SELECT count(*) FROM identity.credentials WHERE password_hash LIKE '$argon2id$%'"), 1);
}

Test(identity, users_are_read_by_id_by_name_and_in_pages)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop"), *nova = fixture_operator(&f, "nova");
	const char *ana = test_user(&f, "ana"), *ben = test_user(&f, "ben");
	Identity__ListUsersReply *list;
	Identity__User *user;

	must(identity_get_user(f.channel, operator, request(GET_USER, GetUser, .id = ana), &user));
	cr_assert_str_eq(user->username, "ana");
	refuses(NOT_FOUND, identity_get_user(f.channel, nova, request(GET_USER, GetUser, .id = ana), &user));
	must(identity_list_users(f.channel, operator, request(LIST_USERS, ListUsers, .username = "BEN"), &list));
	cr_assert_eq(list->n_users, 1);
	cr_assert_str_eq(list->users[0]->id, ben);
	must(identity_list_users(f.channel, operator, request(LIST_USERS, ListUsers, HM_SET(page_size, 1)), &list));
	cr_assert_eq(list->n_users, 1);
	cr_assert_str_eq(list->users[0]->id, ana);
	must(identity_list_users(f.channel, operator,
				 request(LIST_USERS, ListUsers, .page_token = list->next_page_token), &list));
	cr_assert_eq(list->n_users, 1);
	cr_assert_str_eq(list->users[0]->id, ben);
}

Test(identity, an_update_leaves_what_is_absent_and_clears_what_is_empty)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop"), *nova = fixture_operator(&f, "nova");
	const char *ana = test_user(&f, "ana");
	Identity__User *user;

	must(identity_update_user(
		f.channel, operator,
		request(UPDATE_USER, UpdateUser, .id = ana, .email = "a@b.org", .display_name = "Ana"), &user));
	must(identity_update_user(f.channel, operator, request(UPDATE_USER, UpdateUser, .id = ana, .email = ""),
				  &user));
	cr_assert_null(user->email);
	cr_assert_str_eq(user->display_name, "Ana");
	refuses(NOT_FOUND, identity_update_user(f.channel, nova, request(UPDATE_USER, UpdateUser, .id = ana), &user));
}

Test(identity, a_disabled_user_is_out_until_enabled_and_then_logs_in_anew)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop"), *nova = fixture_operator(&f, "nova");
	const char *ana = test_user(&f, "ana");
	Identity__Tokens *old = test_login(&f, "ana"), *tokens;
	Identity__ListSessionsReply *list;
	Identity__User *user;

	must(identity_disable_user(f.channel, operator, request(DISABLE_USER, DisableUser, .id = ana), &user));
	cr_assert_str_eq(user->status, "disabled");
	test_feed(&f);
	refuses(UNAUTHENTICATED,
		identity_list_sessions(f.channel, test_bearer(&f, old), request(LIST_SESSIONS, ListSessions), &list));
	refuses(UNAUTHENTICATED, identity_token(f.channel, fixture_anonymous(&f, "loop"),
						request(TOKEN, Token, .grant_type = "refresh_token",
							.refresh_token = old->refresh_token),
						&tokens));
	refuses(UNAUTHENTICATED,
		identity_login(f.channel, fixture_anonymous(&f, "loop"),
			       request(LOGIN, Login, .username = "ana", .password = TEST_PASSWORD), &tokens));
	must(identity_enable_user(f.channel, operator, request(ENABLE_USER, EnableUser, .id = ana), &user));
	refuses(UNAUTHENTICATED,
		identity_list_sessions(f.channel, test_bearer(&f, old), request(LIST_SESSIONS, ListSessions), &list));
	must(identity_list_sessions(f.channel, test_bearer(&f, test_login(&f, "ana")),
				    request(LIST_SESSIONS, ListSessions), &list));
	cr_assert_eq(list->n_sessions, 1);
	refuses(NOT_FOUND,
		identity_disable_user(f.channel, nova, request(DISABLE_USER, DisableUser, .id = ana), &user));
	refuses(NOT_FOUND, identity_enable_user(f.channel, nova, request(ENABLE_USER, EnableUser, .id = ana), &user));
}

Test(identity, what_was_done_to_a_user_is_listed_by_entity_and_by_actor)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	const char *ana = test_user(&f, "ana");
	Hallmark__ListAuditRequest wanted = { HALLMARK_LIST_AUDIT_REQUEST_BASE, .entity_type = "user",
					      .entity_id = ana };
	Hallmark__ListAuditReply *list;

	test_login(&f, "ana");
	must(identity_list_audit(f.channel, operator, & wanted, &list));
	cr_assert_eq(list->n_entries, 2);
	cr_assert_str_eq(list->entries[0]->event_type, "session.opened");
	cr_assert_str_eq(list->entries[1]->event_type, "user.registered");
	cr_assert_str_eq(list->entries[1]->actor_brand_id, "system");
	wanted.actor_id = "anonymous";
	must(identity_list_audit(f.channel, operator, & wanted, &list));
	cr_assert_eq(list->n_entries, 1);
}
