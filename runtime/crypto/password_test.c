/* Passwords: at the least cost there is, so that the tests are about turns and answers, not about Argon2id. */
#include "crypto/password.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>

#include "base/clock.h"
#include "crypto/crypto.h"

enum { LEAST_BYTES = 8192, ONE_PASS = 1 };

static void init(void)
{
	cr_assert_eq(hm_crypto_init(), HM_OK);
	hm_password_set_cost(LEAST_BYTES, ONE_PASS, 2);
}

TestSuite(password, .init = init);

static bool matches(const char *password, const char *hash, bool *ret_stale)
{
	bool match = false;

	cr_assert_eq(hm_password_verify(password, hash, INT64_MAX, &match, ret_stale), HM_OK, "%s",
		     hm_error_get()->message);
	return match;
}

Test(password, matches_itself_alone)
{
	char hash[HM_PASSWORD_HASH_BYTES], again[HM_PASSWORD_HASH_BYTES];
	bool stale;

	cr_assert_eq(hm_password_hash("correct horse", INT64_MAX, hash), HM_OK);
	cr_assert_eq(hm_password_hash("correct horse", INT64_MAX, again), HM_OK);
	cr_expect_eq(strncmp(hash, "$argon2id$v=19$m=8,t=1,p=1$", 27), 0, "%s", hash);
	cr_expect_str_neq(hash, again, "without salt, equal passwords would show");
	cr_expect(matches("correct horse", hash, &stale) && !stale);
	cr_expect(!matches("correct horsf", hash, &stale) && !stale);
	cr_expect(!matches("correct hors", hash, &stale));
	cr_expect(!matches("", hash, &stale));
}

Test(password, agrees_with_libsodium_both_ways)
{
	char hash[crypto_pwhash_argon2id_STRBYTES];
	bool stale;

	cr_assert_eq(crypto_pwhash_argon2id_str(hash, "secret", 6, 3, 1 << 20), 0);
	cr_expect(matches("secret", hash, &stale) && stale);
	cr_assert_eq(hm_password_hash("secret", INT64_MAX, hash), HM_OK);
	cr_expect_eq(crypto_pwhash_argon2id_str_verify(hash, "secret", 6), 0);
}

Test(password, an_empty_one_is_one_too)
{
	char hash[HM_PASSWORD_HASH_BYTES];
	bool stale;

	cr_assert_eq(hm_password_hash("", INT64_MAX, hash), HM_OK);
	cr_expect(matches("", hash, &stale));
	cr_expect(!matches("x", hash, &stale));
}

Test(password, nobody_matches_nothing)
{
	bool stale = true;

	cr_expect(!matches("anything", NULL, &stale));
	cr_expect(!stale);
}

Test(password, hashes_of_other_costs_match_and_are_stale)
{
	char hash[HM_PASSWORD_HASH_BYTES];
	bool stale;

	cr_assert_eq(hm_password_hash("secret", INT64_MAX, hash), HM_OK);
	hm_password_set_cost(LEAST_BYTES, ONE_PASS + 1, 2);
	cr_expect(matches("secret", hash, &stale) && stale);
	cr_expect(!matches("Secret", hash, &stale) && !stale, "only what matches is worth hashing again");
	hm_password_set_cost(2 * LEAST_BYTES, ONE_PASS, 2);
	cr_expect(matches("secret", hash, &stale) && stale);
}

Test(password, refuses_stored_hashes_that_are_none)
{
#define REST "AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
#define GOOD "$argon2id$v=19$m=8,t=1,p=1$" REST
	static const char *const wrong[] = {
		"",
		"secret",
		"$argon2id$",
		GOOD "x",
		GOOD "\n",
		" " GOOD,
		"$argon2id$v=19$m= 8,t=1,p=1$" REST,
		"$argon2id$v=19$m=+8,t=1,p=1$" REST,
		"$argon2id$v=19$m=08,t=1,p=1$" REST,
		"$argon2id$v=19$m=-8,t=1,p=1$" REST,
		"$argon2id$v=19$m=7,t=1,p=1$" REST,
		"$argon2id$v=19$m=8,t=0,p=1$" REST,
		"$argon2id$v=19$m=8,t=1,p=2$" REST,
		"$argon2id$v=16$m=8,t=1,p=1$" REST,
		"$argon2id$v=19$m=99999999999,t=1,p=1$" REST,
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAB$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", /* loose bits */
		"$argon2i$v=19$m=8,t=3,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
		"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		"$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAAAAAAAAAAAAA",
		"$2b$12$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
	};
	bool unused;

	cr_expect(!matches("secret", GOOD, &unused), "well-formed, and nobody's");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		bool match = true, stale = true;

		cr_expect_eq(hm_password_verify("secret", wrong[i], INT64_MAX, &match, &stale), HM_DATA_LOSS, "%s",
			     wrong[i]);
		cr_expect(match && stale, "nothing may be written");
	}
}

