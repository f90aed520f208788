/* Passwords: logging in, guessing, and changing one. */
#include <string.h>

#include "crypto/password.h"
#include "crypto/token.h"
#include "tests/identity.h"

static hm_status login(struct fixture *f, const char *brand, const char *username, const char *password)
{
	Identity__Tokens *tokens;

	return identity_login(f->channel, fixture_anonymous(f, brand),
			      request(LOGIN, Login, .username = username, .password = password), &tokens);
}

Test(identity, a_login_gives_a_token_that_says_who_and_what)
{
	struct fixture f = test_identity();
	const char *ana = test_user(&f, "ana");
	SCOPED(hm_keyring) ring = NULL;
	struct hm_arena arena = { 0 };
	struct hm_claims claims;
	Identity__Tokens *tokens;

	test_role(&f, ana, "reader", "notes.read");
	tokens = test_login(&f, "ANA");
	cr_assert_str_eq(tokens->token_type, "Bearer");
	cr_assert_eq(tokens->expires_in, 900);
	cr_assert_str_eq(tokens->scope, "notes.read identity.self");
	must(hm_keyring_open(test_keys_folder(), &ring));
	must(hm_token_verify(ring, tokens->access_token, strlen(tokens->access_token), hm_clock_wall_us(), &arena,
			     &claims));
	cr_assert_str_eq(claims.subject, ana);
	cr_assert_str_eq(claims.type, "user");
	cr_assert_str_eq(claims.brand, "loop");
	cr_assert_str_eq(claims.permissions[0], "notes.read");
	cr_assert_str_eq(claims.permissions[1], "identity.self");
	cr_assert_eq(claims.expires_at_us - claims.issued_at_us, 900LL * HM_US_PER_S);
	cr_assert(claims.session && claims.id);
	hm_arena_fini(&arena);
}

Test(identity, unknown_disabled_and_wrong_are_answered_alike)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	Identity__Tokens *tokens;
	Identity__User *user;
	struct hm_error first;

	test_user(&f, "ana");
	must(identity_disable_user(f.channel, operator, request(DISABLE_USER, DisableUser, .id = test_user(&f, "ben")),
				   &user));
	refuses(UNAUTHENTICATED,
		identity_login(f.channel, fixture_anonymous(&f, "loop"),
			       request(LOGIN, Login, .username = "ana", .password = "wrong"), &tokens));
	first = *hm_error_get();
	refuses(UNAUTHENTICATED, login(&f, "loop", "ben", TEST_PASSWORD));
	cr_assert_str_eq(hm_error_get()->message, first.message);
	refuses(UNAUTHENTICATED, login(&f, "loop", "nobody", TEST_PASSWORD));
	cr_assert_str_eq(hm_error_get()->message, first.message);
	refuses(UNAUTHENTICATED, login(&f, "nova", "ana", TEST_PASSWORD));
	cr_assert_str_eq(hm_error_get()->message, first.message);
	cr_assert_str_eq(hm_error_get()->reason, first.reason);
}

/* Also with the right password, or guessing would go on; and for a name that nobody has, or it would tell. */
Test(identity, five_failures_lock_a_name_whether_somebody_has_it_or_not)
{
	static const char *const names[] = { "ana", "nobody" };
	struct fixture f = test_identity();
	Identity__Tokens *tokens;

	test_user(&f, "ana");
	for (size_t i = 0; i < 2; i++) {
		for (int failed = 0; failed < 5; failed++)
			refuses(UNAUTHENTICATED, login(&f, "loop", names[i], "wrong"));
		refuses(RESOURCE_EXHAUSTED,
			identity_login(f.channel, fixture_anonymous(&f, "loop"),
				       request(LOGIN, Login, .username = names[i], .password = TEST_PASSWORD),
				       &tokens));
		cr_assert(test_reason("LOCKED_OUT"));
		cr_assert(hm_error_get()->retry_after_ms > 0 && hm_error_get()->retry_after_ms <= 15 * 60 * 1000);
	}
	test_user(&f, "ben");
	must(login(&f, "loop", "ben", TEST_PASSWORD));
	test_sql(f.dsn, "UPDATE identity.failures SET until = now()");
	must(login(&f, "loop", "ana", TEST_PASSWORD));
}

Test(identity, a_login_forgets_the_failures_before_it)
{
	struct fixture f = test_identity();

	test_user(&f, "ana");
	for (int i = 0; i < 3; i++) {
		for (int failed = 0; failed < 4; failed++)
			refuses(UNAUTHENTICATED, login(&f, "loop", "Ana", "wrong"));
		must(login(&f, "loop", "ana", TEST_PASSWORD));
	}
}

Test(identity, a_login_hashes_anew_what_was_hashed_at_other_costs)
{
	struct fixture f = test_identity();

	test_user(&f, "ana");
	hm_password_set_cost(16384, 1, 4);
	must(login(&f, "loop", "ana", TEST_PASSWORD));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.credentials WHERE password_hash LIKE '%m=16,%'"),
		     1);
	must(login(&f, "loop", "ana", TEST_PASSWORD));
	refuses(UNAUTHENTICATED, login(&f, "loop", "ana", "wrong"));
}

static hm_status change(struct fixture *f, struct hm_context *context, const char *old, const char *new)
{
	Identity__ChangePasswordReply *reply;

	return identity_change_password(
		f->channel, context, request(CHANGE_PASSWORD, ChangePassword, .old_password = old, .new_password = new),
		&reply);
}

Test(identity, a_changed_password_ends_every_session)
{
	struct fixture f = test_identity();
	struct hm_context *ana, *elsewhere;
	Identity__ListSessionsReply *list;

	test_user(&f, "ana");
	ana = test_bearer(&f, test_login(&f, "ana"));
	elsewhere = test_bearer(&f, test_login(&f, "ana"));
	must(change(&f, ana, TEST_PASSWORD, "battery staple"));
	test_feed(&f);
	refuses(UNAUTHENTICATED, identity_list_sessions(f.channel, ana, request(LIST_SESSIONS, ListSessions), &list));
	refuses(UNAUTHENTICATED,
		identity_list_sessions(f.channel, elsewhere, request(LIST_SESSIONS, ListSessions), &list));
	refuses(UNAUTHENTICATED, login(&f, "loop", "ana", TEST_PASSWORD));
	must(login(&f, "loop", "ana", "battery staple"));
}

Test(identity, a_stolen_token_is_not_enough_to_change_the_password)
{
	struct fixture f = test_identity();
	Identity__ChangePasswordReply *reply;
	struct hm_context *ana;

	test_user(&f, "ana");
	ana = test_bearer(&f, test_login(&f, "ana"));
	refuses(INVALID_ARGUMENT,
		identity_change_password(f.channel, ana,
					 request(CHANGE_PASSWORD, ChangePassword, .old_password = TEST_PASSWORD,
						 .new_password = "short"),
					 &reply));
	for (int failed = 0; failed < 5; failed++)
		refuses(PERMISSION_DENIED,
			identity_change_password(f.channel, ana,
						 request(CHANGE_PASSWORD, ChangePassword, .old_password = "wrong",
							 .new_password = "battery staple"),
						 &reply));
	refuses(RESOURCE_EXHAUSTED,
		identity_change_password(f.channel, ana,
					 request(CHANGE_PASSWORD, ChangePassword, .old_password = TEST_PASSWORD,
						 .new_password = "battery staple"),
					 &reply));
	refuses(PERMISSION_DENIED, change(&f, fixture_operator(&f, "loop"), TEST_PASSWORD, "battery staple"));
	must(login(&f, "loop", "ana", TEST_PASSWORD));
}
