/*
 * Contract: protoc reads a service's .proto files and hands over a google.protobuf.FileDescriptorSet; out of it come descriptors as protoc-c
 * would have generated them, as far as names, types and labels go. libpg_query brings a protobuf-c of its own (1.4.0) and is linked in the
 * place of the runtime's (1.4.1): generated code runs on either.
 */
#include <glob.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "google/protobuf/descriptor.pb-c.h"
#include "google/protobuf/timestamp.pb-c.h"
#include "queries.h"
#include "tools/contract/options.h"

enum { FILES_MAX = 64 };

typedef Google__Protobuf__FileDescriptorSet file_set;
typedef Google__Protobuf__DescriptorProto message_proto;
typedef Google__Protobuf__FieldDescriptorProto field_proto;

struct made {
	struct made *next;
	const char *name; /* ".notes.v1.Note" */
	ProtobufCMessageDescriptor descriptor;
};

struct maker {
	struct hm_arena *arena;
	const file_set *set;
	struct made *made;
	hm_status status; /* the first failure, that of options which cannot be read */
};

/* ---- protoc ------------------------------------------------------------------------------------------------------------ */

extern char **environ;

static hm_status read_all(int fd, struct hm_buffer *bytes)
{
	ssize_t n;

	while ((n = read(fd, hm_buffer_reserve(bytes, BUFSIZ), BUFSIZ)) > 0)
		hm_buffer_advance(bytes, (size_t)n);
	return n < 0 ? hm_raise_errno(UNAVAILABLE, "protoc cannot be read") : HM_OK;
}

