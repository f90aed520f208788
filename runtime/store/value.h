/*
 * Values on their way between a message's field and PostgreSQL's binary format. N field types and M column types meet in
 * one small form in the middle, so there are N + M conversions, not N × M.
 *
 *     field  --value_read-->  struct value  --codec.encode-->  bytes of a parameter
 *     field  <--value_write-  struct value  <--codec.decode--  bytes of a column
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"

enum value_kind {
	VALUE_BOOL,
	VALUE_INTEGER,
	VALUE_NUMBER,
	VALUE_TEXT,
	VALUE_BYTES,
	VALUE_TIME, /* integer: microseconds since 1970, UTC */
	VALUE_ENUM, /* integer: its number; data: its name */
};

struct value {
	enum value_kind kind;
	bool literal; /* a builtin's text, to be read as whatever the parameter is */
	int64_t integer; /* of BOOL, INTEGER, TIME, ENUM */
	double number;
	const char *data; /* of TEXT, BYTES, ENUM: not NUL-terminated */
	size_t size;
};

/* Whether a value fits where it is to go. */
enum fit {
	FIT_OK,
	FIT_TYPE, /* these two types never fit: a mistake in the contract or the query */
	FIT_RANGE,
	FIT_SYNTAX,
	FIT_UTF8,
};

/* fit_text says what is wrong, for "%s": "is out of range". */
const char *fit_text(enum fit fit);

/* value_read reads element `at` (as hm_field_at points at it) of a field. Texts are not copied. */
enum fit value_read(const ProtobufCFieldDescriptor *field, const void *at, struct value *ret_value);

/* value_write writes a value where hm_field_make pointed; texts are copied into the arena. */
enum fit value_write(struct hm_arena *arena, const ProtobufCFieldDescriptor *field, const struct value *value,
		     void *at);

/* value_sample makes a value of the kind that a field's are; FIT_TYPE if they are of none. For trying what would fit. */
enum fit value_sample(const ProtobufCFieldDescriptor *field, struct value *ret_value);

/* A PostgreSQL type. */
struct codec {
	unsigned oid, array_oid;
	const char *name; /* as SQL calls it */
	enum fit (*encode)(const struct codec *codec, struct hm_arena *arena, const struct value *value,
			   struct value *ret_bytes);
	enum fit (*decode)(const struct codec *codec, struct hm_arena *arena, const char *bytes, size_t size,
			   struct value *ret_value);
	uint8_t width; /* of a number, in bytes */
};

/* codec_find returns the codec of a type, or of an array's elements; NULL for a type that is not mapped. */
const struct codec *codec_find(unsigned oid, bool *ret_is_array);

/* codec_type_name returns the name of an unmapped type that authors meet, with what to do; else "". */
const char *codec_type_name(unsigned oid);

/* Big-endian numbers, as PostgreSQL sends them. */
static inline void put_big(char *out, uint64_t number, size_t width)
{
	for (size_t i = 0; i < width; i++)
		out[i] = (char)(number >> (8 * (width - 1 - i)));
}

static inline uint64_t get_big(const char *bytes, size_t width)
{
	uint64_t number = 0;

	for (size_t i = 0; i < width; i++)
		number = number << 8 | (unsigned char)bytes[i];
	return number;
}
