/* Schema: first a row for each type, so that they can refer to each other, then what is in them. */
#include "wire/schema.h"

#include <google/protobuf/descriptor.pb-c.h>
#include <google/protobuf/duration.pb-c.h>
#include <google/protobuf/empty.pb-c.h>
#include <google/protobuf/timestamp.pb-c.h>
#include <google/protobuf/wrappers.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "wire/message.h"

typedef Google__Protobuf__FileDescriptorSet file_set;
typedef Google__Protobuf__FileDescriptorProto file_proto;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__EnumDescriptorProto enum_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

enum { NAME_MAX_BYTES = 256, FIELD_NUMBER_MAX = (1 << 29) - 1, DEPTH_MAX = 16 };

/* A message or an enum. */
struct type {
	const char *name; /* full */
	const message_proto *message; /* NULL: an enum, or built in */
	const enum_proto *enumeration;
	const ProtobufCMessageDescriptor *built_in;
	ProtobufCMessageDescriptor message_descriptor;
	ProtobufCEnumDescriptor enum_descriptor;
};

struct hm_schema {
	struct hm_arena *arena;
	struct type *types; /* sorted by name */
	size_t n_types;
};

static const ProtobufCMessageDescriptor *const built_in[] = {
	&google__protobuf__timestamp__descriptor,    &google__protobuf__duration__descriptor,
	&google__protobuf__empty__descriptor,        &google__protobuf__string_value__descriptor,
	&google__protobuf__bytes_value__descriptor,  &google__protobuf__bool_value__descriptor,
	&google__protobuf__int32_value__descriptor,  &google__protobuf__int64_value__descriptor,
	&google__protobuf__uint32_value__descriptor, &google__protobuf__uint64_value__descriptor,
	&google__protobuf__float_value__descriptor,  &google__protobuf__double_value__descriptor,
};

static void *array(struct hm_schema *schema, size_t count, size_t bytes)
{
	return hm_arena_zalloc(schema->arena, count ? count * bytes : 1);
}

/* ---- Names ---------------------------------------------------------------------------------------------------------- */

static bool is_name(const char *name)
{
	const size_t length = name ? strlen(name) : 0;

	return length && length < NAME_MAX_BYTES &&
	       strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.") == length;
}

static hm_status check_name(const char *name)
{
	return is_name(name) ? HM_OK : hm_raise(INVALID_ARGUMENT, "the contract has a name that is none");
}

static const char *join(struct hm_schema *schema, const char *scope, const char *name)
{
	const size_t scope_bytes = strlen(scope), name_bytes = strlen(name);
	char *full = hm_arena_alloc(schema->arena, scope_bytes + name_bytes + 2);

	memcpy(full, scope, scope_bytes);
	full[scope_bytes] = '.';
	memcpy(full + scope_bytes + (scope_bytes > 0), name, name_bytes + 1);
	return full;
}

/* ---- A row for each type -------------------------------------------------------------------------------------------- */

static hm_status add_type(struct hm_schema *schema, const char *scope, const char *name, struct type **ret_type)
{
	TRY(check_name(name));
	if (schema->n_types == HM_SCHEMA_TYPES_MAX)
		return hm_raise(INVALID_ARGUMENT, "the contract has more than %d types", HM_SCHEMA_TYPES_MAX);
	*ret_type = &schema->types[schema->n_types++];
	(*ret_type)->name = join(schema, scope, name);
	return HM_OK;
}

static hm_status add_enums(struct hm_schema *schema, const char *scope, enum_proto *const *enums, size_t count)
{
	struct type *type;

	for (size_t i = 0; i < count; i++) {
		TRY(add_type(schema, scope, enums[i]->name, &type));
		type->enumeration = enums[i];
	}
	return HM_OK;
}

static hm_status add_messages(struct hm_schema *schema, const char *scope, message_proto *const *messages, size_t count,
			      int depth)
{
	struct type *type;

	if (depth == DEPTH_MAX)
		return hm_raise(INVALID_ARGUMENT, "the contract's messages are nested too deeply");
	for (size_t i = 0; i < count; i++) {
		TRY(add_type(schema, scope, messages[i]->name, &type));
		type->message = messages[i];
		for (size_t j = 0; j < sizeof built_in / sizeof *built_in; j++)
			if (!strcmp(built_in[j]->name, type->name))
				type->built_in = built_in[j];
		TRY(add_messages(schema, type->name, messages[i]->nested_type, messages[i]->n_nested_type, depth + 1));
		TRY(add_enums(schema, type->name, messages[i]->enum_type, messages[i]->n_enum_type));
	}
	return HM_OK;
}

