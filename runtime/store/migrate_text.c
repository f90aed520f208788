/*
 * Migration text: just enough of SQL's lexical rules to tell where a statement begins and ends. PostgreSQL says where
 * an error is only if its parser met it; for the others the number of the statement is known, and this finds its line.
 * The standard's function bodies hold semicolons of their own: BEGIN ATOMIC … END, as psql sees them.
 */
#include "store/migrate_text.h"

#include <ctype.h>
#include <string.h>
#include <strings.h>

static bool is_word(char c)
{
	return isalnum((unsigned char)c) || c == '_' || (unsigned char)c >= 0x80;
}

static const char *skip_line_comment(const char *p)
{
	return p + strcspn(p, "\n");
}

/* They nest. */
static const char *skip_block_comment(const char *p)
{
	unsigned depth = 0;

	do {
		if (p[0] == '/' && p[1] == '*') {
			depth++;
			p += 2;
		} else if (p[0] == '*' && p[1] == '/') {
			depth--;
			p += 2;
		} else if (*p) {
			p++;
		}
	} while (depth && *p);
	return p;
}

/* A doubled quote is one string ending and another beginning, which comes to the same. */
static const char *skip_quoted(const char *p, bool has_escapes)
{
	char quote = *p++;

	while (*p && *p != quote)
		p += has_escapes && *p == '\\' && p[1] ? 2 : 1;
	return *p ? p + 1 : p;
}

static const char *skip_dollar_quoted(const char *p)
{
	const char *body = p + 1, *end;

	while (is_word(*body))
		body++;
	if (*body != '$' || isdigit((unsigned char)p[1]))
		return p + 1;
	body++;
	for (end = strchr(body, '$'); end; end = strchr(end + 1, '$'))
		if (!strncmp(end, p, (size_t)(body - p)))
			return end + (body - p);
	return body + strlen(body);
}

static const char *skip_word(const char *p)
{
	if ((*p == 'e' || *p == 'E') && p[1] == '\'')
		return skip_quoted(p + 1, true);
	while (is_word(*p) || *p == '$')
		p++;
	return p;
}

static const char *skip_token(const char *p)
{
	if (p[0] == '-' && p[1] == '-')
		return skip_line_comment(p);
	if (p[0] == '/' && p[1] == '*')
		return skip_block_comment(p);
	if (*p == '\'' || *p == '"')
		return skip_quoted(p, false);
	if (*p == '$')
		return skip_dollar_quoted(p);
	return is_word(*p) ? skip_word(p) : p + 1;
}

static bool is_text(const char *p)
{
	return !isspace((unsigned char)*p) && strncmp(p, "--", 2) && strncmp(p, "/*", 2);
}

bool sql_token_find(const char *text, size_t from, size_t *ret_begin, size_t *ret_end)
{
	const char *p = text + from;

	while (*p && !is_text(p))
		p = skip_token(p);
	*ret_begin = (size_t)(p - text);
	*ret_end = (size_t)((*p ? skip_token(p) : p) - text);
	return *p;
}

static bool word_is(const char *p, size_t size, const char *word)
{
	return size == strlen(word) && !strncasecmp(p, word, size);
}

/* Counts into and out of BEGIN ATOMIC and the CASEs inside; semicolons count at 0 alone. */
static unsigned body_depth(unsigned depth, const char *token, size_t size, const char *previous, size_t previous_size)
{
	if (word_is(token, size, "atomic") && previous && word_is(previous, previous_size, "begin"))
		return depth + 1;
	if (depth && word_is(token, size, "case"))
		return depth + 1;
	if (depth && word_is(token, size, "end"))
		return depth - 1;
	return depth;
}

bool sql_statement_find(const char *text, size_t from, size_t *ret_begin, size_t *ret_end)
{
	const char *begin = NULL, *p = text + from, *next, *previous = NULL;
	size_t previous_size = 0;
	unsigned depth = 0;

	for (; *p; p = next) {
		next = skip_token(p);
		if (!is_text(p) || (*p == ';' && !begin))
			continue;
		if (!begin)
			begin = p;
		if (*p == ';' && !depth) {
			p = next;
			break;
		}
		depth = body_depth(depth, p, (size_t)(next - p), previous, previous_size);
		previous = p;
		previous_size = (size_t)(next - p);
	}
	if (begin) {
		*ret_begin = (size_t)(begin - text);
		*ret_end = (size_t)(p - text);
	}
	return begin != NULL;
}

static bool continues_character(char c)
{
	return ((unsigned char)c & 0xc0) == 0x80;
}

void text_place(const char *text, size_t offset, unsigned *ret_line, unsigned *ret_column)
{
	unsigned line = 1, column = 1;

	for (size_t i = 0; i < offset && text[i]; i++) {
		if (text[i] == '\n') {
			line++;
			column = 1;
		} else if (!continues_character(text[i + 1])) {
			column++;
		}
	}
	*ret_line = line;
	*ret_column = column;
}

size_t text_offset(const char *text, unsigned long position)
{
	size_t offset = 0;

	for (; position > 1 && text[offset]; position--)
		do
			offset++;
		while (continues_character(text[offset]));
	return offset;
}
