/*
 * Options: what a contract says beyond protobuf's own words (proto/hallmark/options.proto, and protobuf-c's file
 * options).
 *
 * protoc hands on custom options as unknown fields of the options message: raw bytes under the extension's
 * number, the length prefix still before them, in as many pieces as the contract set them in. They are read here by
 * tables.
 */
#pragma once
#include <protobuf-c/protobuf-c.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/status.h"

enum { OPTION_PB_C_FILE = 1019, OPTION_SERVICE = 50000, OPTION_METHOD = 50001, OPTION_FIELD = 50002 };

struct texts {
	const char **items;
	size_t count;
};

struct file_options {
	const char *c_package; /* NULL: the package */
	bool const_strings, no_generate;
};

struct service_options {
	const char *schema;
	struct texts calls;
};

struct method_options {
	uint32_t effect; /* enum hm_effect; 0: not said */
	const char *event, *entity, *entity_id, *permission, *only_brand;
	struct texts callers;
	uint32_t deadline_ms, request_bytes, attempts, hedge_after_ms;
	bool has_deadline_ms, is_public, secret_reply, is_inline;
};

struct field_options {
	bool given; /* the field has the option at all */
	bool required, audited, phi, subject, uuid;
	bool has_phi, has_min, has_max, has_min_length, has_max_length;
	uint32_t min_length, max_length;
	int64_t min, max;
	const char *pattern;
};

/* Each reads one kind of options, from the options message of a descriptor; NULL (none given) leaves the defaults.
 * INTERNAL: the bytes are not what options.proto describes, so this program is older or newer than it. Texts live in
 * the arena. */
hm_status options_read_file(struct hm_arena *arena, const ProtobufCMessage *options, struct file_options *ret_options);
hm_status options_read_service(struct hm_arena *arena, const ProtobufCMessage *options,
			       struct service_options *ret_options);
hm_status options_read_method(struct hm_arena *arena, const ProtobufCMessage *options,
			      struct method_options *ret_options);
hm_status options_read_field(struct hm_arena *arena, const ProtobufCMessage *options,
			     struct field_options *ret_options);
