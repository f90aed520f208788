/* Crypto: published vectors for the hashes, and the edges of base64url. */
#include "crypto/crypto.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

static void init(void)
{
	cr_assert_eq(hm_crypto_init(), HM_OK);
}

TestSuite(crypto, .init = init);

static const char *hex(const uint8_t hash[HM_HASH_BYTES])
{
	static char text[2 * HM_HASH_BYTES + 1];

	for (int i = 0; i < HM_HASH_BYTES; i++)
		snprintf(text + 2 * i, 3, "%02x", hash[i]);
	return text;
}

Test(crypto, starts_twice)
{
	cr_expect_eq(hm_crypto_init(), HM_OK);
}

Test(crypto, hashes_as_published)
{
	uint8_t hash[HM_HASH_BYTES];

	hm_hash("abc", 3, hash); /* b2sum -l 256 */
	cr_expect_str_eq(hex(hash), "bddd813c634239723171ef3fee98579b94964e3bb1cb3e427262c8c068d52319");
	hm_hash(NULL, 0, hash);
	cr_expect_str_eq(hex(hash), "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8");
	hm_hash_sha256("abc", 3, hash); /* FIPS 180-2, B.1 */
	cr_expect_str_eq(hex(hash), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

Test(crypto, answers_the_pkce_example_of_rfc_7636)
{
	static const char verifier[] = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
	uint8_t hash[HM_HASH_BYTES];
	char text[64];

	hm_hash_sha256(verifier, strlen(verifier), hash);
	cr_expect_eq(hm_base64url_encode(hash, sizeof hash, text, sizeof text), 43);
	cr_expect_str_eq(text, "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM");
}

Test(crypto, keyed_hashes_differ_by_key_and_from_the_plain_one)
{
	uint8_t key[32] = { 0 }, plain[HM_HASH_BYTES], first[HM_HASH_BYTES], second[HM_HASH_BYTES];

	hm_hash("abc", 3, plain);
	hm_hash_keyed(key, "abc", 3, first);
	key[31] = 1;
	hm_hash_keyed(key, "abc", 3, second);
	cr_expect(!hm_equal(plain, first, HM_HASH_BYTES));
	cr_expect(!hm_equal(first, second, HM_HASH_BYTES));
	hm_hash_keyed(key, "abc", 3, first);
	cr_expect(hm_equal(first, second, HM_HASH_BYTES));
	cr_expect(hm_equal("a", "b", 0));
}

Test(crypto, base64url_comes_back_for_every_length)
{
	uint8_t bytes[100], back[100];
	char text[140];

	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i * 83 + 191);
	for (size_t size = 0; size <= sizeof bytes; size++) {
		size_t length = hm_base64url_encode(bytes, size, text, size * 4 / 3 + 4), got = 1000;

		cr_assert_eq(length, strlen(text));
		cr_assert(hm_base64url_decode(text, length, back, size, &got), "%s", text);
		cr_assert_eq(got, size);
		cr_assert(!memcmp(bytes, back, size));
		cr_expect(!size || !hm_base64url_decode(text, length, back, size - 1, &got), "no room for %zu", size);
	}
	hm_base64url_encode("\xfb\xff", 2, text, sizeof text);
	cr_expect_str_eq(text, "-_8");
}

Test(crypto, base64url_refuses_every_second_spelling)
{
	static const struct {
		const char *text;
		size_t length;
	} wrong[] = {
		{ "A", 1 }, /* six bits are no byte */
		{ "AAAAA", 5 },
		{ "AB", 2 }, /* loose bits set */
		{ "AAB", 3 },
		{ "AA==", 4 }, /* padding */
		{ "AAA=", 4 },
		{ "AA A", 4 },
		{ " AAAA", 5 },
		{ "AAAA\n", 5 },
		{ "AA\0AA", 5 },
		{ "AAAA\0", 5 },
		{ "+/AA", 4 }, /* the other alphabet */
		{ "AA.A", 4 },
		{ "\xc3\x84"
		  "AA",
		  4 },
	};
	uint8_t bytes[16];
	size_t size;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect(!hm_base64url_decode(wrong[i].text, wrong[i].length, bytes, sizeof bytes, &size), "%zu: %s",
			  i, wrong[i].text);
}

Test(crypto, base64url_takes_64_characters_of_256)
{
	for (int place = 0; place < 4; place++) {
		int taken = 0;

		for (int byte = 0; byte < 256; byte++) {
			char text[5] = "AAAA", again[8];
			uint8_t bytes[3];
			size_t size;

			text[place] = (char)byte;
			if (!hm_base64url_decode(text, 4, bytes, sizeof bytes, &size))
				continue;
			taken++;
			hm_base64url_encode(bytes, size, again, sizeof again);
			cr_expect_str_eq(again, text);
		}
		cr_expect_eq(taken, 64);
	}
}

Test(crypto, secrets_are_43_characters_and_never_the_same)
{
	char first[HM_SECRET_TEXT_BYTES], second[HM_SECRET_TEXT_BYTES];
	uint8_t bytes[32];
	size_t size;

	hm_secret_new(first);
	hm_secret_new(second);
	cr_expect_eq(strlen(first), 43);
	cr_expect(hm_base64url_decode(first, 43, bytes, sizeof bytes, &size) && size == sizeof bytes);
	cr_expect_str_neq(first, second);
}
