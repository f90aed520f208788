/*
 * Source: cuts a queries.sql into statements at their headers, and says where in the file an offset is.
 * A header is a line that begins with "-- rpc:" or "-- name:" (format: main.c); lines decide, not tokens, so that one
 * unterminated string does not swallow the queries behind it.
 */
#include <ctype.h>
#include <stdarg.h>
#include <string.h>

#include "sqlgen.h"

/* A cursor over one header line. */
struct words {
	const char *at, *end;
};

static const struct {
	const char *word;
	enum hm_rows rows;
} rows_words[] = {
	{ ":one", HM_ROWS_ONE },
	{ ":optional", HM_ROWS_OPTIONAL },
	{ ":many", HM_ROWS_MANY },
	{ ":none", HM_ROWS_NONE },
};

int source_line(const struct source *source, size_t offset, int *ret_column)
{
	int line = 1, column = 1;

	for (size_t i = 0; i < offset && i < source->size; i++) {
		column = source->text[i] == '\n' ? 1 : column + 1;
		line += source->text[i] == '\n';
	}
	if (ret_column)
		*ret_column = column;
	return line;
}

void source_report(struct source *source, size_t offset, const char *format, ...)
{
	int column, line = source_line(source, offset, &column);
	va_list arguments;

	source->n_errors++;
	if (!source->errors)
		return;
	fprintf(source->errors, "%s:%d:%d: ", source->path, line, column);
	va_start(arguments, format);
	vfprintf(source->errors, format, arguments);
	va_end(arguments);
	fputc('\n', source->errors);
}

static bool is_space(char c)
{
	return c == ' ' || c == '\t' || c == '\r';
}

static void skip_spaces(struct words *words)
{
	while (words->at < words->end && is_space(*words->at))
		words->at++;
}

/* The next word, or "" at the end. The cursor stays behind it. */
static const char *next_word(struct source *source, struct words *words)
{
	const char *start;

	skip_spaces(words);
	start = words->at;
	while (words->at < words->end && !is_space(*words->at))
		words->at++;
	return hm_arena_dup(&source->arena, start, (size_t)(words->at - start));
}

/* Takes the next word if it is the one. */
static bool accept_word(struct source *source, struct words *words, const char *word)
{
	struct words ahead = *words;

	if (strcmp(next_word(source, &ahead), word))
		return false;
	*words = ahead;
	return true;
}

static bool is_rpc_name(const char *name)
{
	return isupper((unsigned char)*name) && strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
							     "abcdefghijklmnopqrstuvwxyz0123456789") == strlen(name);
}

