/*
 * Keys: a pair in memory that libsodium guards (never swapped, inaccessible pages around it, read-only once filled), and
 * its making. sodium_malloc locks the pages if the limit on locked memory allows it and goes on without if not.
 */
#include "crypto/key.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/stat.h>

#include "crypto/crypto.h"
#include "crypto/key_file.h"

enum { KEY_ID_HASH_BYTES = 8 };

struct hm_secret_key {
	struct hm_public_key public;
	uint8_t bytes[HM_SECRET_KEY_BYTES];
	struct hm_key_file file; /* while it is read or written; wiped then */
};

hm_status hm_public_key_make(const char *name, const uint8_t bytes[static HM_PUBLIC_KEY_BYTES],
			     struct hm_public_key *ret_key)
{
	struct hm_public_key key = { 0 };
	uint8_t hash[HM_HASH_BYTES];

	if (!crypto_core_ed25519_is_valid_point(bytes))
		return hm_raise(INVALID_ARGUMENT, "the public key of \"%s\" is no point of Ed25519's group", name);
	memcpy(key.name, name, strlen(name));
	memcpy(key.bytes, bytes, sizeof key.bytes);
	hm_hash(bytes, HM_PUBLIC_KEY_BYTES, hash);
	hm_base64url_encode(hash, KEY_ID_HASH_BYTES, key.id, sizeof key.id);
	*ret_key = key;
	return HM_OK;
}

static hm_status key_alloc(struct hm_secret_key **ret_key)
{
	struct hm_secret_key *key = sodium_malloc(sizeof *key);

	if (!key)
		return hm_raise_errno(RESOURCE_EXHAUSTED, "no guarded memory for a key");
	memset(key, 0, sizeof *key);
	*ret_key = key;
	return HM_OK;
}

/* Makes the pair of the seed in key->file. */
static hm_status key_derive(struct hm_secret_key *key)
{
	uint8_t public[HM_PUBLIC_KEY_BYTES];

	crypto_sign_seed_keypair(public, key->bytes, key->file.value);
	return hm_public_key_make(key->file.name, public, &key->public);
}

static hm_status make_directory(const char *directory)
{
	if (mkdir(directory, 0700) && errno != EEXIST)
		return hm_raise_errno(UNAVAILABLE, "cannot make the folder %s for keys", directory);
	return HM_OK;
}

/* Writes both halves or neither: a secret key whose public half nobody can find would sign what nobody believes. */
static hm_status key_write(const char *directory, const char *stem, struct hm_secret_key *key)
{
	hm_status status;

	TRY(hm_key_file_write(&hm_key_file_secret, directory, stem, &key->file));
	memcpy(key->file.value, key->public.bytes, HM_PUBLIC_KEY_BYTES);
	status = hm_key_file_write(&hm_key_file_public, directory, stem, &key->file);
	if (status != HM_OK)
		hm_key_file_remove(&hm_key_file_secret, directory, stem);
	return status;
}

hm_status hm_key_make(const char *directory, const char *name, const char *stem)
{
	SCOPED(hm_secret_key) key = NULL;

	if (!hm_key_name_valid(name, strlen(name)))
		return hm_raise(INVALID_ARGUMENT,
				"\"%.*s\" names no key: a lower-case letter, then letters, digits, - and _",
				HM_KEY_NAME_BYTES, name);
	TRY(make_directory(directory));
	TRY(key_alloc(&key));
	memcpy(key->file.name, name, strlen(name));
	randombytes_buf(key->file.value, sizeof key->file.value);
	TRY(key_derive(key));
	return key_write(directory, stem, key);
}

hm_status hm_key_generate(const char *directory, const char *name)
{
	return hm_key_make(directory, name, name);
}

hm_status hm_secret_key_open(const char *directory, const char *name, struct hm_secret_key **ret_key)
{
	SCOPED(hm_secret_key) key = NULL;

	if (!hm_key_name_valid(name, strlen(name)))
		return hm_raise(INVALID_ARGUMENT, "\"%.*s\" names no key", HM_KEY_NAME_BYTES, name);
	TRY(key_alloc(&key));
	TRY(hm_key_file_read(&hm_key_file_secret, directory, name, &key->file));
	TRY(key_derive(key));
	sodium_memzero(&key->file, sizeof key->file);
	sodium_mprotect_readonly(key);
	*ret_key = take(&key);
	return HM_OK;
}

void hm_secret_key_close(struct hm_secret_key *key)
{
	sodium_free(key); /* wipes; NULL is welcome */
}

const struct hm_public_key *hm_secret_key_public(const struct hm_secret_key *key)
{
	return &key->public;
}

void hm_secret_key_sign(const struct hm_secret_key *key, const void *bytes, size_t size, uint8_t ret_signature[64])
{
	crypto_sign_detached(ret_signature, NULL, bytes, size, key->bytes);
}

bool hm_public_key_signed(const struct hm_public_key *key, const void *bytes, size_t size,
			  const uint8_t signature[static 64])
{
	return !crypto_sign_verify_detached(signature, bytes, size, key->bytes);
}