static int compare_types(const void *a, const void *b)
{
	return strcmp(((const struct type *)a)->name, ((const struct type *)b)->name);
}

static hm_status add_files(struct hm_schema *schema, const file_set *set)
{
	for (size_t i = 0; i < set->n_file; i++) {
		const file_proto *file = set->file[i];
		const char *package = file->package ? file->package : "";

		if (*package)
			TRY(check_name(package));
		TRY(add_messages(schema, package, file->message_type, file->n_message_type, 0));
		TRY(add_enums(schema, package, file->enum_type, file->n_enum_type));
	}
	qsort(schema->types, schema->n_types, sizeof *schema->types, compare_types);
	for (size_t i = 1; i < schema->n_types; i++)
		if (!strcmp(schema->types[i - 1].name, schema->types[i].name))
			return hm_raise(INVALID_ARGUMENT, "the contract has %s twice", schema->types[i].name);
	return HM_OK;
}

static struct type *find_type(const struct hm_schema *schema, const char *name)
{
	const struct type key = { .name = name };

	return bsearch(&key, schema->types, schema->n_types, sizeof *schema->types, compare_types);
}

/* ---- Enums ---------------------------------------------------------------------------------------------------------- */

static int compare_values(const void *a, const void *b)
{
	const ProtobufCEnumValue *left = a, *right = b;

	return (left->value > right->value) - (left->value < right->value);
}

static int compare_value_names(const void *a, const void *b)
{
	return strcmp(((const ProtobufCEnumValueIndex *)a)->name, ((const ProtobufCEnumValueIndex *)b)->name);
}

/* Numbers in a row share a range; one more range ends the list. Returns how many there are. */
static unsigned make_ranges(const int *numbers, unsigned count, ProtobufCIntRange *ranges)
{
	unsigned n = 0;

	for (unsigned i = 0; i < count; i++)
		if (!i || numbers[i] != numbers[i - 1] + 1)
			ranges[n++] = (ProtobufCIntRange){ .start_value = numbers[i], .orig_index = i };
	ranges[n] = (ProtobufCIntRange){ .orig_index = count };
	return n;
}

/* Of values that share a number the first is its name, as protobuf has it; the others are names all the same. */
static hm_status fill_enum(struct hm_schema *schema, struct type *type)
{
	const size_t count = type->enumeration->n_value;
	ProtobufCEnumValue *values = array(schema, count, sizeof *values);
	ProtobufCEnumValueIndex *names = array(schema, count, sizeof *names);
	ProtobufCIntRange *ranges = array(schema, count + 1, sizeof *ranges);
	int *numbers = array(schema, count, sizeof *numbers);
	unsigned n = 0;

	if (!count)
		return hm_raise(INVALID_ARGUMENT, "%s: an enum without values", type->name);
	for (size_t i = 0; i < count; i++) {
		TRY(check_name(type->enumeration->value[i]->name));
		values[i].name = values[i].c_name = type->enumeration->value[i]->name;
		values[i].value = type->enumeration->value[i]->number;
	}
	qsort(values, count, sizeof *values, compare_values);
	for (size_t i = 0; i < count; i++) {
		bool is_new = !i || values[i].value != values[n - 1].value;

		if (is_new)
			values[n++] = values[i];
		names[i] = (ProtobufCEnumValueIndex){ .name = values[i].name, .index = n - 1 };
		numbers[n - 1] = values[n - 1].value;
	}
	qsort(names, count, sizeof *names, compare_value_names);
	type->enum_descriptor = (ProtobufCEnumDescriptor){
		.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
		.name = type->name,
		.short_name = type->enumeration->name,
		.c_name = type->name,
		.package_name = "",
		.n_values = n,
		.values = values,
		.n_value_names = (unsigned)count,
		.values_by_name = names,
		.value_ranges = ranges,
	};
	type->enum_descriptor.n_value_ranges = make_ranges(numbers, n, ranges);
	return HM_OK;
}

