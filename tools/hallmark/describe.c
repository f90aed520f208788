/* ls and describe: services, methods and messages, from the tables built in. */
#include <string.h>

#include "base/buffer.h"
#include "base/text.h"
#include "command.h"
#include "host/services.h"
#include "remote.h"
#include "wire/json.h"

static const char *const effect_names[] = {
	[HM_EFFECT_NONE] = "none",
	[HM_EFFECT_READ] = "read",
	[HM_EFFECT_WRITE] = "write",
};

/* What a caller must have. */
static const char *admission(const struct hm_method *method)
{
	if (method->permission)
		return method->permission;
	return method->is_public ? "public" : "services only";
}

static void list_json(const struct hm_service_table *table, const struct hm_method *method)
{
	printf("{\"method\":\"%s\",\"service\":\"%s\",\"effect\":\"%s\",\"admission\":\"%s\"}\n", method->name,
	       table->short_name, effect_names[method->effect], admission(method));
}

static void list_service(const struct options *options, const struct hm_service_table *table)
{
	if (!options->json)
		print_styled(stdout, STYLE_BOLD, "%s\n", table->name);
	for (size_t i = 0; i < table->n_methods; i++) {
		const struct hm_method *method = &table->methods[i];

		if (options->json)
			list_json(table, method);
		else
			printf("  %-24s %-6s %s\n", strchr(method->name, '/') + 1, effect_names[method->effect],
			       admission(method));
	}
}

static void list_services(const struct options *options, const struct hm_service_table *const *tables)
{
	for (; *tables; tables++)
		list_service(options, *tables);
}

/* A service this program was built with, else one of a server's; it lives as long as *ret_remote, which is opened once. */
static const struct hm_service_table *find_service(const struct options *options, const char *name,
						   struct remote **ret_remote)
{
	const struct hm_service *service = services_find(name);
	char short_name[HM_FIELD_BYTES];

	if (service)
		return service->table;
	remote_short(name, short_name);
	if (!remote_is_known(options, short_name) || remote_open(options, short_name, ret_remote) != HM_OK)
		return NULL;
	return remote_service(*ret_remote, name);
}

static hm_status list(const struct options *options, const char *argument)
{
	const struct hm_service_table *table;
	SCOPED(remote) remote = NULL;

	if (remote_is_url(argument)) {
		TRY(remote_open(options, argument, &remote));
		list_services(options, remote_tables(remote));
		return HM_OK;
	}
	table = find_service(options, argument, &remote);
	if (!table)
		return hm_error_get()->code;
	list_service(options, table);
	return HM_OK;
}

static int run_ls(const struct options *options)
{
	if (!options->n_arguments)
		for (const struct hm_service *const *each = hm_services; *each; each++)
			list_service(options, (*each)->table);
	for (size_t i = 0; i < options->n_arguments; i++)
		if (list(options, options->arguments[i]) != HM_OK)
			return fail(options);
	return 0;
}

static const char *const type_names[] = {
	[PROTOBUF_C_TYPE_INT32] = "int32",     [PROTOBUF_C_TYPE_SINT32] = "int32",
	[PROTOBUF_C_TYPE_SFIXED32] = "int32",  [PROTOBUF_C_TYPE_INT64] = "int64",
	[PROTOBUF_C_TYPE_SINT64] = "int64",    [PROTOBUF_C_TYPE_SFIXED64] = "int64",
	[PROTOBUF_C_TYPE_UINT32] = "uint32",   [PROTOBUF_C_TYPE_FIXED32] = "uint32",
	[PROTOBUF_C_TYPE_UINT64] = "uint64",   [PROTOBUF_C_TYPE_FIXED64] = "uint64",
	[PROTOBUF_C_TYPE_FLOAT] = "float",     [PROTOBUF_C_TYPE_DOUBLE] = "double",
	[PROTOBUF_C_TYPE_BOOL] = "bool",       [PROTOBUF_C_TYPE_ENUM] = "enum",
	[PROTOBUF_C_TYPE_STRING] = "string",   [PROTOBUF_C_TYPE_BYTES] = "bytes",
	[PROTOBUF_C_TYPE_MESSAGE] = "message",
};

