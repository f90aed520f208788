/* Tokens signed by a good key whose payload or footer is not what Hallmark would have written. */
#include <criterion/criterion.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/token.h"
#include "tests/keys.h"

static struct test_keys keys;
static struct hm_secret_key *identity, *operators;
static struct hm_keyring *ring;
static struct hm_arena arena;

static const int64_t now_us = INT64_C(1700000000) * HM_US_PER_S; /* 2023-11-14T22:13:20Z */

static void init(void)
{
	test_keys_init(&keys);
	identity = test_keys_open(&keys, "identity");
	operators = test_keys_open(&keys, "operator");
	ring = test_keys_ring(&keys);
}

static void fini(void)
{
	hm_keyring_close(ring);
	hm_secret_key_close(identity);
	hm_secret_key_close(operators);
	hm_arena_fini(&arena);
	test_keys_fini(&keys);
}

TestSuite(token_payload, .init = init, .fini = fini);

/* A copy with " for ': JSON is written with ' here, for the eye's sake. */
static char *quoted(const char *text, size_t size)
{
	char *copy = hm_arena_dup(&arena, text, size);

	for (size_t i = 0; i < size; i++)
		if (copy[i] == '\'')
			copy[i] = '"';
	return copy;
}

/* Signs any payload, with any footer. */
static char *sign(const struct hm_secret_key *key, const char *payload, size_t size, const char *footer)
{
	char *token = NULL;

	cr_assert_eq(hm_paseto_sign(key, quoted(payload, size), size, footer, NULL, &arena, &token), HM_OK);
	return token;
}

/* The footer naming a key as it should. */
static char *footer_of(const struct hm_secret_key *key)
{
	return hm_arena_printf(&arena, "{\"kid\":\"%s\"}", hm_secret_key_public(key)->id);
}

static char *sign_json(const struct hm_secret_key *key, const char *payload)
{
	return sign(key, payload, strlen(payload), footer_of(key));
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
	words = quoted(words, strlen(words));
	cr_expect(strstr(hm_error_get()->message, words), "said \"%s\", not \"%s\"", hm_error_get()->message, words);
}

Test(token_payload, refuses_payloads_that_do_not_say_what_they_must)
{
#define EXP "'exp':'2023-11-14T22:14:00Z'"
#define REST ",'brand':'loop'," EXP "}"
	static const struct {
		const char *payload, *words;
	} wrong[] = {
		{ "{'typ':'user','jti':'t'" REST, "'sub' is missing" },
		{ "{'sub':'a','jti':'t'" REST, "'typ' is missing" },
		{ "{'sub':'a','typ':'user'" REST, "'jti' is missing" },
		{ "{'sub':'a','typ':'user','jti':'t','brand':'loop'}", "'exp' is missing" },
		{ "{'sub':'a','typ':'user','jti':'t'," EXP "}", "no brand" },
		{ "{'sub':'a','typ':'user','jti':'t','brand':''," EXP "}", "'brand' is not a text" },
		{ "{'sub':'a','typ':'user','jti':'t','brand':null," EXP "}", "'brand' is not a text" },
		{ "{'sub':'','typ':'user','jti':'t'" REST, "'sub' is not a text" },
		{ "{'sub':7,'typ':'user','jti':'t'" REST, "'sub' is not a text" },
		{ "{'sub':['a'],'typ':'user','jti':'t'" REST, "'sub' is not a text" },
		{ "{'sub':'a','typ':'user','jti':'t','sid':{}" REST, "'sid' is not a text" },
		{ "{'sub':'a','typ':'user','jti':'t','azp':''" REST, "'azp' is not a text" },
		{ "{'sub':'a','typ':'user','jti':'t','azp':['jobs']" REST, "'azp' is not a text" },
		{ "{'sub':'a','typ':'user','jti':'t','azp':null" REST, "'azp' is not a text" },
		{ "{'sub':'a','typ':'user','jti':'t','azp':'jobs','sid':'s'" REST, "a claim azp" },
		{ "{'iss':'operator','sub':'a','typ':'user','jti':'t'" REST, "issuer" },
		{ "{'sub':'a','typ':'user','jti':'t','perms':'all'" REST, "'perms' is not a list" },
		{ "{'sub':'a','typ':'user','jti':'t','perms':{}" REST, "'perms' is not a list" },
		{ "{'sub':'a','typ':'user','jti':'t','perms':['x',1]" REST, "permission 1" },
		{ "{'sub':'a','typ':'user','jti':'t','perms':['']" REST, "permission 0" },
		{ "{'sub':'a','typ':'user','jti':'t','iat':1700000000" REST, "'iat' is not a time" },
		{ "{'sub':'a','typ':'user','jti':'t','brand':'loop','exp':1800000000}", "'exp' is not a time" },
		{ "{'sub':'a','typ':'user','jti':'t','brand':'loop','exp':''}", "'exp' is not a time" },
		{ "{'sub':'a','typ':'user','jti':'t','brand':'loop','exp':'2023-11-31T00:00:00Z'}", "'exp' is not" },
		/* JSON that two readers could read differently */
		{ "{'sub':'a','sub':'b','typ':'user','jti':'t'" REST, "each claim once" },
		{ "{'sub':'a','\\u0073ub':'b','typ':'user','jti':'t'" REST, "each claim once" },
		{ "{'sub':'a\\u0000b','typ':'user','jti':'t'" REST, "JSON object" },
		{ "{'sub':'a\\ud800','typ':'user','jti':'t'" REST, "JSON object" },
		{ "{'sub':'\xff','typ':'user','jti':'t'" REST, "JSON object" },
		{ "{'sub':'a','typ':'user','jti':'t'" REST "x", "JSON object" },
		{ "{'sub':'a','typ':'user','jti':'t'" REST "{}", "JSON object" },
		{ "['sub']", "JSON object" },
		{ "null", "JSON object" },
		{ "", "JSON object" },
	};
	struct hm_claims out;

	cr_assert_eq(verify(sign_json(identity, "{'sub':'a','typ':'user','jti':'t'" REST), &out), HM_OK,
		     "the payload all of these were made from is good");
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		refuses(sign_json(identity, wrong[i].payload), wrong[i].words);
}

