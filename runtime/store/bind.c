/*
 * Binding of parameters. An array's binary form (utils/adt/arrayfuncs.c), four bytes each:
 *
 *     dimensions (1, or 0 if empty) | has NULLs | element type | n | lower bound | { length | bytes } …
 */
#include "store/bind.h"

#include <limits.h>
#include <string.h>

#include "base/buffer.h"
#include "store/value.h"
#include "wire/json.h"
#include "wire/message.h"
#include "wire/message_field.h"

enum { BINARY = 1, WORD = 4 };

/* One parameter's place and what is known of it. */
struct parameter {
	struct hm_arena *arena;
	const struct hm_query *query;
	const char *name;
	const struct codec *codec;
	bool is_array;
};

static hm_status raise_place(const struct parameter *parameter, const char *problem)
{
	return hm_raise(INTERNAL, "%s:%d: %s: @%s %s", parameter->query->file, parameter->query->line,
			parameter->query->name, parameter->name, problem);
}

/* A value of the wrong type is a programmer's mistake, any other the caller's. */
static hm_status raise_fit(const struct parameter *parameter, enum fit fit)
{
	char field[HM_FIELD_BYTES];

	if (fit == FIT_TYPE)
		return hm_raise(INTERNAL, "%s:%d: %s: @%s is %s%s in the database, and its field cannot be",
				parameter->query->file, parameter->query->line, parameter->query->name, parameter->name,
				parameter->codec->name, parameter->is_array ? "[]" : "");
	hm_json_name(parameter->name, field, sizeof field);
	(void)!hm_raise(INVALID_ARGUMENT, "%s %s (%s)", field, fit_text(fit), parameter->codec->name);
	hm_error_add_violation(field, "%s (%s)", fit_text(fit), parameter->codec->name);
	return HM_INVALID_ARGUMENT;
}

static hm_status encode(const struct parameter *parameter, const struct value *value, struct value *ret_bytes)
{
	enum fit fit = parameter->codec->encode(parameter->codec, parameter->arena, value, ret_bytes);

	if (fit == FIT_OK && ret_bytes->size > INT_MAX)
		fit = FIT_RANGE;
	return fit == FIT_OK ? HM_OK : raise_fit(parameter, fit);
}

static void add_word(struct hm_buffer *out, size_t word)
{
	put_big(hm_buffer_reserve(out, WORD), word, WORD);
	hm_buffer_advance(out, WORD);
}

static hm_status encode_elements(const struct parameter *parameter, const ProtobufCMessage *message,
				 const ProtobufCFieldDescriptor *field, struct hm_buffer *out)
{
	size_t n = hm_field_count(message, field);

	add_word(out, n ? 1 : 0);
	add_word(out, 0);
	add_word(out, parameter->codec->oid);
	if (!n)
		return HM_OK;
	add_word(out, n);
	add_word(out, 1);
	for (size_t i = 0; i < n; i++) {
		struct value value, bytes;
		enum fit fit = value_read(field, hm_field_at(message, field, i), &value);

		if (fit != FIT_OK)
			return raise_fit(parameter, fit);
		TRY(encode(parameter, &value, &bytes));
		add_word(out, bytes.size);
		hm_buffer_add(out, bytes.data, bytes.size);
	}
	return HM_OK;
}

static hm_status encode_array(const struct parameter *parameter, const ProtobufCMessage *message,
			      const ProtobufCFieldDescriptor *field, struct value *ret_bytes)
{
	struct hm_buffer out = { 0 };
	hm_status status = encode_elements(parameter, message, field, &out);

	*ret_bytes = (struct value){ .data = hm_arena_dup(parameter->arena, out.data, out.size), .size = out.size };
	hm_buffer_fini(&out);
	if (status == HM_OK && ret_bytes->size > INT_MAX)
		return raise_fit(parameter, FIT_RANGE);
	return status;
}

/* data NULL in *ret_bytes: SQL NULL. */
static hm_status encode_field(const struct parameter *parameter, const ProtobufCMessage *message,
			      struct value *ret_bytes)
{
	const ProtobufCFieldDescriptor *field = NULL;
	struct value value;
	enum fit fit;

	*ret_bytes = (struct value){ .data = NULL };
	if (message)
		field = protobuf_c_message_descriptor_get_field_by_name(message->descriptor, parameter->name);
	if (!field)
		return raise_place(parameter, "is neither a field of the arguments nor known to the runtime");
	if (hm_field_is_repeated(field) != parameter->is_array)
		return raise_fit(parameter, FIT_TYPE);
	if (parameter->is_array)
		return encode_array(parameter, message, field, ret_bytes);
	if (!hm_field_is_set(message, field))
		return HM_OK;
	fit = value_read(field, hm_field_at(message, field, 0), &value);
	if (fit != FIT_OK)
		return raise_fit(parameter, fit);
	TRY(encode(parameter, &value, ret_bytes));
	if (!ret_bytes->data)
		ret_bytes->data = ""; /* empty bytes are not NULL */
	return HM_OK;
}

