/* Tokens: who may sign what, and what a signed token must say. Payloads that no key would sign are signed by hand. */
#include "crypto/token.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "tests/keys.h"

static struct test_keys keys;
static struct hm_secret_key *identity, *operators, *service;
static struct hm_keyring *ring;
static struct hm_arena arena;

static const int64_t now_us = INT64_C(1700000000) * HM_US_PER_S; /* 2023-11-14T22:13:20Z */
static const int64_t minute_us = INT64_C(60) * HM_US_PER_S;

static void init(void)
{
	test_keys_init(&keys);
	identity = test_keys_open(&keys, "identity");
	operators = test_keys_open(&keys, "operator");
	service = test_keys_open(&keys, "service-cash");
	ring = test_keys_ring(&keys);
}

static void fini(void)
{
	hm_keyring_close(ring);
	hm_secret_key_close(identity);
	hm_secret_key_close(operators);
	hm_secret_key_close(service);
	hm_arena_fini(&arena);
	test_keys_fini(&keys);
}

TestSuite(token, .init = init, .fini = fini);

static struct hm_claims user_claims(void)
{
	static const char *const permissions[] = { "follows.read", "follows.write", NULL };

	return (struct hm_claims){ .subject = "ana",
				   .type = "user",
				   .brand = "loop",
				   .session = "s1",
				   .id = "t1",
				   .permissions = permissions,
				   .issued_at_us = now_us,
				   .expires_at_us = now_us + minute_us };
}

static char *sign(const struct hm_secret_key *key, const struct hm_claims *claims)
{
	char *token = NULL;

	cr_assert_eq(hm_token_sign(key, claims, &arena, &token), HM_OK, "%s", hm_error_get()->message);
	return token;
}

/* Signs a payload by hand: JSON with ' for ", for the eye's sake. */
static char *sign_json(const struct hm_secret_key *key, const char *text)
{
	char *payload = hm_arena_strdup(&arena, text), *token = NULL, *footer;

	for (char *at = payload; (at = strchr(at, '\'')); at++)
		*at = '"';
	footer = hm_arena_printf(&arena, "{\"kid\":\"%s\"}", hm_secret_key_public(key)->id);
	cr_assert_eq(hm_paseto_sign(key, payload, strlen(payload), footer, NULL, &arena, &token), HM_OK);
	return token;
}

static hm_status verify(const char *token, struct hm_claims *ret_claims)
{
	return hm_token_verify(ring, token, strlen(token), now_us, &arena, ret_claims);
}

/* The token is refused, nothing is returned, and the words say which check it failed. */
static void refuses(const char *token, const char *words)
{
	struct hm_claims claims = { .subject = "untouched" };

	cr_expect_eq(verify(token, &claims), HM_UNAUTHENTICATED, "accepted, though %s", words);
	cr_expect_str_eq(claims.subject, "untouched");
	cr_expect(strstr(hm_error_get()->message, words), "said \"%s\", not \"%s\"", hm_error_get()->message, words);
}

static void will_not_sign(const struct hm_secret_key *key, const struct hm_claims *claims)
{
	char *token = NULL;

	cr_expect_eq(hm_token_sign(key, claims, &arena, &token), HM_INVALID_ARGUMENT);
	cr_expect_null(token);
}

Test(token, brings_every_claim_back)
{
	struct hm_claims in = user_claims(), out = { 0 };

	in.issuer = "operator"; /* has no say */
	cr_assert_eq(verify(sign(identity, &in), &out), HM_OK, "%s", hm_error_get()->message);
	cr_expect_str_eq(out.issuer, "identity");
	cr_expect_str_eq(out.subject, "ana");
	cr_expect_str_eq(out.type, "user");
	cr_expect_str_eq(out.brand, "loop");
	cr_expect_str_eq(out.session, "s1");
	cr_expect_str_eq(out.id, "t1");
	cr_expect_str_eq(out.permissions[0], "follows.read");
	cr_expect_str_eq(out.permissions[1], "follows.write");
	cr_expect_null(out.permissions[2]);
	cr_expect_eq(out.issued_at_us, in.issued_at_us);
	cr_expect_eq(out.expires_at_us, in.expires_at_us);
}

/* They are of one key, so their footers are one, and of one length. */
Test(token, hashes_tell_tokens_apart)
{
	struct hm_claims first = user_claims(), second = user_claims();
	char *token;

	second.id = "t2";
	token = sign(identity, &first);
	cr_assert_eq(strlen(token), strlen(sign(identity, &second)));
	cr_expect_neq(hm_token_hash(token), hm_token_hash(sign(identity, &second)));
	cr_expect_eq(hm_token_hash(token), hm_token_hash(sign(identity, &first)), "Ed25519 has no chance in it");
	cr_expect_neq(hm_token_hash("a"), hm_token_hash("b"));
	cr_expect_neq(hm_token_hash("a"), hm_token_hash(""));
}

