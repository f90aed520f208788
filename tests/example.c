/* Page examples: read, and written as the files they stand for. */
#include "tests/example.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { PATH_BYTES = 512 };

static const char marker[] = "-- file: ";

struct hm_buffer example_page(const char *path)
{
	struct hm_buffer text = { 0 };
	size_t got;
	FILE *file;

	file = fopen(path, "r");
	cr_assert(file, "%s cannot be read", path);
	do {
		got = fread(hm_buffer_reserve(&text, BUFSIZ), 1, BUFSIZ, file);
		hm_buffer_advance(&text, got);
	} while (got);
	fclose(file);
	return text;
}

char *example_find(const char *page, const char *heading, const char *fence, unsigned n)
{
	const char *at = strstr(page, heading), *end, *next;

	cr_assert(at, "no %s", heading);
	next = strstr(at + 3, "\n## ");
	for (at = strstr(at, fence); at && n; n--)
		at = strstr(at + 1, fence);
	if (!at || (next && at > next))
		return NULL;
	at += strlen(fence);
	end = strstr(at, "\n```");
	cr_assert(end, "%s: a block without an end", heading);
	return strndup(at, (size_t)(end + 1 - at));
}

/* ---- An example's files ---------------------------------------------------------------------------------------------- */

static void make_folders(const char *path)
{
	char folder[PATH_BYTES];

	snprintf(folder, sizeof folder, "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(folder, 0700);
		*slash = '/';
	}
}

static void write_file(const char *root, const char *name, size_t name_size, const char *text, size_t size)
{
	char path[PATH_BYTES];
	FILE *file;

	snprintf(path, sizeof path, "%s/%.*s", root, (int)name_size, name);
	make_folders(path);
	file = fopen(path, "w");
	cr_assert(file, "%s cannot be written", path);
	fwrite(text, 1, size, file);
	cr_assert_eq(fclose(file), 0);
}

char *example_write(const char *root, const char *example, bool is_traced)
{
	const char *at = strstr(example, marker), *name = "example.sql", *text, *next;
	size_t size = strlen(name);

	if (!at) {
		write_file(root, name, size, example, strlen(example));
		return strdup(name);
	}
	for (; at; at = next) {
		name = at + strlen(marker);
		text = strchr(name, '\n') + 1;
		size = (size_t)(text - 1 - name);
		next = strstr(text, marker);
		write_file(root, name, size, text, next ? (size_t)(next - text) : strlen(text));
	}
	return is_traced ? strndup(name, size) : strdup(".");
}
