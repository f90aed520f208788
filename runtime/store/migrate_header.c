/*
 * Migration headers: one table of words, each with the form it is written in and what reads its value. A comment line is
 * a header if its word is one of them, refused if it is nearly one, and else a comment.
 */
#include "store/migrate_header.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/text.h"

enum {
	WORD_BYTES = 64,
	NEAR = 2, /* edits */
	BATCH_DEFAULT = 1000,
	BATCH_MAX = 100000,
	PAUSE_MAX_MS = 60000,
	DAY_MS = 24 * 3600 * 1000,
};

struct place {
	const char *path;
	unsigned line;
};

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static bool read_number(const char *text, unsigned long max, unsigned long *ret_number)
{
	size_t digits = strspn(text, "0123456789");
	unsigned long number = strtoul(text, NULL, 10);

	*ret_number = number;
	return digits && digits <= 9 && !text[digits] && number <= max;
}

bool hm_migration_duration_read(const char *text, uint64_t max_ms, uint64_t *ret_ms)
{
	static const struct {
		const char *unit;
		unsigned long ms;
	} units[] = { { "ms", 1 }, { "s", 1000 }, { "min", 60000 }, { "h", 3600000 } };
	size_t digits = strspn(text, "0123456789");

	for (size_t i = 0; digits && digits <= 9 && i < sizeof units / sizeof *units; i++) {
		if (strcmp(text + digits, units[i].unit))
			continue;
		*ret_ms = strtoul(text, NULL, 10) * units[i].ms;
		return *ret_ms <= max_ms;
	}
	return false;
}

static bool read_nothing(const char *value, struct hm_migration_header *header)
{
	header->notransaction = true;
	return !*value;
}

static bool read_timeout(const char *value, struct hm_migration_header *header)
{
	uint64_t ms = 0;
	bool is_none = !strcmp(value, "none");

	if (!is_none && (!hm_migration_duration_read(value, DAY_MS, &ms) || !ms))
		return false;
	header->statement_timeout_ms = (int64_t)ms;
	return true;
}

static bool read_remaining(const char *value, struct hm_migration_header *header)
{
	snprintf(header->backfill.remaining, sizeof header->backfill.remaining, "%s", value);
	return *value;
}

/* ---- Values of key=value, key=value … ---------------------------------------------------------------------------- */

static bool read_expands(const char *value, struct hm_migration_header *header)
{
	unsigned long version;

	if (strlen(value) != 4 || !read_number(value, 9999, &version) || !version)
		return false;
	header->expands = (unsigned)version;
	return true;
}

static bool read_table(const char *value, struct hm_migration_header *header)
{
	size_t size = strspn(value, "abcdefghijklmnopqrstuvwxyz0123456789_");

	if (!size || value[size] || size >= sizeof header->backfill.table || isdigit((unsigned char)*value))
		return false;
	memcpy(header->backfill.table, value, size + 1);
	return true;
}

static bool read_batch(const char *value, struct hm_migration_header *header)
{
	unsigned long rows;

	if (!read_number(value, BATCH_MAX, &rows) || !rows)
		return false;
	header->backfill.batch = (uint32_t)rows;
	return true;
}

static bool read_pause(const char *value, struct hm_migration_header *header)
{
	uint64_t ms;

	if (!hm_migration_duration_read(value, PAUSE_MAX_MS, &ms))
		return false;
	header->backfill.pause_ms = (uint32_t)ms;
	return true;
}

struct key {
	const char *name;
	bool (*read)(const char *value, struct hm_migration_header *header);
};

static const struct key contract_keys[] = { { "expands", read_expands }, { NULL, NULL } };
static const struct key backfill_keys[] = {
	{ "table", read_table }, { "batch", read_batch }, { "pause", read_pause }, { NULL, NULL }
};