static bool is_query_name(const char *name)
{
	return islower((unsigned char)*name) && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

/* "ListFollowers" → "list_followers", "GetURLOf" → "get_url_of". */
static char *snake_case(struct hm_arena *arena, const char *name)
{
	char *text = hm_arena_alloc(arena, 2 * strlen(name) + 1), *out = text;

	for (const char *at = name; *at; at++) {
		bool upper = isupper((unsigned char)*at);

		if (upper && at > name && (!isupper((unsigned char)at[-1]) || islower((unsigned char)at[1])))
			*out++ = '_';
		*out++ = (char)tolower((unsigned char)*at);
	}
	*out = '\0';
	return text;
}

static void parse_name(struct source *source, struct statement *statement, struct words *words)
{
	statement->name = next_word(source, words);
	statement->symbol = snake_case(&source->arena, statement->name);
	if (statement->is_rpc && !is_rpc_name(statement->name))
		source_report(source, statement->header_at, "\"%s\" is no method name: -- rpc: ListFollowers",
			      statement->name);
	if (!statement->is_rpc && !is_query_name(statement->name))
		source_report(source, statement->header_at,
			      "\"%s\" is no query name: -- name: lower_case :one|:optional|:many|:none",
			      statement->name);
}

static void parse_rows(struct source *source, struct statement *statement, struct words *words)
{
	statement->rows = strncmp(statement->name, "List", 4) ? HM_ROWS_ONE : HM_ROWS_MANY;
	for (size_t i = 0; i < sizeof rows_words / sizeof *rows_words; i++)
		if (accept_word(source, words, rows_words[i].word)) {
			statement->rows = rows_words[i].rows;
			return;
		}
	if (!statement->is_rpc && *statement->name)
		source_report(source, statement->header_at, "%s: how many rows? :one, :optional, :many or :none",
			      statement->name);
}

/* The system role crosses brands: a sentence that happens to begin with "system" must not ask for it. */
static void parse_system(struct source *source, struct statement *statement, struct words *words)
{
	struct words before = *words;

	statement->is_system = accept_word(source, words, "[system]");
	if (!statement->is_system && accept_word(source, words, "system")) {
		skip_spaces(words);
		statement->is_system = words->at == words->end;
		if (!statement->is_system) {
			*words = before;
			source_report(source, statement->header_at,
				      "%s: a note that begins with \"system\"; for the "
				      "role write [system]",
				      statement->name);
		}
	}
}

static const char *header_kind(const char *line, bool *ret_is_rpc)
{
	*ret_is_rpc = !strncmp(line, "-- rpc:", 7);
	if (*ret_is_rpc)
		return line + 7;
	return strncmp(line, "-- name:", 8) ? NULL : line + 8;
}

static struct statement *parse_header(struct source *source, const char *line, const char *end)
{
	struct statement *statement = hm_arena_zalloc(&source->arena, sizeof *statement);
	struct words words = { header_kind(line, &statement->is_rpc), end };

	statement->header_at = (size_t)(line - source->text);
	parse_name(source, statement, &words);
	parse_rows(source, statement, &words);
	parse_system(source, statement, &words);
	skip_spaces(&words);
	while (end > words.at && is_space(end[-1]))
		end--;
	statement->note = hm_arena_dup(&source->arena, words.at, (size_t)(end - words.at));
	return statement;
}

static void refuse_duplicate(struct source *source, const struct statement *statement)
{
	for (const struct statement *other = source->statements; other; other = other->next)
		if (other != statement && !strcmp(other->symbol, statement->symbol)) {
			source_report(source, statement->header_at, "%s is the name of the query in line %d",
				      statement->symbol, source_line(source, other->header_at, NULL));
			return;
		}
}

/* Before the first header only comments and blank lines make sense. */
static void check_preamble(struct source *source, const char *line, const char *end)
{
	const char *at = line;

	while (at < end && is_space(*at))
		at++;
	if (at < end && strncmp(at, "--", 2))
		source_report(source, (size_t)(at - source->text),
			      "a statement without a header: put "
			      "\"-- rpc: Method\" or \"-- name: query :one\" above it");
}

static void set_body(struct source *source, struct statement *statement, const char *end)
{
	const char *body = source->text + statement->body_at;

	statement->body = hm_arena_dup(&source->arena, body, (size_t)(end - body));
}

void source_split(struct source *source)
{
	const char *end = source->text + source->size, *line, *next;
	struct statement *current = NULL, **tail = &source->statements;
	bool is_rpc;

	if (memchr(source->text, '\0', source->size)) {
		source_report(source, strlen(source->text), "a zero byte");
		return;
	}
	for (line = source->text; line < end; line = next) {
		const char *line_end = memchr(line, '\n', (size_t)(end - line));

		line_end = line_end ? line_end : end;
		next = line_end < end ? line_end + 1 : end;
		if (header_kind(line, &is_rpc)) {
			if (current)
				set_body(source, current, line);
			current = *tail = parse_header(source, line, line_end);
			tail = &current->next;
			current->body_at = (size_t)(next - source->text);
			refuse_duplicate(source, current);
		} else if (!current) {
			check_preamble(source, line, line_end);
		}
	}
	if (current)
		set_body(source, current, end);
}
