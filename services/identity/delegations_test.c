/*
 * Delegations: a job of service "middle" acts for ana, who has gone: with less than she may do, in no other service's hands, until it
 * expires or is revoked. The services are real, and what passes between them; the hours are in the token's claims.
 */
#include <stdio.h>
#include <string.h>

#include "crypto/password.h"
#include "crypto/token.h"
#include "echo/v1/echo.hm.h"
#include "guard/lease.h"
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"
#include "tests/holder.h"
#include "tests/identity.h"

enum { HOUR_S = 3600, DAY_S = 24 * HOUR_S };

static const struct hm_service *const served[] = { &identity_service, &middle_service, &notes_service, &echo_service,
						   NULL };

/* Ana, who may do anything with notes, and whoever asks identity and notes something: a service's process, or nobody's. */
struct scene {
	struct fixture f;
	const char *ana;
	Identity__Tokens *tokens;
	struct hm_channel *identity, *notes; /* of middle's process */
};

static struct hm_channel *channel_of(const char *holder, const char *service)
{
	struct hm_channel *channel;
	char url[256];

	snprintf(url, sizeof url, "ipc://%s/%s.sock", fixture_run_folder(), service);
	must(hm_endpoint_set(service, url));
	must(hm_channel_open(service, &channel));
	hm_channel_set_identity(channel, test_holder(holder));
	return channel;
}

static struct scene open_scene(void)
{
	struct scene s;

	hm_password_set_cost(8192, 1, 4);
	s.f = fixture_serving_all(served, NULL);
	s.ana = test_user(&s.f, "ana");
	test_role(&s.f, s.ana, "writer", "notes.*");
	s.tokens = test_login(&s.f, "ana");
	s.identity = channel_of("middle", "identity");
	s.notes = channel_of("middle", "notes");
	return s;
}

static void close_scene(struct scene *s)
{
	hm_channel_close(s->identity);
	hm_channel_close(s->notes);
}

/* Good until the next one is wanted. */
static const Identity__DelegateRequest *wanted(const char *service, const char *permission, int32_t life_s)
{
	static Identity__DelegateRequest request;
	static const char *permissions[1];

	permissions[0] = permission;
	request = (Identity__DelegateRequest){ IDENTITY_DELEGATE_REQUEST_BASE, .service = service, .n_permissions = 1,
					       .permissions = permissions, HM_SET(life_seconds, life_s) };
	return &request;
}

/* Middle has itself given a token in a call of ana's. */
static Identity__Delegation *delegate(struct scene *s)
{
	Identity__Delegation *delegation;

	must(identity_delegate(s->identity, test_bearer(&s->f, s->tokens), wanted("middle", "notes.write", DAY_S),
			       &delegation));
	return delegation;
}

/* The same token, had it been given earlier: identity's key is the run's. */
static struct hm_context *given_earlier(struct scene *s, const Identity__Delegation *delegation, int64_t seconds)
{
	SCOPED(hm_secret_key) key = NULL;
	SCOPED(hm_keyring) ring = NULL;
	struct hm_arena arena = { 0 };
	struct hm_context *context;
	struct hm_claims claims;
	char *token;

	must(hm_keyring_open(test_keys_folder(), &ring));
	must(hm_secret_key_open(test_keys_folder(), "identity", &key));
	must(hm_token_verify(ring, delegation->access_token, strlen(delegation->access_token), hm_clock_wall_us(),
			     &arena, &claims));
	claims.issued_at_us -= seconds * HM_US_PER_S;
	claims.expires_at_us -= seconds * HM_US_PER_S;
	must(hm_token_sign(key, &claims, &arena, &token));
	context = fixture_bearer(&s->f, "loop", token);
	hm_arena_fini(&arena);
	return context;
}

static hm_status add_note(struct hm_channel *channel, struct hm_context *context)
{
	const Notes__AddNoteRequest note = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "of the job" };
	Notes__Note *added;

	return notes_add_note(channel, context, &note, &added);
}

static hm_status list_notes(struct hm_channel *channel, struct hm_context *context)
{
	const Notes__ListNotesRequest all = { NOTES_LIST_NOTES_REQUEST_BASE };
	Notes__ListNotesReply *list;

	return notes_list_notes(channel, context, &all, &list);
}