/* ---- Messages ------------------------------------------------------------------------------------------------------- */

/* By descriptor.proto's number of a type; 0 bytes: not known (groups). */
static const struct {
	ProtobufCType type;
	uint8_t bytes;
} kinds[] = {
	[1] = { PROTOBUF_C_TYPE_DOUBLE, 8 },    [2] = { PROTOBUF_C_TYPE_FLOAT, 4 },
	[3] = { PROTOBUF_C_TYPE_INT64, 8 },     [4] = { PROTOBUF_C_TYPE_UINT64, 8 },
	[5] = { PROTOBUF_C_TYPE_INT32, 4 },     [6] = { PROTOBUF_C_TYPE_FIXED64, 8 },
	[7] = { PROTOBUF_C_TYPE_FIXED32, 4 },   [8] = { PROTOBUF_C_TYPE_BOOL, sizeof(protobuf_c_boolean) },
	[9] = { PROTOBUF_C_TYPE_STRING, 8 },    [11] = { PROTOBUF_C_TYPE_MESSAGE, 8 },
	[12] = { PROTOBUF_C_TYPE_BYTES, 16 },   [13] = { PROTOBUF_C_TYPE_UINT32, 4 },
	[14] = { PROTOBUF_C_TYPE_ENUM, 4 },     [15] = { PROTOBUF_C_TYPE_SFIXED32, 4 },
	[16] = { PROTOBUF_C_TYPE_SFIXED64, 8 }, [17] = { PROTOBUF_C_TYPE_SINT32, 4 },
	[18] = { PROTOBUF_C_TYPE_SINT64, 8 },
};
static_assert(sizeof(ProtobufCBinaryData) == 16 && sizeof(void *) == 8 && sizeof(int) == 4);

static const ProtobufCLabel labels[] = {
	[1] = PROTOBUF_C_LABEL_OPTIONAL, [2] = PROTOBUF_C_LABEL_REQUIRED, [3] = PROTOBUF_C_LABEL_REPEATED
};

/* What a field of a message or an enum is of. Full names begin with a dot, and protoc writes no others. */
static hm_status resolve(const struct hm_schema *schema, const field_proto *proto, ProtobufCFieldDescriptor *field)
{
	struct type *type;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE && field->type != PROTOBUF_C_TYPE_ENUM)
		return HM_OK;
	type = proto->type_name && *proto->type_name == '.' ? find_type(schema, proto->type_name + 1) : NULL;
	if (!type || !type->message == (field->type == PROTOBUF_C_TYPE_MESSAGE))
		return hm_raise(INVALID_ARGUMENT, "%s: its type is not in the contract", field->name);
	if (type->built_in)
		field->descriptor = type->built_in;
	else if (type->message)
		field->descriptor = &type->message_descriptor;
	else
		field->descriptor = &type->enum_descriptor;
	return HM_OK;
}

static hm_status fill_field(const struct hm_schema *schema, const field_proto *proto, ProtobufCFieldDescriptor *field)
{
	const unsigned type = proto->has_type ? (unsigned)proto->type : 0;
	const unsigned label = proto->has_label ? (unsigned)proto->label : 1;

	TRY(check_name(proto->name));
	if (type >= sizeof kinds / sizeof *kinds || !kinds[type].bytes || label < 1 || label > 3)
		return hm_raise(INVALID_ARGUMENT, "%s: a field of a kind that is not known", proto->name);
	if (proto->number < 1 || proto->number > FIELD_NUMBER_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s: %d is no field's number", proto->name, proto->number);
	field->name = proto->name;
	field->id = (uint32_t)proto->number;
	field->label = labels[label];
	field->type = kinds[type].type;
	field->offset = kinds[type].bytes; /* until the place is known */
	if (proto->options && proto->options->has_packed && proto->options->packed)
		field->flags = PROTOBUF_C_FIELD_FLAG_PACKED;
	return resolve(schema, proto, field);
}

static size_t place(size_t *end, size_t bytes)
{
	const size_t alignment = bytes < 8 ? bytes : 8, at = (*end + alignment - 1) / alignment * alignment;

	*end = at + bytes;
	return at;
}

/* As protoc-c lays a struct out: before a value, whether it is there or how many there are. */
static void place_field(ProtobufCFieldDescriptor *field, size_t *end)
{
	const bool is_pointer = field->type == PROTOBUF_C_TYPE_STRING || field->type == PROTOBUF_C_TYPE_MESSAGE;
	const size_t bytes = field->offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		field->quantifier_offset = (unsigned)place(end, sizeof(size_t));
		field->offset = (unsigned)place(end, sizeof(void *));
		return;
	}
	if (field->label == PROTOBUF_C_LABEL_OPTIONAL && !is_pointer)
		field->quantifier_offset = (unsigned)place(end, sizeof(protobuf_c_boolean));
	field->offset = (unsigned)place(end, bytes);
}

