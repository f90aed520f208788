/* Key file: reading with suspicion, writing atomically (a temporary file, then link(2), which replaces nothing). */
#include "crypto/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"

const struct hm_key_file_kind hm_key_file_secret = { "hallmark-key-1", ".key", 0600, 077 };
const struct hm_key_file_kind hm_key_file_public = { "hallmark-pub-1", ".pub", 0644, 022 };

bool hm_key_name_valid(const char *name, size_t length)
{
	if (length == 0 || length >= HM_KEY_NAME_BYTES || name[0] < 'a' || name[0] > 'z')
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789-_") >= length;
}

static hm_status make_path(const char *directory, const char *stem, const char *suffix,
			   char ret_path[HM_KEY_PATH_BYTES])
{
	int length = snprintf(ret_path, HM_KEY_PATH_BYTES, "%s/%s%s", directory, stem, suffix);

	if (length < 0 || length >= HM_KEY_PATH_BYTES)
		return hm_raise(INVALID_ARGUMENT, "the folder's path is too long for a key file: %.64s…", directory);
	return HM_OK;
}

static hm_status check_mode(const struct hm_key_file_kind *kind, const char *path, int descriptor)
{
	struct stat info;

	if (fstat(descriptor, &info))
		return hm_raise_errno(UNAVAILABLE, "%s", path);
	if (!S_ISREG(info.st_mode))
		return hm_raise(FAILED_PRECONDITION, "%s is not a regular file", path);
	if (info.st_uid != geteuid() && info.st_uid != 0)
		return hm_raise(FAILED_PRECONDITION, "%s belongs to user %u; a key must be its user's own", path,
				(unsigned)info.st_uid);
	if (info.st_mode & kind->forbidden_mode)
		return hm_raise(FAILED_PRECONDITION, "%s has mode %03o, too open for a key: chmod %03o %s", path,
				(unsigned)info.st_mode & 0777, (unsigned)kind->mode, path);
	return HM_OK;
}

/* Reads the whole file as text; nothing is left of one that has a NUL inside, or does not fit. */
static hm_status read_text(int descriptor, const char *path, char ret_text[HM_KEY_FILE_BYTES])
{
	size_t size = 0;
	ssize_t got;

	do {
		got = read(descriptor, ret_text + size, HM_KEY_FILE_BYTES - 1 - size);
		if (got < 0 && errno != EINTR)
			return hm_raise_errno(UNAVAILABLE, "cannot read %s", path);
		if (got > 0)
			size += (size_t)got;
	} while (got && size < HM_KEY_FILE_BYTES - 1);
	if (size == HM_KEY_FILE_BYTES - 1 || memchr(ret_text, 0, size))
		size = 0;
	ret_text[size] = '\0';
	return HM_OK;
}

static hm_status read_file(const struct hm_key_file_kind *kind, const char *path, char ret_text[HM_KEY_FILE_BYTES])
{
	int descriptor = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe in its place must not hold us up */
	hm_status status;

	if (descriptor < 0)
		return errno == ENOENT ? hm_raise(NOT_FOUND, "no key at %s", path)
				       : hm_raise_errno(UNAVAILABLE, "cannot open %s", path);
	status = check_mode(kind, path, descriptor);
	if (status == HM_OK)
		status = read_text(descriptor, path, ret_text);
	close(descriptor);
	return status;
}

/* "<magic> <name> <value>\n", with single blanks and nothing else. */
static bool parse_text(const struct hm_key_file_kind *kind, struct hm_key_file *file)
{
	size_t magic_size = strlen(kind->magic), name_size, value_size, got;
	const char *name = file->text + magic_size + 1, *value;

	if (strncmp(file->text, kind->magic, magic_size) || file->text[magic_size] != ' ')
		return false;
	name_size = strcspn(name, " ");
	if (!name[name_size] || !hm_key_name_valid(name, name_size))
		return false;
	value = name + name_size + 1;
	value_size = strcspn(value, "\n");
	if (value[value_size] != '\n' || value[value_size + 1] ||
	    !hm_base64url_decode(value, value_size, file->value, sizeof file->value, &got) || got != sizeof file->value)
		return false;
	memcpy(file->name, name, name_size);
	file->name[name_size] = '\0';
	return true;
}

