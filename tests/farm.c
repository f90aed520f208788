/* Farm: see farm.h. */
#include "tests/farm.h"

#include <criterion/criterion.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/endpoint.h"
#include "tests/child.h"
#include "tests/rpc_world.h"
#include "tests/services/echo/streams.h"

#define URL_VARIABLE "HALLMARK_FARM_URL"
#define MORTAL_VARIABLE "HALLMARK_FARM_MORTAL"

_Atomic unsigned farm_ended, farm_ended_well;

static hm_status echo(struct hm_call *call, const Echo__EchoMessage *request, Echo__EchoMessage *reply)
{
	(void)call;
	reply->text = request->text;
	return HM_OK;
}

static hm_status pass(struct hm_call *call, const Echo__SleepRequest *request, Echo__SleepReply *reply)
{
	(void)call;
	(void)request;
	(void)reply;
	return HM_OK;
}

static hm_status change(struct hm_call *call, const Echo__FailRequest *request, Echo__FailReply *reply)
{
	(void)call;
	(void)request;
	(void)reply;
	return HM_OK;
}

static const struct hm_service service = ECHO_SERVICE(.echo = echo, .sleep = pass, .fail = change, ECHO_STREAMS);

static void stand_at_gate(struct farm *farm)
{
	pthread_mutex_lock(&farm->lock);
	while (farm->is_shut)
		pthread_cond_wait(&farm->opened, &farm->lock);
	pthread_mutex_unlock(&farm->lock);
}

/* As a guard does. */
static hm_status refuse(struct farm_server *server, struct hm_call *call)
{
	hm_status status = atomic_load(&server->is_full) ? hm_fail(call, RESOURCE_EXHAUSTED, "no room")
							 : hm_fail(call, UNAVAILABLE, "refused");

	call->has_run = false;
	hm_error_set_retry(atomic_load(&server->refused_for_ms));
	return status;
}

static bool is_among(const _Atomic unsigned *attempts, const struct hm_call *call)
{
	return atomic_load(attempts) >> call->attempt & 1;
}

static hm_status hang(struct farm *farm, struct hm_call *call)
{
	atomic_fetch_add(&farm->stood, 1);
	while (is_among(&farm->hanging, call) && !hm_call_cancelled(call))
		sched_yield();
	if (!hm_call_cancelled(call))
		return HM_OK;
	atomic_fetch_add(&farm->cancelled, 1);
	return hm_fail(call, CANCELLED, "the caller is gone");
}

static hm_status on_run(void *user, struct hm_call *call, void *principal)
{
	struct farm_server *server = user;

	(void)principal;
	if (atomic_load(&server->refusals) > 0 && atomic_fetch_sub(&server->refusals, 1) > 0)
		return refuse(server, call);
	if (server->farm && is_among(&server->farm->refusing, call))
		return refuse(server, call);
	if (server->is_mortal)
		kill(getpid(), SIGKILL);
	atomic_fetch_add(&server->calls, 1);
	atomic_store(&server->last_attempt, call->attempt);
	if (server->farm && is_among(&server->farm->hanging, call))
		TRY(hang(server->farm, call));
	if (atomic_load(&server->fails) || (server->farm && is_among(&server->farm->failing, call)))
		return hm_fail(call, UNAVAILABLE, "as asked");
	if (server->farm && is_among(&server->farm->doubting, call))
		return hm_error_set(&(struct hm_error){
			.code = HM_UNAVAILABLE, .message = "nobody knows", .maybe_processed = true });
	if (atomic_load(&server->slow_ms))
		usleep(atomic_load(&server->slow_ms) *
		       1000); /* what the service does is slow; the test waits for nothing */
	if (call->method->request == &echo__sleep_request__descriptor &&
	    ((const Echo__SleepRequest *)call->request)->ms)
		stand_at_gate(server->farm);
	return call->method->thunk(call->service->handlers, call, call->request, call->reply);
}

void farm_make(struct farm *farm, size_t count)
{
	*farm = (struct farm){ .count = count };
	pthread_mutex_init(&farm->lock, NULL);
	pthread_cond_init(&farm->opened, NULL);
	snprintf(farm->folder, sizeof farm->folder, "/tmp/hallmark-farm-XXXXXX");
	cr_assert(mkdtemp(farm->folder));
	for (size_t i = 0; i < count; i++) {
		struct farm_server *server = &farm->servers[i];

		server->farm = farm;
		server->interceptor = (struct hm_interceptor){ .user = server, .run = on_run };
		snprintf(server->url, sizeof server->url, "ipc://%s/%zu", farm->folder, i);
	}
	cr_assert_eq(hm_context_open("loop", NULL, &farm->context), HM_OK);
}

static struct hm_server *serve(const struct hm_interceptor *interceptor, const char *url, char ret_url[HM_URL_BYTES])
{
	static const struct hm_service *const services[] = { &service };
	const struct hm_server_config config = {
		.services = services, .n_services = 1, .interceptor = interceptor, .queue_max = 100000
	};
	struct hm_server *server = NULL;

	if (hm_server_open(&config, &server) != HM_OK || hm_server_listen(server, url, ret_url) != HM_OK) {
		fprintf(stderr, "cannot serve at %s: %s\n", url, hm_error_get()->message);
		abort();
	}
	return server;
}

