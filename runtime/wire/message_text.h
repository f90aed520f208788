/* Values of fields as text: what JSON and hm_field_text agree on. */
#pragma once
#include <protobuf-c/protobuf-c.h>

enum { HM_NUMBER_BYTES = 32 };

/* hm_value_text returns a number, bool, enum value (its name, or the number if it has none) or string as text: in the scratch
 * memory, in the descriptor, or where the string is. Floats are the shortest text that reads back as the same number, or
 * "NaN", "Infinity", "-Infinity". NULL for bytes and messages. */
const char *hm_value_text(const ProtobufCFieldDescriptor *field, const void *value, char scratch[HM_NUMBER_BYTES]);
