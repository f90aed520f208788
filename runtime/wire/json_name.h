/* Names nobody knows: the errors that suggest the nearest one; for JSON, inwards. */
#pragma once
#include <protobuf-c/protobuf-c.h>

#include "wire/message_path.h"

/* hm_json_unknown_field raises "<path>: no such field in <message>; did you mean followerId?". name is the caller's. */
hm_status hm_json_unknown_field(const struct hm_path *outer, const ProtobufCMessageDescriptor *descriptor,
				const char *name);

/* hm_json_unknown_value raises "<path>: no value BLEU in <enum>; did you mean BLUE?". */
hm_status hm_json_unknown_value(const struct hm_path *path, const ProtobufCEnumDescriptor *descriptor,
				const char *name);
