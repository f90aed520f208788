/*
 * Rules: what a contract demands of a message's fields beyond its types (the (hallmark.field) options), as tables that
 * protoc-gen-hallmark makes and hm_message_validate holds a request against.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stdint.h>

struct hm_message_rules;

/* One field's rules. Rows exist only for fields with an option, or with a message type that has rules. */
struct hm_field_rule {
	uint32_t field; /* index into the descriptor's fields[] */
	bool required, audited, phi, subject, uuid;
	bool has_min, has_max;
	uint32_t min_length, max_length; /* max 0: no limit */
	int64_t min, max;
	const char *pattern; /* POSIX extended, whole string; NULL: any */
	const struct hm_message_rules *message; /* of a message-typed field; NULL: none */
};

struct hm_message_rules {
	const ProtobufCMessageDescriptor *descriptor;
	const struct hm_field_rule *fields;
	uint32_t n_fields;
};