Test(delegations, a_job_acts_for_who_has_logged_out_an_hour_ago)
{
	struct scene s = open_scene();
	const Identity__Delegation *delegation = delegate(&s);
	struct hm_context *job = given_earlier(&s, delegation, HOUR_S);
	Identity__LogoutReply *out;
	char sql[400];

	must(identity_logout(s.f.channel, test_bearer(&s.f, s.tokens), request(LOGOUT, Logout), &out));
	test_feed(&s.f);
	must(add_note(s.notes, job));
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM notes.audit_log WHERE actor_type = 'user' AND actor_id = '%s' AND brand_id = "
		 "'loop' "
		 "AND details->>'via' = 'middle' AND details->>'delegation' = '%s' AND event_type = 'note.added'",
		 s.ana, delegation->id);
	cr_expect_eq(test_sql(s.f.dsn, sql), 1);
	close_scene(&s);
}

Test(delegations, a_job_may_do_no_more_than_it_was_given_until_it_expires)
{
	struct scene s = open_scene();
	const Identity__Delegation *delegation = delegate(&s);

	refuses(PERMISSION_DENIED, list_notes(s.notes, given_earlier(&s, delegation, 0)));
	cr_assert(test_reason("PERMISSION_MISSING"));
	must(add_note(s.notes, given_earlier(&s, delegation, DAY_S - HOUR_S)));
	refuses(UNAUTHENTICATED, add_note(s.notes, given_earlier(&s, delegation, DAY_S)));
	cr_expect(strstr(hm_error_get()->message, "expired"), "%s", hm_error_get()->message);
	close_scene(&s);
}

/* Middle calls notes, notes calls echo: they have the token honestly. */
Test(delegations, a_token_comes_from_its_service_or_one_that_this_calls_and_from_nobody_else)
{
	struct scene s = open_scene();
	const Identity__Delegation *delegation = delegate(&s);
	struct hm_context *job = fixture_bearer(&s.f, "loop", delegation->access_token);
	struct hm_channel *of_notes = channel_of("notes", "notes"), *of_identity = channel_of("identity", "notes"),
			  *of_nobody = channel_of(NULL, "notes");

	must(add_note(of_notes, job));
	refuses(UNAUTHENTICATED, add_note(of_identity, job));
	cr_assert(test_reason("SERVICE_MISMATCH"));
	refuses(UNAUTHENTICATED, add_note(of_nobody, job));
	cr_assert(test_reason("SERVICE_UNPROVEN"));
	hm_channel_close(of_notes);
	hm_channel_close(of_identity);
	hm_channel_close(of_nobody);
	close_scene(&s);
}

static void is_void(struct scene *s, struct hm_context *job)
{
	test_feed(&s->f);
	refuses(UNAUTHENTICATED, add_note(s->notes, job));
	cr_assert(test_reason("TOKEN_REVOKED"), "%s", hm_error_get()->reason);
}

Test(delegations, a_delegation_is_revoked_by_itself)
{
	struct scene s = open_scene();
	const Identity__Delegation *one = delegate(&s), *other = delegate(&s);
	struct hm_context *ana = test_bearer(&s.f, s.tokens);
	Identity__ListDelegationsReply *list;
	Identity__RevokeDelegationReply *revoked;

	must(identity_revoke_delegation(s.f.channel, ana, request(REVOKE_DELEGATION, RevokeDelegation, .id = one->id),
					&revoked));
	is_void(&s, given_earlier(&s, one, HOUR_S));
	must(add_note(s.notes, given_earlier(&s, other, HOUR_S)));
	must(identity_list_delegations(s.f.channel, ana, request(LIST_DELEGATIONS, ListDelegations), &list));
	cr_assert_eq(list->n_delegations, 1);
	cr_expect_str_eq(list->delegations[0]->id, other->id);
	close_scene(&s);
}

Test(delegations, a_session_that_is_revoked_takes_its_delegations_along)
{
	struct scene s = open_scene();
	struct hm_context *job = given_earlier(&s, delegate(&s), HOUR_S), *ana = test_bearer(&s.f, s.tokens);
	Identity__ListSessionsReply *sessions;
	Identity__RevokeSessionReply *revoked;

	must(identity_list_sessions(s.f.channel, ana, request(LIST_SESSIONS, ListSessions), &sessions));
	must(identity_revoke_session(
		s.f.channel, ana, request(REVOKE_SESSION, RevokeSession, .id = sessions->sessions[0]->id), &revoked));
	is_void(&s, job);
	close_scene(&s);
}

/* Longer than the tokens that a user holds himself live. */
Test(delegations, what_voids_the_users_tokens_voids_delegations_for_as_long_as_they_would_live)
{
	struct scene s = open_scene();
	struct hm_context *job = given_earlier(&s, delegate(&s), HOUR_S);
	Identity__User *user;

	must(identity_disable_user(s.f.channel, fixture_operator(&s.f, "loop"),
				   request(DISABLE_USER, DisableUser, .id = s.ana), &user));
	is_void(&s, job);
	cr_expect_eq(test_sql(s.f.dsn, "SELECT count(*) FROM identity.revocations r JOIN identity.delegations d ON "
				       "d.user_id = r.subject WHERE r.kept_until > d.expires_at"),
		     1);
	close_scene(&s);
}

