/* RPC world: see rpc_world.h. */
#include "tests/rpc_world.h"

#include <criterion/criterion.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "tests/certificates.h"
#include "tests/services/echo/streams.h"

struct rpc_counts rpc_counts;
const char *const rpc_kinds[RPC_KINDS] = { "inproc", "ipc", "tcp", "tls+tcp" };

static _Atomic bool is_shut;
static _Atomic unsigned entered, cancelled;

void rpc_gate_shut(void)
{
	atomic_store(&entered, 0);
	atomic_store(&cancelled, 0);
	atomic_store(&is_shut, true);
}

void rpc_gate_open(void)
{
	atomic_store(&is_shut, false);
}

void rpc_gate_wait(unsigned count)
{
	rpc_wait_for(atomic_load(&entered) >= count);
}

unsigned rpc_gate_cancelled(void)
{
	return atomic_load(&cancelled);
}

static hm_status echo(struct hm_call *call, const Echo__EchoMessage *request, Echo__EchoMessage *reply)
{
	(void)call;
	reply->text = request->text;
	reply->has_payload = request->has_payload;
	reply->payload = request->payload;
	return HM_OK;
}

static hm_status stand(struct hm_call *call, const Echo__SleepRequest *request, Echo__SleepReply *reply)
{
	(void)reply;
	if (!request->ms)
		return HM_OK;
	atomic_fetch_add(&entered, 1);
	while (atomic_load(&is_shut) && !hm_call_cancelled(call))
		sched_yield();
	if (!hm_call_cancelled(call))
		return HM_OK;
	atomic_fetch_add(&cancelled, 1);
	return hm_fail(call, CANCELLED, "the caller is gone");
}

static hm_status fail(struct hm_call *call, const Echo__FailRequest *request, Echo__FailReply *reply)
{
	struct hm_error error = {
		.code = (hm_status)request->code, .retry_after_ms = 250, .file = __FILE__, .line = 1
	};

	(void)call;
	(void)reply;
	snprintf(error.message, sizeof error.message, "%s", request->message ? request->message : "as asked");
	if (hm_error_set(&error) == HM_OK)
		return HM_OK;
	hm_error_set_reason("AS_ASKED");
	hm_error_add_violation("entries[2].amount", "must be positive");
	hm_error_add_violation("currency", "is missing");
	return error.code;
}

static hm_status whoami(struct hm_call *call, const Echo__WhoamiRequest *request, Echo__WhoamiReply *reply)
{
	char *request_id = hm_arena_alloc(hm_call_arena(call), HM_ID_TEXT_BYTES);
	char *traceparent = hm_arena_alloc(hm_call_arena(call), HM_TRACEPARENT_BYTES);

	(void)request;
	hm_context_traceparent(hm_call_context(call), traceparent);
	hm_id_format(&hm_call_context(call)->request_id, request_id);
	reply->brand = hm_call_brand(call);
	reply->actor_id = hm_call_context(call)->token;
	reply->actor_type = call->peer;
	reply->request_id = request_id;
	reply->traceparent = traceparent;
	return HM_OK;
}

static const struct hm_service service =
	ECHO_SERVICE(.echo = echo, .sleep = stand, .fail = fail, .whoami = whoami, ECHO_STREAMS);

/* A principal is a copy of the token, so that a call under a freed one is seen by the sanitizer. */
static hm_status on_bind(void *user, const char *brand, const char *token, const struct hm_origin *origin,
			 void **ret_principal)
{
	(void)user;
	(void)origin;
	if (!strcmp(brand, "forbidden"))
		return hm_raise(PERMISSION_DENIED, "no such brand here");
	*ret_principal = strdup(token ? token : "anonymous");
	atomic_fetch_add(&rpc_counts.bound, 1);
	return HM_OK;
}

static void on_unbind(void *user, void *principal)
{
	(void)user;
	free(principal);
	atomic_fetch_add(&rpc_counts.unbound, 1);
}

static hm_status on_run(void *user, struct hm_call *call, void *principal)
{
	(void)user;
	atomic_fetch_add(&rpc_counts.ran, 1);
	if (!*(const char *)principal)
		return hm_raise(UNAUTHENTICATED, "an empty token");
	return call->method->thunk(call->service->handlers, call, call->request, call->reply);
}

static hm_status on_refuse(void *user, struct hm_call *call, void *principal, hm_status status)
{
	(void)user;
	(void)principal;
	atomic_store(&rpc_counts.last_refused, status);
	atomic_fetch_add(&rpc_counts.refused, 1);
	call->audited = true;
	return status;
}

static const struct hm_interceptor interceptor = {
	.bind = on_bind, .unbind = on_unbind, .run = on_run, .refuse = on_refuse
};

/* Each world has an address of its own, as tests run side by side. */
static void choose_url(struct rpc_world *world, const char *kind)
{
	static unsigned count;

	snprintf(world->folder, sizeof world->folder, "/tmp/hallmark-rpc-XXXXXX");
	cr_assert(mkdtemp(world->folder));
	if (!strcmp(kind, "ipc"))
		snprintf(world->url, sizeof world->url, "ipc://%s/echo.sock", world->folder);
	else if (strcmp(kind, "inproc"))
		snprintf(world->url, sizeof world->url, "%s://127.0.0.1:0", kind);
	else
		snprintf(world->url, sizeof world->url, "inproc://echo-%u", count++);
}

void rpc_world_serve(struct rpc_world *world)
{
	char url[256];

	snprintf(url, sizeof url, "%s", world->url);
	cr_assert_eq(hm_server_open(&world->config, &world->server), HM_OK, "%s", hm_error_get()->message);
	cr_assert_eq(hm_server_listen(world->server, url, world->url), HM_OK, "%s", hm_error_get()->message);
}

static void open_world(struct rpc_world *world, const char *kind, const struct hm_server_config *limits)
{
	static const struct hm_service *const services[] = { &service };

	*world = (struct rpc_world){ .config = *limits };
	world->config.services = services;
	world->config.n_services = 1;
	world->config.interceptor = &interceptor;
	choose_url(world, kind);
	if (!strcmp(kind, "tls+tcp"))
		test_tls("one");
	rpc_world_serve(world);
	cr_assert_eq(hm_channel_open_url(world->url, &world->channel), HM_OK);
	cr_assert_eq(hm_context_open("loop", "a-token", &world->context), HM_OK);
}

void rpc_world_open(struct rpc_world *world, const char *kind)
{
	open_world(world, kind, &(struct hm_server_config){ 0 });
}

void rpc_world_open_with(struct rpc_world *world, const char *kind, const struct hm_server_config *limits)
{
	open_world(world, kind, limits);
	rpc_world_once(world);
}

void rpc_world_once(struct rpc_world *world)
{
	char target[300];

	hm_channel_close(world->channel);
	snprintf(target, sizeof target, "%s;attempts=1;throttle=off", world->url);
	cr_assert_eq(hm_channel_open_url(target, &world->channel), HM_OK);
}

void rpc_world_close(struct rpc_world *world)
{
	char path[128];

	hm_channel_close(world->channel);
	hm_context_close(world->context);
	hm_server_close(world->server);
	snprintf(path, sizeof path, "%s/echo.sock", world->folder);
	unlink(path);
	rmdir(world->folder);
}
