/*
 * Source: a file's text to statements, by PostgreSQL's own parser and scanner (libpg_query). A file that does not parse as a whole is cut
 * at its semicolons, so that one mistake does not hide what else is in it. Comments are the scanner's, so `--` in a string is none.
 */
#include <pg_query.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "check.h"

/* Where tokens and comments are, in order. */
struct tokens {
	const PgQuery__ScanResult *scan;
	size_t n;
};

/* PostgreSQL counts characters, from 1. */
static size_t byte_offset(const char *text, int position)
{
	size_t offset = 0;

	for (; position > 1 && text[offset]; position--)
		do
			offset++;
		while (((unsigned char)text[offset] & 0xc0) == 0x80);
	return offset;
}

static bool is_comment(const PgQuery__ScanToken *token)
{
	return token->token == PG_QUERY__TOKEN__SQL_COMMENT || token->token == PG_QUERY__TOKEN__C_COMMENT;
}

/* The first and the last token that is no comment in [begin, end). false: there is none. */
static bool trim(const struct tokens *tokens, size_t *begin, size_t *end)
{
	size_t first = *end, last = *begin;

	for (size_t i = 0; i < tokens->n; i++) {
		const PgQuery__ScanToken *token = tokens->scan->tokens[i];

		if (is_comment(token) || (size_t)token->start < *begin || (size_t)token->start >= *end)
			continue;
		if ((size_t)token->start < first)
			first = (size_t)token->start;
		last = (size_t)token->end;
	}
	if (last <= first)
		return false;
	*begin = first;
	*end = last;
	return true;
}

/* Trees live as long as the check: statements point into them. */
static void *allocate(void *arena, size_t size)
{
	return hm_arena_alloc(arena, size);
}

static void keep(void *arena, void *memory)
{
	(void)arena, (void)memory;
}

static ProtobufCAllocator allocator(struct check *check)
{
	return (ProtobufCAllocator){ allocate, keep, &check->arena };
}

static const PgQuery__ParseResult *parse(struct check *check, const char *sql, PgQueryError **ret_error)
{
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(sql);
	ProtobufCAllocator memory = allocator(check);
	const PgQuery__ParseResult *tree = NULL;

	*ret_error = result.error;
	if (!result.error)
		tree = pg_query__parse_result__unpack(&memory, result.parse_tree.len,
						      (const uint8_t *)result.parse_tree.data);
	result.error = NULL;
	pg_query_free_protobuf_parse_result(result);
	return tree;
}

static void error_free(PgQueryError *error)
{
	PgQueryProtobufParseResult holder = { .error = error };

	if (error)
		pg_query_free_protobuf_parse_result(holder);
}

static void add_statement(struct check *check, struct file *file, struct statement ***tail, const PgQuery__RawStmt *raw,
			  const struct statement *frame)
{
	struct statement *one = hm_arena_zalloc(&check->arena, sizeof *one);

	*one = *frame;
	one->file = file;
	one->node = raw->stmt;
	**tail = one;
	*tail = &one->next;
	statement_open(check, one);
}

static void add_all(struct check *check, struct file *file, const struct tokens *tokens, struct statement ***tail,
		    const PgQuery__ParseResult *tree, size_t base, size_t size)
{
	for (size_t i = 0; i < tree->n_stmts; i++) {
		const PgQuery__RawStmt *raw = tree->stmts[i];
		struct statement frame = { .base = base, .size = size };

		frame.begin = base + (size_t)raw->stmt_location;
		frame.end = raw->stmt_len ? frame.begin + (size_t)raw->stmt_len : base + size;
		if (raw->stmt && trim(tokens, &frame.begin, &frame.end))
			add_statement(check, file, tail, raw, &frame);
	}
}

static void complain_of_syntax(struct check *check, struct file *file, const char *sql, size_t base,
			       const PgQueryError *error)
{
	size_t at = base + byte_offset(sql, error->cursorpos);

	finding_add(check, "sql-syntax", file, at, at,
		    hm_arena_printf(&check->arena, "PostgreSQL cannot read this: %.*s",
				    (int)strcspn(error->message, "\n"), error->message));
}

static void parse_piece(struct check *check, struct file *file, const struct tokens *tokens, struct statement ***tail,
			size_t begin, size_t size)
{
	const char *sql = hm_arena_dup(&check->arena, file->text + begin, size);
	PgQueryError *error;
	const PgQuery__ParseResult *tree = parse(check, sql, &error);

	if (tree)
		add_all(check, file, tokens, tail, tree, begin, size);
	else if (error)
		complain_of_syntax(check, file, sql, begin, error);
	error_free(error);
}

static void parse_pieces(struct check *check, struct file *file, const struct tokens *tokens, struct statement ***tail)
{
	PgQuerySplitResult split = pg_query_split_with_scanner(file->text);

	for (int i = 0; !split.error && i < split.n_stmts; i++)
		parse_piece(check, file, tokens, tail, (size_t)split.stmts[i]->stmt_location,
			    (size_t)split.stmts[i]->stmt_len);
	pg_query_free_split_result(split);
}

