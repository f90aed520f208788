/* Queries: read and parsed, with what sqlgen would refuse at the build as findings in its own words. */
#include "queries.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "check.h"

/* The offset of a line and a column, both from 1, the column in bytes. */
static size_t offset_of(const struct file *file, unsigned long line, unsigned long column)
{
	size_t at = 0;

	for (; line > 1 && at < file->size; at++)
		line -= file->text[at] == '\n';
	at += column ? column - 1 : 0;
	return at < file->size ? at : file->size;
}

/* PATH:LINE:COLUMN: WORDS */
static void add_refusal(struct check *check, const struct file *file, const char *line)
{
	size_t path = strlen(file->path);
	char *end = NULL;
	unsigned long number, column;
	size_t at;

	if (strncmp(line, file->path, path) || line[path] != ':')
		return;
	number = strtoul(line + path + 1, &end, 10);
	column = *end == ':' ? strtoul(end + 1, &end, 10) : 1;
	at = offset_of(file, number, column);
	finding_add(check, "query-refused", file, at, at + 1, *end ? end + 1 + strspn(end + 1, " ") : line);
}

static void add_refusals(struct check *check, const struct file *file, const struct hm_buffer *refusals)
{
	char *rest = hm_arena_dup(&check->arena, refusals->data, refusals->size), *line;

	while ((line = strsep(&rest, "\n")))
		if (*line)
			add_refusal(check, file, line);
}

static void parse(struct check *check, struct file *file, struct query *query, struct statement ***tail)
{
	const struct statement like = { .file = file, .begin = query->begin, .end = query->end };
	struct statement *parsed = query->table.sql ? statement_parse(check, query->table.sql, &like) : NULL;

	query->file = file;
	if (!parsed)
		return;
	parsed->next_inner = NULL;
	query->node = parsed->node;
	**tail = parsed;
	*tail = &parsed->next;
}

struct query *queries_read(struct check *check, struct file *file)
{
	struct hm_buffer refusals = { 0 };
	struct statement **tail = &file->statements;
	struct query *first = queries_split(&check->arena, file->path, file->text, file->size, &refusals);

	if (refusals.size)
		add_refusals(check, file, &refusals);
	hm_buffer_fini(&refusals);
	for (struct query *one = first; one; one = one->next)
		parse(check, file, one, &tail);
	(void)file_find_allows(check, file);
	return first;
}

void query_complain(struct check *check, const char *rule, const struct query *query, int location, const char *format,
		    ...)
{
	size_t at = location < 0 ? query->begin : query_origin(query, (size_t)location), end = at;
	va_list arguments;

	while (end < query->file->size && query->file->text[end] != '\n' &&
	       (location < 0 || query->file->text[end] != ' '))
		end++;
	va_start(arguments, format);
	finding_add(check, rule, query->file, at, end, hm_arena_vprintf(&check->arena, format, arguments));
	va_end(arguments);
}
