/*
 * Key file: one line of text with one key in it, secret or public. Private to crypto.
 *
 *     hallmark-key-1 identity 5dGxW…43 characters…\n
 *     magic          name     base64url of 32 bytes: the seed of a pair, or its public key
 *
 * Files are written whole or not at all, and never over another. They are read only if nobody else could have changed
 * them (nor read them, if secret): owned by this user or root, and without the mode bits that would let others.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/status.h"
#include "crypto/key.h"

enum { HM_KEY_FILE_BYTES = 160, HM_KEY_FILE_VALUE_BYTES = 32, HM_KEY_PATH_BYTES = 4096 };

/* The two kinds there are; const data of key_file.c. */
struct hm_key_file_kind {
	const char *magic, *suffix;
	mode_t mode, forbidden_mode;
};
extern const struct hm_key_file_kind hm_key_file_secret, hm_key_file_public;

/* What a file says. It holds the text too, so that all of a secret stays where the caller put this. */
struct hm_key_file {
	char name[HM_KEY_NAME_BYTES];
	uint8_t value[HM_KEY_FILE_VALUE_BYTES];
	char text[HM_KEY_FILE_BYTES];
};

/* hm_key_name_valid: a lower-case letter, then letters, digits, "-" and "_"; at most HM_KEY_NAME_BYTES - 1. */
bool hm_key_name_valid(const char *name, size_t length);

/* hm_key_file_read reads <directory>/<stem><suffix>. The stem is the name, or <name>@<number> for a public key; a file that
 * says another name is refused. NOT_FOUND, FAILED_PRECONDITION (too open), DATA_LOSS (not of the form). */
hm_status hm_key_file_read(const struct hm_key_file_kind *kind, const char *directory, const char *stem,
			   struct hm_key_file *ret_file);

/* hm_key_file_write writes name and value to <directory>/<stem><suffix>, durably. ALREADY_EXISTS if there is one. */
hm_status hm_key_file_write(const struct hm_key_file_kind *kind, const char *directory, const char *stem,
			    struct hm_key_file *file);

/* hm_key_file_remove undoes a write. */
void hm_key_file_remove(const struct hm_key_file_kind *kind, const char *directory, const char *stem);

/* hm_key_stem_matches says whether a stem is the name's, or <name>@<number>. */
bool hm_key_stem_matches(const char *stem, const char *name);

/* hm_key_make writes a new pair of a name to <directory>/<stem>.key and .pub, both or neither. (key.c) */
hm_status hm_key_make(const char *directory, const char *name, const char *stem);

/* hm_public_key_make fills name and id around a public key; INVALID_ARGUMENT if the bytes are no usable Ed25519 key. */
hm_status hm_public_key_make(const char *name, const uint8_t bytes[static HM_PUBLIC_KEY_BYTES],
			     struct hm_public_key *ret_key);
