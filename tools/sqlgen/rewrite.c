/*
 * Rewrite: `@name` becomes $1, $2 … in order of first appearance; the same name, the same number. PostgreSQL's own
 * scanner finds the tokens, so nothing inside strings, dollar quotes or comments is touched.
 *
 *     SELECT id FROM follows WHERE followee_id = @user_id      body
 *     SELECT id FROM follows WHERE followee_id = $1            sql
 *                                                ^ patch
 *
 * '@' is an operator character to PostgreSQL, so three things look like a parameter and are not: `=@id` scans as the
 * operator =@, `@ x` is the absolute value of x, and `a@b` would become the identifier a$1. All are refused.
 */
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "base/buffer.h"
#include "sqlgen.h"

enum { PARAMETER_BYTES_MAX = 63 };

struct rewriter {
	struct source *source;
	struct statement *statement;
	PgQuery__ScanToken **tokens;
	size_t n_tokens;
	size_t first, last; /* tokens of the statement itself: [first, last) */
};

static bool is_comment(const PgQuery__ScanToken *token)
{
	return token->token == PG_QUERY__TOKEN__SQL_COMMENT || token->token == PG_QUERY__TOKEN__C_COMMENT;
}

static bool is_word(const PgQuery__ScanToken *token)
{
	return token->token == PG_QUERY__TOKEN__IDENT || token->keyword_kind != PG_QUERY__KEYWORD_KIND__NO_KEYWORD;
}

static bool ends_with_at(const struct rewriter *rewriter, const PgQuery__ScanToken *token)
{
	return token->token == PG_QUERY__TOKEN__Op && rewriter->statement->body[token->end - 1] == '@';
}

static bool refuse(struct rewriter *rewriter, int at, const char *what)
{
	source_report(rewriter->source, rewriter->statement->body_at + (size_t)at, "%s", what);
	return false;
}

