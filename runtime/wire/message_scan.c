/*
 * The scan: one pass over foreign bytes by descriptor, without allocating, before anything is built from them.
 *
 *     message := (tag value)*        tag = field number << 3 | wire type, a varint of at most 5 bytes
 *     value   := varint | 4 bytes | 8 bytes | length bytes        bytes: text, a message, packed numbers
 *
 * It runs on every request. Beyond what can be malformed it refuses what protobuf-c would accept at a cost: a singular
 * message given twice (merging is quadratic), and more memory than the bytes are worth.
 */
#include "wire/message_scan.h"

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "base/text.h"
#include "wire/message.h"
#include "wire/message_field.h"
#include "wire/message_path.h"

enum { SHORT_VARINT_BYTES = 5, VARINT_BYTES = 10, MESSAGE_FIELDS_MAX = 256, FIELD_NUMBER_MAX = (1 << 29) - 1 };
enum { DECODED_FACTOR = 16, DECODED_BASE = 64 * 1024, ALLOCATION_BYTES = 16 };

struct scan {
	const uint8_t *at;
	size_t fields_left, decoded_left;
	bool has_unknown;
};

/* One message within the scan: its bytes end at `end`, its fields seen so far are bits. */
struct level {
	const ProtobufCMessageDescriptor *descriptor;
	const struct level *outer;
	const ProtobufCFieldDescriptor *field; /* being read */
	const uint8_t *end;
	unsigned depth;
	uint64_t seen[MESSAGE_FIELDS_MAX / 64];
};

static hm_status scan_message(struct scan *scan, const struct level *outer,
			      const ProtobufCMessageDescriptor *descriptor, const uint8_t *end);

/* The path to where the level is reading, its links hung up inwards; then the error. */
__attribute__((cold)) static hm_status refuse_from(const struct level *level, const struct hm_path *inner,
						   struct hm_path *innermost, const ProtobufCMessageDescriptor *type,
						   const char *what)
{
	struct hm_path link = { .index = -1 };

	for (; level && !level->field; level = level->outer)
		;
	if (level) {
		link.name = level->field->name;
		if (innermost)
			innermost->outer = &link;
		return refuse_from(level->outer, inner ? inner : &link, &link, type, what);
	}
	return hm_path_raise(inner, "%s in %s", what, type->name);
}

static hm_status refuse(const struct level *level, const char *what)
{
	return refuse_from(level, NULL, NULL, level->descriptor, what);
}

static hm_status refuse_truncated(const struct level *level)
{
	return refuse(level, "the bytes end too early");
}

static inline bool read_varint(struct scan *scan, const uint8_t *end, int max_bytes, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (int i = 0; i < max_bytes && scan->at < end; i++) {
		uint8_t byte = *scan->at++;

		value |= (uint64_t)(byte & 0x7f) << (7 * i);
		if (byte < 0x80) {
			*ret_value = value;
			return true;
		}
	}
	return false;
}

/* Counts what unpacking will allocate; false when that is out of proportion to the bytes. */
static inline bool count_decoded(struct scan *scan, size_t size)
{
	size = (size + ALLOCATION_BYTES - 1) & ~(size_t)(ALLOCATION_BYTES - 1);
	if (size > scan->decoded_left)
		return false;
	scan->decoded_left -= size;
	return true;
}

static bool is_enum_value(const ProtobufCFieldDescriptor *field, uint64_t value)
{
	const ProtobufCEnumDescriptor *descriptor = field->descriptor;

	return hm_range_find(descriptor->n_value_ranges, descriptor->value_ranges, (int32_t)value) >= 0;
}

