/*
 * Fields of a message, by descriptor: where a value lies, how big it is, how many there are. What binding, JSON, rules
 * and audit are written with; protobuf-c offers none of it.
 *
 *     singular   message + offset           the value; presence: has_x, a non-NULL pointer, or the oneof's case
 *     repeated   message + offset           a pointer to n_x values
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"

/* How a type travels and what it takes in memory. */
struct hm_type {
	const char *name; /* "a 64-bit integer" */
	uint8_t wire; /* ProtobufCWireType when not packed */
	uint8_t size; /* of a value in a message, in bytes */
	bool packable;
};

/* hm_type_of returns the row of a protobuf type. */
const struct hm_type *hm_type_of(ProtobufCType type);

/* hm_range_find finds value in protobuf-c's sorted ranges (of tags or enum values): its index, or -1. */
int hm_range_find(unsigned n_ranges, const ProtobufCIntRange *ranges, int value);

/* hm_field_count returns how many values a field holds: the elements of a repeated one, 0 or 1 for a singular. */
size_t hm_field_count(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* hm_field_at points at value i (0 for a singular field): an int32_t, int64_t, double, const char *, ProtobufCBinaryData,
 * ProtobufCMessage * … by the field's type. */
const void *hm_field_at(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t i);

/* hm_field_make marks a singular field as present, or gives a repeated one n zeroed values out of the arena, and points at
 * the first, to be written. */
void *hm_field_make(struct hm_arena *arena, ProtobufCMessage *message, const ProtobufCFieldDescriptor *field, size_t n);

/* hm_field_sibling returns the field now set in the same oneof as this one, or NULL. */
const ProtobufCFieldDescriptor *hm_field_sibling(const ProtobufCMessage *message,
						 const ProtobufCFieldDescriptor *field);

/* hm_field_is_repeated and hm_field_is_oneof say what a field is. */
bool hm_field_is_repeated(const ProtobufCFieldDescriptor *field);
bool hm_field_is_oneof(const ProtobufCFieldDescriptor *field);
