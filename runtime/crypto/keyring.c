/*
 * Keyring: the public keys of a folder, sorted by id. A file that is not as it should be fails the whole ring: a process
 * that trusts fewer keys than its operator thinks fails later and worse. Readers take no lock: a refresh that finds other keys puts a new
 * set in the place of the former, which stays in memory, as keys change a few times a year.
 */
#include <dirent.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/key_file.h"

enum { KEYS_MAX = 4096, STEM_BYTES = 256 };

struct key_set {
	size_t n, capacity;
	struct hm_public_key *keys;
	uint64_t generation;
	struct key_set *former;
};

struct hm_keyring {
	_Atomic(struct key_set *) now;
	pthread_mutex_t refreshing;
	char directory[];
};

static void key_set_close(struct key_set *set)
{
	if (!set)
		return;
	free(set->keys);
	free(set);
}
HM_SCOPED(key_set, key_set_close)

static int compare_ids(const void *a, const void *b)
{
	const struct hm_public_key *left = a, *right = b;

	return memcmp(left->id, right->id, HM_KEY_ID_BYTES);
}

static hm_status set_add(struct key_set *set, const struct hm_public_key *key)
{
	if (set->n == KEYS_MAX)
		return hm_raise(RESOURCE_EXHAUSTED, "more than %d keys in one folder", KEYS_MAX);
	if (set->n == set->capacity) {
		size_t capacity = set->capacity ? set->capacity * 2 : 32;
		struct hm_public_key *keys = reallocarray(set->keys, capacity, sizeof *keys);

		if (!keys)
			return hm_raise(RESOURCE_EXHAUSTED, "no memory for %zu keys", capacity);
		set->keys = keys;
		set->capacity = capacity;
	}
	set->keys[set->n++] = *key;
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

static hm_status read_keys(struct key_set *set, const char *directory, DIR *stream)
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
		TRY(set_add(set, &key));
	}
	return errno ? hm_raise_errno(UNAVAILABLE, "cannot read the folder %s", directory) : HM_OK;
}

/* One id is one key under one name: else the same signature would count as another signer's. The same file twice, as
 * there may be for a moment while a key is rotated, is no harm. */
static hm_status check_ids(const struct key_set *set)
{
	for (size_t i = 1; i < set->n; i++) {
		const struct hm_public_key *before = &set->keys[i - 1], *key = &set->keys[i];

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

static hm_status set_fill(struct key_set *set, const char *directory)
{
	DIR *stream = opendir(directory);
	hm_status status;

	if (!stream)
		return errno == ENOENT ? hm_raise(NOT_FOUND, "no folder of keys at %s", directory)
				       : hm_raise_errno(UNAVAILABLE, "cannot open the folder %s", directory);
	status = check_directory(directory, stream);
	if (status == HM_OK)
		status = read_keys(set, directory, stream);
	closedir(stream);
	return status;
}

static hm_status set_open(const char *directory, struct key_set **ret_set)
{
	SCOPED(key_set) set = calloc(1, sizeof *set);

	if (!set)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a key ring");
	TRY(set_fill(set, directory));
	if (set->n)
		qsort(set->keys, set->n, sizeof *set->keys, compare_ids);
	TRY(check_ids(set));
	*ret_set = take(&set);
	return HM_OK;
}

hm_status hm_keyring_open(const char *directory, struct hm_keyring **ret_ring)
{
	size_t size = strlen(directory) + 1;
	struct hm_keyring *ring;
	struct key_set *set;

	TRY(set_open(directory, &set));
	ring = calloc(1, sizeof *ring + size);
	if (!ring) {
		key_set_close(set);
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a key ring");
	}
	memcpy(ring->directory, directory, size);
	pthread_mutex_init(&ring->refreshing, NULL);
	atomic_store(&ring->now, set);
	*ret_ring = ring;
	return HM_OK;
}

static bool is_same(const struct key_set *a, const struct key_set *b)
{
	return a->n == b->n && (!a->n || !memcmp(a->keys, b->keys, a->n * sizeof *a->keys));
}

static hm_status refresh(struct hm_keyring *ring)
{
	struct key_set *set, *former = atomic_load(&ring->now);

	TRY(set_open(ring->directory, &set));
	if (is_same(set, former)) {
		key_set_close(set);
		return HM_OK;
	}
	set->former = former;
	set->generation = former->generation + 1;
	atomic_store(&ring->now, set);
	return HM_OK;
}

hm_status hm_keyring_refresh(struct hm_keyring *ring)
{
	hm_status status;

	pthread_mutex_lock(&ring->refreshing);
	status = refresh(ring);
	pthread_mutex_unlock(&ring->refreshing);
	return status;
}

void hm_keyring_close(struct hm_keyring *ring)
{
	struct key_set *set = ring ? atomic_load(&ring->now) : NULL;

	if (!ring)
		return;
	while (set) {
		struct key_set *former = set->former;

		key_set_close(set);
		set = former;
	}
	pthread_mutex_destroy(&ring->refreshing);
	free(ring);
}

uint64_t hm_keyring_generation(const struct hm_keyring *ring)
{
	return atomic_load(&ring->now)->generation;
}

const struct hm_public_key *hm_keyring_find(const struct hm_keyring *ring, const char *id)
{
	const struct key_set *set = atomic_load(&ring->now);
	struct hm_public_key wanted = { 0 };
	size_t size = strlen(id);

	if (size >= sizeof wanted.id || !set->n)
		return NULL;
	memcpy(wanted.id, id, size);
	return bsearch(&wanted, set->keys, set->n, sizeof wanted, compare_ids);
}