/* Packed varints up to end. protobuf-c counts a bool as one byte, whatever it holds. */
static hm_status scan_packed_varints(struct scan *scan, const struct level *level, const uint8_t *end,
				     size_t *ret_count)
{
	const ProtobufCFieldDescriptor *field = level->field;
	size_t count = 0;
	uint64_t value;

	for (; scan->at < end; count++) {
		if (!read_varint(scan, end, field->type == PROTOBUF_C_TYPE_BOOL ? 1 : VARINT_BYTES, &value))
			return refuse(level, "a malformed number");
		if (field->type == PROTOBUF_C_TYPE_BOOL && value > 1)
			return refuse(level, "a bool that is neither 0 nor 1");
		if (field->type == PROTOBUF_C_TYPE_ENUM && !is_enum_value(field, value))
			return refuse(level, "an unknown enum value");
	}
	*ret_count = count;
	return HM_OK;
}

static hm_status scan_packed(struct scan *scan, const struct level *level, const uint8_t *end)
{
	const struct hm_type *type = hm_type_of(level->field->type);
	size_t count = 0, size = (size_t)(end - scan->at);

	if (type->wire == PROTOBUF_C_WIRE_TYPE_VARINT) {
		TRY(scan_packed_varints(scan, level, end, &count));
	} else {
		if (size % type->size)
			return refuse(level, "packed numbers of a broken size");
		count = size / type->size;
		scan->at = end;
	}
	if (!count_decoded(scan, count * type->size))
		return refuse(level, "too much to decode");
	return HM_OK;
}

static hm_status scan_string(struct scan *scan, const struct level *level, size_t size)
{
	const char *text = (const char *)scan->at;
	size_t span = hm_utf8_span(text, size);

	if (span < size)
		return refuse(level, text[span] ? "text that is not UTF-8" : "a NUL byte in text");
	if (!count_decoded(scan, size + 1))
		return refuse(level, "too much to decode");
	scan->at += size;
	return HM_OK;
}

static hm_status scan_length(struct scan *scan, const struct level *level)
{
	const ProtobufCFieldDescriptor *field = level->field;
	uint64_t size;

	if (!read_varint(scan, level->end, SHORT_VARINT_BYTES, &size) || size > (size_t)(level->end - scan->at))
		return refuse_truncated(level);
	switch (field->type) {
	case PROTOBUF_C_TYPE_STRING:
		return scan_string(scan, level, size);
	case PROTOBUF_C_TYPE_MESSAGE:
		return scan_message(scan, level, field->descriptor, scan->at + size);
	case PROTOBUF_C_TYPE_BYTES:
		if (!count_decoded(scan, size))
			return refuse(level, "too much to decode");
		scan->at += size;
		return HM_OK;
	default:
		return scan_packed(scan, level, scan->at + size);
	}
}

static hm_status scan_number(struct scan *scan, const struct level *level, unsigned wire)
{
	size_t size = wire == PROTOBUF_C_WIRE_TYPE_32BIT ? 4 : 8;
	uint64_t value;

	if (wire == PROTOBUF_C_WIRE_TYPE_VARINT) {
		if (!read_varint(scan, level->end, VARINT_BYTES, &value))
			return refuse(level, "a malformed number");
		if (level->field->type == PROTOBUF_C_TYPE_ENUM && !is_enum_value(level->field, value))
			return refuse(level, "an unknown enum value");
		return HM_OK;
	}
	if (size > (size_t)(level->end - scan->at))
		return refuse_truncated(level);
	scan->at += size;
	return HM_OK;
}

/* A field of a newer contract: stepped over, never looked into. */
static hm_status skip_unknown(struct scan *scan, const struct level *level, unsigned wire)
{
	uint64_t value, size = 0;

	scan->has_unknown = true;
	switch (wire) {
	case PROTOBUF_C_WIRE_TYPE_VARINT:
		return read_varint(scan, level->end, VARINT_BYTES, &value) ? HM_OK
									   : refuse(level, "a malformed number");
	case PROTOBUF_C_WIRE_TYPE_64BIT:
		size = 8;
		break;
	case PROTOBUF_C_WIRE_TYPE_32BIT:
		size = 4;
		break;
	case PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED:
		if (!read_varint(scan, level->end, SHORT_VARINT_BYTES, &size))
			return refuse_truncated(level);
		break;
	default:
		return refuse(level, "a group, or a wire type that does not exist,");
	}
	if (size > (size_t)(level->end - scan->at))
		return refuse_truncated(level);
	if (!count_decoded(scan, size))
		return refuse(level, "too much to decode");
	scan->at += size;
	return HM_OK;
}

