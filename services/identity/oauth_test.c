/* OAuth 2: codes with PKCE, rotated refresh tokens, introspection and revocation. */
#include <stdio.h>
#include <string.h>

#include "tests/identity.h"

#define REDIRECT "https://app.example.org/callback?x=1"
/* RFC 7636, appendix B. */
#define VERIFIER "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"
#define CHALLENGE "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"

static const char *redirects[] = { REDIRECT, "http://127.0.0.1:8080/back" }, *scopes[] = { "notes.*", "ledger.read" };

static Identity__Client *make_client(struct fixture *f, bool confidential)
{
	Identity__Client *client;

	must(identity_create_client(f->channel, fixture_operator(f, "loop"),
				    request(CREATE_CLIENT, CreateClient, .name = "App",
					    HM_SET(confidential, confidential), .n_redirect_uris = 2,
					    .redirect_uris = redirects, .n_scopes = 2, .scopes = scopes),
				    &client));
	return client;
}

/* A user who reads notes, logged in. */
static struct hm_context *make_reader(struct fixture *f)
{
	test_role(f, test_user(f, "ana"), "reader", "notes.read");
	return test_bearer(f, test_login(f, "ana"));
}

static hm_status authorize(struct fixture *f, struct hm_context *context, const char *client, const char *scope,
			   Identity__AuthorizeReply **ret_reply)
{
	return identity_authorize(f->channel, context,
				  request(AUTHORIZE, Authorize, .client_id = client, .redirect_uri = REDIRECT,
					  .scope = scope, .code_challenge = CHALLENGE, .code_challenge_method = "S256",
					  .state = "a b"),
				  ret_reply);
}

static hm_status redeem(struct fixture *f, const Identity__Client *client, const char *code, const char *redirect,
			const char *verifier, Identity__Tokens **ret_tokens)
{
	return identity_token(f->channel, fixture_anonymous(f, "loop"),
			      request(TOKEN, Token, .grant_type = "authorization_code", .client_id = client->id,
				      .client_secret = client->client_secret, .code = code, .redirect_uri = redirect,
				      .code_verifier = verifier),
			      ret_tokens);
}

static hm_status refresh(struct fixture *f, const Identity__Client *client, const char *token,
			 Identity__Tokens **ret_tokens)
{
	return identity_token(f->channel, fixture_anonymous(f, "loop"),
			      request(TOKEN, Token, .grant_type = "refresh_token", .client_id = client->id,
				      .client_secret = client->client_secret, .refresh_token = token),
			      ret_tokens);
}

static Identity__Tokens *granted(struct fixture *f, const Identity__Client *client)
{
	Identity__AuthorizeReply *reply;
	Identity__Tokens *tokens;

	must(authorize(f, make_reader(f), client->id, "notes.read", &reply));
	must(redeem(f, client, reply->code, REDIRECT, VERIFIER, &tokens));
	return tokens;
}

static Identity__IntrospectReply *introspected(struct fixture *f, const char *token)
{
	Identity__IntrospectReply *reply;

	must(identity_introspect(f->channel, fixture_operator(f, "loop"),
				 request(INTROSPECT, Introspect, .token = token), &reply));
	return reply;
}

/* ---- Codes */

Test(identity, a_code_becomes_tokens_with_the_scope_alone)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *app = make_client(&f, true);
	Identity__AuthorizeReply *reply;
	Identity__ListSessionsReply *list;
	Identity__Tokens *tokens;

	must(authorize(&f, ana, app->id, "notes.read", &reply));
	cr_assert_str_eq(reply->state, "a b");
	cr_assert_str_eq(reply->redirect_uri, REDIRECT);
	cr_assert_eq(reply->expires_in, 60);
	must(redeem(&f, app, reply->code, REDIRECT, VERIFIER, &tokens));
	cr_assert_str_eq(tokens->scope, "notes.read");
	refuses(PERMISSION_DENIED, identity_list_sessions(f.channel, test_bearer(&f, tokens),
							  request(LIST_SESSIONS, ListSessions), &list));
	must(identity_list_sessions(f.channel, ana, request(LIST_SESSIONS, ListSessions), &list));
	cr_assert_eq(list->n_sessions, 2);
	cr_assert_str_eq(list->sessions[1]->client_id, app->id);
	cr_assert_str_eq(list->sessions[1]->scopes[0], "notes.read");
}

