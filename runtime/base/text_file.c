/* Text files: a byte more than allowed is asked for, so that no file is cut without a word. */
#include "base/text_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

static hm_status read_all(int file, const char *path, struct hm_buffer *text)
{
	enum { ASKED_BYTES = HM_TEXT_FILE_BYTES_MAX + 1 };
	char *into = hm_buffer_reserve(text, ASKED_BYTES);
	size_t size = 0;
	ssize_t got;

	while ((got = read(file, into + size, ASKED_BYTES - size)) > 0 || (got < 0 && errno == EINTR))
		size += got > 0 ? (size_t)got : 0;
	if (got < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", path);
	if (size > HM_TEXT_FILE_BYTES_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s: larger than %d bytes", path, HM_TEXT_FILE_BYTES_MAX);
	if (memchr(into, 0, size))
		return hm_raise(INVALID_ARGUMENT, "%s: has a zero byte", path);
	hm_buffer_advance(text, size);
	return HM_OK;
}

hm_status hm_text_file_read(const char *path, struct hm_buffer *text)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	hm_status status;

	if (file < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", path);
	status = read_all(file, path, text);
	close(file);
	return status;
}
