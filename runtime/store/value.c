/* Values: between a message's field and the form in the middle. One row a protobuf type; enums, timestamps and strings
 * have functions of their own. */
#include "store/value.h"

#include <string.h>

#include "base/clock.h"
#include "google/protobuf/timestamp.pb-c.h"

enum { NS_PER_US = 1000, NS_PER_S = 1000000000 };

/* 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what a Timestamp may say. */
static const int64_t first_second = -62135596800, last_second = 253402300799;

static const char *const fit_texts[] = {
	[FIT_OK] = "fits",
	[FIT_TYPE] = "does not fit",
	[FIT_RANGE] = "is out of range",
	[FIT_SYNTAX] = "is malformed",
	[FIT_UTF8] = "is not valid UTF-8",
};

const char *fit_text(enum fit fit)
{
	return fit_texts[fit];
}

static enum fit read_enum(const ProtobufCFieldDescriptor *field, int number, struct value *ret_value)
{
	const ProtobufCEnumValue *value = protobuf_c_enum_descriptor_get_value(field->descriptor, number);

	if (!value)
		return FIT_RANGE;
	*ret_value = (struct value){
		.kind = VALUE_ENUM,
		.integer = number,
		.data = value->name,
		.size = strlen(value->name),
	};
	return FIT_OK;
}

static enum fit read_timestamp(const ProtobufCFieldDescriptor *field, const ProtobufCMessage *message,
			       struct value *ret_value)
{
	const Google__Protobuf__Timestamp *time = (const Google__Protobuf__Timestamp *)message;

	if (field->descriptor != &google__protobuf__timestamp__descriptor)
		return FIT_TYPE;
	if (time->seconds < first_second || time->seconds > last_second || time->nanos < 0 || time->nanos >= NS_PER_S)
		return FIT_RANGE;
	*ret_value = (struct value){
		.kind = VALUE_TIME,
		.integer = time->seconds * HM_US_PER_S + time->nanos / NS_PER_US,
	};
	return FIT_OK;
}

static enum fit read_unsigned(uint64_t number, struct value *ret_value)
{
	*ret_value = (struct value){ .kind = VALUE_INTEGER, .integer = (int64_t)number };
	return number > INT64_MAX ? FIT_RANGE : FIT_OK;
}

static void read_text(const char *text, struct value *ret_value)
{
	*ret_value = (struct value){ .kind = VALUE_TEXT, .data = text, .size = strlen(text) };
}

static void read_bytes(const ProtobufCBinaryData *bytes, struct value *ret_value)
{
	*ret_value = (struct value){ .kind = VALUE_BYTES, .data = (const char *)bytes->data, .size = bytes->len };
}

enum fit value_read(const ProtobufCFieldDescriptor *field, const void *at, struct value *ret_value)
{
	*ret_value = (struct value){ .kind = VALUE_INTEGER };
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		ret_value->integer = *(const int32_t *)at;
		return FIT_OK;
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		ret_value->integer = *(const int64_t *)at;
		return FIT_OK;
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return read_unsigned(*(const uint32_t *)at, ret_value);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return read_unsigned(*(const uint64_t *)at, ret_value);
	case PROTOBUF_C_TYPE_FLOAT:
		*ret_value = (struct value){ .kind = VALUE_NUMBER, .number = (double)*(const float *)at };
		return FIT_OK;
	case PROTOBUF_C_TYPE_DOUBLE:
		*ret_value = (struct value){ .kind = VALUE_NUMBER, .number = *(const double *)at };
		return FIT_OK;
	case PROTOBUF_C_TYPE_BOOL:
		*ret_value = (struct value){ .kind = VALUE_BOOL, .integer = *(const protobuf_c_boolean *)at != 0 };
		return FIT_OK;
	case PROTOBUF_C_TYPE_ENUM:
		return read_enum(field, *(const int *)at, ret_value);
	case PROTOBUF_C_TYPE_STRING:
		read_text(*(const char *const *)at, ret_value);
		return FIT_OK;
	case PROTOBUF_C_TYPE_BYTES:
		read_bytes(at, ret_value);
		return FIT_OK;
	case PROTOBUF_C_TYPE_MESSAGE:
		return read_timestamp(field, *(const ProtobufCMessage *const *)at, ret_value);
	}
	return FIT_TYPE;
}

enum fit value_sample(const ProtobufCFieldDescriptor *field, struct value *ret_value)
{
	static const ProtobufCBinaryData no_bytes;
	static const char *const no_text = "";
	Google__Protobuf__Timestamp epoch = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	const void *message = &epoch, *at = &no_bytes; /* zeros, large enough for any number */

	if (field->type == PROTOBUF_C_TYPE_ENUM)
		return read_enum(field, ((const ProtobufCEnumDescriptor *)field->descriptor)->values->value, ret_value);
	if (field->type == PROTOBUF_C_TYPE_STRING)
		at = &no_text;
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		at = &message;
	return value_read(field, at, ret_value);
}

