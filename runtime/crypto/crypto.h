/*
 * Crypto: everything Hallmark asks of libsodium, in its own words. hm_crypto_init once a process, before anything else.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

hm_status hm_crypto_init(void);

enum { HM_HASH_BYTES = 32 };

/* hm_hash is BLAKE2b-256; hm_hash_keyed with a 32-byte key is a MAC. */
void hm_hash(const void *bytes, size_t size, uint8_t ret_hash[HM_HASH_BYTES]);
void hm_hash_keyed(const uint8_t key[static 32], const void *bytes, size_t size, uint8_t ret_hash[HM_HASH_BYTES]);

/* hm_hash_sha256 is SHA-256 (PKCE's S256). */
void hm_hash_sha256(const void *bytes, size_t size, uint8_t ret_hash[HM_HASH_BYTES]);

/* hm_equal compares without telling where the difference is; lengths may be public. */
bool hm_equal(const void *a, const void *b, size_t size);

/* hm_base64url_encode writes unpadded base64url and a NUL; room: size * 4 / 3 + 4 (too little aborts). Returns the number of
 * characters. decode refuses padding, blanks, and non-canonical ends; false if it does not fit or is not base64url. */
size_t hm_base64url_encode(const void *bytes, size_t size, char *ret_text, size_t room);
bool hm_base64url_decode(const char *text, size_t length, void *ret_bytes, size_t room, size_t *ret_size);

/* hm_secret_new makes a random secret of 32 bytes as 43 base64url characters (client secrets, refresh tokens, codes). */
enum { HM_SECRET_TEXT_BYTES = 44 };
void hm_secret_new(char ret_text[HM_SECRET_TEXT_BYTES]);
