/* Fields of a message: offsets and presence, as protobuf-c lays them out. */
#include "wire/message_field.h"

#include <string.h>

#include "wire/json.h"
#include "wire/message.h"

#define VARINT PROTOBUF_C_WIRE_TYPE_VARINT
#define FIXED32 PROTOBUF_C_WIRE_TYPE_32BIT
#define FIXED64 PROTOBUF_C_WIRE_TYPE_64BIT
#define LENGTH PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED

static const struct hm_type types[] = {
	[PROTOBUF_C_TYPE_INT32] = { "a 32-bit integer", VARINT, 4, true },
	[PROTOBUF_C_TYPE_SINT32] = { "a 32-bit integer", VARINT, 4, true },
	[PROTOBUF_C_TYPE_SFIXED32] = { "a 32-bit integer", FIXED32, 4, true },
	[PROTOBUF_C_TYPE_INT64] = { "a 64-bit integer", VARINT, 8, true },
	[PROTOBUF_C_TYPE_SINT64] = { "a 64-bit integer", VARINT, 8, true },
	[PROTOBUF_C_TYPE_SFIXED64] = { "a 64-bit integer", FIXED64, 8, true },
	[PROTOBUF_C_TYPE_UINT32] = { "an unsigned 32-bit integer", VARINT, 4, true },
	[PROTOBUF_C_TYPE_FIXED32] = { "an unsigned 32-bit integer", FIXED32, 4, true },
	[PROTOBUF_C_TYPE_UINT64] = { "an unsigned 64-bit integer", VARINT, 8, true },
	[PROTOBUF_C_TYPE_FIXED64] = { "an unsigned 64-bit integer", FIXED64, 8, true },
	[PROTOBUF_C_TYPE_FLOAT] = { "a number", FIXED32, 4, true },
	[PROTOBUF_C_TYPE_DOUBLE] = { "a number", FIXED64, 8, true },
	[PROTOBUF_C_TYPE_BOOL] = { "true or false", VARINT, sizeof(protobuf_c_boolean), true },
	[PROTOBUF_C_TYPE_ENUM] = { "the name of an enum value", VARINT, sizeof(int), true },
	[PROTOBUF_C_TYPE_STRING] = { "a string", LENGTH, sizeof(char *), false },
	[PROTOBUF_C_TYPE_BYTES] = { "bytes in base64", LENGTH, sizeof(ProtobufCBinaryData), false },
	[PROTOBUF_C_TYPE_MESSAGE] = { "an object", LENGTH, sizeof(ProtobufCMessage *), false },
};

const struct hm_type *hm_type_of(ProtobufCType type)
{
	return &types[type];
}

/* A range ends where the next begins; the last one is a dummy that only says where its predecessor ends. */
int hm_range_find(unsigned n_ranges, const ProtobufCIntRange *ranges, int value)
{
	unsigned low = 0, high = n_ranges;
	int64_t offset;

	while (high - low > 1) {
		unsigned middle = low + (high - low) / 2;

		if (value < ranges[middle].start_value)
			high = middle;
		else
			low = middle;
	}
	if (!n_ranges)
		return -1;
	offset = (int64_t)value - ranges[low].start_value;
	if (offset < 0 || offset >= (int64_t)ranges[low + 1].orig_index - ranges[low].orig_index)
		return -1;
	return (int)(ranges[low].orig_index + offset);
}

static const void *member(const ProtobufCMessage *message, size_t offset)
{
	return (const char *)message + offset;
}

static void *member_of(ProtobufCMessage *message, size_t offset)
{
	return (char *)message + offset;
}

bool hm_field_is_repeated(const ProtobufCFieldDescriptor *field)
{
	return field->label == PROTOBUF_C_LABEL_REPEATED;
}

bool hm_field_is_oneof(const ProtobufCFieldDescriptor *field)
{
	return field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF;
}

/* A proto3 field without presence is present when it is not its type's zero. */
static bool is_nonzero(const void *value, ProtobufCType type)
{
	static const uint64_t zero;

	switch (type) {
	case PROTOBUF_C_TYPE_STRING:
		return *(const char *const *)value && **(const char *const *)value;
	case PROTOBUF_C_TYPE_BYTES:
		return ((const ProtobufCBinaryData *)value)->len;
	default:
		return memcmp(value, &zero, types[type].size) != 0;
	}
}

bool hm_field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *value = member(message, field->offset);

	if (hm_field_is_repeated(field))
		return *(const size_t *)member(message, field->quantifier_offset) > 0;
	if (hm_field_is_oneof(field))
		return *(const uint32_t *)member(message, field->quantifier_offset) == field->id;
	if (field->label == PROTOBUF_C_LABEL_NONE)
		return is_nonzero(value, field->type);
	if (field->type == PROTOBUF_C_TYPE_MESSAGE || field->type == PROTOBUF_C_TYPE_STRING) {
		const void *pointer = *(const void *const *)value;

		return pointer && pointer != field->default_value;
	}
	if (field->label == PROTOBUF_C_LABEL_REQUIRED)
		return true;
	return *(const protobuf_c_boolean *)member(message, field->quantifier_offset);
}

size_t hm_field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	if (hm_field_is_repeated(field))
		return *(const size_t *)member(message, field->quantifier_offset);
	return hm_field_is_set(message, field);
}

const void *hm_field_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i)
{
	const void *value = member(message, field->offset);

	if (!hm_field_is_repeated(field))
		return value;
	return *(const char *const *)value + i * types[field->type].size;
}

void *hm_field_make(struct hm_arena *arena, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t n)
{
	void *value = member_of(message, field->offset);

	if (hm_field_is_repeated(field)) {
		*(size_t *)member_of(message, field->quantifier_offset) = n;
		*(void **)value = n ? hm_arena_zalloc(arena, n * types[field->type].size) : NULL;
		return *(void **)value;
	}
	if (hm_field_is_oneof(field))
		*(uint32_t *)member_of(message, field->quantifier_offset) = field->id;
	else if (field->quantifier_offset)
		*(protobuf_c_boolean *)member_of(message, field->quantifier_offset) = 1;
	return value;
}

const ProtobufCFieldDescriptor *hm_field_sibling(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	uint32_t set;

	if (!hm_field_is_oneof(field))
		return NULL;
	set = *(const uint32_t *)member(message, field->quantifier_offset);
	return set ? protobuf_c_message_descriptor_get_field(message->descriptor, set) : NULL;
}

const ProtobufCFieldDescriptor *hm_field_find(const ProtobufCMessageDescriptor *descriptor, const char *name)
{
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(descriptor, name);

	if (field || strchr(name, '_')) /* no JSON name has an underscore */
		return field;
	for (unsigned i = 0; !field && i < descriptor->n_fields; i++) {
		char json_name[HM_JSON_NAME_BYTES];

		hm_json_name(descriptor->fields[i].name, json_name, sizeof json_name);
		if (!strcmp(json_name, name))
			field = &descriptor->fields[i];
	}
	return field;
}

bool hm_field_set_text(ProtobufCMessage *message, const char *name, const char *text)
{
	const ProtobufCFieldDescriptor *field = hm_field_find(message->descriptor, name);

	if (!field || field->type != PROTOBUF_C_TYPE_STRING || hm_field_is_repeated(field))
		return false;
	*(const char **)hm_field_make(NULL, message, field, 1) = text;
	return true;
}
