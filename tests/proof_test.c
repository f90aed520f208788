/* Proofs of service keys over real connections: what a service's token is worth with the service's key, and without. */
#include <stdio.h>
#include <string.h>

#include "crypto/crypto.h"
#include "echo/v1/echo.hm.h"
#include "notes/v1/notes.hm.h"
#include "platform/v1/platform.hm.h"
#include "rpc/identity.h"
#include "tests/fixture.h"
#include "tests/holder.h"
#include "tests/raw_peer.h"
#include "tests/rpc_world.h"

static const struct hm_service *const served[] = { &platform_service, &notes_service, &echo_service, NULL };

/* Registers a service as the holder of a key, with the token of a service; inproc, ipc, whatever the URL is. */
static hm_status register_as(struct fixture *f, const char *url, const char *key_of, const char *token_of)
{
	const Platform__RegisterServiceRequest request = { PLATFORM_REGISTER_SERVICE_REQUEST_BASE,
							   .id = "01a20514-7086-7000-8031-27073423d133", .name = "echo",
							   .endpoint = "ipc:///run/echo.sock" };
	SCOPED(hm_channel) channel = NULL;
	Platform__ServiceInstance *instance;

	must(hm_endpoint_set("platform", url));
	must(hm_channel_open("platform", &channel));
	hm_channel_set_identity(channel, test_holder(key_of));
	return platform_register_service(channel, fixture_service(f, token_of), &request, &instance);
}

static void is_worth_its_key(struct fixture *f, const char *url)
{
	must(register_as(f, url, "echo", "echo"));
	refuses(UNAUTHENTICATED, register_as(f, url, NULL, "echo"));
	cr_expect_str_eq(hm_error_get()->reason, "SERVICE_UNPROVEN", "%s", url);
	refuses(UNAUTHENTICATED, register_as(f, url, "notes", "echo"));
	cr_expect_str_eq(hm_error_get()->reason, "SERVICE_MISMATCH", "%s", url);
}

Test(proof, a_services_token_is_worth_nothing_without_its_key_whatever_it_travels_over)
{
	struct fixture f = fixture_demanding_keys(served);
	char url[256];

	is_worth_its_key(&f, "inproc://platform");
	snprintf(url, sizeof url, "ipc://%s/platform.sock", fixture_run_folder());
	is_worth_its_key(&f, url);
}

Test(proof, the_proven_service_stands_in_the_audit_entry)
{
	struct fixture f = fixture_demanding_keys(served);

	must(register_as(&f, "inproc://platform", "echo", "echo"));
	cr_expect_eq(test_sql(f.dsn,
			      "SELECT count(*) FROM platform.audit_log WHERE details->>'peer' = 'inproc service=echo'"),
		     1);
}

Test(proof, a_token_alone_will_do_where_keys_are_optional_but_never_anothers_key)
{
	struct fixture f = fixture_serving_all(served, NULL);

	must(register_as(&f, "inproc://platform", NULL, "echo"));
	must(register_as(&f, "inproc://platform", "echo", "echo"));
	refuses(UNAUTHENTICATED, register_as(&f, "inproc://platform", "notes", "echo"));
}

Test(proof, users_need_no_service_and_handlers_calls_are_proven_by_their_process)
{
	const Notes__NoteCallerRequest asking = { NOTES_NOTE_CALLER_REQUEST_BASE };
	struct fixture f = fixture_demanding_keys(served);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	SCOPED(hm_channel) channel = NULL;
	Notes__Note *note;

	must(hm_channel_open("notes", &channel));
	must(notes_note_caller(channel, ana, &asking, &note));
}

/* A process that serves very many. */
Test(proof, no_name_in_an_audit_entry_is_cut_short)
{
	struct fixture f = fixture_demanding_keys(served);
	const struct hm_secret_key *keys[HM_AUTHS_MAX];
	const struct hm_identity *other = test_holder("notes");
	struct hm_identity many = *test_holder("echo");
	const Platform__RegisterServiceRequest request = { PLATFORM_REGISTER_SERVICE_REQUEST_BASE,
							   .id = "01a20514-7086-7000-8031-27073423d133", .name = "echo",
							   .endpoint = "ipc:///run/echo.sock" };
	SCOPED(hm_channel) channel = NULL;
	Platform__ServiceInstance *instance;

	for (size_t i = 0; i < HM_AUTHS_MAX; i++)
		keys[i] = i ? other->keys[0] : many.keys[0];
	many.keys = keys;
	many.n_keys = HM_AUTHS_MAX;
	must(hm_endpoint_set("platform", "inproc://platform"));
	must(hm_channel_open("platform", &channel));
	hm_channel_set_identity(channel, &many);
	must(platform_register_service(channel, fixture_service(&f, "echo"), &request, &instance));
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM platform.audit_log "
				     "WHERE details->>'peer' ~ '^inproc service=echo(,notes)+,…$'"),
		     1);
}

/* What a process says that listens where another service should. */
Test(proof, a_server_that_cannot_prove_the_service_gets_no_token)
{
	struct hm_identity demanding;
	SCOPED(hm_channel) channel = NULL;
	Echo__EchoMessage *reply = NULL;
	struct rpc_world world;

	must(hm_crypto_init());
	demanding = *test_holder("notes");
	demanding.is_required = true;
	rpc_world_open_with(&world, "ipc", &(struct hm_server_config){ .identity = test_holder("platform") });
	must(hm_endpoint_set("echo", world.url));
	must(hm_channel_open("echo", &channel));
	hm_channel_set_identity(channel, &demanding);
	refuses(UNAVAILABLE,
		echo_echo(channel, world.context, &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = "x" }, &reply));
	cr_expect(strstr(hm_error_get()->message, "does not prove"), "%s", hm_error_get()->message);
	cr_expect_eq(rpc_counts.bound, 0);
	rpc_world_close(&world);
}

/* In a packet behind HELLO: frames that are no proof, or come too late, end the connection. */
Test(proof, a_false_proof_ends_its_connection)
{
	static const uint8_t nonsense[100] = { 4, 'e', 'c', 'h', 'o' };
	struct hm_buffer packet = { 0 };
	struct fixture f = fixture_demanding_keys(served);
	char url[256];

	(void)f;
	snprintf(url, sizeof url, "ipc://%s/platform.sock", fixture_run_folder());
	for (int binds_first = 0; binds_first < 2; binds_first++) {
		struct raw_peer peer = raw_greet(url);

		raw_begin(&packet, 0);
		raw_hello(&packet);
		if (binds_first)
			raw_bind(&packet, 0, "loop", "");
		raw_frame(&packet, HM_FRAME_AUTH, 0, nonsense, sizeof nonsense);
		cr_assert(raw_send(&peer, &packet));
		cr_expect(raw_is_closed(&peer));
		raw_close(&peer);
	}
	hm_buffer_fini(&packet);
}
