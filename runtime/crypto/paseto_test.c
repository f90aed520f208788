/* PASETO: the official v4 vectors that concern v4.public, and every way a token can be spoilt. */
#include <criterion/criterion.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/token.h"
#include "tests/keys.h"

static struct test_keys keys;
static struct hm_secret_key *key;
static const uint8_t *public_key;
static struct hm_arena arena;

/* The key of the vectors, by its seed b4cbfb43…942a3774. */
static void init(void)
{
	static const char file[] = "hallmark-key-1 vectors tMv7Q99M4hByfZU-SnEzB_oZu32fhQQUONnhG5QqN3Q\n";

	test_keys_init(&keys);
	test_keys_write(&keys, "vectors.key", 0600, file, sizeof file - 1);
	cr_assert_eq(hm_secret_key_open(keys.directory, "vectors", &key), HM_OK, "%s", hm_error_get()->message);
	public_key = hm_secret_key_public(key)->bytes;
}

static void fini(void)
{
	hm_secret_key_close(key);
	hm_arena_fini(&arena);
	test_keys_fini(&keys);
}

TestSuite(paseto, .init = init, .fini = fini);

static hm_status open_token(const char *token, size_t length, const char *implicit, char **ret_payload,
			    char **ret_footer)
{
	size_t size;

	TRY(hm_paseto_open(public_key, token, length, implicit, &arena, ret_payload, &size, ret_footer));
	cr_expect_eq(strlen(*ret_payload), size);
	return HM_OK;
}

static void refuses(const char *token, size_t length, const char *implicit)
{
	char *payload = NULL, *footer = NULL;

	cr_expect_eq(open_token(token, length, implicit, &payload, &footer), HM_UNAUTHENTICATED, "opened: %s", token);
	cr_expect_null(payload);
	cr_expect_null(footer);
}

static char *sign(const char *payload, const char *footer, const char *implicit)
{
	char *token = NULL;

	cr_assert_eq(hm_paseto_sign(key, payload, strlen(payload), footer, implicit, &arena, &token), HM_OK);
	return token;
}

#define PAYLOAD "{\"data\":\"this is a signed message\",\"exp\":\"2022-01-01T00:00:00+00:00\"}"
#define FOOTER "{\"kid\":\"zVhMiPBP9fRf2snEcT7gFTioeA9COcNy9DfgL1W60haN\"}"
#define BODY "v4.public.eyJkYXRhIjoidGhpcyBpcyBhIHNpZ25lZCBtZXNzYWdlIiwiZXhwIjoiMjAyMi0wMS0wMVQwMDowMDowMCswMDowMCJ9"
#define FOOTER_TEXT ".eyJraWQiOiJ6VmhNaVBCUDlmUmYyc25FY1Q3Z0ZUaW9lQTlDT2NOeTlEZmdMMVc2MGhhTiJ9"

static const struct {
	const char *name, *token, *footer, *implicit;
} good[] = {
	{ "4-S-1", BODY "bg_XBBzds8lTZShVlwwKSgeKpLT3yukTw6JUz3W4h_ExsQV-P0V54zemZDcAxFaSeef1QlXEFtkqxT1ciiQEDA", "",
	  "" },
	{ "4-S-2",
	  BODY "v3Jt8mx_TdM2ceTGoqwrh4yDFn0XsHvvV_D0DtwQxVrJEBMl0F2caAdgnpKlt4p7xBnx1HcO-SPo8FPp214HDw" FOOTER_TEXT,
	  FOOTER, "" },
	{ "4-S-3",
	  BODY "NPWciuD3d0o5eXJXG5pJy-DiVEoyPYWs1YSTwWHNJq6DZD3je5gf-0M4JR9ipdUSJbIovzmBECeaWmaqcaP0DQ" FOOTER_TEXT,
	  FOOTER, "{\"test-vector\":\"4-S-3\"}" },
};

/* Tokens of other kinds. 4-F-2 carries our header, and was signed by nobody's key. */
static const struct {
	const char *name, *token, *implicit;
} bad[] = {
	{ "4-F-1",
	  "v4.local.vngXfCISbnKgiP6VWGuOSlYrFYU300fy9ijW33rznDYgxHNPwWluAY2Bgb0z54CUs6aYYkIJ-bOOOmJHPuX_34Agt_"
	  "IPlNdGDpRdGNnBz2Mp"
	  "WJvB3cttheEc1uyCEYltj7wBQQYX.YXJiaXRyYXJ5LXN0cmluZy10aGF0LWlzbid0LWpzb24",
	  "{\"test-vector\":\"4-F-1\"}" },
	{ "4-F-2",
	  "v4.public.eyJpbnZhbGlkIjoidGhpcyBzaG91bGQgbmV2ZXIgZGVjb2RlIn22Sp4gjCaUw0c7EH84ZSm_jN_"
	  "Qr41MrgLNu5LIBCzUr1pn3Z-Wukg9h3ce"
	  "plWigpoHaTLcwxj0NsI1vjTh67YB" FOOTER_TEXT,
	  "{\"test-vector\":\"4-F-2\"}" },
	{ "4-F-3",
	  "v3.local.23e_2PiqpQBPvRFKzB0zHhjmxK3sKo2grFZRRLM-"
	  "U7L0a8uHxuF9RlVz3Ic6WmdUUWTxCaYycwWV1yM8gKbZB2JhygDMKvHQ7eBf8GtF0r3K0"
	  "Q_gF1PXOxcOgztak1eD1dPe9rLVMSgR0nHJXeIGYVuVrVoLWQ.YXJiaXRyYXJ5LXN0cmluZy10aGF0LWlzbid0LWpzb24",
	  "{\"test-vector\":\"4-F-3\"}" },
};