void farm_serve(struct farm *farm, size_t place)
{
	char bound[HM_URL_BYTES];

	farm_serve_at(farm, place, bound);
}

void farm_serve_at(struct farm *farm, size_t place, char ret_url[HM_URL_BYTES])
{
	struct farm_server *server = &farm->servers[place];

	server->server = serve(&server->interceptor, server->url, ret_url);
}

/* nng does not survive a fork, so a server process is this program anew: before its main it finds that it is to be a server. */
__attribute__((constructor)) static void be_a_server(void)
{
	static struct farm_server self;
	const char *url = getenv(URL_VARIABLE);

	if (!url)
		return;
	self.interceptor = (struct hm_interceptor){ .user = &self, .run = on_run };
	self.is_mortal = getenv(MORTAL_VARIABLE);
	serve(&self.interceptor, url, NULL);
	for (;;)
		pause();
}

pid_t farm_fork(struct farm *farm, size_t place)
{
	static const char *const arguments[] = { "/proc/self/exe", NULL };
	hm_status status;
	pid_t pid;
	int out;

	setenv(URL_VARIABLE, farm->servers[place].url, 1);
	status = child_start(arguments, NULL, &pid, &out);
	unsetenv(URL_VARIABLE);
	cr_assert_eq(status, HM_OK, "%s", hm_error_get()->message);
	close(out);
	return pid;
}

pid_t farm_fork_mortal(struct farm *farm, size_t place)
{
	pid_t pid;

	setenv(MORTAL_VARIABLE, "1", 1);
	pid = farm_fork(farm, place);
	unsetenv(MORTAL_VARIABLE);
	return pid;
}

void farm_open(struct farm *farm, size_t count, const char *options)
{
	char target[HM_TARGET_BYTES];
	size_t size = 0;

	farm_make(farm, count);
	for (size_t i = 0; i < count; i++) {
		farm_serve(farm, i);
		size += (size_t)snprintf(target + size, sizeof target - size, "%s%s", i ? "," : "",
					 farm->servers[i].url);
	}
	snprintf(target + size, sizeof target - size, "%s", options);
	cr_assert_eq(hm_channel_open_url(target, &farm->channel), HM_OK, "%s", hm_error_get()->message);
}

void farm_close(struct farm *farm)
{
	char path[128];

	farm_let_go(farm);
	hm_channel_close(farm->channel);
	hm_context_close(farm->context);
	for (size_t i = 0; i < farm->count; i++) {
		hm_server_close(farm->servers[i].server);
		snprintf(path, sizeof path, "%s/%zu", farm->folder, i);
		unlink(path);
	}
	rmdir(farm->folder);
}

hm_status farm_call(struct farm *farm)
{
	const Echo__SleepRequest request = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 0) };
	Echo__SleepReply *reply;
	hm_status status = echo_sleep(farm->channel, farm->context, &request, &reply);

	hm_context_reset(farm->context);
	return status;
}

hm_status farm_change(struct farm *farm)
{
	const Echo__FailRequest request = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, 1) };
	Echo__FailReply *reply;
	hm_status status = echo_fail(farm->channel, farm->context, &request, &reply);

	hm_context_reset(farm->context);
	return status;
}

static void on_end(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)reply;
	atomic_fetch_add(&farm_ended_well, status == HM_OK);
	atomic_fetch_add(&farm_ended, 1);
}

void farm_start(struct farm *farm)
{
	const Echo__SleepRequest request = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 1) };

	cr_assert_eq(echo_sleep_start(farm->channel, farm->context, &request, on_end, NULL), HM_OK, "%s",
		     hm_error_get()->message);
}

void farm_shut(struct farm *farm)
{
	pthread_mutex_lock(&farm->lock);
	farm->is_shut = true;
	pthread_mutex_unlock(&farm->lock);
	farm_ended = farm_ended_well = 0;
}

void farm_let_go(struct farm *farm)
{
	pthread_mutex_lock(&farm->lock);
	farm->is_shut = false;
	pthread_cond_broadcast(&farm->opened);
	pthread_mutex_unlock(&farm->lock);
}

unsigned farm_calls(const struct farm *farm)
{
	unsigned calls = 0;

	for (size_t i = 0; i < farm->count; i++)
		calls += atomic_load(&farm->servers[i].calls);
	return calls;
}

void farm_zero(struct farm *farm)
{
	for (size_t i = 0; i < farm->count; i++)
		atomic_store(&farm->servers[i].calls, 0);
}

unsigned farm_connections(struct farm *farm, size_t place)
{
	const struct hm_backend *backend;
	unsigned connections;

	pthread_mutex_lock(&farm->channel->lock);
	backend = farm->channel->backends[place];
	connections = backend ? backend->n_open : 0;
	pthread_mutex_unlock(&farm->channel->lock);
	return connections;
}

unsigned farm_members(struct farm *farm)
{
	unsigned members;

	pthread_mutex_lock(&farm->channel->lock);
	members = farm->channel->picker.n_members;
	pthread_mutex_unlock(&farm->channel->lock);
	return members;
}

/* By a write: it gets no second attempt, which could be counted after the first one's answer. */
void farm_connect(struct farm *farm, unsigned members)
{
	cr_assert_eq(farm_change(farm), HM_OK, "%s", hm_error_get()->message);
	rpc_wait_for(farm_members(farm) == members);
	farm_zero(farm);
}
