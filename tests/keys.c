/* Keys for tests: a folder under /tmp, mode 0700 as mkdtemp makes it. */
#include "tests/keys.h"

#include <criterion/criterion.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

void test_keys_init(struct test_keys *keys)
{
	cr_assert_eq(hm_crypto_init(), HM_OK);
	snprintf(keys->directory, sizeof keys->directory, "/tmp/hallmark-keys-XXXXXX");
	cr_assert(mkdtemp(keys->directory));
}

void test_keys_fini(struct test_keys *keys)
{
	DIR *stream = opendir(keys->directory);
	struct dirent *entry;

	cr_assert(stream);
	while ((entry = readdir(stream)))
		unlinkat(dirfd(stream), entry->d_name, 0); /* "." and ".." refuse */
	closedir(stream);
	cr_assert_eq(rmdir(keys->directory), 0);
}

struct hm_secret_key *test_keys_open(const struct test_keys *keys, const char *name)
{
	struct hm_secret_key *key = NULL;
	hm_status status = hm_key_generate(keys->directory, name);

	cr_assert(status == HM_OK || status == HM_ALREADY_EXISTS, "%s", hm_error_get()->message);
	cr_assert_eq(hm_secret_key_open(keys->directory, name, &key), HM_OK, "%s", hm_error_get()->message);
	return key;
}

struct hm_keyring *test_keys_ring(const struct test_keys *keys)
{
	struct hm_keyring *ring = NULL;

	cr_assert_eq(hm_keyring_open(keys->directory, &ring), HM_OK, "%s", hm_error_get()->message);
	return ring;
}

static FILE *open_file(const struct test_keys *keys, const char *file, const char *how)
{
	char path[512];
	FILE *stream;

	snprintf(path, sizeof path, "%s/%s", keys->directory, file);
	stream = fopen(path, how);
	cr_assert(stream, "%s", path);
	return stream;
}

void test_keys_write(const struct test_keys *keys, const char *file, mode_t mode, const char *bytes, size_t size)
{
	FILE *stream = open_file(keys, file, "w");

	cr_assert_eq(fwrite(bytes, 1, size, stream), size);
	cr_assert_eq(fchmod(fileno(stream), mode), 0);
	cr_assert_eq(fclose(stream), 0);
}

char *test_keys_read(const struct test_keys *keys, const char *file)
{
	char *text = calloc(1, 4096);
	FILE *stream = open_file(keys, file, "r");

	cr_assert(text);
	cr_assert_lt(fread(text, 1, 4095, stream), 4095);
	fclose(stream);
	return text;
}
