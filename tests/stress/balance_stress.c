/*
 * Balance stress: threads call over one channel of three servers whose list changes under them, while servers are drained, closed and
 * served again, say that they do not serve, and fail. Calls that take long are hedged. Each started call must end exactly once, and
 * the channel closes with calls under way. make VARIANT=tsan stress.
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

enum { SERVERS = 3, CALLERS = 3, STARTED_MAX = 100, SECONDS = 6 };

static struct place {
	char url[128];
	struct hm_server *server;
	_Atomic bool fails;
} places[SERVERS];
static char folder[] = "/tmp/hallmark-balance-XXXXXX";
static struct hm_channel *channel;
static _Atomic bool is_over;
static _Atomic unsigned long n_ok, n_failed, n_started, n_ended, n_again, n_cancelled;

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
	atomic_fetch_add(&n_again, call->attempt > 1);
	while (hm_clock_mono_us() < end_us && !hm_call_cancelled(call))
		sched_yield();
	atomic_fetch_add(&n_cancelled, hm_call_cancelled(call));
	return HM_OK;
}

static const struct hm_service service = ECHO_SERVICE(.echo = echo, .sleep = spin);

static hm_status run(void *user, struct hm_call *call, void *principal)
{
	const struct place *place = user;

	(void)principal;
	if (atomic_load(&place->fails))
		return hm_fail(call, UNAVAILABLE, "as asked");
	return call->method->thunk(call->service->handlers, call, call->request, call->reply);
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
	static const struct hm_service *const services[] = { &service };
	static struct hm_interceptor interceptors[SERVERS];
	struct hm_interceptor *interceptor = &interceptors[place - places];
	const struct hm_server_config config = { .services = services, .n_services = 1, .interceptor = interceptor };

	*interceptor = (struct hm_interceptor){ .user = place, .run = run };
	must(hm_server_open(&config, &place->server), "open a server");
	must(hm_server_listen(place->server, place->url, NULL), "listen");
}

/* Those of the mask, and always the first. */
static void write_list(unsigned mask)
{
	char path[128], beside[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/list", folder);
	snprintf(beside, sizeof beside, "%s/new", folder);
	file = fopen(beside, "we");
	if (!file)
		exit(1);
	for (unsigned i = 0; i < SERVERS; i++)
		if (!i || mask >> i & 1)
			fprintf(file, "%s %u\n", places[i].url, 1 + i);
	fclose(file);
	rename(beside, path);
}

static void count(hm_status status)
{
	atomic_fetch_add(status == HM_OK ? &n_ok : &n_failed, 1);
}

static void on_end(void *user, hm_status status, const Echo__EchoMessage *reply)
{
	(void)user;
	(void)reply;
	count(status);
	atomic_fetch_add(&n_ended, 1);
}

static void on_slept(void *user, hm_status status, const Echo__SleepReply *reply)
{
	(void)user;
	(void)reply;
	count(status);
	atomic_fetch_add(&n_ended, 1);
}

/* Where the second attempt is under way when the first answers, and the other way round. */
static void call_slow(struct hm_context *context, unsigned *seed)
{
	const Echo__SleepRequest request = { ECHO_SLEEP_REQUEST_BASE, HM_SET(ms, rand_r(seed) % 8) };
	Echo__SleepReply *reply;

	if (rand_r(seed) % 2) {
		count(echo_sleep(channel, context, &request, &reply));
		return;
	}
	atomic_fetch_add(&n_started, 1);
	if (echo_sleep_start(channel, context, &request, on_slept, NULL) != HM_OK)
		atomic_fetch_add(&n_ended, 1);
}

static void *call(void *user)
{
	const Echo__EchoMessage request = { ECHO_ECHO_MESSAGE_BASE, .text = "x" };
	unsigned seed = (unsigned)(uintptr_t)user;
	SCOPED(hm_context) context = NULL;
	Echo__EchoMessage *reply;

	must(hm_context_open("loop", NULL, &context), "open a context");
	hm_context_set_timeout(context, 0);
	while (!atomic_load(&is_over)) {
		hm_context_set_wait_for_ready(context, rand_r(&seed) % 4 == 0);
		hm_context_set_timeout(context, 1 + rand_r(&seed) % 200);
		if (rand_r(&seed) % 8 == 0)
			call_slow(context, &seed);
		else if (rand_r(&seed) % 2 || atomic_load(&n_started) - atomic_load(&n_ended) > STARTED_MAX) {
			count(echo_echo(channel, context, &request, &reply));
		} else {
			atomic_fetch_add(&n_started, 1);
			if (echo_echo_start(channel, context, &request, on_end, NULL) != HM_OK)
				atomic_fetch_add(&n_ended, 1);
		}
		hm_context_reset(context);
	}
	return NULL;
}

static void *disturb(void *unused)
{
	unsigned seed = 3;

	(void)unused;
	while (!atomic_load(&is_over)) {
		struct place *place = &places[rand_r(&seed) % SERVERS];

		usleep(20000);
		switch (rand_r(&seed) % 5) {
		case 0:
			write_list(rand_r(&seed));
			break;
		case 1:
			must(hm_server_set_health(place->server, "", rand_r(&seed) % 2), "set health");
			break;
		case 2:
			atomic_store(&place->fails, rand_r(&seed) % 4 == 0);
			break;
		case 3:
			if (rand_r(&seed) % 2)
				hm_server_drain(place->server, 50);
			hm_server_close(place->server);
			serve(place);
			break;
		default:
			break;
		}
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[CALLERS + 1];
	char target[128];

	if (!mkdtemp(folder))
		return 1;
	for (unsigned i = 0; i < SERVERS; i++) {
		snprintf(places[i].url, sizeof places[i].url, i ? "ipc://%s/%u" : "inproc://%s/%u", folder, i);
		serve(&places[i]);
	}
	write_list(7);
	snprintf(target, sizeof target, "file://%s/list;hedge=1", folder);
	must(hm_channel_open_url(target, &channel), "open a channel");
	for (uintptr_t i = 0; i < CALLERS; i++)
		pthread_create(&threads[i], NULL, call, (void *)(i + 1));
	pthread_create(&threads[CALLERS], NULL, disturb, NULL);
	sleep(SECONDS);
	atomic_store(&is_over, true);
	for (unsigned i = 0; i <= CALLERS; i++)
		pthread_join(threads[i], NULL);
	hm_channel_close(channel);
	for (unsigned i = 0; i < SERVERS; i++)
		hm_server_close(places[i].server);
	snprintf(target, sizeof target, "%s/list", folder);
	unlink(target);
	rmdir(folder);
	printf("%lu OK, %lu failed as they may; %lu started, %lu ended; %lu slow ones came again, %lu were cancelled\n",
	       n_ok, n_failed, n_started, n_ended, n_again, n_cancelled);
	return n_started != n_ended || !n_ok || !n_again || !n_cancelled;
}