Test(token, leaves_absent_claims_absent)
{
	struct hm_claims in = { .subject = "root", .type = "operator", .id = "t", .expires_at_us = now_us + 1 },
			 out = { 0 };

	cr_assert_eq(verify(sign(operators, &in), &out), HM_OK, "%s", hm_error_get()->message);
	cr_expect_null(out.brand);
	cr_expect_null(out.session);
	cr_assert(out.permissions);
	cr_expect_null(out.permissions[0]);
}

Test(token, claims_outlive_the_ring_and_the_token)
{
	struct hm_claims in = user_claims(), out = { 0 };
	SCOPED(hm_keyring) other = test_keys_ring(&keys);
	char *token = strdup(sign(identity, &in));

	cr_assert_eq(hm_token_verify(other, token, strlen(token), now_us, &arena, &out), HM_OK);
	memset(token, 'x', strlen(token));
	free(token);
	hm_keyring_close(take(&other));
	cr_expect_str_eq(out.issuer, "identity");
	cr_expect_str_eq(out.subject, "ana");
}

/* Every key against every type: the diagonal alone is allowed, on both sides. */
Test(token, each_key_signs_its_own_type_alone)
{
	const struct hm_secret_key *signers[] = { identity, operators, service };
	static const char *const types[] = { "user", "operator", "service", "admin", "User", "users", "use" };

	for (size_t i = 0; i < 3; i++)
		for (size_t j = 0; j < sizeof types / sizeof *types; j++) {
			struct hm_claims claims = user_claims(), out;
			char *json = hm_arena_printf(&arena,
						     "{'sub':'cash','typ':'%s','brand':'loop','jti':'t',"
						     "'exp':'2023-11-14T22:14:00Z'}",
						     types[j]);

			claims.type = types[j];
			claims.subject = "cash";
			if (i == j) {
				cr_expect_eq(verify(sign(signers[i], &claims), &out), HM_OK);
				cr_expect_eq(verify(sign_json(signers[i], json), &out), HM_OK);
			} else {
				will_not_sign(signers[i], &claims);
				refuses(sign_json(signers[i], json), "type");
			}
		}
}

Test(token, a_service_signs_for_itself_alone)
{
	static const char *const others[] = { "identity", "cas", "cash2", "service-cash", "Cash" };
	struct hm_claims claims = { .subject = "cash", .type = "service", .id = "t", .expires_at_us = now_us + 1 }, out;

	cr_expect_eq(verify(sign(service, &claims), &out), HM_OK);
	for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
		claims.subject = others[i];
		will_not_sign(service, &claims);
		refuses(sign_json(service, hm_arena_printf(&arena,
							   "{'sub':'%s','typ':'service','jti':'t',"
							   "'exp':'2023-11-14T22:14:00Z'}",
							   others[i])),
			"not for its subject");
	}
}

Test(token, keys_of_other_names_sign_nothing)
{
	static const char *const names[] = { "identity2", "identit", "service", "operator-x", "service-", "sealer" };
	static const char *const types[] = { "user", "operator", "service" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		SCOPED(hm_secret_key) key = test_keys_open(&keys, names[i]);

		for (size_t j = 0; j < 3; j++) {
			struct hm_claims claims = user_claims();

			claims.type = types[j];
			will_not_sign(key, &claims);
			claims.subject = "";
			will_not_sign(key, &claims);
		}
	}
}

Test(token, expires_to_the_microsecond)
{
	struct hm_claims in = user_claims(), out;
	const char *token = sign(identity, &in);
	size_t length = strlen(token);

	cr_expect_eq(hm_token_verify(ring, token, length, in.expires_at_us - 1, &arena, &out), HM_OK);
	cr_expect_eq(hm_token_verify(ring, token, length, in.expires_at_us, &arena, &out), HM_UNAUTHENTICATED);
	cr_expect(strstr(hm_error_get()->message, "expired"));
}

Test(token, may_be_issued_a_minute_ahead_by_another_clock)
{
	struct hm_claims in = user_claims(), out;
	const char *token = sign(identity, &in);
	size_t length = strlen(token);

	cr_expect_eq(hm_token_verify(ring, token, length, in.issued_at_us - minute_us, &arena, &out), HM_OK);
	cr_expect_eq(hm_token_verify(ring, token, length, in.issued_at_us - minute_us - 1, &arena, &out),
		     HM_UNAUTHENTICATED);
	cr_expect(strstr(hm_error_get()->message, "future"));
}

