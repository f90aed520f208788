/* Keys: what is written, what is read back, and all that must not be trusted. */
#include "crypto/key.h"

#include <criterion/criterion.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/keys.h"

static struct test_keys keys;

static void init(void)
{
	test_keys_init(&keys);
}

static void fini(void)
{
	test_keys_fini(&keys);
}

TestSuite(key, .init = init, .fini = fini);

static const char *path_of(const char *file)
{
	static char path[256];

	snprintf(path, sizeof path, "%s/%s", keys.directory, file);
	return path;
}

static mode_t mode_of(const char *file)
{
	struct stat info;

	cr_assert_eq(stat(path_of(file), &info), 0);
	return info.st_mode & 07777;
}

static void write_text(const char *file, mode_t mode, const char *text)
{
	test_keys_write(&keys, file, mode, text, strlen(text));
}

static void move_file(const char *from, const char *to)
{
	char source[256];

	snprintf(source, sizeof source, "%s", path_of(from));
	cr_assert_eq(rename(source, path_of(to)), 0);
}

static void copy_file(const char *from, const char *to)
{
	char *text = test_keys_read(&keys, from);

	write_text(to, 0600, text);
	free(text);
}

static void ring_fails(hm_status expected)
{
	struct hm_keyring *ring = NULL;

	cr_expect_eq(hm_keyring_open(keys.directory, &ring), expected, "%s", hm_error_get()->message);
	cr_expect_null(ring);
}

static void open_fails(const char *name, hm_status expected)
{
	struct hm_secret_key *key = NULL;

	cr_expect_eq(hm_secret_key_open(keys.directory, name, &key), expected, "%s", hm_error_get()->message);
	cr_expect_null(key);
}

Test(key, signs_what_the_ring_can_verify)
{
	SCOPED(hm_secret_key) secret = test_keys_open(&keys, "identity");
	SCOPED(hm_keyring) ring = test_keys_ring(&keys);
	const struct hm_public_key *public = hm_secret_key_public(secret), *found;
	uint8_t signature[64];

	found = hm_keyring_find(ring, public->id);
	cr_assert(found);
	cr_expect_str_eq(found->name, "identity");
	cr_expect_eq(strlen(found->id), 11);
	hm_secret_key_sign(secret, "text", 4, signature);
	cr_expect_eq(crypto_sign_verify_detached(signature, (const uint8_t *)"text", 4, found->bytes), 0);
	cr_expect_neq(crypto_sign_verify_detached(signature, (const uint8_t *)"texT", 4, found->bytes), 0);
}

Test(key, id_is_the_beginning_of_the_public_keys_hash)
{
	SCOPED(hm_secret_key) secret = test_keys_open(&keys, "identity");
	const struct hm_public_key *public = hm_secret_key_public(secret);
	uint8_t hash[HM_HASH_BYTES];
	char id[HM_KEY_ID_BYTES];

	hm_hash(public->bytes, sizeof public->bytes, hash);
	hm_base64url_encode(hash, 8, id, sizeof id);
	cr_expect_str_eq(public->id, id);
}

Test(key, files_are_private_in_a_private_folder)
{
	char folder[128];
	struct stat info;

	snprintf(folder, sizeof folder, "%s/deep", keys.directory);
	umask(0);
	cr_assert_eq(hm_key_generate(folder, "service-patient_graph"), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(stat(folder, &info), 0);
	cr_expect_eq(info.st_mode & 07777, 0700);
	cr_expect_eq(mode_of("deep/service-patient_graph.key"), 0600);
	cr_expect_eq(mode_of("deep/service-patient_graph.pub"), 0644);
	cr_assert_eq(unlink(path_of("deep/service-patient_graph.key")), 0);
	cr_assert_eq(unlink(path_of("deep/service-patient_graph.pub")), 0);
	cr_assert_eq(rmdir(folder), 0, "a temporary file was left behind");
}

Test(key, is_never_overwritten)
{
	SCOPED(hm_secret_key) before = test_keys_open(&keys, "operator");
	SCOPED(hm_secret_key) after = NULL;

	cr_expect_eq(hm_key_generate(keys.directory, "operator"), HM_ALREADY_EXISTS);
	after = test_keys_open(&keys, "operator");
	cr_expect_str_eq(hm_secret_key_public(before)->id, hm_secret_key_public(after)->id);
}

Test(key, generates_both_files_or_none)
{
	write_text("operator.pub", 0644, "anything");
	cr_expect_eq(hm_key_generate(keys.directory, "operator"), HM_ALREADY_EXISTS);
	cr_expect_neq(access(path_of("operator.key"), F_OK), 0, "a secret half without its public one");
}

Test(key, refuses_names_that_are_not_names)
{
	static const char *const wrong[] = {
		"",   "../identity", "a/b",      "Identity",
		"1a", "-a",          "a b",      "a@1",
		".a", "a.b",         "\xc3\xa4", "a23456789012345678901234567890123456789012345678901234567890abcd"
	};

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		cr_expect_eq(hm_key_generate(keys.directory, wrong[i]), HM_INVALID_ARGUMENT, "%s", wrong[i]);
		open_fails(wrong[i], HM_INVALID_ARGUMENT);
	}
	cr_expect_eq(hm_key_generate(keys.directory, "b23456789012345678901234567890123456789012345678901234567890abc"),
		     HM_OK);
}

