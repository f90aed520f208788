/*
 * Validation: a message against the rules of its contract. All that is wrong is found at once, and nothing of a value is
 * quoted: it may be health information. Costs nothing but the checks while nothing is wrong.
 */
#include <assert.h>
#include <float.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/id.h"
#include "base/text.h"
#include "wire/message.h"
#include "wire/message_field.h"
#include "wire/message_path.h"
#include "wire/rules_pattern.h"

static hm_status check_message(const ProtobufCMessage *message, const struct hm_message_rules *rules,
			       const struct hm_path *outer, size_t *n_wrong);

/* Adds a violation; the first begins the error. */
__attribute__((format(printf, 3, 4), cold)) static void wrong(size_t *n_wrong, const struct hm_path *path,
							      const char *format, ...)
{
	char field[HM_FIELD_BYTES], description[HM_DESCRIPTION_BYTES];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(description, sizeof description, format, arguments);
	va_end(arguments);
	hm_path_format(path, field, sizeof field);
	if (!*n_wrong)
		(void)hm_raise(INVALID_ARGUMENT, "%s: %s", field, description);
	++*n_wrong;
	hm_error_add_violation(field, "%s", description);
}

static void check_length(const struct hm_field_rule *rule, const struct hm_path *path, size_t length, const char *unit,
			 size_t *n_wrong)
{
	if (length < rule->min_length)
		wrong(n_wrong, path, "must have at least %" PRIu32 " %s", rule->min_length, unit);
	else if (rule->max_length && length > rule->max_length)
		wrong(n_wrong, path, "must have at most %" PRIu32 " %s", rule->max_length, unit);
}

/* A pattern runs only over text whose length is right; an element's is bounded by the request's alone. */
static hm_status check_string(const struct hm_field_rule *rule, const struct hm_path *path, const char *text,
			      bool is_element, size_t *n_wrong)
{
	size_t n_before = *n_wrong;
	struct hm_id id;
	bool matches;

	if (!is_element) {
		if (rule->required && !*text) {
			wrong(n_wrong, path, "must not be empty");
			return HM_OK;
		}
		if (rule->min_length || rule->max_length)
			check_length(rule, path, hm_utf8_count(text, strlen(text)), "characters", n_wrong);
	}
	if (*n_wrong > n_before)
		return HM_OK;
	if (rule->uuid && !hm_id_parse(text, &id))
		wrong(n_wrong, path, "must be a UUID");
	if (rule->pattern) {
		TRY(hm_pattern_match(rule, text, &matches));
		if (!matches)
			wrong(n_wrong, path, "must match %s", rule->pattern);
	}
	return HM_OK;
}

/* Any number, exactly: a long double holds all 64 bits of an integer. False for what is not a number. */
static bool number_of(ProtobufCType type, const void *value, long double *ret_number)
{
	switch (type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		*ret_number = *(const int32_t *)value;
		return true;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		*ret_number = *(const uint32_t *)value;
		return true;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		*ret_number = *(const int64_t *)value;
		return true;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		*ret_number = *(const uint64_t *)value;
		return true;
	case PROTOBUF_C_TYPE_FLOAT:
		*ret_number = *(const float *)value;
		return true;
	case PROTOBUF_C_TYPE_DOUBLE:
		*ret_number = *(const double *)value;
		return true;
	default:
		return false;
	}
}
static_assert(LDBL_MANT_DIG >= 64, "a long double holds every 64-bit integer");

/* Not a number is on neither side of a bound, so it fails both. */
static void check_number(const struct hm_field_rule *rule, const struct hm_path *path, ProtobufCType type,
			 const void *value, size_t *n_wrong)
{
	long double number;

	if (!number_of(type, value, &number))
		return;
	if (rule->has_min && !(number >= rule->min))
		wrong(n_wrong, path, "must be at least %" PRId64, rule->min);
	else if (rule->has_max && !(number <= rule->max))
		wrong(n_wrong, path, "must be at most %" PRId64, rule->max);
}

/* One value: of a singular field, or an element, whose length limits are the list's. */
static hm_status check_value(const struct hm_field_rule *rule, const ProtobufCFieldDescriptor *field, const void *value,
			     const struct hm_path *path, size_t *n_wrong)
{
	bool is_element = hm_field_is_repeated(field);

	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return check_string(rule, path, *(const char *const *)value, is_element, n_wrong);
	case PROTOBUF_C_TYPE_BYTES:
		if (!is_element)
			check_length(rule, path, ((const ProtobufCBinaryData *)value)->len, "bytes", n_wrong);
		return HM_OK;
	case PROTOBUF_C_TYPE_MESSAGE:
		return check_message(*(const ProtobufCMessage *const *)value, rule->message, path, n_wrong);
	default:
		check_number(rule, path, field->type, value, n_wrong);
		return HM_OK;
	}
}

static hm_status check_field(const ProtobufCMessage *message, const struct hm_field_rule *rule,
			     const struct hm_path *outer, size_t *n_wrong)
{
	const ProtobufCFieldDescriptor *field = &message->descriptor->fields[rule->field];
	struct hm_path path = { .outer = outer, .name = field->name, .index = -1 };
	size_t count = hm_field_count(message, field);

	if (rule->required && !count) {
		wrong(n_wrong, &path, "must be given");
		return HM_OK;
	}
	if (hm_field_is_repeated(field))
		check_length(rule, &path, count, "elements", n_wrong);
	for (size_t i = 0; i < count && *n_wrong < HM_VIOLATIONS_MAX; i++) {
		if (hm_field_is_repeated(field))
			path.index = (ptrdiff_t)i;
		TRY(check_value(rule, field, hm_field_at(message, field, i), &path, n_wrong));
	}
	return HM_OK;
}

static hm_status check_message(const ProtobufCMessage *message, const struct hm_message_rules *rules,
			       const struct hm_path *outer, size_t *n_wrong)
{
	for (uint32_t i = 0; rules && i < rules->n_fields && *n_wrong < HM_VIOLATIONS_MAX; i++)
		TRY(check_field(message, &rules->fields[i], outer, n_wrong));
	return HM_OK;
}

/* One wrong field is the message; of several the message lists as many as have room. */
static hm_status summarise(size_t n_wrong)
{
	struct hm_error error = *hm_error_get();
	size_t length;

	if (n_wrong == 1)
		return error.code;
	length = (size_t)snprintf(error.message, sizeof error.message, "%zu fields are wrong", n_wrong);
	for (size_t i = 0; i < error.n_violations && length < sizeof error.message; i++)
		length += (size_t)snprintf(error.message + length, sizeof error.message - length, "%s %s: %s",
					   i ? ";" : ":", error.violations[i].field, error.violations[i].description);
	return hm_error_set(&error);
}

hm_status hm_message_validate(const ProtobufCMessage *message, const struct hm_message_rules *rules)
{
	size_t n_wrong = 0;

	TRY(check_message(message, rules, NULL, &n_wrong));
	return n_wrong ? summarise(n_wrong) : HM_OK;
}
