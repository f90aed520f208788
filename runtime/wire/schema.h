/*
 * Schema: messages described at run time, from a FileDescriptorSet that somebody else sent, so that a program can read, write and show
 * messages it was not built with.
 *
 *     hm_schema_open(&arena, bytes, size, &schema) → hm_schema_find(schema, "follows.v1.FollowRequest") → hm_json_parse, hm_message_unpack …
 *
 * What it gives are protobuf-c's own descriptors, in the arena. The well-known types are those this program was built with. Groups and
 * extensions are not known; the members of a oneof are as optional fields.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "base/status.h"

enum { HM_SCHEMA_TYPES_MAX = 4096 };

struct hm_schema;

/* hm_schema_open reads a set. INVALID_ARGUMENT: it does not decode, a name is none, a type is not in it, a number comes twice; no name
 * in what it gives has a character but letters, figures, "_" and ".". */
hm_status hm_schema_open(struct hm_arena *arena, const void *bytes, size_t size, struct hm_schema **ret_schema);

/* hm_schema_find returns a message by its full name, or NULL. */
const ProtobufCMessageDescriptor *hm_schema_find(const struct hm_schema *schema, const char *name);
