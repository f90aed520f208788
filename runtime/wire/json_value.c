/*
 * Values in JSON, inwards: a reader for each protobuf type. Numbers may come as strings, since 64 bits do not fit into
 * what most JSON libraries make of a number; anything inexact or out of range is refused, not rounded.
 */
#include "wire/json_value.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "wire/json_kind.h"
#include "wire/json_name.h"
#include "wire/message_field.h"

enum { EXCERPT_BYTES = 24, FOUND_BYTES = 160 };

/* The beginning of a text, cut between characters, as a JSON string. */
static void describe_string(const json_t *value, char *ret_text)
{
	struct hm_buffer quoted = { 0 };
	const char *text = json_string_value(value);
	size_t size = json_string_length(value), cut = size;

	if (size > EXCERPT_BYTES)
		for (cut = EXCERPT_BYTES; cut && ((unsigned char)text[cut] & 0xc0) == 0x80; cut--)
			;
	hm_json_write_text(&quoted, text, cut);
	snprintf(ret_text, FOUND_BYTES, "the string %s%s", quoted.data, cut < size ? "..." : "");
	hm_buffer_fini(&quoted);
}

hm_status hm_json_value_wrong(const struct hm_path *path, const char *expected, const json_t *found)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "an object", [JSON_ARRAY] = "an array", [JSON_TRUE] = "true",
		[JSON_FALSE] = "false",      [JSON_NULL] = "null",
	};
	char text[FOUND_BYTES];

	switch (json_typeof(found)) {
	case JSON_STRING:
		describe_string(found, text);
		break;
	case JSON_INTEGER:
		snprintf(text, sizeof text, "the number %" JSON_INTEGER_FORMAT, json_integer_value(found));
		break;
	case JSON_REAL:
		snprintf(text, sizeof text, "the number %.17g", json_real_value(found));
		break;
	default:
		snprintf(text, sizeof text, "%s", names[json_typeof(found)]);
	}
	return hm_path_raise(path, "expected %s, found %s", expected, text);
}

/* Text that is a decimal integer and nothing else: strtoll alone would take " +7". */
static bool is_integer_text(const char *text)
{
	text += *text == '-';
	return *text && !text[strspn(text, "0123456789")];
}

/* A JSON integer, a real without a fraction (1e3), or a string of digits. */
static bool read_signed(const json_t *value, int64_t *ret_number)
{
	double real = json_real_value(value);
	const char *text = json_string_value(value);

	if (json_is_integer(value)) {
		*ret_number = json_integer_value(value);
		return true;
	}
	if (json_is_real(value)) {
		if (!(real >= -0x1p53 && real <= 0x1p53))
			return false;
		*ret_number = (int64_t)real;
		return (double)*ret_number == real;
	}
	if (!text || !is_integer_text(text))
		return false;
	errno = 0;
	*ret_number = strtoll(text, NULL, 10);
	return !errno;
}

/* The same without a sign; only a string goes past 2^63. */
static bool read_unsigned(const json_t *value, uint64_t *ret_number)
{
	const char *text = json_string_value(value);
	int64_t number;

	if (!text) {
		if (!read_signed(value, &number) || number < 0)
			return false;
		*ret_number = (uint64_t)number;
		return true;
	}
	if (!is_integer_text(text) || *text == '-')
		return false;
	errno = 0;
	*ret_number = strtoull(text, NULL, 10);
	return !errno;
}

static bool read_int32(const json_t *value, void *ret_value)
{
	int64_t number;

	if (!read_signed(value, &number) || number < INT32_MIN || number > INT32_MAX)
		return false;
	*(int32_t *)ret_value = (int32_t)number;
	return true;
}

static bool read_int64(const json_t *value, void *ret_value)
{
	return read_signed(value, ret_value);
}

static bool read_uint32(const json_t *value, void *ret_value)
{
	uint64_t number;

	if (!read_unsigned(value, &number) || number > UINT32_MAX)
		return false;
	*(uint32_t *)ret_value = (uint32_t)number;
	return true;
}

static bool read_uint64(const json_t *value, void *ret_value)
{
	return read_unsigned(value, ret_value);
}