/* Characters that would join with "$1" into one identifier or number. */
static bool joins(unsigned char c)
{
	return c >= 0x80 || c == '_' || c == '$' || (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z');
}

static bool is_parameter_name(const char *name, size_t length)
{
	if (length > PARAMETER_BYTES_MAX || (*name >= '0' && *name <= '9'))
		return false;
	return strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") >= length;
}

/* Whether token i is a parameter's '@'; *ret_ok turns false (reported) where it is a trap. */
static bool is_parameter(struct rewriter *rewriter, size_t i, bool *ret_ok)
{
	const PgQuery__ScanToken *token = rewriter->tokens[i];
	const PgQuery__ScanToken *next = i + 1 < rewriter->last ? rewriter->tokens[i + 1] : NULL;
	const char *body = rewriter->statement->body;
	bool touches = next && next->start == token->end && is_word(next);

	if (token->token == PG_QUERY__TOKEN__PARAM)
		*ret_ok = refuse(rewriter, token->start, "parameters have names here: @user_id, not $1");
	if (!ends_with_at(rewriter, token))
		return false;
	if (token->end - token->start > 1) {
		if (touches)
			*ret_ok = refuse(rewriter, token->start,
					 "put a space before @: PostgreSQL reads this as an "
					 "operator that ends in @");
		return false;
	}
	if (!touches)
		*ret_ok = refuse(rewriter, token->start,
				 "@ must be followed by a parameter's name; the absolute value "
				 "is abs(x)");
	else if (token->start > 0 && joins((unsigned char)body[token->start - 1]))
		*ret_ok = refuse(rewriter, token->start, "put a space before @");
	else if (!is_parameter_name(body + next->start, (size_t)(next->end - next->start)))
		*ret_ok = refuse(rewriter, token->start, "a parameter's name is lower_case, at most 63 characters");
	else
		return true;
	return false;
}

/* The number of a name; a new one gets the next. */
static size_t parameter_number(struct rewriter *rewriter, const PgQuery__ScanToken *word)
{
	struct statement *statement = rewriter->statement;
	size_t length = (size_t)(word->end - word->start);
	const char *name = statement->body + word->start;

	for (size_t i = 0; i < statement->n_parameters; i++)
		if (strlen(statement->parameters[i]) == length && !memcmp(statement->parameters[i], name, length))
			return i + 1;
	statement->parameters[statement->n_parameters++] = hm_arena_dup(&rewriter->source->arena, name, length);
	return statement->n_parameters;
}

/* Copies the statement from its first token to its last, parameters replaced. */
static bool replace(struct rewriter *rewriter)
{
	struct statement *statement = rewriter->statement;
	size_t copied = (size_t)rewriter->tokens[rewriter->first]->start;
	struct hm_buffer sql = { 0 };
	bool ok = true;

	statement->sql_at = copied;
	for (size_t i = rewriter->first; i < rewriter->last; i++) {
		const PgQuery__ScanToken *token = rewriter->tokens[i];

		if (!is_parameter(rewriter, i, &ok))
			continue;
		hm_buffer_add(&sql, statement->body + copied, (size_t)token->start - copied);
		statement->patches[statement->n_patches++] = (struct patch){ (size_t)token->start, sql.size };
		hm_buffer_printf(&sql, "$%zu", parameter_number(rewriter, rewriter->tokens[++i]));
		copied = (size_t)rewriter->tokens[i]->end;
	}
	hm_buffer_add(&sql, statement->body + copied, (size_t)rewriter->tokens[rewriter->last - 1]->end - copied);
	statement->sql = hm_arena_dup(&rewriter->source->arena, sql.data, sql.size);
	hm_buffer_fini(&sql);
	return ok;
}

/* Comment lines above the statement explain it to readers of the generated header. */
static size_t take_comments(struct rewriter *rewriter)
{
	struct hm_buffer text = { 0 };
	size_t i;

	for (i = 0; i < rewriter->n_tokens && is_comment(rewriter->tokens[i]); i++) {
		const char *start = rewriter->statement->body + rewriter->tokens[i]->start;
		const char *end = rewriter->statement->body + rewriter->tokens[i]->end;

		if (rewriter->tokens[i]->token != PG_QUERY__TOKEN__SQL_COMMENT)
			continue;
		while (start < end && (*start == '-' || *start == ' '))
			start++;
		hm_buffer_add(&text, start, (size_t)(end - start));
		hm_buffer_add_text(&text, "\n");
	}
	rewriter->statement->comment = hm_arena_dup(&rewriter->source->arena, text.data, text.size);
	hm_buffer_fini(&text);
	return i;
}

/* Finds the one statement: behind the comments above it, up to its semicolon. */
static bool delimit(struct rewriter *rewriter)
{
	size_t i;

	rewriter->first = take_comments(rewriter);
	for (i = rewriter->first; i < rewriter->n_tokens; i++)
		if (rewriter->tokens[i]->token == PG_QUERY__TOKEN__ASCII_59)
			break;
	rewriter->last = i;
	if (rewriter->first == rewriter->last) {
		source_report(rewriter->source, rewriter->statement->header_at, "no statement under this header");
		return false;
	}
	if (i == rewriter->n_tokens)
		return refuse(rewriter, rewriter->tokens[i - 1]->end, "the statement must end with a semicolon");
	for (i++; i < rewriter->n_tokens; i++)
		if (!is_comment(rewriter->tokens[i]))
			return refuse(rewriter, rewriter->tokens[i]->start,
				      "one statement a header: a second one begins here");
	return true;
}

static bool rewrite_tokens(struct source *source, struct statement *statement, const PgQuery__ScanResult *scan)
{
	struct rewriter rewriter = {
		.source = source,
		.statement = statement,
		.tokens = scan->tokens,
		.n_tokens = scan->n_tokens,
	};

	if (!delimit(&rewriter))
		return false;
	statement->parameters = hm_arena_zalloc(&source->arena, (scan->n_tokens + 1) * sizeof *statement->parameters);
	statement->patches = hm_arena_zalloc(&source->arena, (scan->n_tokens + 1) * sizeof *statement->patches);
	return replace(&rewriter);
}

bool statement_rewrite(struct source *source, struct statement *statement)
{
	PgQueryScanResult result = pg_query_scan(statement->body);
	PgQuery__ScanResult *scan;
	bool ok;

	if (result.error) {
		source_report(source, statement->body_at + character_offset(statement->body, result.error->cursorpos),
			      "%.*s", (int)strcspn(result.error->message, "\n"), result.error->message);
		pg_query_free_scan_result(result);
		return false;
	}
	scan = pg_query__scan_result__unpack(NULL, result.pbuf.len, (const uint8_t *)result.pbuf.data);
	ok = scan && rewrite_tokens(source, statement, scan);
	if (scan)
		pg_query__scan_result__free_unpacked(scan, NULL);
	pg_query_free_scan_result(result);
	return ok;
}

size_t statement_origin(const struct statement *statement, size_t sql_offset)
{
	size_t from = statement->sql_at, to = 0;

	for (size_t i = 0; i < statement->n_patches && statement->patches[i].to <= sql_offset; i++) {
		const struct patch *patch = &statement->patches[i];
		size_t digits = 1 + strspn(statement->sql + patch->to + 1, "0123456789");
		size_t name = 1 + strspn(statement->body + patch->from + 1, "abcdefghijklmnopqrstuvwxyz0123456789_");

		if (sql_offset < patch->to + digits)
			return statement->body_at + patch->from;
		from = patch->from + name;
		to = patch->to + digits;
	}
	return statement->body_at + from + (sql_offset - to);
}

size_t character_offset(const char *text, int position)
{
	const char *at = text;

	for (; *at && position > 1; position--)
		do
			at++;
		while (((unsigned char)*at & 0xc0) == 0x80);
	return (size_t)(at - text);
}
