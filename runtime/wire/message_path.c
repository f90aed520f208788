/* Paths: written from the outermost link inwards. */
#include "wire/message_path.h"

#include <stdio.h>
#include <string.h>

#include "wire/json.h"

enum { INDEX_BYTES = 24 };

void hm_path_format(const struct hm_path *path, char *ret_text, size_t size)
{
	char name[HM_JSON_NAME_BYTES], index[INDEX_BYTES] = "";
	size_t length;

	ret_text[0] = '\0';
	if (!path)
		return;
	hm_path_format(path->outer, ret_text, size);
	length = strlen(ret_text);
	if (path->is_verbatim)
		snprintf(name, sizeof name, "%s", path->name);
	else
		hm_json_name(path->name, name, sizeof name);
	if (path->index >= 0)
		snprintf(index, sizeof index, "[%td]", path->index);
	snprintf(ret_text + length, size - length, "%s%s%s", length ? "." : "", name, index);
}

hm_status hm_path_raise_at(const char *file, int line, const struct hm_path *path, const char *format, ...)
{
	char where[HM_MESSAGE_BYTES / 2], what[HM_MESSAGE_BYTES / 2];
	va_list arguments;
	hm_status status;

	hm_path_format(path, where, sizeof where);
	va_start(arguments, format);
	vsnprintf(what, sizeof what, format, arguments);
	va_end(arguments);
	status = hm_raise_at(file, line, HM_INVALID_ARGUMENT, "%s%s%s", where, path ? ": " : "", what);
	if (path)
		hm_error_add_violation(where, "%s", what);
	return status;
}