static const char *type_name(const ProtobufCFieldDescriptor *field)
{
	if (field->type == PROTOBUF_C_TYPE_MESSAGE)
		return ((const ProtobufCMessageDescriptor *)field->descriptor)->name;
	return type_names[field->type];
}

static void describe_enum(const ProtobufCEnumDescriptor *type)
{
	for (unsigned i = 0; i < type->n_values; i++)
		printf("%s%s", i ? "|" : " ", type->values[i].name);
}

static const struct hm_field_rule *find_rule(const struct hm_message_rules *rules, uint32_t field)
{
	for (uint32_t i = 0; rules && i < rules->n_fields; i++)
		if (rules->fields[i].field == field)
			return &rules->fields[i];
	return NULL;
}

static void describe_rule(const struct hm_field_rule *rule)
{
	if (rule->required)
		printf(" required");
	if (rule->uuid)
		printf(" uuid");
	if (rule->max_length)
		printf(" length %u..%u", rule->min_length, rule->max_length);
	if (rule->has_min)
		printf(" min %lld", (long long)rule->min);
	if (rule->has_max)
		printf(" max %lld", (long long)rule->max);
	if (rule->pattern)
		printf(" /%s/", rule->pattern);
	if (rule->phi)
		printf(" phi");
}

static void describe_message(const char *heading, const ProtobufCMessageDescriptor *message,
			     const struct hm_message_rules *rules)
{
	printf("  %s %s\n", heading, message->name);
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		const struct hm_field_rule *rule = find_rule(rules, i);
		char name[HM_FIELD_BYTES];

		hm_json_name(field->name, name, sizeof name);
		printf("    %-30s %s%s", name, field->label == PROTOBUF_C_LABEL_REPEATED ? "repeated " : "",
		       type_name(field));
		if (field->type == PROTOBUF_C_TYPE_ENUM)
			describe_enum(field->descriptor);
		if (rule)
			describe_rule(rule);
		putchar('\n');
	}
}

/* A contract's comment, indented. */
static void print_comment(const char *comment, const char *indent)
{
	while (comment && *comment) {
		size_t length = strcspn(comment, "\n");

		printf("%s%.*s\n", indent, (int)length, comment);
		comment += length + (comment[length] == '\n');
	}
}

static void add_pair(struct hm_buffer *json, const char *key, const char *value)
{
	hm_buffer_printf(json, ",\"%s\":", key);
	if (value)
		hm_json_write_text(json, value, strlen(value));
	else
		hm_buffer_add_text(json, "null");
}

static void add_fields(struct hm_buffer *json, const char *key, const ProtobufCMessageDescriptor *message,
		       const struct hm_message_rules *rules)
{
	hm_buffer_printf(json, ",\"%s\":[", key);
	for (unsigned i = 0; i < message->n_fields; i++) {
		const ProtobufCFieldDescriptor *field = &message->fields[i];
		const struct hm_field_rule *rule = find_rule(rules, i);
		char name[HM_FIELD_BYTES];

		hm_json_name(field->name, name, sizeof name);
		hm_buffer_printf(json, "%s{\"name\":\"%s\",\"type\":\"%s\",\"repeated\":%s,\"required\":%s}",
				 i ? "," : "", name, type_name(field),
				 field->label == PROTOBUF_C_LABEL_REPEATED ? "true" : "false",
				 rule && rule->required ? "true" : "false");
	}
	hm_buffer_add_text(json, "]");
}

static void describe_method_json(const struct hm_method *method)
{
	struct hm_buffer json = { 0 };

	hm_buffer_printf(
		&json,
		"{\"method\":\"%s\",\"effect\":\"%s\",\"deadlineMs\":%u,\"requestsStream\":%s,\"repliesStream\":%s",
		method->name, effect_names[method->effect], method->deadline_ms,
		method->kind & HM_CLIENT_STREAM ? "true" : "false", method->kind & HM_SERVER_STREAM ? "true" : "false");
	add_pair(&json, "admission", admission(method));
	add_pair(&json, "event", method->event);
	add_pair(&json, "comment", method->comment);
	add_fields(&json, "request", method->request, method->request_rules);
	add_fields(&json, "reply", method->reply, NULL);
	printf("%s}\n", json.data);
	hm_buffer_fini(&json);
}

