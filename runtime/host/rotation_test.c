/* Rotation of identity's key while it is served, and users log in and call without pause. */
#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "tests/identity.h"
#include "tests/rpc_world.h"

/* Who logs in and calls with the new token, again and again. */
struct load {
	struct hm_channel *channel;
	pthread_t thread;
	atomic_bool is_over;
	atomic_uint rounds, failures;
	struct hm_error failure; /* the first */
};

static hm_status go_round(struct load *load)
{
	SCOPED(hm_context) nobody = NULL;
	SCOPED(hm_context) ana = NULL;
	Identity__ListSessionsReply *sessions;
	Identity__Tokens *tokens;

	TRY(hm_context_open("loop", NULL, &nobody));
	TRY(identity_login(load->channel, nobody, request(LOGIN, Login, .username = "ana", .password = TEST_PASSWORD),
			   &tokens));
	TRY(hm_context_open("loop", tokens->access_token, &ana));
	return identity_list_sessions(load->channel, ana, request(LIST_SESSIONS, ListSessions), &sessions);
}

static void *run_load(void *user)
{
	struct load *load = user;

	while (!load->is_over) {
		if (go_round(load) != HM_OK && !load->failures++)
			load->failure = *hm_error_get();
		load->rounds++;
	}
	return NULL;
}

/* What began after this has ended. */
static void wait_a_round(struct load *load)
{
	unsigned rounds = load->rounds;

	rpc_wait_for(load->rounds >= rounds + 2);
}

/* The footer, which names the key. */
static const char *key_of(const Identity__Tokens *tokens)
{
	return strrchr(tokens->access_token, '.');
}

static hm_status list(struct fixture *f, struct hm_context *context)
{
	Identity__ListSessionsReply *sessions;

	return identity_list_sessions(f->channel, context, request(LIST_SESSIONS, ListSessions), &sessions);
}

static Identity__Tokens *login_with_another_key(struct fixture *f, const Identity__Tokens *former)
{
	Identity__Tokens *tokens;

	do
		tokens = test_login(f, "ana");
	while (!strcmp(key_of(tokens), key_of(former)));
	return tokens;
}

Test(rotation, refuses_no_call_and_a_retired_key_is_refused_on_open_bindings_too, .timeout = 60)
{
	struct hm_context *by_old, *by_new;
	struct load load = { 0 };
	Identity__Tokens *old, *new;
	struct fixture f;

	test_keys_own();
	f = test_identity();
	test_user(&f, "ana");
	old = test_login(&f, "ana");
	by_old = test_bearer(&f, old);
	must(list(&f, by_old));
	load.channel = f.channel;
	cr_assert_eq(pthread_create(&load.thread, NULL, run_load, &load), 0);

	must(hm_key_stage(test_keys_folder(), "identity"));
	must(hm_key_activate(test_keys_folder(), "identity"));
	new = login_with_another_key(&f, old);
	by_new = test_bearer(&f, new);
	must(list(&f, by_new));
	must(list(&f, by_old));
	wait_a_round(&load);

	must(hm_key_retire(test_keys_folder(), "identity"));
	rpc_wait_for(list(&f, by_old) != HM_OK);
	cr_expect_str_eq(hm_error_get()->reason, "KEY_RETIRED", "%s", hm_error_get()->message);
	refuses(UNAUTHENTICATED, list(&f, test_bearer(&f, old)));
	must(list(&f, by_new));
	wait_a_round(&load);
	load.is_over = true;
	pthread_join(load.thread, NULL);
	cr_expect_eq(load.failures, 0, "%u of %u: %s", load.failures, load.rounds, load.failure.message);
}