Test(paseto, opens_the_official_vectors)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		char *payload = NULL, *footer = NULL;

		cr_assert_eq(open_token(good[i].token, strlen(good[i].token), good[i].implicit, &payload, &footer),
			     HM_OK, "%s: %s", good[i].name, hm_error_get()->message);
		cr_expect_str_eq(payload, PAYLOAD);
		cr_expect_str_eq(footer, good[i].footer);
	}
}

Test(paseto, signs_the_official_vectors)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		cr_expect_str_eq(sign(PAYLOAD, good[i].footer, good[i].implicit), good[i].token);
	cr_expect_str_eq(sign(PAYLOAD, NULL, NULL), good[0].token);
}

Test(paseto, refuses_the_official_vectors_that_must_fail)
{
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		refuses(bad[i].token, strlen(bad[i].token), bad[i].implicit);
}

Test(paseto, refuses_every_changed_character)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=";
	size_t length = strlen(good[2].token);
	char token[512];

	for (size_t i = 0; i < length; i++) {
		memcpy(token, good[2].token, length + 1);
		token[i] = alphabet[(i * 7) % (sizeof alphabet - 1)];
		if (token[i] != good[2].token[i])
			refuses(token, length, good[2].implicit);
	}
}

Test(paseto, refuses_every_shortened_token)
{
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		for (size_t length = 0; length < strlen(good[i].token); length++) {
			char *cut = malloc(length + 1); /* exactly as long, so that reading on is seen */

			memcpy(cut, good[i].token, length);
			cut[length] = 0;
			refuses(cut, length, good[i].implicit);
			free(cut);
		}
}

Test(paseto, refuses_another_assertion_footer_or_key)
{
	refuses(good[2].token, strlen(good[2].token), "");
	refuses(good[2].token, strlen(good[2].token), "{\"test-vector\":\"4-S-2\"}");
	refuses(good[1].token, strlen(good[1].token), "x");
	refuses(good[1].token, strlen(good[1].token) - strlen(FOOTER_TEXT), ""); /* the footer cut off */
	public_key = (const uint8_t *)"0123456789abcdef0123456789abcdef";
	refuses(good[0].token, strlen(good[0].token), "");
}

/* Pieces are signed with their sizes, so bytes cannot move from one to the next. */
Test(paseto, refuses_bytes_moved_between_footer_and_assertion)
{
	char *token = sign("payload", "ab", "c"), *payload, *footer;

	cr_expect_eq(open_token(token, strlen(token), "c", &payload, &footer), HM_OK);
	token[strlen(token) - 1] = '\0';
	memcpy(strrchr(token, '.'), ".YQ", 4);
	refuses(token, strlen(token), "bc");
}

Test(paseto, refuses_second_spellings_of_a_token)
{
	char text[512];

	strncpy(text, good[0].token, sizeof text - 1);
	text[strlen(good[0].token)] = '.'; /* an empty footer is no footer, and is not written */
	refuses(text, strlen(good[0].token) + 1, "");
	text[strlen(good[0].token)] = '=';
	refuses(text, strlen(good[0].token) + 1, "");
	text[strlen(good[0].token)] = '\n';
	refuses(text, strlen(good[0].token) + 1, "");
	text[strlen(good[0].token)] = '\0'; /* counted in */
	refuses(text, strlen(good[0].token) + 1, "");
	text[1] = '\0';
	refuses(text, strlen(good[0].token), "");
}

Test(paseto, refuses_loose_bits_in_the_signature)
{
	char *token = sign("ab", NULL, NULL), *last = token + strlen(token) - 1, *payload, *footer; /* 66 bytes */

	cr_assert_eq(open_token(token, strlen(token), NULL, &payload, &footer), HM_OK);
	token = sign("a", NULL, NULL); /* 65 bytes: the last character has two bits nobody needs */
	last = token + strlen(token) - 1;
	cr_assert_eq(open_token(token, strlen(token), NULL, &payload, &footer), HM_OK);
	++*last;
	refuses(token, strlen(token), NULL);
}

Test(paseto, carries_empty_and_binary_payloads)
{
	static const char bytes[] = "a\0b\xff";
	char *token = sign("", NULL, NULL), *payload, *footer;
	size_t size;

	cr_expect_eq(open_token(token, strlen(token), NULL, &payload, &footer), HM_OK);
	cr_expect_str_eq(payload, "");
	cr_assert_eq(hm_paseto_sign(key, bytes, 4, NULL, NULL, &arena, &token), HM_OK);
	cr_assert_eq(hm_paseto_open(public_key, token, strlen(token), NULL, &arena, &payload, &size, &footer), HM_OK);
	cr_expect(size == 4 && !memcmp(payload, bytes, 4));
}

Test(paseto, refuses_a_footer_with_a_nul)
{
	char *token = sign("payload", "ab", NULL);

	memcpy(strrchr(token, '.'), ".YQA", 5); /* "a\0": not what was signed either, but seen before the signature */
	refuses(token, strlen(token), NULL);
	cr_expect(strstr(hm_error_get()->message, "footer"), "%s", hm_error_get()->message);
}
