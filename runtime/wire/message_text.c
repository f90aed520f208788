/* Values of fields as text. The process runs in the C locale: a decimal point is a point. */
#include "wire/message_text.h"

#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "wire/json_kind.h"
#include "wire/json_time.h"
#include "wire/message.h"
#include "wire/message_field.h"

/* The shortest text that reads back as the same number; a zero keeps its sign, which "-0" would lose as an integer. */
static void format_real(double value, bool is_float, char *text)
{
	int digits = is_float ? FLT_DIG : DBL_DIG, most = is_float ? FLT_DECIMAL_DIG : DBL_DECIMAL_DIG;

	if (isnan(value)) {
		snprintf(text, HM_NUMBER_BYTES, "NaN");
	} else if (isinf(value)) {
		snprintf(text, HM_NUMBER_BYTES, value < 0 ? "-Infinity" : "Infinity");
	} else if (value == 0) {
		snprintf(text, HM_NUMBER_BYTES, signbit(value) ? "-0.0" : "0");
	} else {
		do
			snprintf(text, HM_NUMBER_BYTES, "%.*g", digits, value);
		while (digits++ < most && (is_float ? (double)strtof(text, NULL) : strtod(text, NULL)) != value);
	}
}

static const char *enum_text(const ProtobufCEnumDescriptor *descriptor, int number, char *scratch)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(descriptor, number);

	if (value)
		return value->name;
	snprintf(scratch, HM_NUMBER_BYTES, "%d", number);
	return scratch;
}

const char *hm_value_text(const ProtobufCFieldDescriptor *field, const void *value, char scratch[HM_NUMBER_BYTES])
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		snprintf(scratch, HM_NUMBER_BYTES, "%" PRId32, *(const int32_t *)value);
		return scratch;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		snprintf(scratch, HM_NUMBER_BYTES, "%" PRIu32, *(const uint32_t *)value);
		return scratch;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		snprintf(scratch, HM_NUMBER_BYTES, "%" PRId64, *(const int64_t *)value);
		return scratch;
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		snprintf(scratch, HM_NUMBER_BYTES, "%" PRIu64, *(const uint64_t *)value);
		return scratch;
	case PROTOBUF_C_TYPE_FLOAT:
		format_real((double)*(const float *)value, true, scratch);
		return scratch;
	case PROTOBUF_C_TYPE_DOUBLE:
		format_real(*(const double *)value, false, scratch);
		return scratch;
	case PROTOBUF_C_TYPE_BOOL:
		return *(const protobuf_c_boolean *)value ? "true" : "false";
	case PROTOBUF_C_TYPE_ENUM:
		return enum_text(field->descriptor, *(const int *)value, scratch);
	case PROTOBUF_C_TYPE_STRING:
		return *(const char *const *)value;
	default:
		return NULL;
	}
}

static const char *bytes_text(struct hm_arena *arena, const ProtobufCBinaryData *data)
{
	size_t size = hm_base64_size(data->len);
	char *text = hm_arena_alloc(arena, size + 1);

	hm_base64_encode(data->data, data->len, text);
	text[size] = '\0';
	return text;
}

/* A Timestamp outside RFC 3339's years has no text, as if it were absent. */
static const char *message_text(struct hm_arena *arena, const ProtobufCMessage *message)
{
	char text[HM_JSON_TIME_BYTES];

	if (hm_json_kind_of(message->descriptor) != HM_JSON_TIMESTAMP ||
	    !hm_json_time_format((const Google__Protobuf__Timestamp *)message, text))
		return NULL;
	return hm_arena_strdup(arena, text);
}

const char *hm_field_text(struct hm_arena *arena, const ProtobufCMessage *message, const char *name)
{
	const ProtobufCFieldDescriptor *field = hm_field_find(message->descriptor, name);
	char scratch[HM_NUMBER_BYTES];
	const char *text;
	const void *value;

	if (!field || hm_field_is_repeated(field) || !hm_field_is_set(message, field))
		return NULL;
	value = hm_field_at(message, field, 0);
	if (field->type == PROTOBUF_C_TYPE_BYTES)
		return bytes_text(arena, value);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return message_text(arena, *(const ProtobufCMessage *const *)value);
	text = hm_value_text(field, value, scratch);
	return text == scratch ? hm_arena_strdup(arena, text) : text;
}
