/* Rotation: what is looked at is small and changes a few times a year; a secret is read only when its file is another. */
#include "host/rotation.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "host/sweeper.h"

enum { PERIOD_MS = 330, PATH_BYTES = 4096 }; /* at most 495 ms between two looks */

/* The key a service signs with, and those it signed with before, as calls under way may still. */
struct signer {
	const struct hm_service *service;
	struct stat seen; /* of the file as it was last read */
	struct hm_secret_key **keys; /* read since the start */
	size_t n_keys;
};

struct hm_rotation {
	char *directory;
	struct hm_keyring *ring;
	struct hm_guard *guard;
	struct hm_sweeper *sweeper;
	size_t n_signers;
	struct signer signers[];
};

static hm_status look_at_file(const struct hm_rotation *rotation, const struct signer *signer, struct stat *ret_info)
{
	char path[PATH_BYTES];

	if (snprintf(path, sizeof path, "%s/%s.key", rotation->directory, signer->service->signing_key) >= PATH_BYTES)
		return hm_raise(INVALID_ARGUMENT, "the keys folder's path is too long");
	return stat(path, ret_info) ? hm_raise_errno(UNAVAILABLE, "%s", path) : HM_OK;
}

static bool is_as_seen(const struct stat *seen, const struct stat *info)
{
	return seen->st_ino == info->st_ino && seen->st_ctim.tv_sec == info->st_ctim.tv_sec &&
	       seen->st_ctim.tv_nsec == info->st_ctim.tv_nsec;
}

static void keep(struct signer *signer, struct hm_secret_key *key)
{
	signer->keys = reallocarray(signer->keys, signer->n_keys + 1, sizeof *signer->keys);
	if (!signer->keys)
		abort();
	signer->keys[signer->n_keys++] = key;
}

/* A key that others could not believe yet is left for a later look. */
static hm_status look_at(const struct hm_rotation *rotation, struct signer *signer)
{
	SCOPED(hm_secret_key) key = NULL;
	struct stat info;

	TRY(look_at_file(rotation, signer, &info));
	if (is_as_seen(&signer->seen, &info))
		return HM_OK;
	TRY(hm_secret_key_open(rotation->directory, signer->service->signing_key, &key));
	if (!hm_keyring_find(rotation->ring, hm_secret_key_public(key)->id))
		return hm_raise(FAILED_PRECONDITION, "the new key of \"%s\" has no public half in %s",
				signer->service->signing_key, rotation->directory);
	hm_guard_set_signing_key(rotation->guard, signer->service, key);
	keep(signer, take(&key));
	signer->seen = info;
	return HM_OK;
}

static hm_status look(void *user)
{
	struct hm_rotation *rotation = user;
	hm_status status = hm_keyring_refresh(rotation->ring);

	for (size_t i = 0; i < rotation->n_signers && status == HM_OK; i++)
		status = look_at(rotation, &rotation->signers[i]);
	return status;
}

hm_status hm_rotation_open(const char *keys, struct hm_keyring *ring, struct hm_guard *guard,
			   const struct hm_guarded *services, size_t n_services, struct hm_rotation **ret_rotation)
{
	struct hm_rotation *rotation = calloc(1, sizeof *rotation + n_services * sizeof *rotation->signers);
	hm_status status;

	if (!rotation)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory to watch keys");
	rotation->directory = strdup(keys);
	if (!rotation->directory)
		abort();
	rotation->ring = ring;
	rotation->guard = guard;
	for (size_t i = 0; i < n_services; i++)
		if (services[i].service->signing_key)
			rotation->signers[rotation->n_signers++].service = services[i].service;
	status = hm_sweeper_open(look, rotation, PERIOD_MS, "keys cannot be read again: those that were are used",
				 &rotation->sweeper);
	if (status == HM_OK)
		*ret_rotation = rotation;
	else
		hm_rotation_close(rotation);
	return status;
}

void hm_rotation_stop(struct hm_rotation *rotation)
{
	if (!rotation)
		return;
	hm_sweeper_close(rotation->sweeper);
	rotation->sweeper = NULL;
}

void hm_rotation_close(struct hm_rotation *rotation)
{
	if (!rotation)
		return;
	hm_rotation_stop(rotation);
	for (size_t i = 0; i < rotation->n_signers; i++) {
		for (size_t j = 0; j < rotation->signers[i].n_keys; j++)
			hm_secret_key_close(rotation->signers[i].keys[j]);
		free(rotation->signers[i].keys);
	}
	free(rotation->directory);
	free(rotation);
}
