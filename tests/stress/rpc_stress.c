/*
 * RPC stress: many threads over every kind of endpoint, waiting, started, cancelled and timed-out calls, channels closed with calls
 * under way, servers closed and opened again. Each started call must end exactly once and every OK reply be the request's own.
 *
 * A plain program because Criterion does not run under ThreadSanitizer: make VARIANT=tsan stress.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "echo/v1/echo.hm.h"
#include "server/server.h"

enum { KINDS = 3, WAITERS = 3, STARTERS = 1, SECONDS = 8, STARTED_MAX = 200 };

struct place {
	char url[256];
	struct hm_server *server;
	pthread_rwlock_t lock; /* written by who closes the channel: a caller must not be inside a closed one */
	struct hm_channel *channel;
	struct hm_context *contexts[WAITERS];
};

static struct place places[KINDS];
static _Atomic bool is_over;
static _Atomic unsigned long n_ok, n_failed, n_started, n_ended, n_wrong;

static hm_status echo(struct hm_call *call, const Echo__EchoMessage *request, Echo__EchoMessage *reply)
{
	(void)call;
	reply->text = request->text;
	return HM_OK;
}

/* Spins until its call is cancelled or its little time is over. */
static hm_status spin(struct hm_call *call, const Echo__SleepRequest *request, Echo__SleepReply *reply)
{
	int64_t end_us = hm_clock_mono_us() + request->ms * HM_US_PER_MS;

	(void)reply;
	while (hm_clock_mono_us() < end_us && !hm_call_cancelled(call))
		sched_yield();
	return HM_OK;
}

static hm_status fail(struct hm_call *call, const Echo__FailRequest *request, Echo__FailReply *reply)
{
	(void)reply;
	return request->code == 3 ? hm_fail(call, INVALID_ARGUMENT, "as asked") : HM_OK;
}

static const struct hm_service service = ECHO_SERVICE(.echo = echo, .sleep = spin, .fail = fail);

static hm_status bind(void *user, const char *brand, const char *token, const struct hm_origin *origin,
		      void **ret_principal)
{
	(void)user;
	(void)token;
	(void)origin;
	*ret_principal = strdup(brand);
	return HM_OK;
}

static void unbind(void *user, void *principal)
{
	(void)user;
	free(principal);
}

static hm_status run(void *user, struct hm_call *call, void *principal)
{
	(void)user;
	if (strcmp(principal, call->context.brand))
		return hm_raise(INTERNAL, "another call's principal");
	return call->method->thunk(call->service->handlers, call, call->request, call->reply);
}

static hm_status refuse(void *user, struct hm_call *call, void *principal, hm_status status)
{
	(void)user;
	(void)call;
	(void)principal;
	return status;
}

static bool count_refusal(void *user, struct hm_call *call, void *principal, hm_status status, bool is_last)
{
	(void)user;
	(void)principal;
	(void)status;
	return is_last || call->started_us % 2;
}

static void must(hm_status status, const char *what)
{
	if (status == HM_OK)
		return;
	fprintf(stderr, "%s: %s\n", what, hm_error_get()->message);
	exit(1);
}

static void serve(struct place *place)
{
	static const struct hm_interceptor interceptor = {
		.bind = bind, .unbind = unbind, .run = run, .refuse = refuse, .count = count_refusal
	};
	static const struct hm_service *const services[] = { &service };
	const struct hm_server_config config = {
		.services = services, .n_services = 1, .interceptor = &interceptor, .workers = 4, .queue_max = 16
	};
	char url[256];

	memcpy(url, place->url, sizeof url);
	must(hm_server_open(&config, &place->server), "open a server");
	must(hm_server_listen(place->server, url, place->url), "listen");
}

static void count(hm_status status, bool is_right)
{
	atomic_fetch_add(status == HM_OK ? &n_ok : &n_failed, 1);
	if (status == HM_OK && !is_right)
		atomic_fetch_add(&n_wrong, 1);
}

static void call_once(struct place *place, struct hm_context *context, unsigned *seed)
{
	unsigned kind = rand_r(seed) % 8;
	Echo__EchoMessage *reply = NULL;
	Echo__SleepReply *slept;
	Echo__FailReply *failed;
	char text[32];

	snprintf(text, sizeof text, "%u", rand_r(seed));
	hm_context_set_timeout(context, kind < 2 ? 1 + rand_r(seed) % 3 : 2000);
	if (kind < 2)
		count(echo_sleep(place->channel, context,
				 &(Echo__SleepRequest){ ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, 4) }, &slept),
		      true);
	else if (kind == 2)
		count(echo_fail(place->channel, context,
				&(Echo__FailRequest){ ECHO_FAIL_REQUEST_BASE, HM_SET(code, 3) }, &failed),
		      false);
	else {
		hm_status status = echo_echo(place->channel, context,
					     &(Echo__EchoMessage){ ECHO_ECHO_MESSAGE_BASE, .text = text }, &reply);

		count(status, status == HM_OK && !strcmp(reply->text, text));
	}
	hm_context_reset(context);
}

struct task {
	struct place *place;
	unsigned number;
	unsigned n_started;
};

