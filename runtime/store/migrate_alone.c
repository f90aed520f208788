/*
 * Migration alone: statements as patterns of words. A small word is one of SQL's, in brackets one that may be missing, a
 * capital letter is what the file fills in.
 */
#include "store/migrate_alone.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "store/migrate_text.h"

/* N a name, T another, P something in parentheses that may be missing, . whatever follows, $ the end */
static const struct {
	enum hm_alone_kind kind;
	const char *pattern;
} patterns[] = {
	{ HM_ALONE_CREATE_INDEX, "create [unique] index concurrently N on [only] T ." },
	{ HM_ALONE_CREATE_INDEX, "create [unique] index concurrently if not exists N on [only] T ." },
	{ HM_ALONE_DROP_INDEX, "drop index concurrently N $" },
	{ HM_ALONE_DROP_INDEX, "drop index concurrently if exists N $" },
	{ HM_ALONE_REINDEX, "reindex P index concurrently N $" },
	{ HM_ALONE_REINDEX, "reindex P table concurrently N $" },
	{ HM_ALONE_DETACH, "alter table T detach partition N concurrently $" },
};

struct tokens {
	const char *text;
	size_t begin, end; /* of the token that is next; begin == end: there is none */
};

static void advance(struct tokens *tokens)
{
	(void)sql_token_find(tokens->text, tokens->end, &tokens->begin, &tokens->end);
}

static bool is_at_end(const struct tokens *tokens)
{
	return tokens->begin == tokens->end || tokens->text[tokens->begin] == ';';
}

static bool is_sign(const struct tokens *tokens, char sign)
{
	return tokens->begin < tokens->end && tokens->text[tokens->begin] == sign;
}

static bool is_word(const struct tokens *tokens, const char *word, size_t size)
{
	return tokens->end - tokens->begin == size && !strncasecmp(tokens->text + tokens->begin, word, size);
}

static bool is_name(const struct tokens *tokens)
{
	unsigned char first = (unsigned char)tokens->text[tokens->begin];

	return tokens->begin < tokens->end && (isalpha(first) || first == '_' || first == '"' || first >= 0x80);
}

/* name or schema.name, as it is written. */
static bool take_name(struct tokens *tokens, char ret_name[HM_ALONE_NAME_BYTES])
{
	size_t begin = tokens->begin, end = tokens->end;

	if (!is_name(tokens))
		return false;
	advance(tokens);
	if (is_sign(tokens, '.')) {
		advance(tokens);
		if (!is_name(tokens))
			return false;
		end = tokens->end;
		advance(tokens);
	}
	if (end - begin >= HM_ALONE_NAME_BYTES)
		return false;
	memcpy(ret_name, tokens->text + begin, end - begin);
	ret_name[end - begin] = '\0';
	return true;
}

static bool take_parentheses(struct tokens *tokens)
{
	if (!is_sign(tokens, '('))
		return true;
	while (!is_at_end(tokens) && !is_sign(tokens, ')'))
		advance(tokens);
	if (!is_sign(tokens, ')'))
		return false;
	advance(tokens);
	return true;
}

static bool take_word(struct tokens *tokens, const char *word, size_t size, struct hm_migration_alone *alone)
{
	bool may_miss = *word == '[', is_there;

	word += may_miss;
	size -= 2 * (size_t)may_miss;
	is_there = is_word(tokens, word, size);
	if (is_there)
		advance(tokens);
	alone->is_unique |= is_there && size == 6 && !strncmp(word, "unique", 6);
	return is_there || may_miss;
}

static bool take(struct tokens *tokens, const char *item, size_t size, struct hm_migration_alone *alone)
{
	switch (*item) {
	case 'N':
		return take_name(tokens, alone->name);
	case 'T':
		return take_name(tokens, alone->table);
	case 'P':
		return take_parentheses(tokens);
	case '.':
		alone->rest = tokens->begin;
		return !is_at_end(tokens);
	case '$':
		return is_at_end(tokens);
	default:
		return take_word(tokens, item, size, alone);
	}
}

static bool fits(const char *pattern, struct tokens tokens, struct hm_migration_alone *ret_alone)
{
	for (size_t size; *pattern; pattern += size + (pattern[size] == ' ')) {
		size = strcspn(pattern, " ");
		if (!take(&tokens, pattern, size, ret_alone))
			return false;
	}
	return true;
}

static hm_status refuse(const char *path, const char *text, size_t offset, const char *what)
{
	unsigned line, column;

	text_place(text, offset, &line, &column);
	return hm_raise(
		INVALID_ARGUMENT,
		"%s:%u:%u: %s; a notransaction file has one of CREATE INDEX CONCURRENTLY name ON table …, DROP "
		"INDEX CONCURRENTLY name, REINDEX INDEX|TABLE CONCURRENTLY name, ALTER TABLE … DETACH PARTITION name "
		"CONCURRENTLY, without CASCADE",
		path, line, column, what);
}

/* The last byte of the statement that is no semicolon, blank or comment lies before it. */
static size_t find_end(const char *text, size_t begin, size_t end)
{
	size_t token, token_end = begin, last = begin;

	while (sql_token_find(text, token_end, &token, &token_end) && token < end && text[token] != ';')
		last = token_end;
	return last;
}

hm_status hm_migration_alone_read(const char *path, const char *text, struct hm_migration_alone *ret_alone)
{
	size_t begin, end, another, another_end;
	struct tokens tokens = { .text = text };

	if (!sql_statement_find(text, 0, &begin, &end))
		return refuse(path, text, 0, "there is no statement");
	if (sql_statement_find(text, end, &another, &another_end))
		return refuse(path, text, another, "there is a second statement");
	advance(&tokens);
	for (size_t i = 0; i < sizeof patterns / sizeof *patterns; i++) {
		struct hm_migration_alone alone = { .kind = patterns[i].kind, .end = find_end(text, begin, end) };

		if (!fits(patterns[i].pattern, tokens, &alone))
			continue;
		*ret_alone = alone;
		return HM_OK;
	}
	return refuse(path, text, begin, "this can be run in a transaction, or cannot be done again after a crash");
}
