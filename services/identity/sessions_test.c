/* Sessions: listed, ended, and refused everywhere once the lease has heard of it. */
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/clock_manual.h"
#include "guard/lease.h"
#include "platform/v1/platform.hm.h"
#include "tests/identity.h"
#include "tests/keys.h"

static hm_status list(struct fixture *f, struct hm_context *context, const char *user_id,
		      Identity__ListSessionsReply **ret_list)
{
	return identity_list_sessions(f->channel, context, request(LIST_SESSIONS, ListSessions, .user_id = user_id),
				      ret_list);
}

static hm_status refresh(struct fixture *f, const Identity__Tokens *tokens, Identity__Tokens **ret_tokens)
{
	return identity_token(
		f->channel, fixture_anonymous(f, "loop"),
		request(TOKEN, Token, .grant_type = "refresh_token", .refresh_token = tokens->refresh_token),
		ret_tokens);
}

Test(identity, a_logout_ends_its_own_session_alone)
{
	struct fixture f = test_identity();
	Identity__Tokens *here, *there, *next;
	Identity__ListSessionsReply *sessions;
	Identity__LogoutReply *reply;

	test_user(&f, "ana");
	here = test_login(&f, "ana");
	there = test_login(&f, "ana");
	must(list(&f, test_bearer(&f, here), NULL, &sessions));
	cr_assert_eq(sessions->n_sessions, 2);
	must(identity_logout(f.channel, test_bearer(&f, here), request(LOGOUT, Logout), &reply));
	test_feed(&f);
	refuses(UNAUTHENTICATED, list(&f, test_bearer(&f, here), NULL, &sessions));
	cr_assert(test_reason("TOKEN_REVOKED"));
	refuses(UNAUTHENTICATED, refresh(&f, here, &next));
	must(list(&f, test_bearer(&f, there), NULL, &sessions));
	cr_assert_eq(sessions->n_sessions, 1);
	must(refresh(&f, there, &next));
}

Test(identity, a_token_without_a_session_has_nothing_to_log_out_of)
{
	struct fixture f = test_identity();
	Identity__LogoutReply *reply;

	refuses(FAILED_PRECONDITION, identity_logout(f.channel, fixture_user(&f, "loop", test_user(&f, "ana")),
						     request(LOGOUT, Logout), &reply));
	refuses(PERMISSION_DENIED,
		identity_logout(f.channel, fixture_operator(&f, "loop"), request(LOGOUT, Logout), &reply));
}

Test(identity, sessions_of_others_need_a_permission_to_be_seen_and_ended)
{
	struct fixture f = test_identity();
	const char *ana = test_user(&f, "ana"), *ben = test_user(&f, "ben"), *session;
	struct hm_context *of_ben;
	Identity__Tokens *tokens = test_login(&f, "ana");
	Identity__ListSessionsReply *sessions;
	Identity__RevokeSessionReply *reply;

	of_ben = test_bearer(&f, test_login(&f, "ben"));
	must(list(&f, test_bearer(&f, tokens), NULL, &sessions));
	session = sessions->sessions[0]->id;
	refuses(PERMISSION_DENIED,
		identity_list_sessions(f.channel, of_ben, request(LIST_SESSIONS, ListSessions, .user_id = ana),
				       &sessions));
	refuses(PERMISSION_DENIED, identity_list_sessions(f.channel, fixture_operator(&f, "loop"),
							  request(LIST_SESSIONS, ListSessions), &sessions));
	refuses(NOT_FOUND, identity_revoke_session(f.channel, of_ben,
						   request(REVOKE_SESSION, RevokeSession, .id = session), &reply));
	refuses(NOT_FOUND,
		identity_revoke_session(f.channel, of_ben, request(REVOKE_SESSION, RevokeSession, .id = ben), &reply));
	must(list(&f, fixture_operator(&f, "loop"), ana, &sessions));
	cr_assert_eq(sessions->n_sessions, 1);
	must(identity_revoke_session(f.channel, fixture_operator(&f, "loop"),
				     request(REVOKE_SESSION, RevokeSession, .id = session), &reply));
	test_feed(&f);
	refuses(UNAUTHENTICATED, list(&f, test_bearer(&f, tokens), NULL, &sessions));
	refuses(UNAUTHENTICATED, refresh(&f, tokens, &tokens));
}

Test(identity, one_ends_ones_own_session_elsewhere)
{
	struct fixture f = test_identity();
	struct hm_context *here, *there;
	Identity__ListSessionsReply *sessions;
	Identity__RevokeSessionReply *reply;

	test_user(&f, "ana");
	there = test_bearer(&f, test_login(&f, "ana"));
	must(list(&f, there, NULL, &sessions));
	here = test_bearer(&f, test_login(&f, "ana"));
	must(identity_revoke_session(f.channel, here,
				     request(REVOKE_SESSION, RevokeSession, .id = sessions->sessions[0]->id), &reply));
	test_feed(&f);
	refuses(UNAUTHENTICATED, list(&f, there, NULL, &sessions));
	must(list(&f, here, NULL, &sessions));
	cr_assert_eq(sessions->n_sessions, 1);
}

