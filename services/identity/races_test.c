/* Races: many at once with one token or one name. */
#include <pthread.h>
#include <string.h>

#include "tests/identity.h"

enum { THREADS = 12 };

struct racer {
	struct fixture *f;
	struct hm_context *context;
	const Identity__Tokens *tokens;
	hm_status (*run)(struct racer *racer);
	hm_status status;
	pthread_t thread;
};

static void *run_racer(void *user)
{
	struct racer *racer = user;

	racer->status = racer->run(racer);
	return NULL;
}

/* Runs the same call in all threads and counts those that ended so. */
static int race(struct fixture *f, const Identity__Tokens *tokens, hm_status (*run)(struct racer *racer),
		hm_status counted)
{
	struct racer racers[THREADS];
	int n = 0;

	for (int i = 0; i < THREADS; i++)
		racers[i] =
			(struct racer){ .f = f, .context = fixture_anonymous(f, "loop"), .tokens = tokens, .run = run };
	for (int i = 0; i < THREADS; i++)
		cr_assert_eq(pthread_create(&racers[i].thread, NULL, run_racer, &racers[i]), 0);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(racers[i].thread, NULL);
		n += racers[i].status == counted;
	}
	return n;
}

static hm_status refresh(struct racer *racer)
{
	Identity__Tokens *tokens;

	return identity_token(
		racer->f->channel, racer->context,
		request(TOKEN, Token, .grant_type = "refresh_token", .refresh_token = racer->tokens->refresh_token),
		&tokens);
}

Test(identity, of_many_refreshes_with_one_token_one_wins_and_the_rest_end_the_session)
{
	struct fixture f = test_identity();
	Identity__Tokens *tokens;

	test_user(&f, "ana");
	tokens = test_login(&f, "ana");
	cr_assert_eq(race(&f, tokens, refresh, HM_OK), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.sessions WHERE revoked_at IS NOT NULL"), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.tokens"), 4);
}

static hm_status guess(struct racer *racer)
{
	Identity__Tokens *tokens;

	return identity_login(racer->f->channel, racer->context,
			      request(LOGIN, Login, .username = "ana", .password = "wrong"), &tokens);
}

Test(identity, guessing_at_once_gives_no_more_guesses)
{
	struct fixture f = test_identity();

	test_user(&f, "ana");
	cr_assert_eq(race(&f, NULL, guess, HM_UNAUTHENTICATED), 5);
	cr_assert_eq(race(&f, NULL, guess, HM_RESOURCE_EXHAUSTED), THREADS);
}

static hm_status login(struct racer *racer)
{
	Identity__Tokens *tokens;

	return identity_login(racer->f->channel, racer->context,
			      request(LOGIN, Login, .username = "ana", .password = TEST_PASSWORD), &tokens);
}

/* Each hashes between its two transactions; all lock the same row. */
Test(identity, logins_at_once_all_succeed)
{
	struct fixture f = test_identity();

	test_user(&f, "ana");
	cr_assert_eq(race(&f, NULL, login, HM_OK), THREADS);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM identity.sessions"), THREADS);
}