static hm_status encode_builtin(const struct parameter *parameter, const char *text, struct value *ret_bytes)
{
	struct value value = { .kind = VALUE_TEXT, .literal = true, .data = text };

	*ret_bytes = (struct value){ .data = NULL };
	if (!text)
		return HM_OK;
	if (parameter->is_array)
		return raise_place(parameter, "is an array, and a value of the runtime is not");
	value.size = strlen(text);
	return encode(parameter, &value, ret_bytes);
}

static const struct hm_builtin *find_builtin(const struct hm_builtin *builtins, const char *name)
{
	for (; builtins && builtins->name; builtins++)
		if (!strcmp(builtins->name, name))
			return builtins;
	return NULL;
}

static hm_status find_codec(struct parameter *parameter, unsigned type)
{
	parameter->codec = codec_find(type, &parameter->is_array);
	if (!parameter->codec)
		return hm_raise(INTERNAL, "%s:%d: %s: @%s is %s", parameter->query->file, parameter->query->line,
				parameter->query->name, parameter->name, codec_type_name(type));
	return HM_OK;
}

static hm_status encode_parameter(struct parameter *parameter, unsigned type, const ProtobufCMessage *arguments,
				  const struct hm_builtin *builtins, struct value *ret_bytes)
{
	const struct hm_builtin *builtin = find_builtin(builtins, parameter->name);

	TRY(find_codec(parameter, type));
	if (builtin)
		return encode_builtin(parameter, builtin->text, ret_bytes);
	return encode_field(parameter, arguments, ret_bytes);
}

/* How many rows make a full page. Integers only; anything else is no page size. */
static uint64_t page_size_of(const struct parameter *parameter, const struct value *bytes)
{
	if (strcmp(parameter->name, "page_size") || !bytes->data || bytes->size > sizeof(uint64_t))
		return 0;
	return get_big(bytes->data, bytes->size);
}

hm_status bind_arguments(struct hm_arena *arena, const struct hm_query *query, const struct description *description,
			 const ProtobufCMessage *arguments, const struct hm_builtin *builtins,
			 struct binding *ret_binding)
{
	size_t n = (size_t)description->n_parameters;
	struct binding binding = {
		.n = description->n_parameters,
		.values = hm_arena_alloc(arena, n * sizeof *binding.values),
		.lengths = hm_arena_alloc(arena, n * sizeof *binding.lengths),
		.formats = hm_arena_alloc(arena, n * sizeof *binding.formats),
	};

	for (size_t i = 0; i < n; i++) {
		struct parameter parameter = { .arena = arena, .query = query, .name = query->parameters[i] };
		struct value bytes;

		if (!parameter.name)
			return hm_raise(INTERNAL, "%s:%d: %s has more parameters than names", query->file, query->line,
					query->name);
		TRY(encode_parameter(&parameter, description->types[i], arguments, builtins, &bytes));
		binding.values[i] = bytes.data;
		binding.lengths[i] = (int)bytes.size;
		binding.formats[i] = BINARY;
		binding.page_size += page_size_of(&parameter, &bytes);
	}
	*ret_binding = binding;
	return HM_OK;
}

static bool is_builtin(const char *const *builtins, const char *name)
{
	for (; builtins && *builtins; builtins++)
		if (!strcmp(*builtins, name))
			return true;
	return false;
}

/* An empty or zero value of the field's type: whether it is one the parameter could be, it says as well as any other. */
static hm_status check_field(const struct parameter *parameter, const ProtobufCMessageDescriptor *arguments)
{
	const ProtobufCFieldDescriptor *field =
		protobuf_c_message_descriptor_get_field_by_name(arguments, parameter->name);
	struct value value, bytes;

	if (!field)
		return raise_place(parameter, "is neither a field of the arguments nor known to the runtime");
	if (hm_field_is_repeated(field) != parameter->is_array || value_sample(field, &value) == FIT_TYPE ||
	    parameter->codec->encode(parameter->codec, parameter->arena, &value, &bytes) == FIT_TYPE)
		return raise_fit(parameter, FIT_TYPE);
	return HM_OK;
}

hm_status bind_check_arguments(struct hm_arena *arena, const struct hm_query *query,
			       const struct description *description, const struct hm_query_use *use)
{
	for (int i = 0; i < description->n_parameters; i++) {
		struct parameter parameter = { .arena = arena, .query = query, .name = query->parameters[i] };

		TRY(find_codec(&parameter, description->types[i]));
		if (!is_builtin(use->builtins, parameter.name))
			TRY(check_field(&parameter, use->arguments));
	}
	return HM_OK;
}
