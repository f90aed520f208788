/*
 * Messages: protobuf messages from foreign bytes, safely, and field access by name.
 *
 * protobuf-c's own unpack has no recursion limit, checks no UTF-8 and lets NUL into strings ("acme\0x" reads as "acme":
 * another brand). hm_message_unpack walks the bytes by descriptor first, and only then unpacks, into an arena.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "wire/rules.h"

enum { HM_MESSAGE_DEPTH_MAX = 32, HM_MESSAGE_FIELDS_MAX = 100000 };

/* hm_message_unpack decodes bytes into the arena. INVALID_ARGUMENT says what is wrong and in which field: truncated, wrong
 * wire type, bad UTF-8, NUL in a string, too deep, too many fields, decoded size over 16 × size + 64 KiB (the message's own,
 * without protobuf-c's scratch memory), a required field missing, a singular message given twice (merging them is quadratic).
 * Unknown fields are accepted and dropped (contract skew); an unknown enum value is refused. */
hm_status hm_message_unpack(struct hm_arena *arena, const ProtobufCMessageDescriptor *descriptor, const void *bytes,
			    size_t size, ProtobufCMessage **ret_message);

/* hm_message_new makes an empty message in the arena. */
ProtobufCMessage *hm_message_new(struct hm_arena *arena, const ProtobufCMessageDescriptor *descriptor);

/* hm_message_copy copies deeply, into the arena. The message is trusted: it is not scanned. INTERNAL when a required field
 * was never set. */
hm_status hm_message_copy(struct hm_arena *arena, const ProtobufCMessage *message, ProtobufCMessage **ret_copy);

/* hm_message_validate holds a message against its contract's rules and raises INVALID_ARGUMENT with one violation a wrong
 * field (all of them, to HM_VIOLATIONS_MAX). rules may be NULL. */
hm_status hm_message_validate(const ProtobufCMessage *message, const struct hm_message_rules *rules);

/* hm_field_is_set says whether a singular field is present (or a repeated one has elements). */
bool hm_field_is_set(const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field);

/* hm_field_find finds a field by its proto name ("user_id") or JSON name ("userId"), or NULL. */
const ProtobufCFieldDescriptor *hm_field_find(const ProtobufCMessageDescriptor *descriptor, const char *name);

/* hm_field_text returns a singular scalar, enum (its name), bytes (base64) or Timestamp (RFC 3339) field as text: in the arena,
 * or a string where it is. NULL if absent, unknown, repeated or another message. */
const char *hm_field_text(struct hm_arena *arena, const ProtobufCMessage *message, const char *name);

/* hm_field_set_text sets a string field; false if there is no such string field. The text is not copied. */
bool hm_field_set_text(ProtobufCMessage *message, const char *name, const char *text);

/* hm_arena_allocator makes an allocator for protobuf-c out of an arena; free does nothing. */
ProtobufCAllocator hm_arena_allocator(struct hm_arena *arena);
