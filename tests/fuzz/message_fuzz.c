/*
 * Fuzzes hm_message_unpack with arbitrary bytes. What the scan accepts protobuf-c must unpack, and what was unpacked must
 * survive packing, JSON and parsing: bytes → message → bytes → message → JSON → message → the same bytes.
 */
#include <everything/everything.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"
#include "wire/message.h"

static const ProtobufCMessageDescriptor *const root = &everything__everything__descriptor;
static struct hm_arena arena;
static struct hm_buffer json;

static void check(bool holds)
{
	if (!holds)
		abort();
}

static uint8_t *pack(const ProtobufCMessage *message, size_t *ret_size)
{
	uint8_t *bytes = hm_arena_alloc(&arena, *ret_size = protobuf_c_message_get_packed_size(message));

	protobuf_c_message_pack(message, bytes);
	return bytes;
}

/* JSON has one NaN, and no time beyond the year 9999: such messages need not come back. */
static void check_json(const ProtobufCMessage *message, const uint8_t *bytes, size_t size)
{
	ProtobufCMessage *parsed;
	uint8_t *again;
	size_t again_size;

	hm_buffer_reset(&json);
	hm_json_write(&json, message);
	if (hm_json_parse(&arena, root, json.data, json.size, &parsed) != HM_OK) {
		check(strstr(hm_error_get()->message, "RFC 3339") || strstr(hm_error_get()->message, "duration"));
		return;
	}
	again = pack(parsed, &again_size);
	check(strstr(json.data, "\"NaN\"") || (again_size == size && !memcmp(again, bytes, size)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_size)
{
	ProtobufCMessage *first, *second, *copy;
	uint8_t *bytes, *again;
	size_t size, again_size;

	hm_arena_reset(&arena);
	if (hm_message_unpack(&arena, root, data, data_size, &first) != HM_OK) {
		check(!strstr(hm_error_get()->message, "do not decode"));
		return 0;
	}
	bytes = pack(first, &size);
	if (hm_message_unpack(&arena, root, bytes, size, &second) != HM_OK) {
		/* The packed form is shorter, without overlong numbers and unknown fields: so is what it may decode to. */
		check(size < data_size && strstr(hm_error_get()->message, "too much to decode"));
		return 0;
	}
	again = pack(second, &again_size);
	check(again_size == size && !memcmp(again, bytes, size));
	check(hm_message_copy(&arena, second, &copy) == HM_OK);
	check_json(copy, bytes, size);
	return 0;
}
