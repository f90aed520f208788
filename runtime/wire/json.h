/*
 * JSON: the canonical protobuf JSON mapping, both ways, by descriptor.
 * Source: protobuf.dev, "ProtoJSON format". 64-bit integers are strings, bytes base64, enums names, Timestamp RFC 3339,
 * Duration "1.5s", absent fields left out. Input also takes proto names, numbers for 64-bit integers where exact, enum numbers,
 * null as absent. Struct, Any and FieldMask are not mapped. Depth is bounded by HM_MESSAGE_DEPTH_MAX.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/status.h"
#include "base/text.h" /* hm_json_write_text */

/* hm_json_parse reads one JSON object into a new message in the arena. INVALID_ARGUMENT names the path of the field, what
 * was found and what was wanted; an unknown field names the nearest known one ("did you mean followerId?"). */
hm_status hm_json_parse(struct hm_arena *arena, const ProtobufCMessageDescriptor *descriptor, const char *text,
			size_t size, ProtobufCMessage **ret_message);

/* hm_json_write appends a message as one line of JSON. */
void hm_json_write(struct hm_buffer *buffer, const ProtobufCMessage *message);

/* hm_json_write_field appends one field's value (an array for a repeated one); for a redacted record of a message. */
void hm_json_write_field(struct hm_buffer *buffer, const ProtobufCMessage *message,
			 const ProtobufCFieldDescriptor *field);

enum { HM_JSON_NAME_BYTES = 128 }; /* more than any field's name */

/* hm_json_name writes a field's JSON name ("user_id" → "userId"). Cut if over size. */
void hm_json_name(const char *proto_name, char *ret_name, size_t size);
