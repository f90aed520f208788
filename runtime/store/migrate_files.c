/*
 * Migration files: a folder read whole, in the order of the numbers. What git merged from two branches shows here
 * first: a number twice, or a gap.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/migrate_alone.h"
#include "store/migrate_internal.h"

enum { DIGITS = 4, FILE_MAX_BYTES = 16 << 20 };

static int is_sql(const struct dirent *entry)
{
	size_t length = strlen(entry->d_name);

	return length > 4 && !strcmp(entry->d_name + length - 4, ".sql");
}

/* The number of NNNN_name.sql; 0 for any other form. */
static unsigned version_of(const char *name)
{
	size_t digits = strspn(name, "0123456789");
	size_t rest = strspn(name + digits, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (digits != DIGITS || name[digits] != '_' || rest < 2 || strcmp(name + digits + rest, ".sql"))
		return 0;
	return (unsigned)strtoul(name, NULL, 10);
}

static hm_status read_text(int fd, struct hm_arena *arena, struct migration *migration)
{
	struct stat info;
	size_t size = 0;
	ssize_t n;
	char *text;

	if (fstat(fd, &info) || !S_ISREG(info.st_mode) || info.st_size > FILE_MAX_BYTES)
		return hm_raise(FAILED_PRECONDITION, "%s: not a file of at most %d MiB", migration->path,
				FILE_MAX_BYTES >> 20);
	text = hm_arena_zalloc(arena, (size_t)info.st_size + 1);
	while (size < (size_t)info.st_size && (n = read(fd, text + size, (size_t)info.st_size - size)) > 0)
		size += (size_t)n;
	if (size != (size_t)info.st_size)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", migration->path);
	if (strlen(text) != size)
		return hm_raise(INVALID_ARGUMENT, "%s: has a NUL byte; SQL is text", migration->path);
	migration->text = text;
	migration->size = size;
	return HM_OK;
}

static hm_status read_migration(struct hm_arena *arena, struct migration *migration)
{
	int fd = open(migration->path, O_RDONLY | O_CLOEXEC);
	hm_status status;

	if (fd < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot read %s", migration->path);
	status = read_text(fd, arena, migration);
	close(fd);
	return status;
}

/* Each has the number that comes next. */
static hm_status check_order(const struct migration_list *list, size_t i)
{
	const struct migration *one = &list->items[i];

	if (!one->version)
		return hm_raise(FAILED_PRECONDITION, "%s: not named like 0001_init.sql (a-z, 0-9 and _)", one->path);
	if (i && one->version == list->items[i - 1].version)
		return hm_raise(FAILED_PRECONDITION,
				"%s: has the number of %s; give the later one the next free number", one->path,
				list->items[i - 1].name);
	if (one->version != i + 1)
		return hm_raise(FAILED_PRECONDITION,
				"%s: there is a gap, %04zu is missing before it; restore or renumber", one->path,
				i + 1);
	return HM_OK;
}

static hm_status fill_list(const char *directory, struct dirent **entries, struct hm_arena *arena,
			   struct migration_list *list)
{
	for (size_t i = 0; i < list->n; i++) {
		struct migration *one = &list->items[i];

		one->name = hm_arena_strdup(arena, entries[i]->d_name);
		one->path = hm_arena_printf(arena, "%s/%s", directory, one->name);
		one->version = version_of(one->name);
		TRY(check_order(list, i));
		TRY(read_migration(arena, one));
	}
	return HM_OK;
}

static int by_bytes(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

hm_status migration_list_read(const char *directory, struct hm_arena *arena, struct migration_list *ret_list)
{
	struct dirent **entries;
	int n = scandir(directory, &entries, is_sql, by_bytes);
	struct migration_list list;
	hm_status status;

	if (n < 0)
		return hm_raise_errno(
			FAILED_PRECONDITION, "cannot read the migrations in %s%s", directory,
			errno == ENOENT && *directory != '/' ? ", seen from the folder that this was started in" : "");
	if (n == 0)
		status = hm_raise(FAILED_PRECONDITION, "%s: has no migration; begin with 0001_init.sql", directory);
	else {
		list.n = (size_t)n;
		list.items = hm_arena_zalloc(arena, list.n * sizeof *list.items);
		status = fill_list(directory, entries, arena, &list);
	}
	while (n > 0)
		free(entries[--n]);
	free(entries);
	if (status == HM_OK)
		*ret_list = list;
	return status;
}

hm_status migration_list_read_headers(struct migration_list *list, size_t n)
{
	struct hm_migration_alone alone;

	for (size_t i = n; i < list->n; i++) {
		struct migration *one = &list->items[i];

		TRY(hm_migration_header_read(one->path, one->text, &one->header));
		if (one->header.notransaction)
			TRY(hm_migration_alone_read(one->path, one->text, &alone));
		if (one->header.expands >= one->version)
			return hm_raise(
				FAILED_PRECONDITION,
				"%s: says expands=%04u; a contract names an earlier file, the one that expanded",
				one->path, one->header.expands);
	}
	return HM_OK;
}
