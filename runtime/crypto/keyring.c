/*
 * Keyring: the public keys of a folder, sorted by id. A file that is not as it should be fails the whole ring: a process
 * that trusts fewer keys than its operator thinks fails later and worse.
 */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/key_file.h"

enum { KEYS_MAX = 4096, STEM_BYTES = 256 };

struct hm_keyring {
	size_t n, capacity;
	struct hm_public_key *keys;
};

static int compare_ids(const void *a, const void *b)
{
	const struct hm_public_key *left = a, *right = b;

	return memcmp(left->id, right->id, HM_KEY_ID_BYTES);
}

static hm_status ring_add(struct hm_keyring *ring, const struct hm_public_key *key)
{
	if (ring->n == KEYS_MAX)
		return hm_raise(RESOURCE_EXHAUSTED, "more than %d keys in one folder", KEYS_MAX);
	if (ring->n == ring->capacity) {
		size_t capacity = ring->capacity ? ring->capacity * 2 : 32;
		struct hm_public_key *keys = reallocarray(ring->keys, capacity, sizeof *keys);

		if (!keys)
			return hm_raise(RESOURCE_EXHAUSTED, "no memory for %zu keys", capacity);
		ring->keys = keys;
		ring->capacity = capacity;
	}
	ring->keys[ring->n++] = *key;
	return HM_OK;
}

/* The stem of "<stem>.pub"; false for every other file, and for hidden ones. */
static bool stem_of(const char *file, char ret_stem[STEM_BYTES])
{
	size_t size = strlen(file), suffix = strlen(hm_key_file_public.suffix);

	if (file[0] == '.' || size <= suffix || size >= STEM_BYTES ||
	    strcmp(file + size - suffix, hm_key_file_public.suffix) != 0)
		return false;
	memcpy(ret_stem, file, size - suffix);
	ret_stem[size - suffix] = '\0';
	return true;
}

static hm_status read_keys(struct hm_keyring *ring, const char *directory, DIR *stream)
{
	struct dirent *entry;
	char stem[STEM_BYTES];

	while (errno = 0, (entry = readdir(stream))) {
		struct hm_key_file file;
		struct hm_public_key key;

		if (!stem_of(entry->d_name, stem))
			continue;
		TRY(hm_key_file_read(&hm_key_file_public, directory, stem, &file));
		TRY(hm_public_key_make(file.name, file.value, &key));
		TRY(ring_add(ring, &key));
	}
	return errno ? hm_raise_errno(UNAVAILABLE, "cannot read the folder %s", directory) : HM_OK;
}

/* One id is one key under one name: else the same signature would count as another signer's. The same file twice, as
 * there may be for a moment while a key is rotated, is no harm. */
static hm_status check_ids(const struct hm_keyring *ring)
{
	for (size_t i = 1; i < ring->n; i++) {
		const struct hm_public_key *before = &ring->keys[i - 1], *key = &ring->keys[i];

		if (!compare_ids(before, key) && memcmp(before, key, sizeof *key) != 0)
			return hm_raise(FAILED_PRECONDITION, "the key %s is trusted as both \"%s\" and \"%s\"", key->id,
					before->name, key->name);
	}
	return HM_OK;
}

/* Whoever may write into the folder may add a key to trust. */
static hm_status check_directory(const char *directory, DIR *stream)
{
	struct stat info;

	if (fstat(dirfd(stream), &info))
		return hm_raise_errno(UNAVAILABLE, "%s", directory);
	if ((info.st_uid != geteuid() && info.st_uid != 0) || info.st_mode & 022)
		return hm_raise(FAILED_PRECONDITION, "others may write into the folder of keys %s: chmod 700 %s",
				directory, directory);
	return HM_OK;
}

static hm_status ring_fill(struct hm_keyring *ring, const char *directory)
{
	DIR *stream = opendir(directory);
	hm_status status;

	if (!stream)
		return errno == ENOENT ? hm_raise(NOT_FOUND, "no folder of keys at %s", directory)
				       : hm_raise_errno(UNAVAILABLE, "cannot open the folder %s", directory);
	status = check_directory(directory, stream);
	if (status == HM_OK)
		status = read_keys(ring, directory, stream);
	closedir(stream);
	return status;
}

hm_status hm_keyring_open(const char *directory, struct hm_keyring **ret_ring)
{
	SCOPED(hm_keyring) ring = calloc(1, sizeof *ring);

	if (!ring)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a key ring");
	TRY(ring_fill(ring, directory));
	if (ring->n)
		qsort(ring->keys, ring->n, sizeof *ring->keys, compare_ids);
	TRY(check_ids(ring));
	*ret_ring = take(&ring);
	return HM_OK;
}

void hm_keyring_close(struct hm_keyring *ring)
{
	if (!ring)
		return;
	free(ring->keys);
	free(ring);
}

const struct hm_public_key *hm_keyring_find(const struct hm_keyring *ring, const char *id)
{
	struct hm_public_key wanted = { 0 };
	size_t size = strlen(id);

	if (size >= sizeof wanted.id || !ring->n)
		return NULL;
	memcpy(wanted.id, id, size);
	return bsearch(&wanted, ring->keys, ring->n, sizeof wanted, compare_ids);
}
