/*
 * Paths: where in a message one is, as a chain on the stack, a link for each level. It becomes text only when something
 * is wrong: "entries[2].amount", in JSON names.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

#include "base/status.h"

struct hm_path {
	const struct hm_path *outer; /* NULL: this is a field of the root message */
	const char *name; /* proto name */
	ptrdiff_t index; /* of the element of a repeated field; -1: none */
	bool is_verbatim; /* not a proto name but a stranger's word for one */
};

/* hm_path_format writes a path, cut if over size; NULL, the root itself, is "". */
void hm_path_format(const struct hm_path *path, char *ret_text, size_t size);

/* hm_path_raise begins an INVALID_ARGUMENT "<path>: <words>", with the same as its one violation. */
#define hm_path_raise(path, ...) hm_path_raise_at(__FILE__, __LINE__, path, __VA_ARGS__)
hm_status hm_path_raise_at(const char *file, int line, const struct hm_path *path, const char *format, ...)
	__attribute__((format(printf, 4, 5), cold));
