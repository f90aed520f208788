/* Devices: codes shown, typed in elsewhere, decided, polled for. */
#include <stdio.h>
#include <string.h>

#include "tests/identity.h"

#define DEVICE_GRANT "urn:ietf:params:oauth:grant-type:device_code"

static Identity__Client *make_client(struct fixture *f, const char *verification_uri)
{
	static const char *redirects[] = { "https://app.example.org/" }, *scopes[] = { "notes.*" };
	Identity__Client *client;

	must(identity_create_client(f->channel, fixture_operator(f, "loop"),
				    request(CREATE_CLIENT, CreateClient, .name = "Television", .n_redirect_uris = 1,
					    .redirect_uris = redirects, .n_scopes = 1, .scopes = scopes,
					    .verification_uri = verification_uri),
				    &client));
	return client;
}

static Identity__StartDeviceReply *started(struct fixture *f, const Identity__Client *client)
{
	Identity__StartDeviceReply *reply;

	must(identity_start_device(f->channel, fixture_anonymous(f, "loop"),
				   request(START_DEVICE, StartDevice, .client_id = client->id, .scope = "notes.read"),
				   &reply));
	return reply;
}

static hm_status poll(struct fixture *f, const Identity__Client *client, const Identity__StartDeviceReply *device,
		      Identity__Tokens **ret_tokens)
{
	return identity_token(f->channel, fixture_anonymous(f, "loop"),
			      request(TOKEN, Token, .grant_type = DEVICE_GRANT, .client_id = client->id,
				      .device_code = device->device_code),
			      ret_tokens);
}

static struct hm_context *make_reader(struct fixture *f)
{
	test_role(f, test_user(f, "ana"), "reader", "notes.read");
	return test_bearer(f, test_login(f, "ana"));
}

static hm_status decide(struct fixture *f, struct hm_context *context, const char *user_code, bool approve)
{
	Identity__Device *device;

	return identity_approve_device(
		f->channel, context,
		request(APPROVE_DEVICE, ApproveDevice, .user_code = user_code, HM_SET(approve, approve)), &device);
}

Test(identity, an_approved_device_gets_tokens_once)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *client = make_client(&f, "https://example.org/device");
	Identity__StartDeviceReply *device = started(&f, client);
	Identity__Tokens *tokens, *again;
	Identity__Device *shown;
	char typed[16];

	cr_assert_str_eq(device->verification_uri, "https://example.org/device");
	cr_assert_eq(device->expires_in, 600);
	cr_assert_eq(device->interval, 5);
	cr_assert_eq(strlen(device->user_code), 9);
	cr_assert_eq(device->user_code[4], '-');
	snprintf(typed, sizeof typed, "%.4s %s", device->user_code, device->user_code + 5);
	for (char *at = typed; *at; at++)
		*at |= 0x20; /* lower case; a blank stays */
	must(identity_get_device(f.channel, ana, request(GET_DEVICE, GetDevice, .user_code = typed), &shown));
	cr_assert_str_eq(shown->client_name, "Television");
	cr_assert_str_eq(shown->scopes[0], "notes.read");
	cr_assert_str_eq(shown->status, "pending");
	must(decide(&f, ana, device->user_code, true));
	must(poll(&f, client, device, &tokens));
	cr_assert_str_eq(tokens->scope, "notes.read");
	refuses(UNAUTHENTICATED, poll(&f, client, device, &again));
	cr_assert(test_reason("INVALID_GRANT"));
	refuses(UNAUTHENTICATED,
		identity_token(f.channel, fixture_anonymous(&f, "loop"),
			       request(TOKEN, Token, .grant_type = "refresh_token", .client_id = client->id,
				       .refresh_token = tokens->refresh_token),
			       &again));
}

Test(identity, a_device_asks_in_its_interval)
{
	struct fixture f = test_identity();
	Identity__Client *client = make_client(&f, "https://example.org/device");
	Identity__StartDeviceReply *device = started(&f, client);
	Identity__Tokens *tokens;

	refuses(FAILED_PRECONDITION,
		identity_token(f.channel, fixture_anonymous(&f, "loop"),
			       request(TOKEN, Token, .grant_type = DEVICE_GRANT, .client_id = client->id,
				       .device_code = device->device_code),
			       &tokens));
	cr_assert(test_reason("AUTHORIZATION_PENDING"));
	refuses(RESOURCE_EXHAUSTED, identity_token(f.channel, fixture_anonymous(&f, "loop"),
						   request(TOKEN, Token, .grant_type = DEVICE_GRANT,
							   .client_id = client->id, .device_code = device->device_code),
						   &tokens));
	cr_assert(test_reason("SLOW_DOWN"));
	cr_assert_eq(hm_error_get()->retry_after_ms, 10000);
	test_sql(f.dsn, "UPDATE identity.devices SET polled_at = now() - interval '10 seconds'");
	refuses(FAILED_PRECONDITION, poll(&f, client, device, &tokens));
}

