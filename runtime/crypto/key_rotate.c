/*
 * Rotation: the next pair beside the current, in its place, and the former ones gone. Each step is one file made, renamed or removed, so
 * that whoever reads the folder meanwhile finds the keys of before or of after, and never fewer than both need.
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "crypto/key.h"
#include "crypto/key_file.h"

enum { STEM_BYTES = 256 };

/* What a folder holds of one name. */
struct found {
	unsigned long highest, highest_staged; /* of <name>@<number>, .key or .pub; .key alone. 0: none */
};

/* Whether a file is <stem><suffix> of the name; *ret_number: 0 without "@". */
static bool is_of(const char *file, const char *name, const char *suffix, char ret_stem[STEM_BYTES],
		  unsigned long *ret_number)
{
	size_t size = strlen(file), tail = strlen(suffix);

	if (size <= tail || size - tail >= STEM_BYTES || strcmp(file + size - tail, suffix) != 0)
		return false;
	memcpy(ret_stem, file, size - tail);
	ret_stem[size - tail] = '\0';
	if (!hm_key_stem_matches(ret_stem, name))
		return false;
	*ret_number = ret_stem[strlen(name)] ? strtoul(ret_stem + strlen(name) + 1, NULL, 10) : 0;
	return true;
}

static hm_status raise_folder(const char *directory)
{
	return hm_raise_errno(UNAVAILABLE, "cannot read the folder %s", directory);
}

static hm_status look(const char *directory, const char *name, struct found *ret_found)
{
	DIR *stream = opendir(directory);
	struct dirent *entry;
	char stem[STEM_BYTES];
	unsigned long number;

	*ret_found = (struct found){ 0 };
	if (!stream)
		return raise_folder(directory);
	while ((entry = readdir(stream))) {
		bool is_secret = is_of(entry->d_name, name, hm_key_file_secret.suffix, stem, &number);

		if (!is_secret && !is_of(entry->d_name, name, hm_key_file_public.suffix, stem, &number))
			continue;
		if (number > ret_found->highest)
			ret_found->highest = number;
		if (is_secret && number > ret_found->highest_staged)
			ret_found->highest_staged = number;
	}
	closedir(stream);
	return HM_OK;
}

hm_status hm_key_stage(const char *directory, const char *name)
{
	SCOPED(hm_secret_key) current = NULL;
	char stem[STEM_BYTES];
	struct found found;

	TRY(hm_secret_key_open(directory, name, &current));
	TRY(look(directory, name, &found));
	snprintf(stem, sizeof stem, "%s@%lu", name, found.highest + 1);
	return hm_key_make(directory, name, stem);
}

hm_status hm_key_activate(const char *directory, const char *name)
{
	char from[HM_KEY_PATH_BYTES], to[HM_KEY_PATH_BYTES];
	struct found found;

	TRY(look(directory, name, &found));
	if (!found.highest_staged)
		return hm_raise(NOT_FOUND, "no key of \"%s\" is staged in %s", name, directory);
	if (snprintf(from, sizeof from, "%s/%s@%lu%s", directory, name, found.highest_staged,
		     hm_key_file_secret.suffix) >= HM_KEY_PATH_BYTES)
		return hm_raise(INVALID_ARGUMENT, "the folder's path is too long for a key file");
	snprintf(to, sizeof to, "%s/%s%s", directory, name, hm_key_file_secret.suffix);
	return rename(from, to) ? hm_raise_errno(UNAVAILABLE, "cannot rename %s", from) : HM_OK;
}

/* A public half that is not the current pair's. */
static hm_status retire_one(const char *directory, const char *stem, const struct hm_public_key *current)
{
	struct hm_key_file file;
	struct hm_public_key key;

	TRY(hm_key_file_read(&hm_key_file_public, directory, stem, &file));
	TRY(hm_public_key_make(file.name, file.value, &key));
	if (strcmp(key.id, current->id) != 0)
		hm_key_file_remove(&hm_key_file_public, directory, stem);
	return HM_OK;
}

static hm_status retire(const char *directory, const char *name, const struct hm_public_key *current, DIR *stream)
{
	struct dirent *entry;
	char stem[STEM_BYTES];
	unsigned long number;

	while ((entry = readdir(stream)))
		if (is_of(entry->d_name, name, hm_key_file_public.suffix, stem, &number))
			TRY(retire_one(directory, stem, current));
	return HM_OK;
}

hm_status hm_key_retire(const char *directory, const char *name)
{
	SCOPED(hm_secret_key) current = NULL;
	struct found found;
	hm_status status;
	DIR *stream;

	TRY(hm_secret_key_open(directory, name, &current));
	TRY(look(directory, name, &found));
	if (found.highest_staged)
		return hm_raise(FAILED_PRECONDITION, "a key of \"%s\" is staged: activate it first, or remove it",
				name);
	stream = opendir(directory);
	if (!stream)
		return raise_folder(directory);
	status = retire(directory, name, hm_secret_key_public(current), stream);
	closedir(stream);
	return status;
}
