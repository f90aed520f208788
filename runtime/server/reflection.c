/* Reflection: the methods' tables, as messages. The built-in services are not among what is listed. */
#include "server/reflection.h"

#include <string.h>

#include "server/server_own.h"

enum { REQUEST_BYTES = 1024, DEADLINE_MS = 5000 };

static Reflection__Method *describe_method(struct hm_arena *arena, const struct hm_method *method)
{
	Reflection__Method *row = hm_arena_alloc(arena, sizeof *row);

	*row = (Reflection__Method){
		.base = PROTOBUF_C_MESSAGE_INIT(&reflection__method__descriptor),
		.name = method->name,
		.has_client_streaming = true,
		.client_streaming = method->kind & HM_CLIENT_STREAM,
		.has_server_streaming = true,
		.server_streaming = method->kind & HM_SERVER_STREAM,
		.request = method->request->name,
		.reply = method->reply->name,
		.has_effect = true,
		.effect = method->effect,
		.event = method->event,
		.entity = method->entity,
		.permission = method->permission,
		.has_public_ = true,
		.public_ = method->is_public,
		.has_deadline_ms = true,
		.deadline_ms = method->deadline_ms,
		.has_request_bytes = true,
		.request_bytes = method->request_bytes,
		.comment = method->comment,
	};
	return row;
}

static Reflection__Service *describe_service(struct hm_arena *arena, const struct hm_service_table *table)
{
	Reflection__Service *service = hm_arena_alloc(arena, sizeof *service);

	*service = (Reflection__Service){
		.base = PROTOBUF_C_MESSAGE_INIT(&reflection__service__descriptor),
		.name = table->name,
		.short_name = table->short_name,
		.comment = table->comment,
		.n_methods = table->n_methods,
		.methods = hm_arena_alloc(arena, table->n_methods * sizeof(Reflection__Method *)),
	};
	for (size_t i = 0; i < table->n_methods; i++)
		service->methods[i] = describe_method(arena, &table->methods[i]);
	return service;
}

static hm_status list_services(const void *handlers, struct hm_call *call, const ProtobufCMessage *request,
			       ProtobufCMessage *reply_message)
{
	Reflection__ListServicesReply *reply = (Reflection__ListServicesReply *)reply_message;
	const struct hm_server_config *config = &call->server->config;
	struct hm_arena *arena = hm_call_arena(call);

	(void)handlers;
	(void)request;
	reply->services = hm_arena_alloc(arena, config->n_services * sizeof(Reflection__Service *));
	for (size_t i = 0; i < config->n_services; i++)
		reply->services[reply->n_services++] = describe_service(arena, config->services[i]->table);
	return HM_OK;
}

static const struct hm_service_table *find(const struct hm_server_config *config, const char *name)
{
	for (size_t i = 0; name && i < config->n_services; i++) {
		const struct hm_service_table *table = config->services[i]->table;

		if (!strcmp(table->name, name) || !strcmp(table->short_name, name))
			return table;
	}
	return NULL;
}

static hm_status get_contract(const void *handlers, struct hm_call *call, const ProtobufCMessage *message,
			      ProtobufCMessage *reply_message)
{
	const Reflection__GetContractRequest *request = (const Reflection__GetContractRequest *)message;
	Reflection__GetContractReply *reply = (Reflection__GetContractReply *)reply_message;
	const struct hm_service_table *table = find(&call->server->config, request->service);

	(void)handlers;
	if (!table)
		return hm_fail(call, NOT_FOUND, "no service %s is served here",
			       request->service ? request->service : "");
	reply->has_file_descriptor_set = true;
	reply->file_descriptor_set.len = table->contract_bytes;
	reply->file_descriptor_set.data =
		(uint8_t *)hm_arena_dup(hm_call_arena(call), table->contract, table->contract_bytes);
	return HM_OK;
}

const struct hm_method hm_reflection_methods[] = {
	[HM_REFLECTION_LIST_SERVICES] = {
		.name = "hallmark.reflection.Reflection/ListServices",
		.id = UINT64_C(0xa0d4cd110c35f29a),
		.request = &reflection__list_services_request__descriptor,
		.reply = &reflection__list_services_reply__descriptor,
		.effect = HM_EFFECT_NONE,
		.idempotency = HM_NO_SIDE_EFFECTS,
		.deadline_ms = DEADLINE_MS,
		.request_bytes = REQUEST_BYTES,
		.is_public = true,
		.thunk = list_services,
		.comment = "ListServices lists what is served here, method by method.",
		.file = "proto/hallmark/reflection.proto",
	},
	[HM_REFLECTION_GET_CONTRACT] = {
		.name = "hallmark.reflection.Reflection/GetContract",
		.id = UINT64_C(0x7577e4f9f1851834),
		.request = &reflection__get_contract_request__descriptor,
		.reply = &reflection__get_contract_reply__descriptor,
		.effect = HM_EFFECT_NONE,
		.idempotency = HM_NO_SIDE_EFFECTS,
		.deadline_ms = DEADLINE_MS,
		.request_bytes = REQUEST_BYTES,
		.is_public = true,
		.thunk = get_contract,
		.comment = "GetContract gives a service's contract, with all that it imports.",
		.file = "proto/hallmark/reflection.proto",
	},
};

static const struct hm_service_table table = {
	.name = "hallmark.reflection.Reflection",
	.short_name = "reflection",
	.methods = hm_reflection_methods,
	.n_methods = sizeof hm_reflection_methods / sizeof *hm_reflection_methods,
	.comment = "Reflection is what a server serves.",
};

const struct hm_service hm_reflection_service = { .table = &table, .is_built_in = true };