static void *wait_for_calls(void *user)
{
	const struct task *task = user;
	unsigned seed = task->number;

	while (!atomic_load(&is_over)) {
		pthread_rwlock_rdlock(&task->place->lock);
		call_once(task->place, task->place->contexts[task->number % WAITERS], &seed);
		pthread_rwlock_unlock(&task->place->lock);
	}
	return NULL;
}

static void ended(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	atomic_fetch_add(&n_ended, 1);
	count(status, status == HM_OK && !strcmp(reply->text, user));
}

static void failed(void *user, hm_status status, const Echo__FailReply *reply)
{
	(void)user;
	(void)reply;
	atomic_fetch_add(&n_ended, 1);
	count(status, true);
}

/* One in four needs a worker, of which there are too few: brands push each other out of the queue. */
static hm_status start_call(struct task *task, struct hm_context *context, char *text)
{
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .text = text };
	const Echo__FailRequest worked = { ECHO_FAIL_REQUEST_BASE, HM_SET(code, 5) };

	if (task->n_started++ % 4)
		return echo_echo_start(task->place->channel, context, &request, ended, text);
	return echo_fail_start(task->place->channel, context, &worked, failed, NULL);
}

static void *start_calls(void *user)
{
	static char text[] = "started";
	struct task *task = user;
	SCOPED(hm_context) context = NULL;

	must(hm_context_open("loop", "token", &context), "open a context");
	while (!atomic_load(&is_over)) {
		if (atomic_load(&n_started) - atomic_load(&n_ended) > STARTED_MAX) {
			sched_yield();
			continue;
		}
		pthread_rwlock_rdlock(&task->place->lock);
		atomic_fetch_add(&n_started, 1);
		if (start_call(task, context, text) != HM_OK)
			atomic_fetch_add(&n_ended, 1);
		pthread_rwlock_unlock(&task->place->lock);
	}
	return NULL;
}

/* Cancels at random, and now and then closes a channel under started calls or a server under everything. */
static void *disturb(void *unused)
{
	unsigned seed = 7;

	(void)unused;
	while (!atomic_load(&is_over)) {
		struct place *place = &places[rand_r(&seed) % KINDS];

		hm_context_cancel(place->contexts[rand_r(&seed) % WAITERS]);
		usleep(500);
		if (rand_r(&seed) % 16 == 0)
			must(hm_server_set_quota(place->server, rand_r(&seed) % 2 ? "*" : "other",
						 rand_r(&seed) % 3 ? 0 : 50, rand_r(&seed) % 3 ? 0 : 2),
			     "set a quota");
		if (rand_r(&seed) % 64 == 0) {
			pthread_rwlock_wrlock(&place->lock);
			hm_channel_close(place->channel);
			must(hm_channel_open_url(place->url, &place->channel), "open a channel");
			pthread_rwlock_unlock(&place->lock);
		}
		if (rand_r(&seed) % 256 == 0) {
			if (rand_r(&seed) % 2)
				hm_server_drain(place->server, 50);
			hm_server_close(place->server);
			serve(place);
		}
	}
	return NULL;
}

static void open_places(const char *folder)
{
	static const char *const urls[KINDS] = { "inproc://stress", "tcp://127.0.0.1:0", NULL };

	for (int i = 0; i < KINDS; i++) {
		struct place *place = &places[i];

		if (urls[i])
			snprintf(place->url, sizeof place->url, "%s", urls[i]);
		else
			snprintf(place->url, sizeof place->url, "ipc://%s/stress.sock", folder);
		pthread_rwlock_init(&place->lock, NULL);
		serve(place);
		must(hm_channel_open_url(place->url, &place->channel), "open a channel");
		for (int j = 0; j < WAITERS; j++)
			must(hm_context_open(j ? "loop" : "other", j ? "token" : NULL, &place->contexts[j]),
			     "open a context");
	}
}

static void close_places(void)
{
	for (int i = 0; i < KINDS; i++) {
		hm_channel_close(places[i].channel);
		hm_server_close(places[i].server);
		for (int j = 0; j < WAITERS; j++)
			hm_context_close(places[i].contexts[j]);
	}
}

int main(void)
{
	char folder[] = "/tmp/hallmark-stress-XXXXXX";
	pthread_t threads[KINDS * (WAITERS + STARTERS) + 1];
	struct task tasks[KINDS * (WAITERS + STARTERS)];
	size_t n = 0;

	if (!mkdtemp(folder))
		return 1;
	open_places(folder);
	for (unsigned i = 0; i < KINDS; i++)
		for (unsigned j = 0; j < WAITERS + STARTERS; j++, n++) {
			tasks[n] = (struct task){ &places[i], j, 0 };
			pthread_create(&threads[n], NULL, j < WAITERS ? wait_for_calls : start_calls, &tasks[n]);
		}
	pthread_create(&threads[n++], NULL, disturb, NULL);
	sleep(SECONDS);
	atomic_store(&is_over, true);
	while (n)
		pthread_join(threads[--n], NULL);
	close_places();
	rmdir(folder);
	printf("%lu OK, %lu failed as they may, %lu wrong; %lu started, %lu ended\n", n_ok, n_failed, n_wrong,
	       n_started, n_ended);
	return n_wrong || n_started != n_ended || !n_ok;
}
