/* JSON, outwards: fields in the order of their numbers, no spaces, nothing allocated but the buffer. */
#include "wire/json.h"
#include "wire/json_kind.h"
#include "wire/json_time.h"
#include "wire/message.h"
#include "wire/message_field.h"
#include "wire/message_text.h"

#include <math.h>
#include <string.h>

static void write_value(struct hm_buffer *buffer, const ProtobufCFieldDescriptor *field, const void *value);

static void write_quoted(struct hm_buffer *buffer, const char *text)
{
	hm_buffer_add(buffer, "\"", 1);
	hm_buffer_add_text(buffer, text);
	hm_buffer_add(buffer, "\"", 1);
}

static void write_bytes(struct hm_buffer *buffer, const ProtobufCBinaryData *data)
{
	size_t size = hm_base64_size(data->len);

	hm_buffer_add(buffer, "\"", 1);
	hm_base64_encode(data->data, data->len, hm_buffer_reserve(buffer, size));
	hm_buffer_advance(buffer, size);
	hm_buffer_add(buffer, "\"", 1);
}

static void write_object(struct hm_buffer *buffer, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;
	const char *separator = "{\"";

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		char name[HM_JSON_NAME_BYTES];

		if (!hm_field_is_set(message, field))
			continue;
		hm_json_name(field->name, name, sizeof name);
		hm_buffer_add_text(buffer, separator);
		hm_buffer_add_text(buffer, name);
		hm_buffer_add_text(buffer, "\":");
		hm_json_write_field(buffer, message, field);
		separator = ",\"";
	}
	hm_buffer_add_text(buffer, separator[0] == '{' ? "{}" : "}");
}

/* A time that JSON's format cannot hold is written as the object it is, rather than as another time. */
void hm_json_write(struct hm_buffer *buffer, const ProtobufCMessage *message)
{
	const ProtobufCFieldDescriptor *first = message->descriptor->fields;
	char text[HM_JSON_TIME_BYTES];
	bool is_text = false;

	switch (hm_json_kind_of(message->descriptor)) {
	case HM_JSON_TIMESTAMP:
		is_text = hm_json_time_format((const Google__Protobuf__Timestamp *)message, text);
		break;
	case HM_JSON_DURATION:
		is_text = hm_json_duration_format((const Google__Protobuf__Duration *)message, text);
		break;
	case HM_JSON_WRAPPER:
		write_value(buffer, first, hm_field_at(message, first, 0));
		return;
	case HM_JSON_OBJECT:
		break;
	}
	if (is_text)
		write_quoted(buffer, text);
	else
		write_object(buffer, message);
}

/* Whether a value's text stands between quotes: 64-bit integers always, floats that JSON has no number for, enum names. */
static bool is_quoted(const ProtobufCFieldDescriptor *field, const void *value)
{
	switch (field->type) {
	case PROTOBUF_C_TYPE_INT64:
	case PROTOBUF_C_TYPE_SINT64:
	case PROTOBUF_C_TYPE_SFIXED64:
	case PROTOBUF_C_TYPE_UINT64:
	case PROTOBUF_C_TYPE_FIXED64:
		return true;
	case PROTOBUF_C_TYPE_FLOAT:
		return !isfinite(*(const float *)value);
	case PROTOBUF_C_TYPE_DOUBLE:
		return !isfinite(*(const double *)value);
	case PROTOBUF_C_TYPE_ENUM:
		return protobuf_c_enum_descriptor_get_value(field->descriptor, *(const int *)value);
	default:
		return false;
	}
}

static void write_value(struct hm_buffer *buffer, const ProtobufCFieldDescriptor *field, const void *value)
{
	char scratch[HM_NUMBER_BYTES];
	const char *text;

	switch (field->type) {
	case PROTOBUF_C_TYPE_MESSAGE:
		hm_json_write(buffer, *(const ProtobufCMessage *const *)value);
		return;
	case PROTOBUF_C_TYPE_BYTES:
		write_bytes(buffer, value);
		return;
	case PROTOBUF_C_TYPE_STRING:
		text = *(const char *const *)value;
		hm_json_write_text(buffer, text, strlen(text));
		return;
	default:
		text = hm_value_text(field, value, scratch);
		if (is_quoted(field, value))
			write_quoted(buffer, text);
		else
			hm_buffer_add_text(buffer, text);
	}
}

void hm_json_write_field(struct hm_buffer *buffer, const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field)
{
	size_t count = hm_field_count(message, field);

	if (!hm_field_is_repeated(field)) {
		if (count)
			write_value(buffer, field, hm_field_at(message, field, 0));
		else
			hm_buffer_add_text(buffer, "null");
		return;
	}
	hm_buffer_add(buffer, "[", 1);
	for (size_t i = 0; i < count; i++) {
		if (i)
			hm_buffer_add(buffer, ",", 1);
		write_value(buffer, field, hm_field_at(message, field, i));
	}
	hm_buffer_add(buffer, "]", 1);
}