Test(identity, a_code_is_only_for_what_client_and_user_may)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *app = make_client(&f, false);
	Identity__AuthorizeReply *reply;

	refuses(PERMISSION_DENIED,
		identity_authorize(f.channel, ana,
				   request(AUTHORIZE, Authorize, .client_id = app->id, .redirect_uri = REDIRECT,
					   .scope = "notes.read notes.write", .code_challenge = CHALLENGE,
					   .code_challenge_method = "S256"),
				   &reply));
	cr_assert(test_reason("INVALID_SCOPE"));
	refuses(PERMISSION_DENIED, authorize(&f, ana, app->id, "notes.*", &reply));
	refuses(PERMISSION_DENIED, authorize(&f, ana, app->id, "identity.self", &reply));
	refuses(PERMISSION_DENIED, authorize(&f, ana, app->id, "*", &reply));
	refuses(PERMISSION_DENIED, authorize(&f, fixture_operator(&f, "loop"), app->id, "notes.read", &reply));
}

Test(identity, a_code_goes_to_a_redirect_uri_of_the_client_letter_for_letter)
{
	static const char *const wrong[] = { "https://app.example.org/callback", REDIRECT "&y", "https://evil.example/",
					     "https://APP.example.org/callback?x=1" };
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *app = make_client(&f, false);
	Identity__AuthorizeReply *reply;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refuses(INVALID_ARGUMENT,
			identity_authorize(f.channel, ana,
					   request(AUTHORIZE, Authorize, .client_id = app->id, .redirect_uri = wrong[i],
						   .scope = "notes.read", .code_challenge = CHALLENGE,
						   .code_challenge_method = "S256"),
					   &reply));
	refuses(INVALID_ARGUMENT,
		identity_authorize(f.channel, ana,
				   request(AUTHORIZE, Authorize, .client_id = app->id, .redirect_uri = REDIRECT,
					   .scope = "notes.read", .code_challenge = CHALLENGE,
					   .code_challenge_method = "plain"),
				   &reply));
	refuses(NOT_FOUND, identity_authorize(f.channel, ana,
					      request(AUTHORIZE, Authorize, .client_id = test_user(&f, "ben"),
						      .redirect_uri = REDIRECT, .scope = "notes.read",
						      .code_challenge = CHALLENGE, .code_challenge_method = "S256"),
					      &reply));
}

Test(identity, a_code_needs_its_verifier_its_redirect_its_client_and_its_minute)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *app = make_client(&f, true), *other = make_client(&f, true), *public = make_client(&f, false);
	Identity__Client impostor = *app;
	Identity__AuthorizeReply *reply;
	Identity__Tokens *tokens;

	must(authorize(&f, ana, app->id, "notes.read", &reply));
	refuses(UNAUTHENTICATED, redeem(&f, app, reply->code, REDIRECT, CHALLENGE, &tokens));
	cr_assert(test_reason("INVALID_GRANT"));
	refuses(UNAUTHENTICATED, redeem(&f, app, reply->code, redirects[1], VERIFIER, &tokens));
	refuses(UNAUTHENTICATED, redeem(&f, other, reply->code, REDIRECT, VERIFIER, &tokens));
	refuses(UNAUTHENTICATED, redeem(&f, public, reply->code, REDIRECT, VERIFIER, &tokens));
	refuses(UNAUTHENTICATED, redeem(&f, app, "unknown", REDIRECT, VERIFIER, &tokens));
	cr_assert(test_reason("INVALID_GRANT"));
	impostor.client_secret = other->client_secret;
	refuses(UNAUTHENTICATED, redeem(&f, &impostor, reply->code, REDIRECT, VERIFIER, &tokens));
	cr_assert(test_reason("INVALID_CLIENT"));
	impostor.client_secret = NULL;
	refuses(UNAUTHENTICATED, redeem(&f, &impostor, reply->code, REDIRECT, VERIFIER, &tokens));
	refuses(INVALID_ARGUMENT, redeem(&f, app, reply->code, REDIRECT, NULL, &tokens));
	cr_assert(test_reason("INVALID_REQUEST"));
	test_sql(f.dsn, "UPDATE identity.authorizations SET expires_at = now()");
	refuses(UNAUTHENTICATED, redeem(&f, app, reply->code, REDIRECT, VERIFIER, &tokens));
	test_sql(f.dsn, "UPDATE identity.authorizations SET expires_at = now() + interval '1 minute'");
	must(redeem(&f, app, reply->code, REDIRECT, VERIFIER, &tokens));
}

