/*
 * Rules: what a rule is, and where they all are.
 *
 * A rule is a row: a name, a category, the kinds of things it looks at, and a function that complains. Its page, rules/NAME.md, has
 * the summary, the why, a bad and a good example; they are its tests (rules_test.c). Rules judge, they change nothing.
 */
#pragma once
#include <stddef.h>

#include "check.h"

/* Kinds of things, as bits. A breaking rule looks at pairs; with GONE at a former thing that has nothing in its place (then `now` is
 * what was around it, as far as that is left), with ADDED at one that is new (then `was` is what is around it). */
enum kind {
	OF_FILE = 1 << 0,
	OF_SERVICE = 1 << 1,
	OF_METHOD = 1 << 2,
	OF_MESSAGE = 1 << 3,
	OF_FIELD = 1 << 4,
	OF_ENUM = 1 << 5,
	OF_VALUE = 1 << 6,
	GONE = 8, /* OF_FIELD << GONE */
	ADDED = 16,
};

struct look {
	struct check *check;
	const struct rule *rule;
	struct thing now;
	struct thing was; /* of a breaking rule */
};

struct rule {
	const char *name, *category;
	unsigned kinds;
	void (*judge)(const struct look *look);
};

/* rules_lint and rules_breaking give the rules one after the other, NULL behind the last. */
const struct rule *rules_lint(size_t i);
const struct rule *rules_breaking(size_t i);

/* The tables, a file each; a row without a name ends one. */
extern const struct rule rules_of_files[], rules_of_names[], rules_of_comments[], rules_of_methods[], rules_of_access[],
	rules_of_fields[];
extern const struct rule breaks_of_files[], breaks_of_messages[], breaks_of_fields[], breaks_of_methods[];

/* complain adds a finding at what is looked at, complain_at at something inside its file: what is wrong; what to do. */
void complain(const struct look *look, const char *format, ...) __attribute__((format(printf, 2, 3)));
void complain_at(const struct look *look, const struct path *path, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/* look_judge has each rule of a list look that is for the kind. */
void look_judge(const struct look *look, const struct rule *(*list)(size_t), unsigned kind);

/* Steps of paths inside descriptor.proto's messages. */
enum {
	FILE_PACKAGE = 2,
	FILE_DEPENDENCY = 3,
	FILE_MESSAGE = 4,
	FILE_ENUM = 5,
	FILE_SERVICE = 6,
	FILE_EXTENSION = 7,
	FILE_OPTIONS = 8,
	FILE_SYNTAX = 12,
	SERVICE_OPTIONS = 3,
	METHOD_OPTIONS = 4,
	MESSAGE_ONEOF = 8,
	ENUM_VALUE = 2,
	FIELD_OPTIONS = 8,
};

/* Words. */
bool text_is(const char *a, const char *b); /* NULL is a text that equals NULL alone */
bool text_ends(const char *text, const char *end);
bool text_begins(const char *text, const char *begin);
bool text_in(const char *text, const char *const *list); /* ends with NULL */
bool texts_have(const struct texts *texts, const char *text);
bool name_is_snake(const char *name); /* "page_size" */
bool name_is_pascal(const char *name); /* "PageSize" */
bool name_is_upper(const char *name); /* "PAGE_SIZE" */

/* text_word returns the word of `separator`s that a name ends with, as "amount" of "posted_amount". */
const char *text_last_word(const char *name, char separator);

/* file_is_hallmarks: is the file one of proto/hallmark? They are what all contracts speak in: older than their rules, and versioned
 * with the framework. */
bool file_is_hallmarks(const struct file *file);

/* file_version is the version of a package, "v1", or NULL. */
const char *package_version(const char *package);