/* ---- Allows ------------------------------------------------------------------------------------------------------ */

static const char word[] = "hallmark:allow";

/* The rest of the comment behind the word: RULE because REASON. */
static void add_allow(struct check *check, struct file *file, const PgQuery__ScanToken *token)
{
	const char *text = hm_arena_dup(&check->arena, file->text + token->start, (size_t)(token->end - token->start));
	const char *at = strstr(text, word), *because;
	struct allow *allow, **tail = &file->allows;
	size_t rule_size;

	if (!at)
		return;
	at += strlen(word);
	at += strspn(at, " \t");
	rule_size = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789-");
	because = at + rule_size + strspn(at + rule_size, " \t");
	while (*tail)
		tail = &(*tail)->next;
	allow = *tail = hm_arena_zalloc(&check->arena, sizeof *allow);
	allow->file = file;
	allow->at = (size_t)token->start;
	allow->rule = hm_arena_dup(&check->arena, at, rule_size);
	allow->reason = "";
	if (!strncmp(because, "because", 7) && because[7] && strspn(because + 7, " \t.*/") != strlen(because + 7))
		allow->reason = because + 7 + strspn(because + 7, " \t");
}

/* An allow speaks of the statement it stands in, or else of the next one. */
static void place_allows(const struct file *file)
{
	for (struct allow *allow = file->allows; allow; allow = allow->next)
		for (const struct statement *one = file->statements; one; one = one->next)
			if (one->end > allow->at) {
				allow->begin = one->begin;
				allow->end = one->end;
				break;
			}
}

static void read_header(struct check *check, struct file *file)
{
	struct hm_migration_header *header = hm_arena_zalloc(&check->arena, sizeof *header);

	if (hm_migration_header_read("", file->text, header) == HM_OK)
		file->header = header;
	else
		file->header_error = hm_arena_strdup(&check->arena, hm_error_get()->message);
}

static PgQuery__ScanResult *scan(struct check *check, struct file *file)
{
	PgQueryScanResult result = pg_query_scan(file->text);
	ProtobufCAllocator memory = allocator(check);
	PgQuery__ScanResult *scan = NULL;

	if (result.error)
		complain_of_syntax(check, file, file->text, 0, result.error);
	else
		scan = pg_query__scan_result__unpack(&memory, result.pbuf.len, (const uint8_t *)result.pbuf.data);
	pg_query_free_scan_result(result);
	return scan;
}

static void find_allows(struct check *check, struct file *file, const struct tokens *tokens)
{
	for (size_t i = 0; i < tokens->n; i++)
		if (is_comment(tokens->scan->tokens[i]))
			add_allow(check, file, tokens->scan->tokens[i]);
	place_allows(file);
}

bool file_find_allows(struct check *check, struct file *file)
{
	struct tokens tokens = { .scan = scan(check, file) };

	if (!tokens.scan)
		return false;
	tokens.n = tokens.scan->n_tokens;
	find_allows(check, file, &tokens);
	return true;
}

/* The parser takes any bytes for letters; the server takes UTF-8. */
static bool is_text(struct check *check, const struct file *file)
{
	size_t size = hm_utf8_span(file->text, file->size);

	if (size == file->size)
		return true;
	finding_add(check, "sql-syntax", file, size, size + 1, "these bytes are not UTF-8: the server refuses them");
	return false;
}

void file_parse(struct check *check, struct file *file)
{
	struct statement **tail = &file->statements;
	struct tokens tokens = { 0 };
	const PgQuery__ParseResult *tree;
	PgQueryError *error;

	read_header(check, file);
	if (!is_text(check, file))
		return;
	tokens.scan = scan(check, file);
	if (!tokens.scan)
		return;
	file->scan = tokens.scan;
	tokens.n = tokens.scan->n_tokens;
	tree = parse(check, file->text, &error);
	if (tree)
		add_all(check, file, &tokens, &tail, tree, 0, file->size);
	else
		parse_pieces(check, file, &tokens, &tail);
	error_free(error);
	find_allows(check, file, &tokens);
}

static const char *text_of(struct check *check, const char *sql, const PgQuery__RawStmt *raw)
{
	const char *text = sql + raw->stmt_location;

	return hm_arena_dup(&check->arena, text, raw->stmt_len ? (size_t)raw->stmt_len : strlen(text));
}

struct statement *statement_parse(struct check *check, const char *sql, const struct statement *like)
{
	PgQueryError *error;
	const PgQuery__ParseResult *tree = parse(check, sql, &error);
	struct statement *first = NULL, **tail = &first;

	error_free(error);
	for (size_t i = 0; tree && i < tree->n_stmts; i++) {
		struct statement *one = hm_arena_zalloc(&check->arena, sizeof *one);

		if (!tree->stmts[i]->stmt)
			continue;
		*one = *like;
		one->next = one->next_inner = one->first_inner = NULL;
		one->node = tree->stmts[i]->stmt;
		one->text = text_of(check, sql, tree->stmts[i]);
		*tail = one;
		tail = &one->next_inner;
	}
	return first;
}