/* Each key once, none that is not known. */
static bool read_pairs(const char *value, const struct key *keys, struct hm_migration_header *header)
{
	char text[HM_MIGRATION_REMAINING_BYTES], *rest = text, *pair;
	unsigned seen = 0;

	snprintf(text, sizeof text, "%s", value);
	while ((pair = strtok_r(rest, " \t", &rest))) {
		char *equals = strchr(pair, '=');
		size_t i = 0;

		if (!equals)
			return false;
		*equals = '\0';
		while (keys[i].name && strcmp(keys[i].name, pair))
			i++;
		if (!keys[i].name || seen & 1u << i || !keys[i].read(equals + 1, header))
			return false;
		seen |= 1u << i;
	}
	return seen & 1; /* the first is the one it cannot do without */
}

static bool read_contract(const char *value, struct hm_migration_header *header)
{
	return read_pairs(value, contract_keys, header);
}

static bool read_backfill(const char *value, struct hm_migration_header *header)
{
	header->backfill.batch = BATCH_DEFAULT;
	return read_pairs(value, backfill_keys, header);
}

/* ---- Lines ------------------------------------------------------------------------------------------------------- */

static const struct form {
	const char *word, *written;
	bool (*read)(const char *value, struct hm_migration_header *header); /* false: it is written in another way */
} forms[] = {
	{ "notransaction", "-- notransaction", read_nothing },
	{ "statement_timeout", "-- statement_timeout: 30s   (ms, s, min, h, up to 24h; or none)", read_timeout },
	{ "contract", "-- contract: expands=0007", read_contract },
	{ "backfill",
	  "-- backfill: table=accounts batch=1000 pause=50ms   (batch 1 to 100000, pause up to 1min; either may be "
	  "left out)",
	  read_backfill },
	{ "remaining", "-- remaining: CONDITION   (at most 500 bytes)", read_remaining },
};
enum { N_FORMS = sizeof forms / sizeof *forms };

/* A comment line, taken apart: "--", blanks, the word, blanks, the rest. */
struct comment {
	char word[WORD_BYTES]; /* "" if it is longer, and so no header's */
	const char *rest; /* from behind the word to the end of the line */
	size_t rest_size;
	bool is_spaced; /* "-- word", just so */
};

static void take_apart(const char *line, size_t size, struct comment *ret_comment)
{
	const char *end = line + size, *word = line + 2, *rest;

	while (end > line + 2 && isspace((unsigned char)end[-1]))
		end--;
	while (word < end && (*word == ' ' || *word == '\t'))
		word++;
	for (rest = word; rest < end && (isalnum((unsigned char)*rest) || *rest == '_' || *rest == '-');)
		rest++;
	*ret_comment = (struct comment){ .is_spaced = word == line + 3 && line[2] == ' ' };
	if ((size_t)(rest - word) < sizeof ret_comment->word)
		memcpy(ret_comment->word, word, (size_t)(rest - word));
	ret_comment->rest = rest;
	ret_comment->rest_size = (size_t)(end - rest);
}

/* What is behind a word makes it a header: nothing, a colon, or key=value. */
static bool looks_like_header(const struct comment *comment)
{
	const char *p = comment->rest, *end = p + comment->rest_size;

	while (p < end && (*p == ' ' || *p == '\t'))
		p++;
	if (p == end || *p == ':' || *p == '=')
		return true;
	while (p < end && (isalnum((unsigned char)*p) || *p == '_'))
		p++;
	return p < end && *p == '=';
}

/* "no transaction" is two words, and the one header without a colon. */
static bool is_split_notransaction(const struct comment *comment)
{
	static const char second[] = "transaction";
	const char *p = comment->rest;
	size_t size = comment->rest_size;

	while (size && (*p == ' ' || *p == '\t'))
		p++, size--;
	return hm_text_distance(comment->word, "no") == 0 && size >= sizeof second - 1 && size <= sizeof second &&
	       !strncasecmp(p, second, sizeof second - 1);
}

/* "transaction: …" begins many a comment, and is two letters short of a header. */
static bool is_near(const char *a, const char *b)
{
	size_t a_size = strlen(a), b_size = strlen(b);

	return a_size <= b_size + 1 && b_size <= a_size + 1 && hm_text_distance(a, b) <= NEAR;
}

