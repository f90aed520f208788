/* Check: options of fields. A table says which types each option fits. */
#include <regex.h>

#include "check.h"

enum { FIELD_OPTIONS = 8 };

#define TYPE(name) (1u << GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name)

enum {
	STRING = TYPE(STRING),
	LENGTHS = TYPE(STRING) | TYPE(BYTES),
	NUMBERS = TYPE(INT32) | TYPE(INT64) | TYPE(UINT32) | TYPE(UINT64) | TYPE(SINT32) | TYPE(SINT64) |
		  TYPE(FIXED32) | TYPE(FIXED64) | TYPE(SFIXED32) | TYPE(SFIXED64) | TYPE(FLOAT) | TYPE(DOUBLE),
};

static bool is_repeated(const struct field *field)
{
	return field->proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
}

static void check_types(const struct message *message, const struct field *field, struct problems *problems)
{
	const struct field_options *options = &field->options;
	const struct {
		const char *name;
		bool given;
		unsigned types;
		bool counts_elements; /* on a repeated field of any type */
		const char *fits;
	} rows[] = {
		{ "pattern", options->pattern, STRING, false, "string" },
		{ "uuid", options->uuid, STRING, false, "string" },
		{ "subject", options->subject, STRING, false, "string" },
		{ "min", options->has_min, NUMBERS, false, "number" },
		{ "max", options->has_max, NUMBERS, false, "number" },
		{ "min_length", options->has_min_length, LENGTHS, true, "string, bytes or repeated" },
		{ "max_length", options->has_max_length, LENGTHS, true, "string, bytes or repeated" },
	};
	struct path path = path_join(&field->path, FIELD_OPTIONS, OPTION_FIELD);

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		bool fits =
			(rows[i].types >> field->proto->type & 1) || (rows[i].counts_elements && is_repeated(field));

		if (rows[i].given && !fits)
			problem_add(problems, message->file, &path, "%s: %s is for %s fields", field->proto->name,
				    rows[i].name, rows[i].fits);
	}
}

static void check_bounds(const struct message *message, const struct field *field, struct problems *problems)
{
	const struct field_options *options = &field->options;
	struct path path = path_join(&field->path, FIELD_OPTIONS, OPTION_FIELD);

	if (options->has_min && options->has_max && options->min > options->max)
		problem_add(problems, message->file, &path, "%s: min is greater than max", field->proto->name);
	if (options->has_max_length && options->min_length > options->max_length)
		problem_add(problems, message->file, &path, "%s: min_length is greater than max_length",
			    field->proto->name);
}

static void check_pattern(const struct message *message, const struct field *field, struct problems *problems)
{
	struct path path = path_join(&field->path, FIELD_OPTIONS, OPTION_FIELD);
	char words[256];
	regex_t regex;
	int code;

	if (!field->options.pattern)
		return;
	code = regcomp(&regex, field->options.pattern, REG_EXTENDED | REG_NOSUB);
	if (!code) {
		regfree(&regex);
		return;
	}
	regerror(code, &regex, words, sizeof(words));
	problem_add(problems, message->file, &path, "%s: pattern \"%s\": %s", field->proto->name,
		    field->options.pattern, words);
}

void check_fields(const struct message *message, struct problems *problems)
{
	for (size_t i = 0; i < message->n_fields; i++) {
		check_types(message, &message->fields[i], problems);
		check_bounds(message, &message->fields[i], problems);
		check_pattern(message, &message->fields[i], problems);
	}
}
