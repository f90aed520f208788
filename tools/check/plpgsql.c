/*
 * PL/pgSQL: what libpg_query cannot read of it, said in other words. It knows no catalog, so it refuses fields of a row (r.total := 5), cursor
 * variables (OPEN, FETCH, CLOSE, FOR … IN cursor), and RETURN NEXT of a function with a TABLE. None of these carries SQL but what OPEN … FOR
 * runs and what is assigned, which is kept; lines stay where they are.
 */
#include "plpgsql.h"

#include <ctype.h>
#include <pg_query.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"

struct reader {
	const char *body;
	const PgQuery__ScanToken *const *tokens;
	size_t n;
	struct hm_buffer text;
	size_t done; /* bytes of the body that are in the text */
};

static bool is_word(const struct reader *reader, size_t i, const char *word)
{
	const PgQuery__ScanToken *token = i < reader->n ? reader->tokens[i] : NULL;

	return token && (size_t)(token->end - token->start) == strlen(word) &&
	       !strncasecmp(reader->body + token->start, word, strlen(word));
}

static bool is_name(const struct reader *reader, size_t i)
{
	unsigned char first = i < reader->n ? (unsigned char)reader->body[reader->tokens[i]->start] : 0;

	return first == '"' || first == '_' || first >= 0x80 || isalpha(first);
}

/* A statement begins behind these; behind THEN an expression's value could come, too. */
static bool begins(const struct reader *reader, size_t i)
{
	static const char *const before[] = { ";", "BEGIN", "LOOP", "ELSE", "THEN", ">>" };

	for (size_t b = 0; i && b < sizeof before / sizeof *before; b++)
		if (is_word(reader, i - 1, before[b]))
			return true;
	return false;
}

static size_t find_word(const struct reader *reader, size_t i, const char *word)
{
	while (i < reader->n && !is_word(reader, i, word) && !is_word(reader, i, ";"))
		i++;
	return i;
}

/* Puts words in the place of tokens [from, to); the line breaks among them stay. */
static void replace(struct reader *reader, size_t from, size_t to, const char *words)
{
	size_t begin = (size_t)reader->tokens[from]->start, end = (size_t)reader->tokens[to - 1]->end;

	hm_buffer_add(&reader->text, reader->body + reader->done, begin - reader->done);
	hm_buffer_add_text(&reader->text, words);
	for (size_t i = begin; i < end; i++)
		if (reader->body[i] == '\n')
			hm_buffer_add(&reader->text, "\n", 1);
	reader->done = end;
}

/* r.total := 5; a[1] := 2 */
static bool rewrite_assignment(struct reader *reader, size_t i)
{
	bool is_certain =
		is_word(reader, i - 1, ";") || is_word(reader, i - 1, "BEGIN") || is_word(reader, i - 1, "LOOP");
	size_t to = find_word(reader, i, ":=");

	if (!is_name(reader, i) || (!is_word(reader, i + 1, ".") && !is_word(reader, i + 1, "[")))
		return false;
	if (!is_word(reader, to, ":="))
		to = is_certain ? find_word(reader, i, "=") : reader->n;
	if (to >= reader->n || is_word(reader, to, ";"))
		return false;
	replace(reader, i, to + 1, "PERFORM");
	return true;
}

/* OPEN c FOR SELECT …: the query. Any other use of a cursor: nothing. */
static bool rewrite_cursor(struct reader *reader, size_t i)
{
	size_t end = find_word(reader, i, ";"), query = find_word(reader, i, "FOR");

	if (is_word(reader, i, "OPEN") && query < end)
		replace(reader, i, query + 1, "");
	else if (is_word(reader, i, "OPEN") || is_word(reader, i, "FETCH") || is_word(reader, i, "MOVE") ||
		 is_word(reader, i, "CLOSE") ||
		 (is_word(reader, i, "RETURN") && is_word(reader, i + 1, "NEXT") && end == i + 2))
		replace(reader, i, end, "NULL");
	else
		return false;
	return true;
}

/* FOR r IN c LOOP, FOR r IN c(1) LOOP: a loop all the same. */
static bool rewrite_loop(struct reader *reader, size_t i)
{
	size_t in = find_word(reader, i, "IN"), loop = find_word(reader, i, "LOOP");

	if (!is_word(reader, i, "FOR") || loop <= in || !is_name(reader, in + 1) ||
	    (loop != in + 2 && !is_word(reader, in + 2, "(")) || !is_word(reader, loop, "LOOP"))
		return false;
	replace(reader, i, loop, "");
	return true;
}

static void rewrite(struct reader *reader)
{
	for (size_t i = 1; i < reader->n; i++)
		if (begins(reader, i) && (size_t)reader->tokens[i]->start >= reader->done &&
		    !rewrite_assignment(reader, i) && !rewrite_cursor(reader, i))
			rewrite_loop(reader, i);
	hm_buffer_add_text(&reader->text, reader->body + reader->done);
}

const char *plpgsql_rewritten(struct check *check, const char *statement, const char *body)
{
	const char *at = strstr(statement, body), *copy = NULL;
	PgQueryScanResult result = pg_query_scan(body);
	PgQuery__ScanResult *scan =
		result.error ? NULL
			     : pg_query__scan_result__unpack(NULL, result.pbuf.len, (const uint8_t *)result.pbuf.data);
	struct reader reader = { .body = body };

	if (at && scan) {
		reader.tokens = (const PgQuery__ScanToken *const *)scan->tokens;
		reader.n = scan->n_tokens;
		rewrite(&reader);
		copy = hm_arena_printf(&check->arena, "%.*s%s%s", (int)(at - statement), statement, reader.text.data,
				       at + strlen(body));
	}
	hm_buffer_fini(&reader.text);
	if (scan)
		pg_query__scan_result__free_unpacked(scan, NULL);
	pg_query_free_scan_result(result);
	return copy;
}