static const struct form *form_near(const struct comment *comment)
{
	char word[WORD_BYTES];

	if (is_split_notransaction(comment))
		return &forms[0];
	snprintf(word, sizeof word, "%s", comment->word);
	for (char *p = word; *p; p++)
		*p = *p == '-' ? '_' : *p;
	for (size_t i = 0; *word && i < N_FORMS && looks_like_header(comment); i++)
		if (is_near(word, forms[i].word))
			return &forms[i];
	return NULL;
}

static bool is_exact(const struct comment *comment, const struct form *form)
{
	if (!comment->is_spaced || strcmp(comment->word, form->word))
		return false;
	if (form->read == read_nothing)
		return !comment->rest_size;
	return comment->rest_size > 2 && comment->rest[0] == ':' && comment->rest[1] == ' ';
}

static hm_status refuse(const struct place *place, const struct form *form)
{
	return hm_raise(INVALID_ARGUMENT,
			"%s:%u: this comment is no header as it stands, and too like one to be none; write %s",
			place->path, place->line, form->written);
}

static hm_status read_comment(const struct place *place, const struct comment *comment, unsigned *seen,
			      struct hm_migration_header *header)
{
	const struct form *form = form_near(comment);
	char value[HM_MIGRATION_REMAINING_BYTES] = "";
	size_t i = form ? (size_t)(form - forms) : 0;

	if (!form)
		return HM_OK;
	if (!is_exact(comment, form) || comment->rest_size >= sizeof value)
		return refuse(place, form);
	if (comment->rest_size)
		memcpy(value, comment->rest + 2, comment->rest_size - 2);
	if (!form->read(value + strspn(value, " \t"), header))
		return refuse(place, form);
	if (*seen & 1u << i)
		return hm_raise(INVALID_ARGUMENT, "%s:%u: -- %s is there twice", place->path, place->line, form->word);
	*seen |= 1u << i;
	return HM_OK;
}

/* Further down a header is not obeyed, and must not look as if it were. */
static hm_status refuse_late(const struct place *place, const struct comment *comment)
{
	for (size_t i = 0; i < N_FORMS; i++)
		if (is_exact(comment, &forms[i]))
			return hm_raise(
				INVALID_ARGUMENT,
				"%s:%u: -- %s is a header, and stands among the file's first lines, before all SQL",
				place->path, place->line, forms[i].word);
	return HM_OK;
}

static hm_status check_together(const char *path, const struct hm_migration_header *header)
{
	bool is_backfill = *header->backfill.table;

	if (is_backfill != (*header->backfill.remaining != '\0'))
		return hm_raise(INVALID_ARGUMENT, "%s: -- backfill and -- remaining need each other; %s is missing",
				path, forms[is_backfill ? 4 : 3].written);
	if (is_backfill && (header->notransaction || header->expands))
		return hm_raise(INVALID_ARGUMENT,
				"%s: a backfill is a file of its own, neither a contract nor notransaction", path);
	return HM_OK;
}

hm_status hm_migration_header_read(const char *path, const char *text, struct hm_migration_header *ret_header)
{
	struct hm_migration_header header = { .statement_timeout_ms = HM_MIGRATION_TIMEOUT_DEFAULT };
	struct place place = { .path = path };
	struct comment comment;
	bool is_leading = true;
	unsigned seen = 0;
	size_t size;

	for (const char *line = text; *line; line += size + (line[size] == '\n')) {
		size_t blank = strspn(line, " \t\r");

		size = strcspn(line, "\n");
		place.line++;
		if (blank < size && strncmp(line + blank, "--", 2)) {
			is_leading = false;
			continue;
		}
		if (blank >= size)
			continue;
		take_apart(line + blank, size - blank, &comment);
		TRY(is_leading ? read_comment(&place, &comment, &seen, &header) : refuse_late(&place, &comment));
	}
	TRY(check_together(path, &header));
	*ret_header = header;
	return HM_OK;
}
