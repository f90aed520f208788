/*
 * Whose call it is, at the last of three hops: ana calls front, front middle, middle notes, and what notes believes is the token that
 * came along, never middle's word. Middle's part is then played by somebody who has taken it over: its key, its connections, and all
 * that it has seen.
 */
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "crypto/token.h"
#include "front/v1/front.hm.h"
#include "guard/lease.h"
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"
#include "platform/v1/platform.hm.h"
#include "tests/fixture.h"
#include "tests/holder.h"
#include "tests/raw_peer.h"

static const struct hm_service *const chain[] = { &front_service, &middle_service, &notes_service, &platform_service,
						  NULL };

/* Who has taken middle over, and its connection to notes. */
struct thief {
	const struct hm_secret_key *key;
	struct hm_channel *channel;
};

static void take_over(struct thief *thief, const char *url)
{
	const struct hm_identity *identity = test_holder("middle");

	thief->key = identity->keys[0];
	must(hm_endpoint_set("notes", url));
	must(hm_channel_open("notes", &thief->channel));
	hm_channel_set_identity(thief->channel, identity);
}

static void give_up(struct thief *thief)
{
	hm_channel_close(thief->channel);
}

static const char *notes_url(void)
{
	static char url[256];

	snprintf(url, sizeof url, "ipc://%s/notes.sock", fixture_run_folder());
	return url;
}

static hm_status add_note(const struct thief *thief, struct hm_context *context)
{
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "not ana's" };
	Notes__Note *note;

	hm_context_reset(context);
	return notes_add_note(thief->channel, context, &request, &note);
}

/* The last call was refused for this reason; its one entry names the service that proved itself, and nothing was written. */
static void is_refused(struct fixture *f, const struct hm_context *context, const char *reason)
{
	char id[HM_ID_TEXT_BYTES], sql[400];

	cr_expect_str_eq(hm_error_get()->reason, reason, "%s: %s", hm_error_get()->reason, hm_error_get()->message);
	hm_id_format(&context->request_id, id);
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM notes.audit_log WHERE request_id = '%s' AND event_type = 'call.denied' AND "
		 "details->>'reason' IS NOT DISTINCT FROM nullif('%s', '') AND details->>'peer' LIKE 'ipc %% "
		 "service=middle'",
		 id, reason);
	cr_expect_eq(test_sql(f->dsn, sql), 1, "%s", reason);
	cr_expect_eq(fixture_audited(f, "notes", context), 1);
	cr_expect_eq(test_sql(f->dsn, "SELECT count(*) FROM notes.notes"), 0);
}

Test(whose_call, the_users_token_is_what_counts_at_the_third_hop)
{
	const Front__PassRequest request = { FRONT_PASS_REQUEST_BASE, HM_SET(seconds, 0) };
	struct fixture f = fixture_demanding_keys(chain);
	struct hm_context *ana = fixture_user_with(&f, "loop", "ana", "notes.write", NULL);
	Front__PassReply *reply;

	must(front_pass(f.channel, ana, &request, &reply));
	cr_expect_eq(test_sql(f.dsn,
			      "SELECT count(*) FROM notes.audit_log WHERE actor_type = 'user' AND actor_id = 'ana' "
			      "AND brand_id = 'loop' AND details->>'peer' LIKE '%service=%middle%'"),
		     1);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes WHERE brand_id = 'loop'"), 1);
}

Test(whose_call, a_service_cannot_take_a_users_token_to_another_brand)
{
	struct fixture f = fixture_demanding_keys(chain);
	struct hm_context *elsewhere = fixture_bearer(&f, "nova", fixture_user(&f, "loop", "ana")->token);
	struct thief thief;

	take_over(&thief, notes_url());
	refuses(PERMISSION_DENIED, add_note(&thief, elsewhere));
	is_refused(&f, elsewhere, "BRAND_MISMATCH");
	give_up(&thief);
}

/* Claims that hm_token_sign would refuse to sign, signed all the same. */
static struct hm_context *forge(struct fixture *f, const struct thief *thief, const char *type, const char *permission)
{
	const char *footer, *claims;
	struct hm_arena arena = { 0 };
	struct hm_context *context;
	char *token;

	footer = hm_arena_printf(&arena, "{\"kid\":\"%s\"}", hm_secret_key_public(thief->key)->id);
	claims = hm_arena_printf(&arena,
				 "{\"sub\":\"ana\",\"typ\":\"%s\",\"brand\":\"loop\",\"jti\":\"1\","
				 "\"perms\":[\"%s\"],\"exp\":\"2100-01-01T00:00:00Z\"}",
				 type, permission);
	must(hm_paseto_sign(thief->key, claims, strlen(claims), footer, NULL, &arena, &token));
	context = fixture_bearer(f, "loop", token);
	hm_arena_fini(&arena);
	return context;
}

Test(whose_call, a_service_cannot_make_up_an_actor_nor_sign_a_users_permissions)
{
	static const char *const types[] = { "user", "operator" }, *const permissions[] = { "notes.write", "*" };
	struct fixture f = fixture_demanding_keys(chain);
	struct thief thief;

	take_over(&thief, notes_url());
	for (size_t i = 0; i < 2; i++) {
		struct hm_context *forged = forge(&f, &thief, types[i], permissions[i]);

		refuses(UNAUTHENTICATED, add_note(&thief, forged));
		is_refused(&f, forged, "");
	}
	give_up(&thief);
}

