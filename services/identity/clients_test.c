/* Clients: registered, listed, their secrets rotated, their redirects checked. */
#include <string.h>

#include "tests/identity.h"

static const char *redirects[] = { "https://app.example.org/callback" }, *scopes[] = { "notes.*" };

static Identity__Client *make_client(struct fixture *f, bool confidential)
{
	Identity__Client *client;

	must(identity_create_client(f->channel, fixture_operator(f, "loop"),
				    request(CREATE_CLIENT, CreateClient, .name = "App",
					    HM_SET(confidential, confidential), .n_redirect_uris = 1,
					    .redirect_uris = redirects, .n_scopes = 1, .scopes = scopes),
				    &client));
	return client;
}

/* Whether this is refused for the token or for the client depends on the client's secret alone. */
static hm_status refresh(struct fixture *f, const Identity__Client *client, const char *token,
			 Identity__Tokens **ret_tokens)
{
	return identity_token(f->channel, fixture_anonymous(f, "loop"),
			      request(TOKEN, Token, .grant_type = "refresh_token", .client_id = client->id,
				      .client_secret = client->client_secret, .refresh_token = token),
			      ret_tokens);
}

Test(identity, a_confidential_client_gets_a_secret_once)
{
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	Identity__Client *app = make_client(&f, true), *rotated, *public = make_client(&f, false);
	Identity__ListClientsReply *list;
	Identity__Tokens *tokens;

	cr_assert_eq(strlen(app->client_secret), 43);
	cr_assert_null(public->client_secret);
	must(identity_list_clients(f.channel, operator, request(LIST_CLIENTS, ListClients), &list));
	cr_assert_eq(list->n_clients, 2);
	cr_assert(list->clients[0]->confidential && !list->clients[1]->confidential);
	cr_assert_null(list->clients[0]->client_secret);
	cr_assert_str_eq(list->clients[0]->redirect_uris[0], redirects[0]);
	must(identity_rotate_client_secret(f.channel, operator,
					   request(ROTATE_CLIENT_SECRET, RotateClientSecret, .id = app->id), &rotated));
	cr_assert_str_neq(rotated->client_secret, app->client_secret);
	refuses(UNAUTHENTICATED, refresh(&f, app, "x", &tokens));
	cr_assert(test_reason("INVALID_CLIENT"));
	refuses(UNAUTHENTICATED, refresh(&f, rotated, "x", &tokens));
	cr_assert(test_reason("INVALID_GRANT"));
	refuses(FAILED_PRECONDITION,
		identity_rotate_client_secret(f.channel, operator,
					      request(ROTATE_CLIENT_SECRET, RotateClientSecret, .id = public->id),
					      &rotated));
	refuses(NOT_FOUND, identity_rotate_client_secret(
				   f.channel, fixture_operator(&f, "nova"),
				   request(ROTATE_CLIENT_SECRET, RotateClientSecret, .id = app->id), &rotated));
}

Test(identity, a_client_needs_a_way_back_that_nobody_else_gets)
{
	static const char *wrong[] = { "http://app.example.org/",
				       "https://app.example.org/#x",
				       "javascript:alert(1)",
				       "app:/x",
				       "/callback",
				       "" };
	static const char *odd[] = { "Notes.Read" };
	static const char *app[] = { "org.example.app:/callback" };
	struct fixture f = test_identity();
	struct hm_context *operator= fixture_operator(&f, "loop");
	Identity__Client *client;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refuses(INVALID_ARGUMENT,
			identity_create_client(f.channel, operator,
					       request(CREATE_CLIENT, CreateClient, .name = "App", .n_redirect_uris = 1,
						       .redirect_uris = wrong + i, .n_scopes = 1, .scopes = scopes),
					       &client));
	refuses(INVALID_ARGUMENT,
		identity_create_client(
			f.channel, operator,
			request(CREATE_CLIENT, CreateClient, .name = "App", .n_scopes = 1, .scopes = scopes), &client));
	refuses(INVALID_ARGUMENT,
		identity_create_client(f.channel, operator,
				       request(CREATE_CLIENT, CreateClient, .name = "App", .n_redirect_uris = 1,
					       .redirect_uris = app, .n_scopes = 1, .scopes = odd),
				       &client));
	must(identity_create_client(f.channel, operator,
				    request(CREATE_CLIENT, CreateClient, .name = "App", .n_redirect_uris = 1,
					    .redirect_uris = app, .n_scopes = 1, .scopes = scopes),
				    &client));
}
