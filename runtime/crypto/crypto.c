/* Crypto: hashes, base64url and random secrets, by libsodium. */
#include "crypto/crypto.h"

#include <jansson.h>
#include <sodium.h>

hm_status hm_crypto_init(void)
{
	if (sodium_init() < 0)
		return hm_raise(INTERNAL, "libsodium cannot start: no random numbers from the kernel?");
	json_object_seed(0); /* jansson's hash seed: made here, once, not by the first two threads that parse claims */
	return HM_OK;
}

void hm_hash(const void *bytes, size_t size, uint8_t ret_hash[HM_HASH_BYTES])
{
	crypto_generichash(ret_hash, HM_HASH_BYTES, bytes, size, NULL, 0);
}

void hm_hash_keyed(const uint8_t key[static 32], const void *bytes, size_t size, uint8_t ret_hash[HM_HASH_BYTES])
{
	crypto_generichash(ret_hash, HM_HASH_BYTES, bytes, size, key, 32);
}

void hm_hash_sha256(const void *bytes, size_t size, uint8_t ret_hash[HM_HASH_BYTES])
{
	crypto_hash_sha256(ret_hash, bytes, size);
}

bool hm_equal(const void *a, const void *b, size_t size)
{
	return !sodium_memcmp(a, b, size);
}

size_t hm_base64url_encode(const void *bytes, size_t size, char *ret_text, size_t room)
{
	sodium_bin2base64(ret_text, room, bytes, size, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
	return size / 3 * 4 + (size % 3 ? size % 3 + 1 : 0);
}

/* Seven bits only? libsodium 1.0.18 takes some bytes above 0x7f for characters of the alphabet. */
static bool is_ascii(const char *text, size_t length)
{
	unsigned char all = 0;

	for (size_t i = 0; i < length; i++)
		all |= (unsigned char)text[i];
	return all < 0x80;
}

bool hm_base64url_decode(const char *text, size_t length, void *ret_bytes, size_t room, size_t *ret_size)
{
	/* Told where the text ends and to ignore nothing, libsodium refuses a rest: padding, blanks, NUL, loose bits. */
	return is_ascii(text, length) && !sodium_base642bin(ret_bytes, room, text, length, NULL, ret_size, NULL,
							    sodium_base64_VARIANT_URLSAFE_NO_PADDING);
}

void hm_secret_new(char ret_text[HM_SECRET_TEXT_BYTES])
{
	uint8_t bytes[32];

	randombytes_buf(bytes, sizeof bytes);
	hm_base64url_encode(bytes, sizeof bytes, ret_text, HM_SECRET_TEXT_BYTES);
	sodium_memzero(bytes, sizeof bytes);
}