Test(delegations, nobody_gives_what_he_does_not_hold_nor_to_a_service_that_does_not_ask)
{
	struct scene s = open_scene();
	struct hm_context *ana = test_bearer(&s.f, s.tokens);
	struct hm_channel *of_nobody = channel_of(NULL, "identity");
	Identity__Delegation *delegation;

	refuses(PERMISSION_DENIED,
		identity_delegate(s.identity, ana, wanted("middle", "ledger.write", HOUR_S), &delegation));
	cr_assert(test_reason("ESCALATION"));
	refuses(PERMISSION_DENIED, identity_delegate(s.identity, ana, wanted("middle", "*", HOUR_S), &delegation));
	refuses(PERMISSION_DENIED,
		identity_delegate(s.identity, ana, wanted("notes", "notes.write", HOUR_S), &delegation));
	cr_assert(test_reason("SERVICE_UNPROVEN"));
	refuses(PERMISSION_DENIED,
		identity_delegate(of_nobody, ana, wanted("middle", "notes.write", HOUR_S), &delegation));
	refuses(PERMISSION_DENIED, identity_delegate(s.identity, fixture_operator(&s.f, "loop"),
						     wanted("middle", "notes.write", HOUR_S), &delegation));
	refuses(INVALID_ARGUMENT,
		identity_delegate(s.identity, ana, wanted("middle", "notes.write", DAY_S + 1), &delegation));
	refuses(INVALID_ARGUMENT, identity_delegate(s.identity, ana, wanted("middle", "notes.write", 59), &delegation));
	hm_channel_close(of_nobody);
	close_scene(&s);
}

/* Else a day would be for ever: each token would give the next. */
Test(delegations, a_delegate_is_not_the_user_in_person)
{
	struct scene s = open_scene();
	struct hm_context *ana = test_bearer(&s.f, s.tokens), *job;
	Identity__Delegation *delegation, *next;
	Identity__LogoutReply *out;

	must(identity_delegate(s.identity, ana, wanted("middle", "identity.self", HOUR_S), &delegation));
	job = fixture_bearer(&s.f, "loop", delegation->access_token);
	refuses(PERMISSION_DENIED,
		identity_delegate(s.identity, job, wanted("middle", "identity.self", HOUR_S), &next));
	cr_assert(test_reason("DELEGATED"));
	refuses(PERMISSION_DENIED, identity_logout(s.identity, job, request(LOGOUT, Logout), &out));
	cr_assert(test_reason("DELEGATED"));
	close_scene(&s);
}

/* Both are ana; but who acts for her is given the replies of the job's calls alone. */
Test(identity, a_delegations_idempotency_keys_are_not_the_users)
{
	struct scene s = open_scene();
	struct hm_context *job = fixture_bearer(&s.f, "loop", delegate(&s)->access_token);
	struct hm_context *ana = test_bearer(&s.f, s.tokens);

	ana->idempotency_key = "k";
	must(add_note(s.notes, ana));
	job->idempotency_key = "k";
	must(add_note(s.notes, job));
	cr_assert_eq(test_sql(s.f.dsn, "SELECT count(*) FROM notes.notes"), 2, "it was given ana's reply");
	close_scene(&s);
}

Test(delegations, of_others_are_neither_seen_nor_revoked)
{
	struct scene s = open_scene();
	const Identity__Delegation *delegation = delegate(&s);
	struct hm_context *ben;
	Identity__ListDelegationsReply *list;
	Identity__RevokeDelegationReply *revoked;

	test_user(&s.f, "ben");
	ben = test_bearer(&s.f, test_login(&s.f, "ben"));
	refuses(PERMISSION_DENIED,
		identity_list_delegations(s.f.channel, ben,
					  request(LIST_DELEGATIONS, ListDelegations, .user_id = s.ana), &list));
	refuses(NOT_FOUND, identity_revoke_delegation(
				   s.f.channel, ben, request(REVOKE_DELEGATION, RevokeDelegation, .id = delegation->id),
				   &revoked));
	must(identity_revoke_delegation(s.f.channel, fixture_operator(&s.f, "loop"),
					request(REVOKE_DELEGATION, RevokeDelegation, .id = delegation->id), &revoked));
	must(identity_list_delegations(s.f.channel, fixture_operator(&s.f, "loop"),
				       request(LIST_DELEGATIONS, ListDelegations, .user_id = s.ana), &list));
	cr_expect_eq(list->n_delegations, 0);
	close_scene(&s);
}
