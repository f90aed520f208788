/*
 * Options: reading them out of unknown fields.
 *
 *     tag 50001, wire type 2:   length | key value | key value | ...      key = number << 3 | wire type
 *
 * Several pieces of one option follow each other; reading them in turn into one struct is merging them, as protobuf
 * has it.
 */
#include "tools/contract/options.h"

#include <string.h>

#include "rpc/method.h"

enum kind { KIND_BOOL, KIND_UINT32, KIND_SINT64, KIND_TEXT, KIND_TEXTS };

struct row {
	uint32_t number;
	enum kind kind;
	size_t offset;
	size_t presence; /* offset of the bool that says the option was set; 0: no such bool */
};

struct table {
	uint32_t number; /* of the extension */
	const struct row *rows;
	size_t n_rows;
};

struct reader {
	const uint8_t *next, *end;
};

static hm_status read_varint(struct reader *reader, uint64_t *ret_value)
{
	uint64_t value = 0;

	for (unsigned shift = 0; shift < 64 && reader->next < reader->end; shift += 7) {
		uint8_t byte = *reader->next++;

		value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80)) {
			*ret_value = value;
			return HM_OK;
		}
	}
	return hm_raise(INTERNAL, "an option's number is cut short");
}

static hm_status read_bytes(struct reader *reader, struct reader *ret_bytes)
{
	uint64_t size;

	TRY(read_varint(reader, &size));
	if (size > (uint64_t)(reader->end - reader->next))
		return hm_raise(INTERNAL, "an option is cut short: %llu bytes announced", (unsigned long long)size);
	*ret_bytes = (struct reader){ reader->next, reader->next + size };
	reader->next += size;
	return HM_OK;
}

static void add_text(struct hm_arena *arena, struct texts *texts, const char *text)
{
	const char **items = hm_arena_alloc(arena, (texts->count + 1) * sizeof(*items));

	if (texts->count)
		memcpy(items, texts->items, texts->count * sizeof(*items));
	items[texts->count] = text;
	*texts = (struct texts){ items, texts->count + 1 };
}