/* Notes that a field was seen; false for a singular message that was seen before. */
static inline bool note_seen(struct level *level, unsigned index)
{
	const ProtobufCFieldDescriptor *field = level->field;
	uint64_t *seen = &level->seen[index / 64], bit = UINT64_C(1) << (index % 64);
	bool again = *seen & bit;

	*seen |= bit;
	return !again || field->type != PROTOBUF_C_TYPE_MESSAGE || hm_field_is_repeated(field) ||
	       hm_field_is_oneof(field);
}

static inline hm_status scan_field(struct scan *scan, struct level *level)
{
	const ProtobufCMessageDescriptor *descriptor = level->descriptor;
	const struct hm_type *type;
	uint64_t tag;
	int index;

	level->field = NULL;
	if (!read_varint(scan, level->end, SHORT_VARINT_BYTES, &tag) || tag >> 3 == 0 || tag >> 3 > FIELD_NUMBER_MAX)
		return refuse(level, "a malformed field number");
	if (!scan->fields_left--)
		return refuse(level, "too many fields");
	index = hm_range_find(descriptor->n_field_ranges, descriptor->field_ranges, (int)(tag >> 3));
	if (index < 0)
		return skip_unknown(scan, level, tag & 7);
	level->field = &descriptor->fields[index];
	type = hm_type_of(level->field->type);
	if (!note_seen(level, (unsigned)index))
		return refuse(level, "a second value for one field");
	if ((tag & 7) == type->wire) {
		if (hm_field_is_repeated(level->field) && !count_decoded(scan, type->size))
			return refuse(level, "too much to decode");
		return type->wire == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED ? scan_length(scan, level)
									  : scan_number(scan, level, type->wire);
	}
	if ((tag & 7) == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED && type->packable && hm_field_is_repeated(level->field))
		return scan_length(scan, level);
	return refuse(level, "a wire type of another kind of field");
}

static hm_status check_required(struct level *level)
{
	for (unsigned i = 0; i < level->descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &level->descriptor->fields[i];

		if (field->label == PROTOBUF_C_LABEL_REQUIRED && !field->default_value &&
		    !(level->seen[i / 64] >> (i % 64) & 1)) {
			level->field = field;
			return refuse(level, "a required field is missing");
		}
	}
	return HM_OK;
}

static hm_status scan_message(struct scan *scan, const struct level *outer,
			      const ProtobufCMessageDescriptor *descriptor, const uint8_t *end)
{
	struct level level = {
		.descriptor = descriptor,
		.outer = outer,
		.end = end,
		.depth = outer ? outer->depth + 1 : 1,
	};

	if (level.depth > HM_MESSAGE_DEPTH_MAX)
		return refuse(&level, "messages nested too deeply");
	if (descriptor->n_fields > MESSAGE_FIELDS_MAX)
		return hm_raise(INTERNAL, "%s has over %d fields: split it", descriptor->name, MESSAGE_FIELDS_MAX);
	if (!count_decoded(scan, descriptor->sizeof_message))
		return refuse(&level, "too much to decode");
	while (scan->at < end)
		TRY(scan_field(scan, &level));
	return check_required(&level);
}

hm_status hm_message_scan(const ProtobufCMessageDescriptor *descriptor, const void *bytes, size_t size,
			  bool *ret_has_unknown)
{
	/* An empty message may come as no bytes at all. */
	struct scan scan = { .at = size ? bytes : (const void *)"", .fields_left = HM_MESSAGE_FIELDS_MAX };

	if (size > INT_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s: %zu bytes are too many", descriptor->name, size);
	scan.decoded_left = DECODED_FACTOR * size + DECODED_BASE;
	TRY(scan_message(&scan, NULL, descriptor, scan.at + size));
	*ret_has_unknown = scan.has_unknown;
	return HM_OK;
}
