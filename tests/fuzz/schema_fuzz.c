/* Schema: descriptors made of any bytes, and messages unpacked and shown by them. */
#include <string.h>

#include "wire/json.h"
#include "wire/message.h"
#include "wire/schema.h"

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size);

/* | set_size:2 | set | a message of type "m" */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t size)
{
	struct hm_arena arena = { 0 };
	const ProtobufCMessageDescriptor *type;
	struct hm_buffer json = { 0 };
	ProtobufCMessage *message;
	struct hm_schema *schema;
	uint16_t set_bytes = 0;

	if (size >= sizeof set_bytes)
		memcpy(&set_bytes, bytes, sizeof set_bytes);
	if (size < sizeof set_bytes + set_bytes)
		return 0;
	bytes += sizeof set_bytes;
	size -= sizeof set_bytes + set_bytes;
	if (hm_schema_open(&arena, bytes, set_bytes, &schema) == HM_OK && (type = hm_schema_find(schema, "m")) &&
	    hm_message_unpack(&arena, type, bytes + set_bytes, size, &message) == HM_OK)
		hm_json_write(&json, message);
	hm_buffer_fini(&json);
	hm_arena_fini(&arena);
	return 0;
}
