/* Remote: lists, contracts, and tables made of them. */
#include "remote.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/text.h"
#include "client.h"
#include "server/reflection.h"
#include "wire/schema.h"

struct remote {
	struct hm_arena arena;
	struct hm_channel *channel;
	struct hm_context *context;
	const struct hm_service_table **tables;
};

/* ---- Where ---------------------------------------------------------------------------------------------------------- */

bool remote_is_url(const char *argument)
{
	return strstr(argument, "://");
}

void remote_short(const char *name, char ret_short[HM_FIELD_BYTES])
{
	snprintf(ret_short, HM_FIELD_BYTES, "%.*s", (int)strcspn(name, "./"), name);
}

bool remote_is_known(const struct options *options, const char *short_name)
{
	char path[PATH_BYTES + HM_FIELD_BYTES];

	if (hm_endpoint_get(short_name))
		return true;
	snprintf(path, sizeof path, "%s/run/%s.sock", options->var, short_name);
	return !access(path, F_OK);
}

static hm_status open_channel(const struct options *options, const char *server, struct hm_channel **ret_channel)
{
	if (!remote_is_url(server))
		return client_channel(options, server, ret_channel);
	TRY(hm_endpoint_set("server", server));
	return hm_channel_open("server", ret_channel);
}

/* ---- What is believed of an answer ---------------------------------------------------------------------------------- */

/* Names, permissions, events: shown as they are, so they hold nothing but this. NULL is fine. */
static bool is_word(const char *text)
{
	return !text ||
	       strspn(text, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_./:*-") == strlen(text);
}

static bool is_believable(const Reflection__Method *method)
{
	return method->name && strchr(method->name, '/') && method->request && method->reply && is_word(method->name) &&
	       is_word(method->event) && is_word(method->entity) && is_word(method->permission) &&
	       method->effect >= HM_EFFECT_NONE && method->effect <= HM_EFFECT_WRITE;
}

/* A comment keeps its lines, and nothing else that a terminal would obey. */
static const char *clean(struct hm_arena *arena, const char *text)
{
	char *cleaned = text ? hm_arena_dup(arena, text, strlen(text)) : NULL;

	for (char *at = cleaned; at && *at; at++)
		if (((unsigned char)*at < ' ' && *at != '\n') || *at == 0x7f || hm_utf8_is_c1(at))
			*at = '?';
	return cleaned;
}

/* ---- Tables --------------------------------------------------------------------------------------------------------- */

static hm_status make_method(struct remote *remote, const struct hm_schema *schema, const Reflection__Method *from,
			     struct hm_method *method)
{
	if (!is_believable(from))
		return hm_raise(INTERNAL, "the server describes a method that cannot be one");
	*method = (struct hm_method){
		.name = from->name,
		.id = hm_method_id(from->name),
		.kind = (from->client_streaming ? HM_CLIENT_STREAM : 0) |
			(from->server_streaming ? HM_SERVER_STREAM : 0),
		.request = hm_schema_find(schema, from->request),
		.reply = hm_schema_find(schema, from->reply),
		.effect = from->effect,
		.event = from->event,
		.entity = from->entity,
		.permission = from->permission,
		.is_public = from->public_,
		.deadline_ms = from->deadline_ms,
		.request_bytes = from->request_bytes,
		.comment = clean(&remote->arena, from->comment),
	};
	if (!method->request || !method->reply)
		return hm_raise(INTERNAL, "%s: its messages are not in the contract the server gave", from->name);
	return HM_OK;
}

static hm_status get_schema(struct remote *remote, const char *service, struct hm_schema **ret_schema)
{
	const Reflection__GetContractRequest request = {
		.base = PROTOBUF_C_MESSAGE_INIT(&reflection__get_contract_request__descriptor), .service = service
	};
	const Reflection__GetContractReply *reply;
	ProtobufCMessage *message;

	TRY(hm_channel_call(remote->channel, remote->context, &hm_reflection_methods[HM_REFLECTION_GET_CONTRACT],
			    &request.base, &message));
	reply = (const Reflection__GetContractReply *)message;
	return hm_schema_open(&remote->arena, reply->file_descriptor_set.data, reply->file_descriptor_set.len,
			      ret_schema);
}

static hm_status make_table(struct remote *remote, const Reflection__Service *from,
			    const struct hm_service_table **ret_table)
{
	struct hm_service_table *table = hm_arena_alloc(&remote->arena, sizeof *table);
	struct hm_method *methods = hm_arena_zalloc(&remote->arena, (from->n_methods + 1) * sizeof *methods);
	struct hm_schema *schema;

	if (!from->name || !from->short_name || !is_word(from->name) || !is_word(from->short_name))
		return hm_raise(INTERNAL, "the server describes a service that cannot be one");
	TRY(get_schema(remote, from->name, &schema));
	for (size_t i = 0; i < from->n_methods; i++)
		TRY(make_method(remote, schema, from->methods[i], &methods[i]));
	*table = (struct hm_service_table){ .name = from->name,
					    .short_name = from->short_name,
					    .methods = methods,
					    .n_methods = from->n_methods,
					    .comment = clean(&remote->arena, from->comment) };
	*ret_table = table;
	return HM_OK;
}

static hm_status fetch(struct remote *remote)
{
	const Reflection__ListServicesRequest request = { .base = PROTOBUF_C_MESSAGE_INIT(
								  &reflection__list_services_request__descriptor) };
	const Reflection__ListServicesReply *reply;
	ProtobufCMessage *message;

	TRY(hm_channel_call(remote->channel, remote->context, &hm_reflection_methods[HM_REFLECTION_LIST_SERVICES],
			    &request.base, &message));
	reply = (const Reflection__ListServicesReply *)message;
	remote->tables = hm_arena_zalloc(&remote->arena, (reply->n_services + 1) * sizeof *remote->tables);
	for (size_t i = 0; i < reply->n_services; i++)
		TRY(make_table(remote, reply->services[i], &remote->tables[i]));
	return HM_OK;
}

hm_status remote_open(const struct options *options, const char *server, struct remote **ret_remote)
{
	SCOPED(remote) remote = calloc(1, sizeof *remote);

	if (!remote)
		abort();
	TRY(hm_context_open("", NULL, &remote->context));
	TRY(open_channel(options, server, &remote->channel));
	TRY(fetch(remote));
	*ret_remote = take(&remote);
	return HM_OK;
}

void remote_close(struct remote *remote)
{
	if (!remote)
		return;
	hm_channel_close(remote->channel);
	hm_context_close(remote->context);
	hm_arena_fini(&remote->arena);
	free(remote);
}

const struct hm_service_table *const *remote_tables(const struct remote *remote)
{
	return remote->tables;
}

const struct hm_service_table *remote_service(const struct remote *remote, const char *name)
{
	for (const struct hm_service_table *const *table = remote->tables; *table; table++)
		if (!strcmp((*table)->name, name) || !strcmp((*table)->short_name, name))
			return *table;
	(void)hm_raise(NOT_FOUND, "no service %s is served there", name);
	return NULL;
}
