/*
 * Keys: Ed25519 pairs, in files, and the ring of public keys a process trusts.
 *
 *     <dir>/<name>.key   secret: "hallmark-key-1 <name> <base64url seed>\n", mode 0600, refused if more open
 *     <dir>/<name>.pub   public: "hallmark-pub-1 <name> <base64url key>\n"
 *
 * The name says what the key may sign: "identity" (end users' tokens of any brand), "operator" (operators' tokens),
 * "service-<svc>" (that service's own tokens). The key id is the first 8 bytes of the public key's hash, base64url, so a
 * rotated key has a new one: "<name>@<n>.pub" beside the current is trusted too, under the same name.
 *
 *     rotation   stage: <name>@<n>.key and .pub, trusted, unused → activate: <name>@<n>.key becomes <name>.key, and what the
 *                former signed is still believed → retire: the public halves of all but the current are removed
 *
 * Names are a lower-case letter, then letters, digits, "-" and "_". Files must be this user's or root's; public ones and
 * their folder must not be writable for others, or FAILED_PRECONDITION says which to chmod.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/scoped.h"
#include "base/status.h"

enum { HM_KEY_NAME_BYTES = 64, HM_KEY_ID_BYTES = 12, HM_PUBLIC_KEY_BYTES = 32, HM_SECRET_KEY_BYTES = 64 };

struct hm_public_key {
	char name[HM_KEY_NAME_BYTES];
	char id[HM_KEY_ID_BYTES];
	uint8_t bytes[HM_PUBLIC_KEY_BYTES];
};

struct hm_secret_key; /* locked memory; wiped when closed */

/* hm_key_generate writes <dir>/<name>.key and .pub; ALREADY_EXISTS if there is one. The folder is made 0700. */
hm_status hm_key_generate(const char *directory, const char *name);
hm_status hm_secret_key_open(const char *directory, const char *name, struct hm_secret_key **ret_key);
void hm_secret_key_close(struct hm_secret_key *key);
HM_SCOPED(hm_secret_key, hm_secret_key_close)
const struct hm_public_key *hm_secret_key_public(const struct hm_secret_key *key);
void hm_secret_key_sign(const struct hm_secret_key *key, const void *bytes, size_t size, uint8_t ret_signature[64]);

/* hm_public_key_signed: whether the signature of these bytes is this key's. */
bool hm_public_key_signed(const struct hm_public_key *key, const void *bytes, size_t size,
			  const uint8_t signature[static 64]);

/* hm_key_stage makes the next pair of a name whose current one exists. hm_key_activate puts the newest that is staged in its place; the
 * former secret is gone. NOT_FOUND: none is staged. hm_key_retire has what other keys of the name have signed refused from now on;
 * FAILED_PRECONDITION while one is staged. Between them: as long as it takes until all processes have the new public half
 * (half a second where they share the folder), and as long as what the former signed is to be believed. */
hm_status hm_key_stage(const char *directory, const char *name);
hm_status hm_key_activate(const char *directory, const char *name);
hm_status hm_key_retire(const char *directory, const char *name);

struct hm_keyring;

/* hm_keyring_open reads every .pub of a folder (but hidden ones); one that is not as it should be fails the ring, and so
 * does one key under two names. Thread-safe. */
hm_status hm_keyring_open(const char *directory, struct hm_keyring **ret_ring);
void hm_keyring_close(struct hm_keyring *ring);
HM_SCOPED(hm_keyring, hm_keyring_close)

/* hm_keyring_refresh reads the folder again. Fails as open does; then the ring stays as it was. */
hm_status hm_keyring_refresh(struct hm_keyring *ring);

/* hm_keyring_generation is another number each time a refresh found other keys. */
uint64_t hm_keyring_generation(const struct hm_keyring *ring);

/* hm_keyring_find returns the key with an id, or NULL. It lives as long as the ring, trusted or not. */
const struct hm_public_key *hm_keyring_find(const struct hm_keyring *ring, const char *id);