static void store_number(const struct row *row, uint64_t value, char *target)
{
	switch (row->kind) {
	case KIND_BOOL:
		*(bool *)target = value;
		break;
	case KIND_UINT32:
		*(uint32_t *)target = (uint32_t)value;
		break;
	default: /* KIND_SINT64: zigzag */
		*(int64_t *)target = (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
	}
}

static hm_status read_value(struct hm_arena *arena, const struct row *row, struct reader *reader, char *options)
{
	struct reader bytes;
	uint64_t value;

	if (row->presence)
		*(bool *)(options + row->presence) = true;
	if (row->kind < KIND_TEXT) {
		TRY(read_varint(reader, &value));
		store_number(row, value, options + row->offset);
		return HM_OK;
	}
	TRY(read_bytes(reader, &bytes));
	const char *text = hm_arena_dup(arena, bytes.next, (size_t)(bytes.end - bytes.next));
	if (row->kind == KIND_TEXTS)
		add_text(arena, (struct texts *)(options + row->offset), text);
	else
		*(const char **)(options + row->offset) = text;
	return HM_OK;
}

static hm_status skip_value(struct reader *reader, unsigned wire_type)
{
	struct reader bytes;
	uint64_t value;

	if (wire_type == PROTOBUF_C_WIRE_TYPE_VARINT)
		return read_varint(reader, &value);
	if (wire_type == PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
		return read_bytes(reader, &bytes);
	return hm_raise(INTERNAL, "an option of wire type %u: this program knows none", wire_type);
}

/* A row whose wire type is another than its kind's is skipped like an unknown one; protoc has checked types. */
static const struct row *find_row(const struct table *table, uint64_t key)
{
	for (size_t i = 0; i < table->n_rows; i++) {
		const struct row *row = &table->rows[i];
		unsigned wire_type =
			row->kind < KIND_TEXT ? PROTOBUF_C_WIRE_TYPE_VARINT : PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED;

		if (key == ((uint64_t)row->number << 3 | wire_type))
			return row;
	}
	return NULL;
}

static hm_status read_piece(struct hm_arena *arena, const struct table *table, struct reader reader, char *options)
{
	struct reader fields;
	uint64_t key;

	TRY(read_bytes(&reader, &fields));
	while (fields.next < fields.end) {
		TRY(read_varint(&fields, &key));
		const struct row *row = find_row(table, key);
		if (row)
			TRY(read_value(arena, row, &fields, options));
		else
			TRY(skip_value(&fields, key & 7));
	}
	return HM_OK;
}

/* read returns whether the option was there in *ret_given (which may be NULL). */
static hm_status read(struct hm_arena *arena, const struct table *table, const ProtobufCMessage *message, void *options,
		      bool *ret_given)
{
	for (unsigned i = 0; message && i < message->n_unknown_fields; i++) {
		const ProtobufCMessageUnknownField *field = &message->unknown_fields[i];

		if (field->tag != table->number || field->wire_type != PROTOBUF_C_WIRE_TYPE_LENGTH_PREFIXED)
			continue;
		TRY(read_piece(arena, table, (struct reader){ field->data, field->data + field->len }, options));
		if (ret_given)
			*ret_given = true;
	}
	return HM_OK;
}

#define ROW(number, kind, type, member)                               \
	{                                                             \
		number, KIND_##kind, offsetof(struct type, member), 0 \
	}
#define ROW_HAS(number, kind, type, member)                                                             \
	{                                                                                               \
		number, KIND_##kind, offsetof(struct type, member), offsetof(struct type, has_##member) \
	}
#define TABLE(number, rows)                                  \
	{                                                    \
		number, rows, sizeof(rows) / sizeof(*(rows)) \
	}

hm_status options_read_file(struct hm_arena *arena, const ProtobufCMessage *options, struct file_options *ret_options)
{
	static const struct row rows[] = {
		ROW(1, BOOL, file_options, no_generate),
		ROW(4, BOOL, file_options, const_strings),
		ROW(6, TEXT, file_options, c_package),
	};
	static const struct table table = TABLE(OPTION_PB_C_FILE, rows);

	*ret_options = (struct file_options){ 0 };
	return read(arena, &table, options, ret_options, NULL);
}

hm_status options_read_service(struct hm_arena *arena, const ProtobufCMessage *options,
			       struct service_options *ret_options)
{
	static const struct row rows[] = {
		ROW(1, TEXT, service_options, schema),
		ROW(2, TEXTS, service_options, calls),
	};
	static const struct table table = TABLE(OPTION_SERVICE, rows);

	*ret_options = (struct service_options){ 0 };
	return read(arena, &table, options, ret_options, NULL);
}

hm_status options_read_method(struct hm_arena *arena, const ProtobufCMessage *options,
			      struct method_options *ret_options)
{
	static const struct row rows[] = {
		ROW(1, UINT32, method_options, effect),        ROW(2, TEXT, method_options, event),
		ROW(3, TEXT, method_options, entity),          ROW(4, TEXT, method_options, entity_id),
		ROW(5, TEXT, method_options, permission),      ROW(6, BOOL, method_options, is_public),
		ROW(7, TEXTS, method_options, callers),        ROW_HAS(8, UINT32, method_options, deadline_ms),
		ROW(9, UINT32, method_options, request_bytes), ROW(10, TEXT, method_options, only_brand),
		ROW(11, BOOL, method_options, secret_reply),   ROW(12, BOOL, method_options, is_inline),
		ROW(13, UINT32, method_options, attempts),     ROW(14, UINT32, method_options, hedge_after_ms),
	};
	static const struct table table = TABLE(OPTION_METHOD, rows);

	*ret_options = (struct method_options){ .request_bytes = 65536 };
	return read(arena, &table, options, ret_options, NULL);
}

hm_status options_read_field(struct hm_arena *arena, const ProtobufCMessage *options, struct field_options *ret_options)
{
	static const struct row rows[] = {
		ROW(1, BOOL, field_options, required),         ROW(2, BOOL, field_options, audited),
		ROW_HAS(3, BOOL, field_options, phi),          ROW(4, BOOL, field_options, subject),
		ROW_HAS(5, UINT32, field_options, min_length), ROW_HAS(6, UINT32, field_options, max_length),
		ROW_HAS(7, SINT64, field_options, min),        ROW_HAS(8, SINT64, field_options, max),
		ROW(9, TEXT, field_options, pattern),          ROW(10, BOOL, field_options, uuid),
	};
	static const struct table table = TABLE(OPTION_FIELD, rows);

	*ret_options = (struct field_options){ 0 };
	return read(arena, &table, options, ret_options, &ret_options->given);
}