Test(token_payload, refuses_a_delegate_of_anybody_but_a_user)
{
	refuses(sign_json(operators, "{'sub':'o','typ':'operator','jti':'t','azp':'jobs'," EXP "}"), "a claim azp");
}

Test(token_payload, refuses_a_nul_behind_the_payload)
{
	static const char payload[] = "{'sub':'a','typ':'user','jti':'t','brand':'loop'," EXP "}";

	refuses(sign(identity, payload, sizeof payload, footer_of(identity)), "JSON object");
}

Test(token_payload, refuses_deep_json)
{
	char *payload = hm_arena_alloc(&arena, 2501);

	memset(payload, '[', 2500);
	payload[2500] = '\0';
	refuses(sign_json(identity, payload), "JSON object");
}

Test(token_payload, keeps_unknown_claims_out)
{
	struct hm_claims out = { 0 };

	cr_assert_eq(verify(sign_json(identity, "{'sub':'a','typ':'user','jti':'t','admin':true,'x':{"
						"'sub':'b'}" REST),
			    &out),
		     HM_OK);
	cr_expect_str_eq(out.subject, "a");
	cr_expect_eq(out.issued_at_us, 0);
}

Test(token_payload, refuses_a_footer_that_names_another_key)
{
	static const char payload[] = "{'sub':'cash','typ':'operator','jti':'t'," EXP "}";

	refuses(sign(identity, payload, sizeof payload - 1, footer_of(operators)), "signature");
	refuses(sign(operators, payload, sizeof payload - 1, footer_of(identity)), "signature");
}

Test(token_payload, refuses_every_other_form_of_footer)
{
	const char *id = hm_secret_key_public(operators)->id;
	static const char payload[] = "{'sub':'root','typ':'operator','jti':'t'," EXP "}";
	const char *const footers[] = {
		NULL,
		id,
		hm_arena_printf(&arena, "{'kid':'%s' }", id),
		hm_arena_printf(&arena, "{'kid': '%s'}", id),
		hm_arena_printf(&arena, "{'kid':'%s'} ", id),
		hm_arena_printf(&arena, "{'KID':'%s'}", id),
		hm_arena_printf(&arena, "{'kid':'%.10s'}", id),
		hm_arena_printf(&arena, "{'kid':'%.10s'}}", id),
		hm_arena_printf(&arena, "{'kid':'%s','kid':'%s'}", id, id),
		hm_arena_printf(&arena, "{kid:'%s'}  ", id), /* 21 bytes as it should be */
	};
	struct hm_claims out;

	cr_expect_eq(verify(sign_json(operators, payload), &out), HM_OK);
	for (size_t i = 0; i < sizeof footers / sizeof *footers; i++) {
		const char *footer = footers[i] ? quoted(footers[i], strlen(footers[i])) : NULL;

		refuses(sign(operators, payload, sizeof payload - 1, footer), "names no key");
	}
}
