/* Health: the method table by hand, as what the generator makes sees the layers above, and the state of each service. */
#include "rpc/health.h"

#include <string.h>

#include "server/call_stream.h"
#include "server/server_own.h"

enum { REQUEST_BYTES = 1024, WATCH_MS = 200 };

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

typedef Health__HealthCheckResponse__ServingStatus serving_status;
#define STATUS(name) HEALTH__HEALTH_CHECK_RESPONSE__SERVING_STATUS__##name

/* A service is no healthier than its server. */
static serving_status status_of(const struct hm_server *server, const char *service)
{
	size_t place;

	if (!find_place(server, service, &place))
		return STATUS(SERVICE_UNKNOWN);
	return is_serving(server, place) && is_serving(server, server->config.n_services) ? STATUS(SERVING)
											  : STATUS(NOT_SERVING);
}

bool hm_server_serves(struct hm_server *server)
{
	return is_serving(server, server->config.n_services);
}

static hm_status check(const void *handlers, struct hm_call *call, const ProtobufCMessage *message,
		       ProtobufCMessage *reply_message)
{
	const Health__HealthCheckRequest *request = (const Health__HealthCheckRequest *)message;
	Health__HealthCheckResponse *reply = (Health__HealthCheckResponse *)reply_message;

	(void)handlers;
	reply->has_status = true;
	reply->status = status_of(call->server, request->service);
	if (reply->status == STATUS(SERVICE_UNKNOWN))
		return hm_fail(call, NOT_FOUND, "no service %s is served here", request->service);
	return HM_OK;
}

/* Says what is, if that is not what was said last. */
static hm_status tell(struct hm_call *call, const char *service, Health__HealthCheckResponse *news)
{
	serving_status now = status_of(call->server, service);

	if (news->has_status && news->status == now)
		return HM_OK;
	news->has_status = true;
	news->status = now;
	return hm_call_write(call, &hm_health_watch, &news->base);
}

/* A server that is drained says at last that it does not serve. */
static hm_status watch(const void *handlers, struct hm_call *call, const ProtobufCMessage *message,
		       ProtobufCMessage *reply)
{
	const Health__HealthCheckRequest *request = (const Health__HealthCheckRequest *)message;
	Health__HealthCheckResponse news = HEALTH__HEALTH_CHECK_RESPONSE__INIT;

	(void)handlers;
	(void)reply;
	for (;;) {
		hm_status status;

		TRY(tell(call, request->service, &news));
		status = hm_call_wait(call, WATCH_MS);
		if (status == HM_UNAVAILABLE)
			return tell(call, request->service, &news);
		TRY(status);
	}
}

hm_status hm_server_set_health(struct hm_server *server, const char *service, bool serving)
{
	size_t place;

	if (!find_place(server, service, &place))
		return hm_raise(NOT_FOUND, "no service %s is served here", service);
	atomic_store(&server->unhealthy[place], !serving);
	return HM_OK;
}

const struct hm_method hm_health_methods[] = {
	{
		.name = "grpc.health.v1.Health/Check",
		.id = UINT64_C(0x8dbbd36537da6275),
		.request = &health__health_check_request__descriptor,
		.reply = &health__health_check_response__descriptor,
		.effect = HM_EFFECT_NONE,
		.idempotency = HM_NO_SIDE_EFFECTS,
		.deadline_ms = 5000,
		.request_bytes = REQUEST_BYTES,
		.is_public = true,
		.is_inline = true,
		.thunk = check,
		.comment = "Check tells whether a service, or the server as a whole, serves.",
		.file = "proto/hallmark/health.proto",
	},
	{
		.name = "grpc.health.v1.Health/Watch",
		.id = UINT64_C(0xe9bc09182f55cab2),
		.kind = HM_SERVER_STREAM,
		.request = &health__health_check_request__descriptor,
		.reply = &health__health_check_response__descriptor,
		.effect = HM_EFFECT_NONE,
		.idempotency = HM_NO_SIDE_EFFECTS,
		.request_bytes = REQUEST_BYTES,
		.is_public = true,
		.thunk = watch,
		.comment = "Watch tells the same, and again whenever it changes.",
		.file = "proto/hallmark/health.proto",
	},
};

static const struct hm_service_table table = {
	.name = "grpc.health.v1.Health",
	.short_name = "health",
	.methods = hm_health_methods,
	.n_methods = sizeof hm_health_methods / sizeof *hm_health_methods,
	.comment = "Health is whether a server serves.",
};

const struct hm_service hm_health_service = { .table = &table, .is_built_in = true };