Test(identity, a_device_that_was_refused_or_forgotten_gets_nothing)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__Client *client = make_client(&f, "https://example.org/device"),
			 *other = make_client(&f, "https://example.org/device");
	Identity__StartDeviceReply *device = started(&f, client);
	Identity__Tokens *tokens;

	must(decide(&f, ana, device->user_code, false));
	refuses(UNAUTHENTICATED, poll(&f, other, device, &tokens));
	refuses(PERMISSION_DENIED, identity_token(f.channel, fixture_anonymous(&f, "loop"),
						  request(TOKEN, Token, .grant_type = DEVICE_GRANT,
							  .client_id = client->id, .device_code = device->device_code),
						  &tokens));
	cr_assert(test_reason("ACCESS_DENIED"));
	device = started(&f, client);
	test_sql(f.dsn, "UPDATE identity.devices SET expires_at = now()");
	refuses(NOT_FOUND, decide(&f, ana, device->user_code, true));
	refuses(UNAUTHENTICATED, poll(&f, client, device, &tokens));
	cr_assert(test_reason("EXPIRED_TOKEN"));
}

Test(identity, a_device_of_a_disabled_user_gets_nothing)
{
	struct fixture f = test_identity();
	const char *ana = test_user(&f, "ana");
	Identity__Client *client = make_client(&f, "https://example.org/device");
	Identity__StartDeviceReply *device = started(&f, client);
	Identity__Tokens *tokens;
	Identity__User *user;

	test_role(&f, ana, "reader", "notes.read");
	must(decide(&f, test_bearer(&f, test_login(&f, "ana")), device->user_code, true));
	must(identity_disable_user(f.channel, fixture_operator(&f, "loop"),
				   request(DISABLE_USER, DisableUser, .id = ana), &user));
	refuses(UNAUTHENTICATED, poll(&f, client, device, &tokens));
}

Test(identity, a_device_asks_for_no_more_than_its_client_and_its_user_may)
{
	struct fixture f = test_identity();
	struct hm_context *ana;
	Identity__Client *client = make_client(&f, "https://example.org/device"), *app = make_client(&f, NULL);
	Identity__StartDeviceReply *device;
	Identity__Device *shown;

	refuses(PERMISSION_DENIED, identity_start_device(f.channel, fixture_anonymous(&f, "loop"),
							 request(START_DEVICE, StartDevice, .client_id = client->id,
								 .scope = "notes.read ledger.read"),
							 &device));
	cr_assert(test_reason("INVALID_SCOPE"));
	refuses(FAILED_PRECONDITION,
		identity_start_device(f.channel, fixture_anonymous(&f, "loop"),
				      request(START_DEVICE, StartDevice, .client_id = app->id, .scope = "notes.read"),
				      &device));
	cr_assert(test_reason("UNAUTHORIZED_CLIENT"));
	refuses(UNAUTHENTICATED,
		identity_start_device(
			f.channel, fixture_anonymous(&f, "nova"),
			request(START_DEVICE, StartDevice, .client_id = client->id, .scope = "notes.read"), &device));
	cr_assert(test_reason("INVALID_CLIENT"));
	device = started(&f, client);
	test_user(&f, "ana");
	ana = test_bearer(&f, test_login(&f, "ana"));
	refuses(PERMISSION_DENIED, identity_approve_device(f.channel, ana,
							   request(APPROVE_DEVICE, ApproveDevice,
								   .user_code = device->user_code, HM_SET(approve, 1)),
							   &shown));
	cr_assert(test_reason("INVALID_SCOPE"));
	must(decide(&f, ana, device->user_code, false));
}

Test(identity, user_codes_cannot_be_guessed)
{
	struct fixture f = test_identity();
	struct hm_context *ana = make_reader(&f);
	Identity__StartDeviceReply *device = started(&f, make_client(&f, "https://example.org/device"));
	Identity__Device *shown;

	for (int failed = 0; failed < 3; failed++)
		refuses(NOT_FOUND,
			identity_get_device(f.channel, ana, request(GET_DEVICE, GetDevice, .user_code = "XXXX-XXXX"),
					    &shown));
	for (int failed = 0; failed < 2; failed++)
		refuses(NOT_FOUND, identity_approve_device(f.channel, ana,
							   request(APPROVE_DEVICE, ApproveDevice,
								   .user_code = "XXXX-XXXX", HM_SET(approve, 1)),
							   &shown));
	refuses(RESOURCE_EXHAUSTED,
		identity_get_device(f.channel, ana, request(GET_DEVICE, GetDevice, .user_code = device->user_code),
				    &shown));
	refuses(RESOURCE_EXHAUSTED, identity_approve_device(f.channel, ana,
							    request(APPROVE_DEVICE, ApproveDevice,
								    .user_code = device->user_code, HM_SET(approve, 1)),
							    &shown));
	refuses(PERMISSION_DENIED,
		identity_get_device(f.channel, fixture_operator(&f, "loop"),
				    request(GET_DEVICE, GetDevice, .user_code = device->user_code), &shown));
}