static void describe_method(const struct options *options, const struct hm_method *method)
{
	static const char *const streaming[] = { "", "   a stream of requests", "   a stream of replies",
						 "   a stream each way" };

	if (options->json) {
		describe_method_json(method);
		return;
	}
	print_styled(stdout, STYLE_BOLD, "%s\n", method->name);
	print_comment(method->comment, "  ");
	printf("  effect %s   admission %s   ", effect_names[method->effect], admission(method));
	if (method->deadline_ms)
		printf("deadline %u ms   ", method->deadline_ms);
	printf("at most %u bytes%s\n", method->request_bytes, streaming[method->kind]);
	if (method->event)
		printf("  audit event %s, entity %s\n", method->event, method->entity ? method->entity : "none");
	describe_message(method->kind & HM_CLIENT_STREAM ? "requests" : "request", method->request,
			 method->request_rules);
	describe_message(method->kind & HM_SERVER_STREAM ? "replies" : "reply", method->reply, NULL);
}

static void describe_service(const struct options *options, const struct hm_service_table *table)
{
	if (!options->json) {
		print_styled(stdout, STYLE_BOLD, "%s\n", table->name);
		print_comment(table->comment, "  ");
	}
	for (size_t i = 0; i < table->n_methods; i++) {
		if (!options->json)
			putchar('\n');
		describe_method(options, &table->methods[i]);
	}
}

static hm_status describe_named(const struct options *options, const char *name)
{
	const struct hm_service_table *table;
	const struct hm_method *method = NULL;
	SCOPED(remote) remote = NULL;
	char service[PATH_BYTES];

	snprintf(service, sizeof service, "%.*s", (int)strcspn(name, "/"), name);
	table = find_service(options, service, &remote);
	if (table && strchr(name, '/'))
		method = hm_method_find(table, name);
	if (method)
		describe_method(options, method);
	else if (table && !strchr(name, '/'))
		describe_service(options, table);
	else if (remote)
		return hm_raise(UNIMPLEMENTED, "there is no method %s there (hallmark ls %s)", name, service);
	else
		return hm_error_get()->code;
	return HM_OK;
}

/* What was built in, else what a server has. */
static hm_status describe(const struct options *options, const char *name)
{
	const struct hm_service *service;
	char short_name[HM_FIELD_BYTES];

	if (strstr(name, "://"))
		return hm_raise(INVALID_ARGUMENT,
				"%s: a service or a method is described: hallmark ls %s says which are there", name,
				name);
	remote_short(name, short_name);
	if (!strchr(name, '/') || methods_find(name, &service) || remote_is_known(options, short_name))
		return describe_named(options, name);
	return hm_error_get()->code; /* it says which method is nearest */
}

static int run_describe(const struct options *options)
{
	if (options->n_arguments != 1)
		return usage_fail(&describe_command);
	return describe(options, options->arguments[0]) == HM_OK ? 0 : fail(options);
}

const struct command ls_command = {
	.name = "ls",
	.usage = "[SERVICE|URL]… [--connect SERVICE=URL]…",
	.summary = "list services and their methods",
	.takes = "cs",
	.notes = "Without a name, those this program was built with. Of a server at a URL all that it serves; a "
		 "service not built "
		 "in is asked\nof its server (--connect, or its socket under --var).\n",
	.run = run_ls,
};

const struct command describe_command = {
	.name = "describe",
	.usage = "SERVICE|METHOD [--connect SERVICE=URL]…",
	.summary = "show a contract: what methods do, take and answer",
	.takes = "cs",
	.notes =
		"What this program was not built with is asked of its server (--connect, or its socket under --var).\n",
	.run = run_describe,
};