Test(whose_call, a_service_cannot_use_what_it_saw_once_that_is_revoked)
{
	struct fixture f = fixture_demanding_keys(chain);
	struct hm_context *ben = fixture_user(&f, "loop", "ben");
	struct thief thief;

	take_over(&thief, notes_url());
	hm_lease_put_revocation(hm_host_lease(f.host), "loop", "ben", INT64_MAX, INT64_MAX);
	refuses(UNAUTHENTICATED, add_note(&thief, ben));
	is_refused(&f, ben, "TOKEN_REVOKED");
	give_up(&thief);
}

Test(whose_call, a_service_by_itself_calls_only_what_names_it_whatever_it_grants_itself)
{
	static const char *const everything[] = { "*", NULL };
	struct fixture f = fixture_demanding_keys(chain);
	struct hm_context *itself = fixture_service_granting(&f, "middle", everything);
	struct hm_context *in_brand = fixture_bearer(&f, "loop", itself->token);
	struct hm_context *as_another = fixture_service(&f, "front");
	struct thief thief;

	take_over(&thief, notes_url());
	refuses(PERMISSION_DENIED, add_note(&thief, itself));
	is_refused(&f, itself, "PERMISSION_MISSING");
	refuses(PERMISSION_DENIED, add_note(&thief, in_brand));
	is_refused(&f, in_brand, "CALLER_DENIED");
	refuses(UNAUTHENTICATED, add_note(&thief, as_another));
	is_refused(&f, as_another, "SERVICE_MISMATCH");
	give_up(&thief);
}

/* ---- What was said on one connection, said again on another */

enum { HEARD_BYTES = 1 << 16 };

/* Passes one connection on, and keeps what its client says. */
struct ear {
	char path[100], url[120];
	int listener;
	pthread_t thread;
	uint8_t heard[HEARD_BYTES];
	size_t size;
};

static bool pass_on(struct ear *ear, int client, int server)
{
	struct pollfd ends[] = { { .fd = client, .events = POLLIN }, { .fd = server, .events = POLLIN } };
	uint8_t chunk[4096];
	ssize_t got;
	bool is_client;

	if (poll(ends, 2, -1) < 0)
		return false;
	is_client = ends[0].revents;
	got = read(is_client ? client : server, chunk, sizeof chunk);
	if (got <= 0 || ear->size + (size_t)got > HEARD_BYTES)
		return false;
	if (is_client) {
		memcpy(ear->heard + ear->size, chunk, (size_t)got);
		ear->size += (size_t)got;
	}
	return write(is_client ? server : client, chunk, (size_t)got) == got;
}

static void *listen_in(void *user)
{
	struct ear *ear = user;
	struct raw_peer server = raw_connect(notes_url());
	int client = accept(ear->listener, NULL, NULL);

	while (pass_on(ear, client, server.fd))
		;
	close(client);
	raw_close(&server);
	return NULL;
}

static void open_ear(struct ear *ear)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	memset(ear, 0, sizeof *ear);
	snprintf(ear->path, sizeof ear->path, "%s/ear.sock", fixture_run_folder());
	snprintf(ear->url, sizeof ear->url, "ipc://%s", ear->path);
	snprintf(address.sun_path, sizeof address.sun_path, "%s", ear->path);
	ear->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	cr_assert_eq(bind(ear->listener, (const struct sockaddr *)&address, sizeof address), 0);
	cr_assert_eq(listen(ear->listener, 1), 0);
	cr_assert_eq(pthread_create(&ear->thread, NULL, listen_in, ear), 0);
}

Test(whose_call, a_recorded_proof_and_binding_are_refused_on_another_connection)
{
	static struct ear ear;
	struct fixture f = fixture_demanding_keys(chain);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	struct raw_peer again;
	struct thief thief;

	open_ear(&ear);
	take_over(&thief, ear.url);
	must(add_note(&thief, ana));
	give_up(&thief);
	pthread_join(ear.thread, NULL);
	close(ear.listener);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 1);

	again = raw_connect(notes_url());
	cr_assert(raw_write(&again, ear.heard, ear.size));
	cr_expect(raw_is_closed(&again));
	raw_close(&again);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.notes"), 1);
}

/* The token without the proof that went with it: a service's is void. */
Test(whose_call, a_recorded_binding_of_a_services_token_is_void_without_its_proof)
{
	struct fixture f = fixture_demanding_keys(chain);
	struct hm_context *itself = fixture_service(&f, "middle");
	struct raw_peer thief;
	struct hm_buffer packet = { 0 };
	uint8_t body[64];
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "again" };

	thief = raw_greet(notes_url());
	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_bind(&packet, 0, "", itself->token);
	raw_call(&packet, &(struct raw_call){ .method = hm_method_find(notes_service.table, "AddNote"),
					      .body = body,
					      .body_bytes = notes__add_note_request__pack(&request, body) });
	cr_assert(raw_send(&thief, &packet));
	cr_expect_eq(raw_answer(&thief, 0), HM_UNAUTHENTICATED);
	cr_expect_eq(
		test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE details->>'reason' = 'SERVICE_UNPROVEN'"),
		1);
	raw_close(&thief);
	hm_buffer_fini(&packet);
}