Test(identity, a_code_that_comes_twice_ends_what_it_gave)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *app = make_client(&f, false);
	Identity__AuthorizeReply *reply;
	Identity__Tokens *first, *second;

	must(authorize(&f, ana, app->id, "notes.read", &reply));
	must(redeem(&f, app, reply->code, REDIRECT, VERIFIER, &first));
	cr_assert(introspected(&f, first->access_token)->active);
	refuses(UNAUTHENTICATED, redeem(&f, app, reply->code, REDIRECT, VERIFIER, &second));
	cr_assert(test_reason("INVALID_GRANT"));
	cr_assert(!introspected(&f, first->access_token)->active);
	refuses(UNAUTHENTICATED, refresh(&f, app, first->refresh_token, &second));
}

/* ---- Refresh tokens */

Test(identity, a_refresh_token_works_once_and_its_return_ends_the_family)
{
	struct fixture f = test_identity();
	Identity__Client *app = make_client(&f, true);
	Identity__Tokens *first = granted(&f, app), *second, *third;

	must(refresh(&f, app, first->refresh_token, &second));
	must(refresh(&f, app, second->refresh_token, &third));
	cr_assert_str_eq(third->scope, "notes.read");
	refuses(UNAUTHENTICATED, refresh(&f, app, first->refresh_token, &second));
	cr_assert(test_reason("INVALID_GRANT"));
	refuses(UNAUTHENTICATED, refresh(&f, app, third->refresh_token, &second));
	cr_assert(!introspected(&f, third->access_token)->active);
	test_feed(&f);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.sessions WHERE client_id IS NOT NULL AND "
				     "revoked_at IS NOT NULL"),
		     1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.audit_log WHERE details ? 'reuse'"), 1);
}

Test(identity, a_refresh_token_is_its_clients_alone)
{
	struct fixture f = test_identity();
	Identity__Client *app = make_client(&f, false), *other = make_client(&f, false);
	Identity__Tokens *tokens = granted(&f, app), *next;

	refuses(UNAUTHENTICATED, refresh(&f, other, tokens->refresh_token, &next));
	refuses(UNAUTHENTICATED, identity_token(f.channel, fixture_anonymous(&f, "loop"),
						request(TOKEN, Token, .grant_type = "refresh_token",
							.refresh_token = tokens->refresh_token),
						&next));
	refuses(UNAUTHENTICATED, identity_token(f.channel, fixture_anonymous(&f, "nova"),
						request(TOKEN, Token, .grant_type = "refresh_token",
							.client_id = app->id, .refresh_token = tokens->refresh_token),
						&next));
	refuses(UNAUTHENTICATED, refresh(&f, app, tokens->access_token, &next));
	must(refresh(&f, app, tokens->refresh_token, &next));
}

Test(identity, a_grant_shrinks_with_its_users_roles)
{
	struct fixture f = test_identity();
	Identity__Client *app = make_client(&f, false);
	Identity__Tokens *tokens = granted(&f, app);
	Identity__IntrospectReply *reply = introspected(&f, tokens->access_token);
	Identity__RevokeRoleReply *revoked;

	must(identity_revoke_role(f.channel, fixture_operator(&f, "loop"),
				  request(REVOKE_ROLE, RevokeRole, .user_id = reply->sub, .role = "reader"), &revoked));
	cr_assert(!introspected(&f, tokens->access_token)->active);
	must(refresh(&f, app, tokens->refresh_token, &tokens));
	cr_assert_str_eq(tokens->scope, "");
}

Test(identity, a_grant_type_is_known_and_complete)
{
	struct fixture f = test_identity();
	Identity__Tokens *tokens;

	refuses(INVALID_ARGUMENT, identity_token(f.channel, fixture_anonymous(&f, "loop"),
						 request(TOKEN, Token, .grant_type = "password"), &tokens));
	cr_assert(test_reason("UNSUPPORTED_GRANT_TYPE"));
	refuses(INVALID_ARGUMENT, identity_token(f.channel, fixture_anonymous(&f, "loop"),
						 request(TOKEN, Token, .grant_type = "refresh_token"), &tokens));
	cr_assert(test_reason("INVALID_REQUEST"));
}