Test(token, refuses_a_key_that_is_not_in_the_ring)
{
	SCOPED(hm_secret_key) stranger = NULL;
	struct test_keys elsewhere;
	struct hm_claims claims = user_claims();

	test_keys_init(&elsewhere);
	stranger = test_keys_open(&elsewhere, "identity");
	refuses(sign(stranger, &claims), "not trusted");
	test_keys_fini(&elsewhere);
}

Test(token, refuses_every_changed_or_missing_character)
{
	struct hm_claims in = user_claims(), out;
	const char *token = sign(identity, &in);
	size_t length = strlen(token);

	for (size_t i = 0; i < length; i++) {
		char *spoilt = malloc(length); /* no NUL: verify has the length alone */

		memcpy(spoilt, token, length);
		spoilt[i] = spoilt[i] == 'A' ? 'B' : 'A';
		cr_expect_eq(hm_token_verify(ring, spoilt, length, now_us, &arena, &out), HM_UNAUTHENTICATED, "at %zu",
			     i);
		spoilt[i] = '\0';
		cr_expect_eq(hm_token_verify(ring, spoilt, length, now_us, &arena, &out), HM_UNAUTHENTICATED, "at %zu",
			     i);
		free(spoilt);
		spoilt = malloc(i + 1);
		memcpy(spoilt, token, i);
		cr_expect_eq(hm_token_verify(ring, spoilt, i, now_us, &arena, &out), HM_UNAUTHENTICATED, "cut at %zu",
			     i);
		free(spoilt);
	}
}

Test(token, errors_never_show_the_token)
{
	struct hm_claims in = user_claims(), out;
	char *token = sign(identity, &in);

	token[20] = token[20] == 'A' ? 'B' : 'A';
	cr_expect_eq(verify(token, &out), HM_UNAUTHENTICATED);
	cr_expect(!strstr(hm_error_get()->message, "v4.public.e") && !strstr(hm_error_get()->message, token + 12));
}

/* The length of a token grows by four for three permission characters; both sides draw the line at the same place. */
Test(token, is_bounded_in_length_on_both_sides)
{
	char name[HM_TOKEN_BYTES] = { 0 };
	const char *permissions[] = { name, NULL };
	struct hm_claims in = user_claims(), out;
	size_t size = 2000, longest = 0;
	char *token;

	in.permissions = permissions;
	for (memset(name, 'p', size); hm_token_sign(identity, &in, &arena, &token) == HM_OK; name[size++] = 'p') {
		longest = strlen(token);
		cr_assert_eq(verify(token, &out), HM_OK);
		cr_assert_lt(size, sizeof name - 1);
	}
	cr_expect(longest < HM_TOKEN_BYTES && longest + 4 > HM_TOKEN_BYTES - 1, "%zu", longest);
	cr_expect_eq(hm_error_get()->code, HM_INVALID_ARGUMENT);
	token = hm_arena_printf(&arena,
				"{'sub':'a','typ':'user','jti':'t','brand':'loop','perms':['%s','%s'],"
				"'exp':'2023-11-14T22:14:00Z'}",
				name, name);
	refuses(sign_json(identity, token), "longer");
}

Test(token, will_not_sign_what_nobody_would_accept)
{
	static const char *const empty_name[] = { "", NULL }, *const no_utf8[] = { "\xff", NULL };
	struct hm_claims good = user_claims(), claims;

#define WRONG(field, value)                       \
	do {                                      \
		claims = good;                    \
		claims.field = value;             \
		will_not_sign(identity, &claims); \
	} while (0)
	WRONG(subject, NULL);
	WRONG(subject, "");
	WRONG(subject, "\xc3");
	WRONG(type, NULL);
	WRONG(brand, NULL);
	WRONG(brand, "");
	WRONG(session, "");
	WRONG(delegate, "jobs"); /* of a session */
	WRONG(id, NULL);
	WRONG(id, "");
	WRONG(permissions, empty_name);
	WRONG(permissions, no_utf8);
	WRONG(issued_at_us, -1);
	WRONG(expires_at_us, INT64_MAX);
#undef WRONG
	sign(identity, &good);
}

Test(token, signs_without_permissions)
{
	struct hm_claims claims = user_claims(), out;

	claims.permissions = NULL;
	cr_assert_eq(verify(sign(identity, &claims), &out), HM_OK);
	cr_expect_null(out.permissions[0]);
}

Test(token, carries_the_service_it_is_delegated_to)
{
	struct hm_claims claims = user_claims(), out;

	claims.session = NULL;
	claims.delegate = "jobs";
	cr_assert_eq(verify(sign(identity, &claims), &out), HM_OK);
	cr_expect_str_eq(out.delegate, "jobs");
}
