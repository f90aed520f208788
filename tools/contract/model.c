/*
 * Model: two passes over the files, because fields and methods name messages that may stand in any file: first all
 * messages with their C names, then what refers to them.
 */
#include "tools/contract/model.h"

#include <stdlib.h>
#include <string.h>

#include "tools/contract/names.h"

/* Field numbers inside descriptor.proto's messages: the steps of paths. */
enum { DEADLINE_MS = 5000 }; /* of a unary method that names none; a stream may go on */
enum { FILE_MESSAGE = 4, FILE_ENUM = 5, FILE_SERVICE = 6 };
enum { MESSAGE_FIELD = 2, MESSAGE_NESTED = 3, MESSAGE_ENUM = 4, SERVICE_METHOD = 2 };

static const ProtobufCMessage *options_of(const void *options)
{
	return options;
}

/* ---- Messages and enums ---------------------------------------------------------------------------------------- */

/* Adds what there is to the model's counts, which filling it counts up from 0 again. */
static void count_types(struct model *model, MessageProto *const *protos, size_t n)
{
	model->n_messages += n;
	for (size_t i = 0; i < n; i++) {
		model->n_enums += protos[i]->n_enum_type;
		count_types(model, protos[i]->nested_type, protos[i]->n_nested_type);
	}
}

static const char *join(struct hm_arena *arena, const char *scope, const char *name)
{
	return *scope ? hm_arena_printf(arena, "%s.%s", scope, name) : name;
}

/* The name protoc-c starts from: c_package, where there is one, in the package's place. */
static const char *dotted_name(struct model *model, const struct file *file, const char *full_name)
{
	const char *package = file->proto->package ? file->proto->package : "";

	if (!file->options.c_package)
		return full_name;
	return join(model->arena, file->options.c_package, full_name + strlen(package) + (*package != '\0'));
}

static void add_enums(struct model *model, struct file *file, EnumProto *const *protos, size_t n, const char *scope,
		      const struct path *parent, int32_t step)
{
	for (size_t i = 0; i < n; i++) {
		struct path path = path_join(parent, step, (int32_t)i);

		model->enums[model->n_enums++] = (struct enumeration){
			.proto = protos[i],
			.file = file,
			.path = path,
			.full_name = join(model->arena, scope, protos[i]->name),
			.comment = source_comment(model->arena, file->proto, &path),
		};
	}
}

static void add_messages(struct model *model, struct file *file, MessageProto *const *protos, size_t n,
			 const char *scope, const struct path *parent, int32_t step)
{
	for (size_t i = 0; i < n; i++) {
		struct message *message = &model->messages[model->n_messages++];
		const char *dotted;

		message->proto = protos[i];
		message->file = file;
		message->path = path_join(parent, step, (int32_t)i);
		message->full_name = join(model->arena, scope, protos[i]->name);
		dotted = dotted_name(model, file, message->full_name);
		message->type = name_type(model->arena, dotted);
		message->lower = name_lower(model->arena, dotted);
		message->macro = name_macro(model->arena, message->lower);
		message->comment = source_comment(model->arena, file->proto, &message->path);
		add_enums(model, file, protos[i]->enum_type, protos[i]->n_enum_type, message->full_name, &message->path,
			  MESSAGE_ENUM);
		add_messages(model, file, protos[i]->nested_type, protos[i]->n_nested_type, message->full_name,
			     &message->path, MESSAGE_NESTED);
	}
}

struct message *model_message(const struct model *model, const char *absolute_name)
{
	for (size_t i = 0; absolute_name && i < model->n_messages; i++)
		if (!strcmp(model->messages[i].full_name, absolute_name + 1))
			return &model->messages[i];
	return NULL;
}

const struct field *message_field(const struct message *message, const char *name)
{
	for (size_t i = 0; i < message->n_fields; i++)
		if (!strcmp(message->fields[i].proto->name, name))
			return &message->fields[i];
	return NULL;
}

/* ---- Fields ------------------------------------------------------------------------------------------------------ */

static int compare_fields(const void *left, const void *right)
{
	const struct field *a = left, *b = right;

	return (a->proto->number > b->proto->number) - (a->proto->number < b->proto->number);
}

static hm_status add_fields(struct model *model, struct message *message)
{
	const MessageProto *proto = message->proto;

	message->fields = hm_arena_zalloc(model->arena, proto->n_field * sizeof(*message->fields));
	message->n_fields = proto->n_field;
	for (size_t i = 0; i < proto->n_field; i++) {
		struct field *field = &message->fields[i];

		field->proto = proto->field[i];
		field->path = path_join(&message->path, MESSAGE_FIELD, (int32_t)i);
		field->message = model_message(model, field->proto->type_name);
		TRY(options_read_field(model->arena, options_of(field->proto->options), &field->options));
		message->has_rules |= field->options.given;
	}
	qsort(message->fields, message->n_fields, sizeof(*message->fields), compare_fields);
	return HM_OK;
}

/* A message with a message that has rules has rules; messages may contain each other, so until nothing changes. */
static void spread_rules(struct model *model)
{
	bool changed = true;

	while (changed) {
		changed = false;
		for (size_t i = 0; i < model->n_messages; i++) {
			struct message *message = &model->messages[i];

			for (size_t j = 0; !message->has_rules && j < message->n_fields; j++)
				if (message->fields[j].message && message->fields[j].message->has_rules)
					message->has_rules = changed = true;
		}
	}
}

/* ---- Services ---------------------------------------------------------------------------------------------------- */