/* PostgreSQL, which says when the token was issued, lives by the machine's clock, so the time must run on with it. */
Test(identity, an_access_token_is_over_after_fifteen_minutes, .init = hm_clock_take)
{
	struct fixture f = test_identity();
	Identity__ListSessionsReply *sessions;
	struct hm_context *ana;

	test_user(&f, "ana");
	ana = test_bearer(&f, test_login(&f, "ana"));
	hm_clock_advance_ms(14 * 60 * 1000);
	must(list(&f, ana, NULL, &sessions));
	hm_clock_advance_ms(60 * 1000);
	refuses(UNAUTHENTICATED, list(&f, ana, NULL, &sessions));
	cr_assert(test_reason("TOKEN_EXPIRED"));
}

Test(identity, an_expired_session_gives_no_more_tokens)
{
	struct fixture f = test_identity();
	Identity__Tokens *tokens, *next;

	test_user(&f, "ana");
	tokens = test_login(&f, "ana");
	test_sql(f.dsn, "UPDATE identity.sessions SET expires_at = now()");
	refuses(UNAUTHENTICATED, refresh(&f, tokens, &next));
	cr_assert(test_reason("INVALID_GRANT"));
}

Test(identity, revocations_are_for_services_and_go_when_they_are_over)
{
	struct fixture f = test_identity();
	struct hm_context *service = fixture_service(&f, "identity");
	Identity__PollRevocationsReply *reply;
	Identity__LogoutReply *out;

	test_user(&f, "ana");
	must(identity_logout(f.channel, test_bearer(&f, test_login(&f, "ana")), request(LOGOUT, Logout), &out));
	must(identity_poll_revocations(f.channel, service, request(POLL_REVOCATIONS, PollRevocations), &reply));
	cr_assert_eq(reply->n_revocations, 1);
	test_sql(f.dsn, "UPDATE identity.revocations SET kept_until = now()");
	must(identity_poll_revocations(f.channel, service, request(POLL_REVOCATIONS, PollRevocations), &reply));
	cr_assert_eq(reply->n_revocations, 0);
	must(identity_logout(f.channel, test_bearer(&f, test_login(&f, "ana")), request(LOGOUT, Logout), &out));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.revocations"), 1);
	refuses(PERMISSION_DENIED, identity_poll_revocations(f.channel, fixture_user(&f, "loop", "ana"),
							     request(POLL_REVOCATIONS, PollRevocations), &reply));
}

/* So many do not fit into one reply. Were that the end of the news, whoever logs in and out often enough would stop every brand. */
Test(identity, revocations_are_told_however_many_there_are)
{
	struct fixture f = test_identity();
	struct hm_lease_token token = { .brand = "loop", .issued_at_us = hm_clock_wall_us() };
	char id[HM_ID_TEXT_BYTES];

	test_sql(
		f.dsn,
		"INSERT INTO identity.revocations SELECT 'loop', ('00000000-0000-7000-8000-' || lpad(i::text, 12, '0'))"
		"::uuid, now() + interval '1 hour', now() + interval '1 hour' FROM generate_series(1, 12345) i");
	test_feed(&f);
	for (int i = 1; i <= 12345; i++) {
		snprintf(id, sizeof id, "00000000-0000-7000-8000-%012d", i);
		token.id = id;
		refuses(UNAUTHENTICATED, hm_lease_check_token(hm_host_lease(f.host), &token, hm_clock_mono_us()));
	}
	token.id = "00000000-0000-7000-8000-000000012346";
	must(hm_lease_check_token(hm_host_lease(f.host), &token, hm_clock_mono_us()));
}

/* As in production: platform and identity feed the lease, nothing is put by hand. */
Test(identity, a_revoked_session_is_refused_once_the_lease_was_fed, .timeout = 60)
{
	static const struct hm_service *const services[] = { &identity_service, &platform_service, NULL };
	struct fixture f = fixture_serving_all(services, services);
	SCOPED(hm_channel) platform = NULL;
	Identity__ListSessionsReply *sessions;
	Identity__LogoutReply *reply;
	Platform__Brand *brand;
	struct hm_context *ana;

	must(hm_channel_open("platform", &platform));
	must(platform_create_brand(
		platform, fixture_operator(&f, NULL),
		&(Platform__CreateBrandRequest){ PLATFORM_CREATE_BRAND_REQUEST_BASE, .id = "loop", .name = "Loop" },
		&brand));
	while (!hm_lease_find_brand(hm_host_lease(f.host), "loop"))
		;
	test_user(&f, "ana");
	ana = test_bearer(&f, test_login(&f, "ana"));
	must(identity_logout(f.channel, ana, request(LOGOUT, Logout), &reply));
	while (list(&f, ana, NULL, &sessions) == HM_OK)
		hm_context_reset(ana);
	cr_assert_eq(hm_error_get()->code, HM_UNAUTHENTICATED);
	cr_assert(test_reason("TOKEN_REVOKED"));
}

Test(identity, is_not_served_without_the_key_it_signs_with)
{
	static const struct hm_service *const services[] = { &identity_service, NULL };
	char dsn[TEST_DSN_BYTES];
	struct test_keys keys;
	struct hm_host *host;

	test_database(dsn);
	test_keys_init(&keys);
	hm_secret_key_close(test_keys_open(&keys, "service-identity"));
	refuses(NOT_FOUND, hm_host_open(&(struct hm_host_config){ .services = services,
								  .known = services + 1,
								  .dsn = dsn,
								  .keys = keys.directory,
								  .run = keys.directory },
					&host));
	cr_assert(strstr(hm_error_get()->message, "identity.key"), "%s", hm_error_get()->message);
	test_keys_fini(&keys);
}