static hm_status run_protoc(const char *const *argv, struct hm_buffer *bytes)
{
	posix_spawn_file_actions_t actions;
	int ends[2], status = 0, error;
	hm_status read;
	pid_t pid;

	if (pipe(ends))
		return hm_raise_errno(UNAVAILABLE, "no pipe for protoc");
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	posix_spawn_file_actions_addclose(&actions, ends[0]);
	error = posix_spawnp(&pid, "protoc", &actions, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	read = error ? HM_OK : read_all(ends[0], bytes);
	close(ends[0]);
	if (error)
		return hm_raise(UNAVAILABLE, "protoc cannot be started: %s", strerror(error));
	while (waitpid(pid, &status, 0) < 0)
		;
	TRY(read);
	return status ? hm_raise(INVALID_ARGUMENT, "protoc does not accept the contracts (see above)") : HM_OK;
}

static bool is_folder(const char *path)
{
	struct stat info;

	return !stat(path, &info) && S_ISDIR(info.st_mode);
}

/* Options are imported from the repository's own proto/, wherever the service is. */
static hm_status read_set(struct hm_arena *arena, const char *root, const glob_t *files, struct hm_buffer *bytes)
{
	const char *argv[FILES_MAX + 8] = { "protoc", hm_arena_printf(arena, "-I%s/proto", root) };
	size_t n = 2;

	if (is_folder("proto"))
		argv[n++] = "-Iproto";
	argv[n++] = "-I/usr/include";
	argv[n++] = "--include_imports";
	argv[n++] = "--descriptor_set_out=/dev/stdout";
	if (files->gl_pathc > FILES_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s/proto: more than %d contracts of one service", root, FILES_MAX);
	for (size_t i = 0; i < files->gl_pathc; i++)
		argv[n++] = files->gl_pathv[i];
	return run_protoc(argv, bytes);
}

static void *allocate(void *arena, size_t size)
{
	return hm_arena_alloc(arena, size);
}

static void leave(void *arena, void *memory)
{
	(void)arena, (void)memory;
}

/* ---- Descriptors -------------------------------------------------------------------------------------------------------- */

static const ProtobufCType types[] = {
	[1] = PROTOBUF_C_TYPE_DOUBLE,   [2] = PROTOBUF_C_TYPE_FLOAT,     [3] = PROTOBUF_C_TYPE_INT64,
	[4] = PROTOBUF_C_TYPE_UINT64,   [5] = PROTOBUF_C_TYPE_INT32,     [6] = PROTOBUF_C_TYPE_FIXED64,
	[7] = PROTOBUF_C_TYPE_FIXED32,  [8] = PROTOBUF_C_TYPE_BOOL,      [9] = PROTOBUF_C_TYPE_STRING,
	[11] = PROTOBUF_C_TYPE_MESSAGE, [12] = PROTOBUF_C_TYPE_BYTES,    [13] = PROTOBUF_C_TYPE_UINT32,
	[14] = PROTOBUF_C_TYPE_ENUM,    [15] = PROTOBUF_C_TYPE_SFIXED32, [16] = PROTOBUF_C_TYPE_SFIXED64,
	[17] = PROTOBUF_C_TYPE_SINT32,  [18] = PROTOBUF_C_TYPE_SINT64,
};

static const ProtobufCMessageDescriptor *make_message(struct maker *maker, const char *name);

/* Binding asks an enum for one value that it has, whichever. Zero is not one of every enum's, but its number plays no part. */
static const ProtobufCEnumDescriptor *any_enum(void)
{
	static const ProtobufCEnumValue values[] = { { "", "", 0 } };
	static const ProtobufCIntRange ranges[] = { { 0, 0 }, { 0, 1 } };
	static const ProtobufCEnumDescriptor descriptor = {
		.magic = PROTOBUF_C__ENUM_DESCRIPTOR_MAGIC,
		.name = "",
		.n_values = 1,
		.values = values,
		.n_value_ranges = 1,
		.value_ranges = ranges,
	};

	return &descriptor;
}

static bool is_required(struct maker *maker, const field_proto *field)
{
	struct field_options options;
	hm_status status = options_read_field(maker->arena, field->options ? &field->options->base : NULL, &options);

	if (maker->status == HM_OK)
		maker->status = status;
	return options.required || field->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REQUIRED;
}

static void make_field(struct maker *maker, const field_proto *from, ProtobufCFieldDescriptor *to)
{
	size_t type = (size_t)from->type;

	to->name = from->name;
	to->id = (uint32_t)from->number;
	to->type = type < sizeof types / sizeof *types ? types[type] : PROTOBUF_C_TYPE_MESSAGE;
	to->label = PROTOBUF_C_LABEL_OPTIONAL;
	if (from->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		to->label = PROTOBUF_C_LABEL_REPEATED;
	else if (is_required(maker, from))
		to->label = PROTOBUF_C_LABEL_REQUIRED;
	if (to->type == PROTOBUF_C_TYPE_MESSAGE)
		to->descriptor = make_message(maker, from->type_name);
	else if (to->type == PROTOBUF_C_TYPE_ENUM)
		to->descriptor = any_enum();
}

static int by_name(const void *a, const void *b, void *fields)
{
	const ProtobufCFieldDescriptor *all = fields;

	return strcmp(all[*(const unsigned *)a].name, all[*(const unsigned *)b].name);
}

static void fill_message(struct maker *maker, const message_proto *from, ProtobufCMessageDescriptor *to)
{
	ProtobufCFieldDescriptor *fields = hm_arena_zalloc(maker->arena, (from->n_field + 1) * sizeof *fields);
	unsigned *sorted = hm_arena_alloc(maker->arena, (from->n_field + 1) * sizeof *sorted);

	for (unsigned i = 0; i < from->n_field; i++) {
		make_field(maker, from->field[i], &fields[i]);
		sorted[i] = i;
	}
	qsort_r(sorted, from->n_field, sizeof *sorted, by_name, fields);
	to->n_fields = (unsigned)from->n_field;
	to->fields = fields;
	to->fields_sorted_by_name = sorted;
}

/* A name below a prefix that ends in its package or outer message: ".notes.v1" and ".notes.v1.Note". */
static const message_proto *find_below(const char *prefix, message_proto *const *messages, size_t n, const char *name)
{
	size_t size = strlen(prefix);

	if (strncmp(name, prefix, size) || name[size] != '.')
		return NULL;
	for (size_t i = 0; i < n; i++) {
		const char *own = messages[i]->name, *rest = name + size + 1;
		size_t own_size = strlen(own);

		if (!strcmp(rest, own))
			return messages[i];
		if (!strncmp(rest, own, own_size) && rest[own_size] == '.')
			return find_below(own, messages[i]->nested_type, messages[i]->n_nested_type, rest);
	}
	return NULL;
}

static const message_proto *find_message(const struct maker *maker, const char *name)
{
	for (size_t i = 0; i < maker->set->n_file; i++) {
		const Google__Protobuf__FileDescriptorProto *file = maker->set->file[i];
		bool has_package = file->package && *file->package;
		const char *prefix = has_package ? hm_arena_printf(maker->arena, ".%s", file->package) : "";
		const message_proto *found = find_below(prefix, file->message_type, file->n_message_type, name);

		if (found)
			return found;
	}
	return NULL;
}

/* Each once: a message may hold itself. */
static const ProtobufCMessageDescriptor *make_message(struct maker *maker, const char *name)
{
	const message_proto *from = find_message(maker, name);
	struct made *made = maker->made;

	if (!strcmp(name, ".google.protobuf.Timestamp"))
		return &google__protobuf__timestamp__descriptor;
	while (made && strcmp(made->name, name))
		made = made->next;
	if (made)
		return &made->descriptor;
	made = hm_arena_zalloc(maker->arena, sizeof *made);
	made->next = maker->made;
	made->name = name;
	made->descriptor.magic = PROTOBUF_C__MESSAGE_DESCRIPTOR_MAGIC;
	made->descriptor.name = made->descriptor.short_name = name + 1;
	maker->made = made;
	if (from)
		fill_message(maker, from, &made->descriptor);
	return &made->descriptor;
}

/* ---- Methods ------------------------------------------------------------------------------------------------------------ */

static void add_methods(struct maker *maker, const Google__Protobuf__ServiceDescriptorProto *service,
			struct method **methods)
{
	for (size_t i = 0; i < service->n_method; i++) {
		struct method *method = hm_arena_zalloc(maker->arena, sizeof *method);

		method->name = service->method[i]->name;
		method->request = make_message(maker, service->method[i]->input_type);
		method->reply = make_message(maker, service->method[i]->output_type);
		method->next = *methods;
		*methods = method;
	}
}

/* Contracts that are only imported have no part in it: their paths are others. */
static void add_files(struct maker *maker, const char *service, struct method **methods)
{
	const char *folder = hm_arena_printf(maker->arena, "%s/", service);

	for (size_t i = 0; i < maker->set->n_file; i++)
		for (size_t j = 0; j < maker->set->file[i]->n_service; j++)
			if (!strncmp(maker->set->file[i]->name, folder, strlen(folder)))
				add_methods(maker, maker->set->file[i]->service[j], methods);
}

hm_status contract_read(struct hm_arena *arena, const char *root, const char *service, struct method **ret_methods)
{
	ProtobufCAllocator memory = { allocate, leave, arena };
	struct maker maker = { .arena = arena };
	struct hm_buffer bytes = { 0 };
	glob_t files = { 0 };
	hm_status status = HM_OK;

	*ret_methods = NULL;
	glob(hm_arena_printf(arena, "%s/proto/%s/v*/*.proto", root, service), 0, NULL, &files);
	if (files.gl_pathc)
		status = read_set(arena, root, &files, &bytes);
	globfree(&files);
	if (status == HM_OK && bytes.size) {
		maker.set = google__protobuf__file_descriptor_set__unpack(&memory, bytes.size, (uint8_t *)bytes.data);
		if (maker.set)
			add_files(&maker, service, ret_methods);
	}
	hm_buffer_fini(&bytes);
	return status == HM_OK ? maker.status : status;
}