/* The stem of a file named after its key: "<name>", or "<name>@<number>" beside it while keys are rotated. */
bool hm_key_stem_matches(const char *stem, const char *name)
{
	size_t size = strlen(name);

	if (strncmp(stem, name, size))
		return false;
	stem += size;
	return !*stem || (stem[0] == '@' && stem[1] && !stem[1 + strspn(stem + 1, "0123456789")]);
}

hm_status hm_key_file_read(const struct hm_key_file_kind *kind, const char *directory, const char *stem,
			   struct hm_key_file *ret_file)
{
	char path[HM_KEY_PATH_BYTES];

	TRY(make_path(directory, stem, kind->suffix, path));
	TRY(read_file(kind, path, ret_file->text));
	if (!parse_text(kind, ret_file))
		return hm_raise(DATA_LOSS, "%s is not of the form \"%s <name> <base64url>\"", path, kind->magic);
	if (!hm_key_stem_matches(stem, ret_file->name))
		return hm_raise(DATA_LOSS, "%s says it is the key of \"%s\": not what its file is called", path,
				ret_file->name);
	return HM_OK;
}

static bool write_durably(int descriptor, const char *text, mode_t mode)
{
	size_t size = strlen(text), written = 0;

	while (written < size) {
		ssize_t part = write(descriptor, text + written, size - written);

		if (part < 0 && errno != EINTR)
			return false;
		if (part > 0)
			written += (size_t)part;
	}
	return !fchmod(descriptor, mode) && !fsync(descriptor);
}

static void sync_directory(const char *directory)
{
	int descriptor = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (descriptor < 0)
		return;
	(void)fsync(descriptor); /* not every file system can; the key itself is on disk */
	close(descriptor);
}

/* Writes the text to a temporary file and gives it its name, if that is free. */
static hm_status write_file(const struct hm_key_file_kind *kind, const char *directory, const char *path,
			    const char *text)
{
	char temporary[HM_KEY_PATH_BYTES];
	hm_status status = HM_OK;
	int descriptor;

	TRY(make_path(directory, ".new-", "XXXXXX", temporary));
	descriptor = mkostemp(temporary, O_CLOEXEC);
	if (descriptor < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot write into %s", directory);
	if (!write_durably(descriptor, text, kind->mode))
		status = hm_raise_errno(UNAVAILABLE, "cannot write %s", temporary);
	else if (link(temporary, path))
		status = errno == EEXIST ? hm_raise(ALREADY_EXISTS, "there is a key at %s already", path)
					 : hm_raise_errno(UNAVAILABLE, "cannot make %s", path);
	close(descriptor);
	unlink(temporary);
	return status;
}

hm_status hm_key_file_write(const struct hm_key_file_kind *kind, const char *directory, const char *stem,
			    struct hm_key_file *file)
{
	char path[HM_KEY_PATH_BYTES];
	int length = snprintf(file->text, sizeof file->text, "%s %s ", kind->magic, file->name);

	TRY(make_path(directory, stem, kind->suffix, path));
	length += (int)hm_base64url_encode(file->value, sizeof file->value, file->text + length,
					   sizeof file->text - (size_t)length);
	file->text[length++] = '\n';
	file->text[length] = '\0';
	TRY(write_file(kind, directory, path, file->text));
	sync_directory(directory);
	return HM_OK;
}

void hm_key_file_remove(const struct hm_key_file_kind *kind, const char *directory, const char *stem)
{
	char path[HM_KEY_PATH_BYTES];

	if (make_path(directory, stem, kind->suffix, path) == HM_OK)
		unlink(path);
}