static int compare_fields(const void *a, const void *b)
{
	const ProtobufCFieldDescriptor *left = a, *right = b;

	return (left->id > right->id) - (left->id < right->id);
}

struct named {
	const char *name;
	unsigned index;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(((const struct named *)a)->name, ((const struct named *)b)->name);
}

static unsigned *sort_names(struct hm_schema *schema, const ProtobufCFieldDescriptor *fields, unsigned count)
{
	struct named *names = array(schema, count, sizeof *names);
	unsigned *sorted = array(schema, count, sizeof *sorted);

	for (unsigned i = 0; i < count; i++)
		names[i] = (struct named){ fields[i].name, i };
	qsort(names, count, sizeof *names, compare_names);
	for (unsigned i = 0; i < count; i++)
		sorted[i] = names[i].index;
	return sorted;
}

static hm_status fill_message(struct hm_schema *schema, struct type *type)
{
	const unsigned count = (unsigned)type->message->n_field;
	ProtobufCFieldDescriptor *fields = array(schema, count, sizeof *fields);
	ProtobufCIntRange *ranges = array(schema, count + 1, sizeof *ranges);
	int *numbers = array(schema, count, sizeof *numbers);
	size_t end = sizeof(ProtobufCMessage);

	for (unsigned i = 0; i < count; i++)
		TRY(fill_field(schema, type->message->field[i], &fields[i]));
	qsort(fields, count, sizeof *fields, compare_fields);
	for (unsigned i = 0; i < count; i++) {
		if (i && fields[i].id == fields[i - 1].id)
			return hm_raise(INVALID_ARGUMENT, "%s has field %u twice", type->name, fields[i].id);
		place_field(&fields[i], &end);
		numbers[i] = (int)fields[i].id;
	}
	type->message_descriptor = (ProtobufCMessageDescriptor){
		.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC,
		.name = type->name,
		.short_name = type->message->name,
		.c_name = type->name,
		.package_name = "",
		.sizeof_message = (end + 7) / 8 * 8,
		.n_fields = count,
		.fields = fields,
		.fields_sorted_by_name = sort_names(schema, fields, count),
		.field_ranges = ranges,
	};
	type->message_descriptor.n_field_ranges = make_ranges(numbers, count, ranges);
	return HM_OK;
}

/* ---- The whole ------------------------------------------------------------------------------------------------------ */

hm_status hm_schema_open(struct hm_arena *arena, const void *bytes, size_t size, struct hm_schema **ret_schema)
{
	struct hm_schema *schema = hm_arena_zalloc(arena, sizeof *schema);
	ProtobufCMessage *set;

	TRY(hm_message_unpack(arena, &google__protobuf__file_descriptor_set__descriptor, bytes, size, &set));
	schema->arena = arena;
	schema->types = array(schema, HM_SCHEMA_TYPES_MAX, sizeof *schema->types);
	TRY(add_files(schema, (const file_set *)set));
	for (size_t i = 0; i < schema->n_types; i++)
		if (schema->types[i].enumeration)
			TRY(fill_enum(schema, &schema->types[i]));
		else if (!schema->types[i].built_in)
			TRY(fill_message(schema, &schema->types[i]));
	*ret_schema = schema;
	return HM_OK;
}

const ProtobufCMessageDescriptor *hm_schema_find(const struct hm_schema *schema, const char *name)
{
	const struct type *type = find_type(schema, name);

	if (!type || !type->message)
		return NULL;
	return type->built_in ? type->built_in : &type->message_descriptor;
}
