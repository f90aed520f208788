/* Values in JSON, inwards: one JSON value becomes one value of a field; for json_parse.c. */
#pragma once
#include <jansson.h>
#include <protobuf-c/protobuf-c.h>

#include "base/arena.h"
#include "wire/message_path.h"

/* hm_json_value_read reads a scalar, enum or string by the field's type into *ret_value (of that type); text and bytes go to
 * the arena. INVALID_ARGUMENT says what was expected and what was found at the path. */
hm_status hm_json_value_read(struct hm_arena *arena, const struct hm_path *path, const ProtobufCFieldDescriptor *field,
			     const json_t *value, void *ret_value);

/* hm_json_value_wrong raises "expected <what>, found the string \"abc\"" for the path. */
hm_status hm_json_value_wrong(const struct hm_path *path, const char *expected, const json_t *found);