Test(key, refuses_a_secret_that_others_may_read)
{
	static const mode_t open_modes[] = { 0604, 0640, 0620, 0601, 0644, 0666 };
	SCOPED(hm_secret_key) key = test_keys_open(&keys, "identity");

	for (size_t i = 0; i < sizeof open_modes / sizeof *open_modes; i++) {
		cr_assert_eq(chmod(path_of("identity.key"), open_modes[i]), 0);
		open_fails("identity", HM_FAILED_PRECONDITION);
	}
	cr_assert_eq(chmod(path_of("identity.key"), 0400), 0);
	hm_secret_key_close(take(&key));
	cr_expect_eq(hm_secret_key_open(keys.directory, "identity", &key), HM_OK);
}

Test(key, refuses_what_is_missing_or_no_file)
{
	open_fails("identity", HM_NOT_FOUND);
	cr_assert_eq(mkfifo(path_of("identity.key"), 0600), 0);
	open_fails("identity", HM_FAILED_PRECONDITION);
	cr_expect_eq(hm_key_generate("/nonexistent/folder", "identity"), HM_UNAVAILABLE);
}

Test(key, refuses_files_that_are_not_exactly_of_the_form)
{
#define SEED "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
	static const struct {
		const char *text;
		size_t size;
	} wrong[] = {
#define TEXT(text) { text, sizeof text - 1 }
		TEXT(""),
		TEXT("\n"),
		TEXT("hallmark-key-1 identity " SEED), /* no end of line: cut off? */
		TEXT("hallmark-key-1 identity " SEED "\n\n"),
		TEXT("hallmark-key-1 identity " SEED " \n"),
		TEXT("hallmark-key-1 identity  " SEED "\n"),
		TEXT("hallmark-key-1  identity " SEED "\n"),
		TEXT("hallmark-key-2 identity " SEED "\n"),
		TEXT("hallmark-pub-1 identity " SEED "\n"),
		TEXT("hallmark-key-1 Identity " SEED "\n"),
		TEXT("hallmark-key-1 " SEED "\n"),
		TEXT("hallmark-key-1 identity " SEED "A\n"),
		TEXT("hallmark-key-1 identity " SEED "AA\n"), /* a byte too many */
		TEXT("hallmark-key-1 identity AAAA\n"),
		TEXT("hallmark-key-1 identity AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB\n"), /* loose bits */
		TEXT("hallmark-key-1 identity " SEED "=\n"),
		TEXT("hallmark-key-1 identity\0 " SEED "\n"),
		TEXT("hallmark-key-1 identity " SEED "\n\0"),
		TEXT("hallmark-key-1 operator " SEED "\n"), /* not what the file is called */
		TEXT("hallmark-key-1 identity@1 " SEED "\n"),
#undef TEXT
	};
	SCOPED(hm_secret_key) key = NULL;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		test_keys_write(&keys, "identity.key", 0600, wrong[i].text, wrong[i].size);
		open_fails("identity", HM_DATA_LOSS);
	}
	write_text("identity.key", 0600, "hallmark-key-1 identity " SEED "\n");
	cr_expect_eq(hm_secret_key_open(keys.directory, "identity", &key), HM_OK);
}

Test(key, errors_never_show_the_secret)
{
	write_text("identity.key", 0600, "hallmark-key-1 identity " SEED "SECRET\n");
	open_fails("identity", HM_DATA_LOSS);
	cr_expect(!strstr(hm_error_get()->message, "SECRET") && !strstr(hm_error_get()->message, SEED));
}

