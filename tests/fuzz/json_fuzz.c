/*
 * Fuzzes hm_json_parse with arbitrary text. A message that was read must be written as JSON that reads as the same
 * message, and must survive the wire.
 */
#include <everything/everything.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "wire/json.h"
#include "wire/message.h"

static const ProtobufCMessageDescriptor *const root = &everything__everything__descriptor;
static struct hm_arena arena;
static struct hm_buffer json, again;

static void check(bool holds)
{
	if (!holds)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_size)
{
	ProtobufCMessage *first, *second, *third;
	uint8_t *bytes;
	size_t size;

	hm_arena_reset(&arena);
	if (hm_json_parse(&arena, root, (const char *)data, data_size, &first) != HM_OK)
		return 0;
	hm_buffer_reset(&json);
	hm_json_write(&json, first);
	check(hm_json_parse(&arena, root, json.data, json.size, &second) == HM_OK);
	size = protobuf_c_message_get_packed_size(second);
	bytes = hm_arena_alloc(&arena, size);
	protobuf_c_message_pack(second, bytes);
	check(hm_message_unpack(&arena, root, bytes, size, &third) == HM_OK);
	hm_buffer_reset(&again);
	hm_json_write(&again, third);
	check(again.size == json.size && !memcmp(again.data, json.data, json.size));
	return 0;
}
