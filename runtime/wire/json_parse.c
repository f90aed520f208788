/*
 * JSON, inwards: jansson reads the text (UTF-8 checked, NUL refused, no key twice), and the descriptor decides what each
 * value must be. How deep the text nests is counted before jansson recurses over it.
 */
#include <jansson.h>
#include <stdio.h>
#include <string.h>

#include "wire/json.h"
#include "wire/json_kind.h"
#include "wire/json_name.h"
#include "wire/json_time.h"
#include "wire/json_value.h"
#include "wire/message.h"
#include "wire/message_field.h"

/* A message and the array it may stand in are two levels. */
enum { NESTING_MAX = 2 * HM_MESSAGE_DEPTH_MAX };

/* Where one is: the message being read, and the memory it is read into. */
struct place {
	struct hm_arena *arena;
	const struct hm_path *path; /* NULL: the root */
	size_t depth;
	json_t *object;
	ProtobufCMessage *message;
};

static hm_status read_message(const struct place *outer, const struct hm_path *path,
			      const ProtobufCMessageDescriptor *descriptor, json_t *value,
			      ProtobufCMessage **ret_message);

/* protoc makes a map field `prices` of M into repeated M.PricesEntry { key = 1; value = 2; }. */
static bool is_map(const ProtobufCMessageDescriptor *parent, const ProtobufCFieldDescriptor *field)
{
	const ProtobufCMessageDescriptor *entry = field->descriptor;
	char name[HM_JSON_NAME_BYTES];
	const char *short_name;
	size_t length;

	if (field->type != PROTOBUF_C_TYPE_MESSAGE || !hm_field_is_repeated(field) || entry->n_fields != 2 ||
	    strcmp(entry->fields[0].name, "key") != 0 || strcmp(entry->fields[1].name, "value") != 0)
		return false;
	hm_json_name(field->name, name, sizeof name);
	length = strlen(name);
	short_name = entry->short_name;
	return !strncmp(entry->name, parent->name, strlen(parent->name)) &&
	       strlen(short_name) == length + strlen("Entry") && !strncmp(short_name + 1, name + 1, length - 1) &&
	       !strcmp(short_name + length, "Entry");
}

static hm_status read_value(const struct place *place, const struct hm_path *path,
			    const ProtobufCFieldDescriptor *field, json_t *value, void *ret_value)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return read_message(place, path, field->descriptor, value, ret_value);
	return hm_json_value_read(place->arena, path, field, value, ret_value);
}

static hm_status read_list(const struct place *place, struct hm_path *path, const ProtobufCFieldDescriptor *field,
			   json_t *value)
{
	size_t count = json_array_size(value), size = hm_type_of(field->type)->size;
	char *element;

	if (is_map(place->message->descriptor, field))
		return hm_path_raise(path, "a map, which has no JSON form here");
	if (!json_is_array(value))
		return hm_json_value_wrong(path, "an array", value);
	element = hm_field_make(place->arena, place->message, field, count);
	for (size_t i = 0; i < count; i++, element += size) {
		path->index = (ptrdiff_t)i;
		TRY(read_value(place, path, field, json_array_get(value, i), element));
	}
	return HM_OK;
}

/* A field is known by two names; the JSON name is looked for where the proto name was found. */
static bool is_given_twice(const struct place *place, const ProtobufCFieldDescriptor *field, const char *name)
{
	char json_name[HM_JSON_NAME_BYTES];

	hm_json_name(field->name, json_name, sizeof json_name);
	return strcmp(name, json_name) != 0 && json_object_get(place->object, json_name);
}

static hm_status read_field(const struct place *place, const char *name, json_t *value)
{
	const ProtobufCFieldDescriptor *field = hm_field_find(place->message->descriptor, name), *sibling;
	struct hm_path path = { .outer = place->path, .index = -1 };

	if (!field)
		return hm_json_unknown_field(place->path, place->message->descriptor, name);
	path.name = field->name;
	if (is_given_twice(place, field, name))
		return hm_path_raise(&path, "given twice, also as %s", field->name);
	if (json_is_null(value))
		return HM_OK;
	sibling = hm_field_sibling(place->message, field);
	if (sibling)
		return hm_path_raise(&path, "only one of this and %s can be given", sibling->name);
	if (hm_field_is_repeated(field))
		return read_list(place, &path, field, value);
	return read_value(place, &path, field, value, hm_field_make(place->arena, place->message, field, 1));
}

