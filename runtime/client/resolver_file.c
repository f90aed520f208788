/* Resolver, file: read whole each time, as neither its time nor its size would tell of every change. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/arena.h"
#include "client/resolver.h"
#include "net/url.h"

enum { FILE_BYTES_MAX = 64 * 1024 };

static const char blanks[] = " \t\r";

hm_status hm_file_check(const char *target)
{
	if (*target != '/')
		return hm_raise(INVALID_ARGUMENT, "file://%s: write file:///PATH", target);
	return HM_OK;
}

static hm_status read_weight(const char *text, uint8_t *ret_weight)
{
	char *end;
	unsigned long weight = strtoul(text, &end, 10);

	if (*text < '0' || *text > '9' || *end || !weight || weight > HM_WEIGHT_MAX)
		return hm_raise(INVALID_ARGUMENT, "\"%s\" is no weight: a number from 1 to %d", text, HM_WEIGHT_MAX);
	*ret_weight = (uint8_t)weight;
	return HM_OK;
}

/* The next word of the line; NULL at its end, or where a comment begins. */
static const char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, blanks);

	*rest = word + strcspn(word, blanks);
	if (**rest)
		*(*rest)++ = '\0';
	return *word && *word != '#' ? word : NULL;
}

/* URL [WEIGHT] [# comment] */
static hm_status take_line(char *line, struct hm_endpoints *endpoints)
{
	const char *url, *weight_text;
	uint8_t weight = 1;

	url = next_word(&line);
	if (!url)
		return HM_OK;
	weight_text = next_word(&line);
	if (weight_text) {
		TRY(read_weight(weight_text, &weight));
		if (next_word(&line))
			return hm_raise(INVALID_ARGUMENT, "there is more behind the weight");
	}
	TRY(hm_url_check(url));
	return hm_endpoints_add(endpoints, url, strlen(url), weight);
}

hm_status hm_file_parse(const char *path, char *text, struct hm_endpoints *ret_endpoints)
{
	char *rest = text;
	unsigned number = 0;

	for (char *line; (line = strsep(&rest, "\n"));) {
		number++;
		if (take_line(line, ret_endpoints) != HM_OK) {
			const struct hm_error wrong = *hm_error_get();

			return hm_raise(INVALID_ARGUMENT, "%s:%u: %s", path, number, wrong.message);
		}
	}
	return HM_OK;
}

/* A NUL would hide what is behind it. */
static hm_status read_all(int file, const char *path, char *ret_text)
{
	size_t size = 0;
	ssize_t got;

	while ((got = read(file, ret_text + size, FILE_BYTES_MAX + 1 - size)) > 0 || (got < 0 && errno == EINTR))
		size += got > 0 ? (size_t)got : 0;
	if (got < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", path);
	if (size > FILE_BYTES_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s: larger than %d bytes", path, FILE_BYTES_MAX);
	ret_text[size] = '\0';
	if (strlen(ret_text) != size)
		return hm_raise(INVALID_ARGUMENT, "%s: has a zero byte", path);
	return HM_OK;
}

hm_status hm_file_resolve(const char *path, struct hm_endpoints *ret_endpoints)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	struct hm_arena arena = { 0 };
	hm_status status;
	char *text;

	if (file < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", path);
	text = hm_arena_alloc(&arena, FILE_BYTES_MAX + 2);
	status = read_all(file, path, text);
	close(file);
	if (status == HM_OK)
		status = hm_file_parse(path, text, ret_endpoints);
	hm_arena_fini(&arena);
	return status;
}
