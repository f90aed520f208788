/* The scan of foreign bytes that goes before protobuf-c's unpack; for message.c alone. */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

/* hm_message_scan holds bytes against a descriptor, as hm_message_unpack promises. What it accepts protobuf-c unpacks.
 * ret_has_unknown: there are fields the descriptor does not know. */
hm_status hm_message_scan(const ProtobufCMessageDescriptor *descriptor, const void *bytes, size_t size,
			  bool *ret_has_unknown);