/* ---- Introspection and revocation */

Test(identity, introspection_tells_everything_of_a_good_token_and_nothing_of_others)
{
	struct fixture f = test_identity();
	Identity__Client *app = make_client(&f, false);
	Identity__Tokens *tokens = granted(&f, app);
	Identity__IntrospectReply *reply = introspected(&f, tokens->access_token);

	cr_assert(reply->active);
	cr_assert_str_eq(reply->scope, "notes.read");
	cr_assert_str_eq(reply->client_id, app->id);
	cr_assert_str_eq(reply->username, "ana");
	cr_assert_str_eq(reply->token_type, "access_token");
	cr_assert_eq(reply->exp - reply->iat, 900);
	cr_assert_str_eq(introspected(&f, tokens->refresh_token)->token_type, "refresh_token");
	reply = introspected(&f, "v4.public.unknown");
	cr_assert(reply->has_active && !reply->active);
	cr_assert(!reply->scope && !reply->client_id && !reply->username && !reply->has_exp && !reply->sub);
	must(identity_introspect(f.channel, fixture_operator(&f, "nova"),
				 request(INTROSPECT, Introspect, .token = tokens->access_token), &reply));
	cr_assert(!reply->active && !reply->sub);
	test_sql(f.dsn, "UPDATE identity.tokens SET expires_at = now() WHERE kind = 'access'");
	cr_assert(!introspected(&f, tokens->access_token)->active);
}

static hm_status revoke(struct fixture *f, const Identity__Client *client, const char *token)
{
	Identity__RevokeReply *reply;

	return identity_revoke(f->channel, fixture_anonymous(f, "loop"),
			       request(REVOKE, Revoke, .token = token, .client_id = client ? client->id : NULL,
				       .client_secret = client ? client->client_secret : NULL),
			       &reply);
}

Test(identity, a_client_revokes_its_tokens_and_no_others)
{
	struct fixture f = test_identity();
	Identity__Client *app = make_client(&f, true), *other = make_client(&f, false), impostor = *app;
	Identity__Tokens *tokens = granted(&f, app), *next;
	Identity__RevokeReply *reply;

	impostor.client_secret = NULL;
	refuses(UNAUTHENTICATED, identity_revoke(f.channel, fixture_anonymous(&f, "loop"),
						 request(REVOKE, Revoke, .token = tokens->access_token,
							 .client_id = app->id, .client_secret = "wrong"),
						 &reply));
	cr_assert(test_reason("INVALID_CLIENT"));
	refuses(UNAUTHENTICATED, revoke(&f, &impostor, tokens->access_token));
	must(revoke(&f, other, tokens->access_token));
	must(revoke(&f, NULL, tokens->refresh_token));
	must(revoke(&f, app, "unknown"));
	cr_assert(introspected(&f, tokens->access_token)->active);
	must(revoke(&f, app, tokens->access_token));
	cr_assert(!introspected(&f, tokens->access_token)->active);
	cr_assert(introspected(&f, tokens->refresh_token)->active);
	must(refresh(&f, app, tokens->refresh_token, &next));
	must(revoke(&f, app, next->refresh_token));
	cr_assert(!introspected(&f, next->access_token)->active);
	refuses(UNAUTHENTICATED, refresh(&f, app, next->refresh_token, &next));
}

Test(identity, a_revoked_access_token_is_refused_by_services_and_its_session_goes_on)
{
	struct fixture f = test_identity();
	Identity__Tokens *tokens, *next;
	Identity__ListSessionsReply *list;

	test_user(&f, "ana");
	tokens = test_login(&f, "ana");
	must(revoke(&f, NULL, tokens->access_token));
	test_feed(&f);
	refuses(UNAUTHENTICATED, identity_list_sessions(f.channel, test_bearer(&f, tokens),
							request(LIST_SESSIONS, ListSessions), &list));
	must(identity_token(
		f.channel, fixture_anonymous(&f, "loop"),
		request(TOKEN, Token, .grant_type = "refresh_token", .refresh_token = tokens->refresh_token), &next));
	must(identity_list_sessions(f.channel, test_bearer(&f, next), request(LIST_SESSIONS, ListSessions), &list));
}