static enum fit write_integer(const struct value *value, int64_t least, int64_t most, void *at, size_t width)
{
	if (value->kind != VALUE_INTEGER)
		return FIT_TYPE;
	if (value->integer < least || value->integer > most)
		return FIT_RANGE;
	if (width == sizeof(int64_t))
		*(int64_t *)at = value->integer;
	else
		*(int32_t *)at = (int32_t)value->integer;
	return FIT_OK;
}

static enum fit write_number(const struct value *value, ProtobufCType type, void *at)
{
	if (value->kind != VALUE_NUMBER)
		return FIT_TYPE;
	if (type == PROTOBUF_C_TYPE_FLOAT)
		*(float *)at = (float)value->number;
	else
		*(double *)at = value->number;
	return FIT_OK;
}

static enum fit write_bool(const struct value *value, void *at)
{
	if (value->kind != VALUE_BOOL)
		return FIT_TYPE;
	*(protobuf_c_boolean *)at = value->integer != 0;
	return FIT_OK;
}

/* A name out of a text column, or a number out of an integer one. The text is NUL-terminated by the caller's arena. */
static enum fit write_enum(struct hm_arena *arena, const ProtobufCFieldDescriptor *field, const struct value *value,
			   void *at)
{
	const ProtobufCEnumValue *found = NULL;

	if (value->kind == VALUE_TEXT)
		found = protobuf_c_enum_descriptor_get_value_by_name(field->descriptor,
								     hm_arena_dup(arena, value->data, value->size));
	else if (value->kind == VALUE_INTEGER && value->integer >= INT32_MIN && value->integer <= INT32_MAX)
		found = protobuf_c_enum_descriptor_get_value(field->descriptor, (int)value->integer);
	else
		return FIT_TYPE;
	if (!found)
		return FIT_RANGE;
	*(int *)at = found->value;
	return FIT_OK;
}

/* Times read as RFC 3339, so that one can be a page token. */
static enum fit write_text(struct hm_arena *arena, const struct value *value, void *at)
{
	char time[HM_TIME_BYTES];

	if (value->kind == VALUE_TIME) {
		hm_time_format(value->integer, time);
		*(const char **)at = hm_arena_strdup(arena, time);
		return FIT_OK;
	}
	if (value->kind != VALUE_TEXT)
		return FIT_TYPE;
	*(const char **)at = hm_arena_dup(arena, value->data, value->size);
	return FIT_OK;
}

static enum fit write_bytes(struct hm_arena *arena, const struct value *value, void *at)
{
	ProtobufCBinaryData *bytes = at;

	if (value->kind != VALUE_BYTES)
		return FIT_TYPE;
	bytes->len = value->size;
	bytes->data = (uint8_t *)hm_arena_dup(arena, value->data, value->size);
	return FIT_OK;
}

static enum fit write_timestamp(struct hm_arena *arena, const ProtobufCFieldDescriptor *field,
				const struct value *value, void *at)
{
	Google__Protobuf__Timestamp *time;

	if (value->kind != VALUE_TIME || field->descriptor != &google__protobuf__timestamp__descriptor)
		return FIT_TYPE;
	time = hm_arena_alloc(arena, sizeof *time);
	google__protobuf__timestamp__init(time);
	time->seconds = value->integer / HM_US_PER_S - (value->integer % HM_US_PER_S < 0);
	time->nanos = (int32_t)((value->integer - time->seconds * HM_US_PER_S) * NS_PER_US);
	*(void **)at = time;
	return FIT_OK;
}

enum fit value_write(struct hm_arena *arena, const ProtobufCFieldDescriptor *field, const struct value *value, void *at)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT32:
	case PROTOBUF_C_TYPE_SINT32:
	case PROTOBUF_C_TYPE_SFIXED32:
		return write_integer(value, INT32_MIN, INT32_MAX, at, 4);
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
		return write_integer(value, INT64_MIN, INT64_MAX, at, 8);
	case PROTOBUF_C_TYPE_UINT32:
	case PROTOBUF_C_TYPE_FIXED32:
		return write_integer(value, 0, UINT32_MAX, at, 4);
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return write_integer(value, 0, INT64_MAX, at, 8);
	case PROTOBUF_C_TYPE_FLOAT:
	case PROTOBUF_C_TYPE_DOUBLE:
		return write_number(value, field->type, at);
	case PROTOBUF_C_TYPE_BOOL:
		return write_bool(value, at);
	case PROTOBUF_C_TYPE_ENUM:
		return write_enum(arena, field, value, at);
	case PROTOBUF_C_TYPE_STRING:
		return write_text(arena, value, at);
	case PROTOBUF_C_TYPE_BYTES:
		return write_bytes(arena, value, at);
	case PROTOBUF_C_TYPE_MESSAGE:
		return write_timestamp(arena, field, value, at);
	}
	return FIT_TYPE;
}