Test(key, opens_without_locked_memory)
{
	const struct rlimit none = { 0, 0 };
	SCOPED(hm_secret_key) key = NULL;

	cr_assert_eq(hm_key_generate(keys.directory, "identity"), HM_OK);
	cr_assert_eq(setrlimit(RLIMIT_MEMLOCK, &none), 0);
	cr_expect_eq(hm_secret_key_open(keys.directory, "identity", &key), HM_OK, "%s", hm_error_get()->message);
}

Test(key, close_accepts_nothing)
{
	hm_secret_key_close(NULL);
	hm_keyring_close(NULL);
}

/* ---- The ring */

Test(key, rotated_keys_are_trusted_beside_the_current)
{
	SCOPED(hm_secret_key) old = test_keys_open(&keys, "identity");
	SCOPED(hm_secret_key) new = NULL;
	SCOPED(hm_keyring) ring = NULL;

	move_file("identity.pub", "identity@1.pub");
	cr_assert_eq(unlink(path_of("identity.key")), 0);
	new = test_keys_open(&keys, "identity");
	ring = test_keys_ring(&keys);
	cr_assert(hm_keyring_find(ring, hm_secret_key_public(old)->id));
	cr_assert(hm_keyring_find(ring, hm_secret_key_public(new)->id));
	cr_expect_str_eq(hm_keyring_find(ring, hm_secret_key_public(old)->id)->name, "identity");
	cr_expect_str_neq(hm_secret_key_public(old)->id, hm_secret_key_public(new)->id);
}

Test(key, ring_takes_one_key_twice_under_one_name)
{
	SCOPED(hm_secret_key) key = test_keys_open(&keys, "identity");
	SCOPED(hm_keyring) ring = NULL;

	copy_file("identity.pub", "identity@1.pub");
	ring = test_keys_ring(&keys);
	cr_expect(hm_keyring_find(ring, hm_secret_key_public(key)->id));
}

Test(key, ring_refuses_one_key_under_two_names)
{
	char *text, *value;
	char other[256];

	hm_secret_key_close(test_keys_open(&keys, "service-cash"));
	text = test_keys_read(&keys, "service-cash.pub");
	value = strrchr(text, ' ');
	snprintf(other, sizeof other, "hallmark-pub-1 operator%s", value);
	write_text("operator.pub", 0644, other);
	free(text);
	ring_fails(HM_FAILED_PRECONDITION);
}

Test(key, ring_refuses_a_file_under_another_name)
{
	static const char *const wrong[] = { "operator.pub",    "identity@.pub", "identity@x.pub",
					     "identity@1x.pub", "identity1.pub", "service-identity.pub" };

	hm_secret_key_close(test_keys_open(&keys, "identity"));
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		copy_file("identity.pub", wrong[i]);
		ring_fails(HM_DATA_LOSS);
		cr_assert_eq(unlink(path_of(wrong[i])), 0);
	}
	hm_keyring_close(test_keys_ring(&keys));
}