/* Required scalars have no presence in memory: they are looked up in the object again. */
static hm_status check_required(const struct place *place)
{
	const ProtobufCMessageDescriptor *descriptor = place->message->descriptor;

	for (unsigned i = 0; i < descriptor->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &descriptor->fields[i];
		struct hm_path path = { .outer = place->path, .name = field->name, .index = -1 };
		char name[HM_JSON_NAME_BYTES];
		const json_t *value;

		if (field->label != PROTOBUF_C_LABEL_REQUIRED || field->default_value)
			continue;
		hm_json_name(field->name, name, sizeof name);
		value = json_object_get(place->object, name);
		if (!value)
			value = json_object_get(place->object, field->name);
		if (!value || json_is_null(value))
			return hm_path_raise(&path, "a required field is missing in %s", descriptor->name);
	}
	return HM_OK;
}

static hm_status read_object(const struct place *place)
{
	const char *name;
	json_t *value;

	if (!json_is_object(place->object))
		return hm_json_value_wrong(place->path, "an object", place->object);
	json_object_foreach(place->object, name, value) TRY(read_field(place, name, value));
	return check_required(place);
}

static hm_status read_time(const struct place *place)
{
	const char *text = json_string_value(place->object);
	Google__Protobuf__Timestamp *time = (Google__Protobuf__Timestamp *)place->message;

	if (!text || !hm_json_time_parse(text, time))
		return hm_json_value_wrong(place->path, "an RFC 3339 time, as \"2026-11-22T10:00:00Z\"", place->object);
	return HM_OK;
}

static hm_status read_duration(const struct place *place)
{
	const char *text = json_string_value(place->object);
	Google__Protobuf__Duration *duration = (Google__Protobuf__Duration *)place->message;

	if (!text || !hm_json_duration_parse(text, duration))
		return hm_json_value_wrong(place->path, "a duration in seconds, as \"1.5s\"", place->object);
	return HM_OK;
}

static hm_status read_wrapper(const struct place *place)
{
	const ProtobufCFieldDescriptor *field = place->message->descriptor->fields;

	return hm_json_value_read(place->arena, place->path, field, place->object,
				  hm_field_make(place->arena, place->message, field, 1));
}

static hm_status read_message(const struct place *outer, const struct hm_path *path,
			      const ProtobufCMessageDescriptor *descriptor, json_t *value,
			      ProtobufCMessage **ret_message)
{
	static hm_status (*const readers[])(const struct place *place) = {
		[HM_JSON_OBJECT] = read_object,
		[HM_JSON_TIMESTAMP] = read_time,
		[HM_JSON_DURATION] = read_duration,
		[HM_JSON_WRAPPER] = read_wrapper,
	};
	struct place place = { outer->arena, path, outer->depth + 1, value, NULL };

	if (place.depth > HM_MESSAGE_DEPTH_MAX)
		return hm_path_raise(path, "messages nested too deeply in %s", descriptor->name);
	place.message = hm_message_new(place.arena, descriptor);
	TRY(readers[hm_json_kind_of(descriptor)](&place));
	*ret_message = place.message;
	return HM_OK;
}

/* How deeply brackets nest outside strings, in text that need not be JSON. */
static size_t nesting(const char *text, size_t size)
{
	size_t depth = 0, most = 0;
	bool in_string = false;

	for (size_t i = 0; i < size; i++) {
		if (text[i] == '"')
			in_string = !in_string;
		else if (in_string && text[i] == '\\')
			i++;
		else if (!in_string && (text[i] == '{' || text[i] == '['))
			most = ++depth > most ? depth : most;
		else if (!in_string && (text[i] == '}' || text[i] == ']') && depth)
			depth--;
	}
	return most;
}

hm_status hm_json_parse(struct hm_arena *arena, const ProtobufCMessageDescriptor *descriptor, const char *text,
			size_t size, ProtobufCMessage **ret_message)
{
	json_auto_t *root = NULL;
	json_error_t error;

	if (nesting(text, size) > NESTING_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s: the JSON nests too deeply", descriptor->name);
	root = json_loadb(text, size, JSON_REJECT_DUPLICATES, &error);
	if (!root)
		return hm_raise(INVALID_ARGUMENT, "%s: not JSON in line %d, column %d: %s", descriptor->name,
				error.line, error.column, error.text);
	if (!json_is_object(root))
		return hm_raise(INVALID_ARGUMENT, "%s: expected a JSON object, found an array", descriptor->name);
	return read_message(&(struct place){ .arena = arena }, NULL, descriptor, root, ret_message);
}
