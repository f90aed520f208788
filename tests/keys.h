/*
 * Keys for tests: a private folder that goes with the test, keys made in it as they are asked for. Everything that fails
 * here fails the test.
 */
#pragma once
#include <sys/types.h>

#include "crypto/key.h"

struct test_keys {
	char directory[64];
};

/* test_keys_init starts crypto and makes the folder; fini removes it and all that is in it. */
void test_keys_init(struct test_keys *keys);
void test_keys_fini(struct test_keys *keys);

/* test_keys_open returns the secret key of a name, made if it is not there; the caller closes it. */
struct hm_secret_key *test_keys_open(const struct test_keys *keys, const char *name);

/* test_keys_ring returns the ring of the folder's public keys; the caller closes it. */
struct hm_keyring *test_keys_ring(const struct test_keys *keys);

/* test_keys_write puts a file of size bytes into the folder; test_keys_read returns one as text, to be freed. */
void test_keys_write(const struct test_keys *keys, const char *file, mode_t mode, const char *bytes, size_t size);
char *test_keys_read(const struct test_keys *keys, const char *file);