Test(key, ring_refuses_points_of_small_order)
{
	write_text("operator.pub", 0644, "hallmark-pub-1 operator AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
	ring_fails(HM_INVALID_ARGUMENT);
}

Test(key, ring_refuses_files_and_folders_others_may_write)
{
	hm_secret_key_close(test_keys_open(&keys, "identity"));
	cr_assert_eq(chmod(path_of("identity.pub"), 0664), 0);
	ring_fails(HM_FAILED_PRECONDITION);
	cr_assert_eq(chmod(path_of("identity.pub"), 0444), 0);
	hm_keyring_close(test_keys_ring(&keys));
	cr_assert_eq(chmod(keys.directory, 0770), 0);
	ring_fails(HM_FAILED_PRECONDITION);
	cr_assert_eq(chmod(keys.directory, 0755), 0);
	hm_keyring_close(test_keys_ring(&keys));
}

Test(key, ring_leaves_other_files_alone)
{
	SCOPED(hm_keyring) ring = NULL;

	write_text("README", 0666, "keys");
	write_text(".hidden.pub", 0666, "not a key");
	write_text(".pub", 0666, "not a key");
	write_text("a.pub.bak", 0666, "not a key");
	ring = test_keys_ring(&keys);
	cr_expect_null(hm_keyring_find(ring, "AAAAAAAAAAA"));
}

Test(key, ring_finds_nothing_by_ids_that_are_none)
{
	static const char *const wrong[] = {
		"", "A", "AAAAAAAAAA", "AAAAAAAAAAAA", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "\xff"
	};
	SCOPED(hm_secret_key) key = test_keys_open(&keys, "identity");
	SCOPED(hm_keyring) ring = test_keys_ring(&keys);

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect_null(hm_keyring_find(ring, wrong[i]));
}

Test(key, ring_finds_each_of_many)
{
	enum { MANY = 100 };
	char name[HM_KEY_NAME_BYTES], ids[MANY][HM_KEY_ID_BYTES];
	SCOPED(hm_keyring) ring = NULL;

	for (int i = 0; i < MANY; i++) {
		SCOPED(hm_secret_key) key = NULL;

		snprintf(name, sizeof name, "service-x%d", i);
		key = test_keys_open(&keys, name);
		memcpy(ids[i], hm_secret_key_public(key)->id, HM_KEY_ID_BYTES);
	}
	ring = test_keys_ring(&keys);
	for (int i = 0; i < MANY; i++) {
		const struct hm_public_key *key = hm_keyring_find(ring, ids[i]);

		snprintf(name, sizeof name, "service-x%d", i);
		cr_assert(key, "%s", ids[i]);
		cr_expect_str_eq(key->name, name);
	}
}

Test(key, ring_needs_its_folder)
{
	struct hm_keyring *ring = NULL;

	cr_expect_eq(hm_keyring_open("/nonexistent/folder", &ring), HM_NOT_FOUND);
}

/* ---- Rotation */

Test(key, rotation_keeps_what_was_signed_believed_until_it_is_retired)
{
	SCOPED(hm_secret_key) old = test_keys_open(&keys, "identity");
	SCOPED(hm_secret_key) new = NULL;
	SCOPED(hm_keyring) ring = test_keys_ring(&keys);
	const char *old_id = hm_secret_key_public(old)->id, *new_id;

	cr_assert_eq(hm_key_stage(keys.directory, "identity"), HM_OK, "%s", hm_error_get()->message);
	cr_expect_eq(hm_key_retire(keys.directory, "identity"), HM_FAILED_PRECONDITION);
	cr_assert_eq(hm_key_activate(keys.directory, "identity"), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(hm_secret_key_open(keys.directory, "identity", &new), HM_OK);
	new_id = hm_secret_key_public(new)->id;
	cr_expect_str_neq(new_id, old_id);

	cr_expect_eq(hm_keyring_generation(ring), 0);
	cr_expect_null(hm_keyring_find(ring, new_id));
	cr_assert_eq(hm_keyring_refresh(ring), HM_OK);
	cr_expect_eq(hm_keyring_generation(ring), 1);
	cr_expect(hm_keyring_find(ring, old_id));
	cr_expect(hm_keyring_find(ring, new_id));

	cr_assert_eq(hm_key_retire(keys.directory, "identity"), HM_OK);
	cr_assert_eq(hm_keyring_refresh(ring), HM_OK);
	cr_expect_null(hm_keyring_find(ring, old_id));
	cr_expect(hm_keyring_find(ring, new_id));
	cr_assert_eq(hm_keyring_refresh(ring), HM_OK);
	cr_expect_eq(hm_keyring_generation(ring), 2);
}

Test(key, rotates_again_and_again)
{
	SCOPED(hm_keyring) ring = NULL;

	hm_secret_key_close(test_keys_open(&keys, "identity"));
	hm_secret_key_close(test_keys_open(&keys, "identity-other"));
	for (int i = 0; i < 12; i++) {
		SCOPED(hm_secret_key) key = NULL;

		cr_assert_eq(hm_key_stage(keys.directory, "identity"), HM_OK, "%s", hm_error_get()->message);
		cr_assert_eq(hm_key_activate(keys.directory, "identity"), HM_OK);
		cr_assert_eq(hm_key_retire(keys.directory, "identity"), HM_OK);
		cr_assert_eq(hm_secret_key_open(keys.directory, "identity", &key), HM_OK);
		hm_keyring_close(ring);
		ring = test_keys_ring(&keys);
		cr_expect(hm_keyring_find(ring, hm_secret_key_public(key)->id));
	}
	cr_expect_eq(hm_key_activate(keys.directory, "identity"), HM_NOT_FOUND);
	cr_expect_eq(hm_key_stage(keys.directory, "nobody"), HM_NOT_FOUND);
}

Test(key, a_ring_that_cannot_be_read_again_stays_as_it_was)
{
	SCOPED(hm_secret_key) key = test_keys_open(&keys, "identity");
	SCOPED(hm_keyring) ring = test_keys_ring(&keys);

	write_text("service-x.pub", 0644, "not a key");
	cr_expect_eq(hm_keyring_refresh(ring), HM_DATA_LOSS);
	cr_expect(hm_keyring_find(ring, hm_secret_key_public(key)->id));
}
