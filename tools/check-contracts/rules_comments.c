/* Rules of comments: a contract's comments are its documentation, in C, in `hallmark describe`, and in what the tests promise. */
#include <ctype.h>
#include <string.h>

#include "base/text.h"
#include "rules.h"

static bool begins_with_name(const char *comment, const char *name)
{
	size_t size = strlen(name);

	return text_begins(comment, name) && !isalnum((unsigned char)comment[size]) && comment[size] != '_';
}

static void service_comment(const struct look *look)
{
	const char *name = look->now.service->proto->name;

	if (!begins_with_name(look->now.service->comment, name))
		complain(look, "service %s is not explained; put a comment above it that begins with its name", name);
}

static void method_comment(const struct look *look)
{
	const char *name = look->now.method->proto->name;

	if (!begins_with_name(look->now.method->comment, name))
		complain(look,
			 "%s is not explained; put a comment above it: \"%s does this.\", and a line CODE: when … for "
			 "each error",
			 name, name);
}

static void enum_comment(const struct look *look)
{
	if (!*look->now.enumeration->comment)
		complain(look, "enum %s is not explained; say above it what its values tell apart",
			 look->now.enumeration->proto->name);
}

/* A contract without a service has no other place to say what it is for. */
static void file_comment(const struct look *look)
{
	const struct path syntax = { .steps = { FILE_SYNTAX }, .n_steps = 1 };
	const Google__Protobuf__SourceCodeInfo__Location *location = source_find(look->now.file->proto, &syntax);

	if (look->now.file->n_services)
		return;
	if (!location || (!location->leading_comments && !location->n_leading_detached_comments))
		complain(look, "a file without a service; say in a comment before syntax what its messages are for");
}

/* ---- Errors ------------------------------------------------------------------------------------------------------ */

enum { WORD_SHORTEST = 3, EDITS_MAX = 2 };

static bool is_capitals(const char *word, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (!isupper((unsigned char)word[i]) && word[i] != '_')
			return false;
	return size >= WORD_SHORTEST;
}

/* A word meant as a status: "JSON: …" is none. */
static bool is_like_status(const char *word)
{
	if (strchr(word, '_'))
		return true;
	for (int code = HM_OK + 1; code < HM_STATUS_COUNT; code++)
		if (hm_text_distance(word, hm_status_name(code)) <= EDITS_MAX)
			return true;
	return false;
}

static void judge_word(const struct look *look, const char *word, bool has_colon)
{
	bool is_status = hm_status_find(word) > HM_OK;

	if (has_colon && !is_status && is_like_status(word))
		complain(look, "%s: %s is no status; the codes are gRPC's: NOT_FOUND, FAILED_PRECONDITION, …",
			 look->now.method->proto->name, word);
	if (is_status && !has_colon)
		complain(look, "%s: %s is named without when it happens; write \"%s: when …\"",
			 look->now.method->proto->name, word, word);
}

static void method_errors(const struct look *look)
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

	for (const char *at = look->now.method->comment; *at;) {
		size_t size = strspn(at, letters);

		if (is_capitals(at, size))
			judge_word(look, hm_arena_dup(&look->check->arena, at, size),
				   at[size] == ':' && isspace((unsigned char)at[size + 1]));
		at += size ? size : 1;
	}
}

static void get_not_found(const struct look *look)
{
	const struct method *method = look->now.method;

	if (text_begins(method->proto->name, "Get") && isupper((unsigned char)method->proto->name[3]) &&
	    method->request && method->request->n_fields && !texts_have(&method->errors, "NOT_FOUND"))
		complain(look, "%s does not say what happens when there is none; add \"NOT_FOUND: no such …\"",
			 method->proto->name);
}

const struct rule rules_of_comments[] = {
	{ "contract-service-comment", "comments", OF_SERVICE, service_comment },
	{ "contract-method-comment", "comments", OF_METHOD, method_comment },
	{ "contract-method-errors", "comments", OF_METHOD, method_errors },
	{ "contract-get-not-found", "comments", OF_METHOD, get_not_found },
	{ "contract-enum-comment", "comments", OF_ENUM, enum_comment },
	{ "contract-file-comment", "comments", OF_FILE, file_comment },
	{ 0 },
};