/* With no room for another mapping, nothing can be said about the password: neither yes nor no. */
Test(password, lack_of_memory_is_no_mismatch)
{
	char hash[HM_PASSWORD_HASH_BYTES], other[HM_PASSWORD_HASH_BYTES];
	struct rlimit before, none;
	bool match = true, stale = true;
	hm_status statuses[3];

	cr_assert_eq(hm_password_hash("secret", INT64_MAX, hash), HM_OK);
	cr_assert_eq(getrlimit(RLIMIT_AS, &before), 0);
	none = before;
	none.rlim_cur = 0;
	cr_assert_eq(setrlimit(RLIMIT_AS, &none), 0);
	statuses[0] = hm_password_verify("secret", hash, INT64_MAX, &match, &stale);
	statuses[1] = hm_password_verify("secret", NULL, INT64_MAX, &match, &stale);
	statuses[2] = hm_password_hash("secret", INT64_MAX, other);
	cr_assert_eq(setrlimit(RLIMIT_AS, &before), 0);
	for (int i = 0; i < 3; i++)
		cr_expect_eq(statuses[i], HM_RESOURCE_EXHAUSTED, "%d: %d", i, statuses[i]);
	cr_expect(match && stale, "nothing may be written");
	cr_expect(matches("secret", hash, &stale), "all turns were given back");
}

Test(password, refuses_one_of_more_than_the_limit)
{
	char password[HM_PASSWORD_BYTES_MAX + 2] = { 0 }, hash[HM_PASSWORD_HASH_BYTES];
	bool match, stale;

	memset(password, 'x', HM_PASSWORD_BYTES_MAX);
	cr_assert_eq(hm_password_hash(password, INT64_MAX, hash), HM_OK);
	password[HM_PASSWORD_BYTES_MAX] = 'x';
	cr_expect_eq(hm_password_verify(password, hash, INT64_MAX, &match, &stale), HM_INVALID_ARGUMENT);
	cr_expect_eq(hm_password_verify(password, NULL, INT64_MAX, &match, &stale), HM_INVALID_ARGUMENT);
	cr_expect_eq(hm_password_hash(password, INT64_MAX, hash), HM_INVALID_ARGUMENT);
}

Test(password, refuses_when_the_deadline_has_passed)
{
	char hash[HM_PASSWORD_HASH_BYTES] = "untouched";
	bool match, stale;

	cr_expect_eq(hm_password_hash("secret", hm_clock_mono_us(), hash), HM_RESOURCE_EXHAUSTED);
	cr_expect_eq(hm_password_hash("secret", 0, hash), HM_RESOURCE_EXHAUSTED);
	cr_expect_eq(hm_password_hash("secret", INT64_MIN, hash), HM_RESOURCE_EXHAUSTED);
	cr_expect_str_eq(hash, "untouched");
	cr_expect_eq(hm_password_verify("secret", NULL, 0, &match, &stale), HM_RESOURCE_EXHAUSTED);
}

enum { HASHERS = 8, ROUNDS = 50 };

static void *hash_often(void *user)
{
	const char *stored = user;
	bool match, stale;

	for (int i = 0; i < ROUNDS; i++)
		if (hm_password_verify("secret", stored, INT64_MAX, &match, &stale) != HM_OK || !match)
			return user;
	return NULL;
}

Test(password, everyone_gets_a_turn)
{
	char stored[HM_PASSWORD_HASH_BYTES];
	pthread_t threads[HASHERS];
	void *failed;

	hm_password_set_cost(64 * LEAST_BYTES, ONE_PASS, 1);
	cr_assert_eq(hm_password_hash("secret", INT64_MAX, stored), HM_OK);
	for (int i = 0; i < HASHERS; i++)
		cr_assert_eq(pthread_create(&threads[i], NULL, hash_often, stored), 0);
	for (int i = 0; i < HASHERS; i++) {
		cr_assert_eq(pthread_join(threads[i], &failed), 0);
		cr_expect_null(failed);
	}
}

static atomic_bool enough;

static void *hash_until_enough(void *user)
{
	char hash[HM_PASSWORD_HASH_BYTES];

	while (!atomic_load(&enough))
		if (hm_password_hash("secret", INT64_MAX, hash) != HM_OK)
			return user;
	return NULL;
}

/* One turn, and somebody who always has it: sooner or later an impatient one is refused. Without the bound, never. */
Test(password, no_more_than_allowed_hash_at_once)
{
	char hash[HM_PASSWORD_HASH_BYTES];
	hm_status status = HM_OK;
	pthread_t other;
	void *failed;

	hm_password_set_cost(1024 * LEAST_BYTES, ONE_PASS, 1);
	cr_assert_eq(pthread_create(&other, NULL, hash_until_enough, hash), 0);
	for (int tries = 0; status == HM_OK && tries < 1000; tries++)
		status = hm_password_hash("secret", hm_clock_mono_us() + 100, hash);
	atomic_store(&enough, true);
	cr_assert_eq(pthread_join(other, &failed), 0);
	cr_expect_null(failed);
	cr_expect_eq(status, HM_RESOURCE_EXHAUSTED);
}