/* Text that is a number as JSON has it, or one of the three that JSON lacks. strtod alone would take " 0x1p3" and "nan". */
static bool read_real_text(const char *text, double *ret_real)
{
	static const struct {
		const char *name;
		double value;
	} specials[] = { { "NaN", NAN }, { "Infinity", INFINITY }, { "-Infinity", -INFINITY } };
	char *end;

	for (size_t i = 0; i < sizeof specials / sizeof *specials; i++) {
		if (!strcmp(text, specials[i].name)) {
			*ret_real = specials[i].value;
			return true;
		}
	}
	if (!*text || text[strspn(text, "0123456789+-.eE")])
		return false;
	*ret_real = strtod(text, &end);
	return !*end && isfinite(*ret_real);
}

static bool read_real(const json_t *value, double *ret_real)
{
	if (json_is_string(value))
		return read_real_text(json_string_value(value), ret_real);
	*ret_real = json_number_value(value);
	return json_is_number(value);
}

static bool read_double(const json_t *value, void *ret_value)
{
	return read_real(value, ret_value);
}

static bool read_float(const json_t *value, void *ret_value)
{
	double real;

	if (!read_real(value, &real) || (isfinite(real) && !isfinite((float)real)))
		return false;
	*(float *)ret_value = (float)real;
	return true;
}

static bool read_bool(const json_t *value, void *ret_value)
{
	*(protobuf_c_boolean *)ret_value = json_is_true(value);
	return json_is_boolean(value);
}

typedef bool reader(const json_t *value, void *ret_value);

static reader *const readers[] = {
	[PROTOBUF_C_TYPE_INT32] = read_int32,    [PROTOBUF_C_TYPE_SINT32] = read_int32,
	[PROTOBUF_C_TYPE_SFIXED32] = read_int32, [PROTOBUF_C_TYPE_INT64] = read_int64,
	[PROTOBUF_C_TYPE_SINT64] = read_int64,   [PROTOBUF_C_TYPE_SFIXED64] = read_int64,
	[PROTOBUF_C_TYPE_UINT32] = read_uint32,  [PROTOBUF_C_TYPE_FIXED32] = read_uint32,
	[PROTOBUF_C_TYPE_UINT64] = read_uint64,  [PROTOBUF_C_TYPE_FIXED64] = read_uint64,
	[PROTOBUF_C_TYPE_FLOAT] = read_float,    [PROTOBUF_C_TYPE_DOUBLE] = read_double,
	[PROTOBUF_C_TYPE_BOOL] = read_bool,
};

/* By name, or by number if the contract has a name for it. */
static hm_status read_enum(const struct hm_path *path, const ProtobufCEnumDescriptor *descriptor, const json_t *value,
			   int *ret_value)
{
	const ProtobufCEnumValue *found = NULL;
	int32_t number;

	if (json_is_string(value)) {
		found = protobuf_c_enum_descriptor_get_value_by_name(descriptor, json_string_value(value));
		if (!found)
			return hm_json_unknown_value(path, descriptor, json_string_value(value));
	} else if (json_is_number(value) && read_int32(value, &number)) {
		found = protobuf_c_enum_descriptor_get_value(descriptor, number);
	}
	if (!found)
		return hm_json_value_wrong(path, "the name of an enum value", value);
	*ret_value = found->value;
	return HM_OK;
}

static hm_status read_bytes(struct hm_arena *arena, const struct hm_path *path, const json_t *value,
			    ProtobufCBinaryData *ret_value)
{
	size_t size = json_string_length(value);

	if (!json_is_string(value))
		return hm_json_value_wrong(path, "a string of base64", value);
	ret_value->data = hm_arena_alloc(arena, size / 4 * 3 + 3);
	if (!hm_base64_decode(json_string_value(value), size, ret_value->data, &ret_value->len))
		return hm_json_value_wrong(path, "a string of base64", value);
	return HM_OK;
}

hm_status hm_json_value_read(struct hm_arena *arena, const struct hm_path *path, const ProtobufCFieldDescriptor *field,
			     const json_t *value, void *ret_value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		if (!json_is_string(value))
			return hm_json_value_wrong(path, "a string", value);
		*(char **)ret_value = hm_arena_dup(arena, json_string_value(value), json_string_length(value));
		return HM_OK;
	case PROTOBUF_C_TYPE_BYTES:
		return read_bytes(arena, path, value, ret_value);
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(path, field->descriptor, value, ret_value);
	default:
		if (!readers[field->type](value, ret_value))
			return hm_json_value_wrong(path, hm_type_of(field->type)->name, value);
		return HM_OK;
	}
}
