/* Messages: scanned first, then unpacked by protobuf-c into an arena. */
#include "wire/message.h"

#include <string.h>

#include "wire/message_field.h"
#include "wire/message_scan.h"

static void *allocate(void *arena, size_t size)
{
	return hm_arena_alloc(arena, size);
}

/* What lies in an arena goes with it. */
static void release(void *arena, void *pointer)
{
	(void)arena;
	(void)pointer;
}

ProtobufCAllocator hm_arena_allocator(struct hm_arena *arena)
{
	return (ProtobufCAllocator){ .alloc = allocate, .free = release, .allocator_data = arena };
}

ProtobufCMessage *hm_message_new(struct hm_arena *arena, const ProtobufCMessageDescriptor *descriptor)
{
	ProtobufCMessage *message = hm_arena_alloc(arena, descriptor->sizeof_message);

	if (descriptor->message_init) {
		descriptor->message_init(message);
	} else { /* described at run time (schema.h) */
		memset(message, 0, descriptor->sizeof_message);
		message->descriptor = descriptor;
	}
	return message;
}

/* protobuf-c keeps unknown fields and would pack them again; what nobody checked must not travel on. */
static void drop_unknown(ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *descriptor = message->descriptor;

	message->n_unknown_fields = 0;
	message->unknown_fields = NULL;
	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		size_t count = field->type == PROTOBUF_C_TYPE_MESSAGE ? hm_field_count(message, field) : 0;

		for (size_t j = 0; j < count; j++)
			drop_unknown(*(ProtobufCMessage *const *)hm_field_at(message, field, j));
	}
}

hm_status hm_message_unpack(struct hm_arena *arena, const ProtobufCMessageDescriptor *descriptor, const void *bytes,
			    size_t size, ProtobufCMessage **ret_message)
{
	ProtobufCAllocator allocator = hm_arena_allocator(arena);
	ProtobufCMessage *message;
	bool has_unknown;

	TRY(hm_message_scan(descriptor, bytes, size, &has_unknown));
	message = protobuf_c_message_unpack(descriptor, &allocator, size, bytes);
	if (!message)
		return hm_raise(INVALID_ARGUMENT, "%s: the bytes do not decode", descriptor->name);
	if (has_unknown)
		drop_unknown(message);
	*ret_message = message;
	return HM_OK;
}

/* Packing and unpacking is a deep copy, and there is one piece of code less to be wrong. */
hm_status hm_message_copy(struct hm_arena *arena, const ProtobufCMessage *message, ProtobufCMessage **ret_copy)
{
	ProtobufCAllocator allocator = hm_arena_allocator(arena);
	size_t size = protobuf_c_message_get_packed_size(message);
	uint8_t *bytes = hm_arena_alloc(arena, size);
	ProtobufCMessage *copy;

	protobuf_c_message_pack(message, bytes);
	copy = protobuf_c_message_unpack(message->descriptor, &allocator, size, bytes);
	if (!copy)
		return hm_raise(INTERNAL, "%s cannot be copied: a required field is missing",
				message->descriptor->name);
	*ret_copy = copy;
	return HM_OK;
}