static const char *permission_words(struct hm_arena *arena, const struct method_options *options)
{
	const char *words = "callers";

	if (options->permission)
		return hm_arena_printf(arena, "permission %s", options->permission);
	if (options->is_public)
		return "public";
	for (size_t i = 0; i < options->callers.count; i++)
		words = hm_arena_printf(arena, "%s %s", words, options->callers.items[i]);
	return words;
}

static hm_status add_method(struct model *model, struct file *file, struct service *service, const MethodProto *proto,
			    struct method *method)
{
	struct hm_arena *arena = model->arena;

	method->proto = proto;
	method->full_name = hm_arena_printf(arena, "%s/%s", service->full_name, proto->name);
	method->kind =
		(proto->client_streaming ? HM_CLIENT_STREAM : 0) | (proto->server_streaming ? HM_SERVER_STREAM : 0);
	method->slot = name_snake(arena, proto->name);
	method->client = hm_arena_printf(arena, "%s_%s", file->short_name, method->slot);
	method->service_name = file->short_name;
	method->comment = source_comment(arena, file->proto, &method->path);
	method->errors = comment_errors(arena, method->comment);
	method->line = source_position(file->proto, &method->path).line;
	method->request = model_message(model, proto->input_type);
	method->reply = model_message(model, proto->output_type);
	if (proto->options && proto->options->has_idempotency_level)
		method->idempotency = (int)proto->options->idempotency_level;
	TRY(options_read_method(arena, options_of(proto->options), &method->options));
	if (!method->options.has_deadline_ms)
		method->options.deadline_ms = method->kind == HM_UNARY ? DEADLINE_MS : 0;
	method->permission_words = permission_words(arena, &method->options);
	return HM_OK;
}

static hm_status add_service(struct model *model, struct file *file, const ServiceProto *proto, struct service *service)
{
	const char *package = file->proto->package ? file->proto->package : "";

	service->proto = proto;
	service->full_name = join(model->arena, package, proto->name);
	service->comment = source_comment(model->arena, file->proto, &service->path);
	service->methods = hm_arena_zalloc(model->arena, proto->n_method * sizeof(*service->methods));
	service->n_methods = proto->n_method;
	TRY(options_read_service(model->arena, options_of(proto->options), &service->options));
	for (size_t i = 0; i < proto->n_method; i++) {
		service->methods[i].path = path_join(&service->path, SERVICE_METHOD, (int32_t)i);
		TRY(add_method(model, file, service, proto->method[i], &service->methods[i]));
	}
	return HM_OK;
}

static hm_status add_services(struct model *model, struct file *file)
{
	file->services = hm_arena_zalloc(model->arena, file->proto->n_service * sizeof(*file->services));
	file->n_services = file->proto->n_service;
	for (size_t i = 0; i < file->n_services; i++) {
		file->services[i].path = path_join(&(struct path){ 0 }, FILE_SERVICE, (int32_t)i);
		TRY(add_service(model, file, file->proto->service[i], &file->services[i]));
	}
	return HM_OK;
}

/* ---- Files ------------------------------------------------------------------------------------------------------- */

static hm_status add_file(struct model *model, const FileProto *proto, struct file *file)
{
	const char *package = proto->package ? proto->package : "";
	const char *dot = strrchr(proto->name, '.');

	file->proto = proto;
	file->stem = hm_arena_dup(model->arena, proto->name, dot ? (size_t)(dot - proto->name) : strlen(proto->name));
	file->shown = hm_arena_printf(model->arena, "%s%s%s", model->root, *model->root ? "/" : "", proto->name);
	file->short_name = hm_arena_dup(model->arena, package, strcspn(package, "."));
	file->macro = name_macro(model->arena, file->short_name);
	TRY(options_read_file(model->arena, options_of(proto->options), &file->options));
	add_enums(model, file, proto->enum_type, proto->n_enum_type, package, &(struct path){ 0 }, FILE_ENUM);
	add_messages(model, file, proto->message_type, proto->n_message_type, package, &(struct path){ 0 },
		     FILE_MESSAGE);
	return HM_OK;
}

static struct file *find_file(struct model *model, const char *name)
{
	for (size_t i = 0; i < model->n_files; i++)
		if (!strcmp(model->files[i].proto->name, name))
			return &model->files[i];
	return NULL;
}

static void allocate(struct model *model, const struct model_source *source)
{
	for (size_t i = 0; i < source->n_files; i++) {
		count_types(model, source->files[i]->message_type, source->files[i]->n_message_type);
		model->n_enums += source->files[i]->n_enum_type;
	}
	model->messages = hm_arena_zalloc(model->arena, model->n_messages * sizeof(*model->messages));
	model->enums = hm_arena_zalloc(model->arena, model->n_enums * sizeof(*model->enums));
	model->files = hm_arena_zalloc(model->arena, source->n_files * sizeof(*model->files));
	model->n_files = source->n_files;
	model->n_messages = model->n_enums = 0;
}

hm_status model_build(struct hm_arena *arena, const struct model_source *source, struct model *ret_model)
{
	struct model *model = ret_model;

	*model = (struct model){ .arena = arena, .root = source->root };
	allocate(model, source);
	for (size_t i = 0; i < model->n_files; i++)
		TRY(add_file(model, source->files[i], &model->files[i]));
	for (size_t i = 0; i < model->n_messages; i++)
		TRY(add_fields(model, &model->messages[i]));
	spread_rules(model);
	for (size_t i = 0; i < source->n_asked; i++) {
		struct file *file = find_file(model, source->asked[i]);

		if (!file)
			return hm_raise(INTERNAL, "protoc names %s but does not hand it over", source->asked[i]);
		file->to_generate = true;
		TRY(add_services(model, file));
	}
	return HM_OK;
}
