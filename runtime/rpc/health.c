/* Health: the method table by hand, as what the generator makes sees the layers above, and the state of each service. */
#include "rpc/health.h"

#include <string.h>

#include "rpc/serving.h"

static bool is_serving(const struct hm_server *server, size_t place)
{
	return !atomic_load(&server->is_draining) && !atomic_load(&server->unhealthy[place]);
}

/* The place of a service's state: its number; n_services is the server as a whole. */
static bool find_place(const struct hm_server *server, const char *name, size_t *ret_place)
{
	size_t place = server->config.n_services;

	if (name && *name)
		for (place = 0; place < server->config.n_services; place++)
			if (!strcmp(server->config.services[place]->table->name, name) ||
			    !strcmp(server->config.services[place]->table->short_name, name))
				break;
	*ret_place = place;
	return !name || !*name || place < server->config.n_services;
}

/* A service is no healthier than its server. */
static bool serves(const struct hm_server *server, size_t place)
{
	return is_serving(server, place) && is_serving(server, server->config.n_services);
}

static hm_status check(const void *handlers, struct hm_call *call, const ProtobufCMessage *message,
		       ProtobufCMessage *reply_message)
{
	const Health__HealthCheckRequest *request = (const Health__HealthCheckRequest *)message;
	Health__HealthCheckResponse *reply = (Health__HealthCheckResponse *)reply_message;
	size_t place;

	(void)handlers;
	if (!find_place(call->server, request->service, &place))
		return hm_fail(call, NOT_FOUND, "no service %s is served here", request->service);
	reply->has_status = true;
	reply->status = serves(call->server, place) ? HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__SERVING
						    : HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__NOT_SERVING;
	return HM_OK;
}

hm_status hm_server_set_health(struct hm_server *server, const char *service, bool serving)
{
	size_t place;

	if (!find_place(server, service, &place))
		return hm_raise(NOT_FOUND, "no service %s is served here", service);
	atomic_store(&server->unhealthy[place], !serving);
	return HM_OK;
}

const struct hm_method hm_health_check = {
	.name = "grpc.health.v1.Health/Check",
	.id = UINT64_C(0x8dbbd36537da6275),
	.request = &health__health_check_request__descriptor,
	.reply = &health__health_check_response__descriptor,
	.effect = HM_EFFECT_NONE,
	.idempotency = HM_NO_SIDE_EFFECTS,
	.deadline_ms = 5000,
	.request_bytes = 1024,
	.is_public = true,
	.is_inline = true,
	.thunk = check,
	.comment = "Check tells whether a service, or the server as a whole, serves.",
	.file = "proto/hallmark/health.proto",
};

static const struct hm_service_table table = {
	.name = "grpc.health.v1.Health",
	.short_name = "health",
	.methods = &hm_health_check,
	.n_methods = 1,
	.comment = "Health is whether a server serves.",
};

const struct hm_service hm_health_service = { .table = &table, .is_built_in = true };
