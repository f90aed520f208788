/*
 * Stream stress: streams of every kind over every kind of endpoint, read and written by one thread, by two and by none (ready
 * functions), left early, cancelled, cut by closed channels, drained and closed servers. Every message is the next one, once.
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

enum { KINDS = 3, ROLES = 4, SECONDS = 8, MESSAGES = 400, BYTES = 1500 };

struct place {
	char url[256];
	struct hm_server *server;
	pthread_rwlock_t lock; /* written by who closes the channel: nobody must open a stream on a closed one */
	struct hm_channel *channel;
	struct hm_context *contexts[ROLES];
};

static struct place places[KINDS];
static uint8_t payload[BYTES];
static _Atomic bool is_over;
static _Atomic unsigned long n_whole, n_cut, n_messages, n_wrong;

#define MESSAGE(with)                                                                                    \
	{                                                                                                \
		ECHO_ECHO_MESSAGE_BASE, .text = with, .has_payload = true, .payload = { BYTES, payload } \
	}

/* ---- The service ---------------------------------------------------------------------------------------------------- */

static hm_status count(struct hm_call *call, const Echo__CountRequest *request)
{
	char text[16];

	for (unsigned i = 0; i < request->count; i++) {
		snprintf(text, sizeof text, "%u", i);
		TRY(echo_count_write(call, &(Echo__EchoMessage)MESSAGE(text)));
		if (i % 100 == 99)
			TRY(hm_call_wait(call, 1));
	}
	return HM_OK;
}

static hm_status gather(struct hm_call *call, Echo__GatherReply *reply)
{
	Echo__EchoMessage *message;

	for (reply->has_messages = true;; reply->messages++) {
		TRY(echo_gather_read(call, &message));
		if (!message)
			return HM_OK;
	}
}

static hm_status chat(struct hm_call *call)
{
	Echo__EchoMessage *message;

	for (;;) {
		TRY(echo_chat_read(call, &message));
		if (!message)
			return HM_OK;
		TRY(echo_chat_write(call, message));
	}
}

static const struct hm_service service = ECHO_SERVICE(.count = count, .gather = gather, .chat = chat);

static hm_status run(void *user, struct hm_call *call, void *principal)
{
	(void)user;
	(void)principal;
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
	static const struct hm_interceptor interceptor = { .run = run };
	static const struct hm_service *const services[] = { &service };
	const struct hm_server_config config = {
		.services = services, .n_services = 1, .interceptor = &interceptor, .streams_max = 6
	};
	char url[256];

	memcpy(url, place->url, sizeof url);
	must(hm_server_open(&config, &place->server), "open a server");
	must(hm_server_listen(place->server, url, place->url), "listen");
}

/* ---- Callers -------------------------------------------------------------------------------------------------------- */

static void note_end(hm_status status, bool is_right)
{
	atomic_fetch_add(status == HM_OK ? &n_whole : &n_cut, 1);
	if (status == HM_OK && !is_right)
		atomic_fetch_add(&n_wrong, 1);
	if (status != HM_OK)
		usleep(500); /* a channel that cannot connect refuses at once */
}

static void note_message(const Echo__EchoMessage *message, unsigned expected)
{
	atomic_fetch_add(&n_messages, 1);
	if (strtoul(message->text, NULL, 10) != expected || message->payload.len != BYTES)
		atomic_fetch_add(&n_wrong, 1);
}

/* Reads all, or leaves in the middle. */
static void read_count(struct place *place, struct hm_context *context, unsigned *seed)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, MESSAGES) };
	unsigned leaves = rand_r(seed) % 2 ? MESSAGES + 1 : rand_r(seed) % MESSAGES, i = 0;
	SCOPED(echo_count) stream = NULL;
	Echo__EchoMessage *message = NULL;
	hm_status status;

	pthread_rwlock_rdlock(&place->lock);
	status = echo_count(place->channel, context, &request, &stream);
	pthread_rwlock_unlock(&place->lock);
	for (; status == HM_OK && i < leaves; i++) {
		status = echo_count_next(stream, &message);
		if (status != HM_OK || !message)
			break;
		note_message(message, i);
	}
	note_end(status, i == leaves || i == MESSAGES);
}

static void send_gather(struct place *place, struct hm_context *context, unsigned *seed)
{
	unsigned sends = rand_r(seed) % MESSAGES;
	SCOPED(echo_gather) stream = NULL;
	Echo__GatherReply *reply = NULL;
	hm_status status;

	pthread_rwlock_rdlock(&place->lock);
	status = echo_gather(place->channel, context, &stream);
	pthread_rwlock_unlock(&place->lock);
	for (unsigned i = 0; status == HM_OK && i < sends; i++)
		status = echo_gather_send(stream, &(Echo__EchoMessage)MESSAGE("x"));
	if (status == HM_OK)
		status = echo_gather_finish(stream, &reply);
	note_end(status, status == HM_OK && reply->messages == sends);
}

static void *send_chat(void *user)
{
	struct echo_chat *stream = user;
	hm_status status = HM_OK;
	char text[16];

	for (unsigned i = 0; status == HM_OK && i < MESSAGES; i++) {
		snprintf(text, sizeof text, "%u", i);
		status = echo_chat_send(stream, &(Echo__EchoMessage)MESSAGE(text));
	}
	if (status == HM_OK)
		status = echo_chat_end(stream);
	return NULL;
}

static void chat_both_ways(struct place *place, struct hm_context *context, unsigned *seed)
{
	SCOPED(echo_chat) stream = NULL;
	Echo__EchoMessage *message = NULL;
	pthread_t sender;
	hm_status status;
	unsigned i = 0;

	(void)seed;
	pthread_rwlock_rdlock(&place->lock);
	status = echo_chat(place->channel, context, &stream);
	pthread_rwlock_unlock(&place->lock);
	if (status != HM_OK || pthread_create(&sender, NULL, send_chat, stream)) {
		note_end(status, false);
		return;
	}
	for (;; i++) {
		status = echo_chat_next(stream, &message);
		if (status != HM_OK || !message)
			break;
		note_message(message, i);
	}
	pthread_join(sender, NULL);
	note_end(status, i == MESSAGES);
}

/* A stream nobody waits for. */
struct watcher {
	struct echo_count *stream;
	unsigned received;
	_Atomic bool has_ended;
};

static void read_ready(void *user)
{
	struct watcher *watcher = user;
	Echo__EchoMessage *message = NULL;
	bool would_block = false;
	hm_status status;

	for (;;) {
		status = echo_count_try_next(watcher->stream, &message, &would_block);
		if (status == HM_OK && would_block)
			return;
		if (status != HM_OK || !message)
			break;
		note_message(message, watcher->received++);
	}
	if (atomic_exchange(&watcher->has_ended, true))
		return; /* it may be told of its end again */
	note_end(status, watcher->received == MESSAGES);
}

static void watch_count(struct place *place, struct hm_context *context, unsigned *seed)
{
	const Echo__CountRequest request = { ECHO_COUNT_REQUEST_BASE, HM_SET(count, MESSAGES) };
	bool leaves = rand_r(seed) % 4 == 0;
	struct watcher watcher = { .received = 0 };
	hm_status status;

	pthread_rwlock_rdlock(&place->lock);
	status = echo_count(place->channel, context, &request, &watcher.stream);
	pthread_rwlock_unlock(&place->lock);
	if (status != HM_OK) {
		note_end(status, false);
		return;
	}
	echo_count_on_ready(watcher.stream, read_ready, &watcher);
	while (!leaves && !atomic_load(&watcher.has_ended))
		sched_yield();
	echo_count_close(watcher.stream);
}

static void (*const roles[ROLES])(struct place *place, struct hm_context *context,
				  unsigned *seed) = { read_count, send_gather, chat_both_ways, watch_count };

struct task {
	struct place *place;
	unsigned role;
};

static void *play(void *user)
{
	const struct task *task = user;
	struct hm_context *context = task->place->contexts[task->role];
	unsigned seed = task->role;

	while (!atomic_load(&is_over)) {
		hm_context_set_timeout(context, rand_r(&seed) % 8 ? 20000 : 5);
		roles[task->role](task->place, context, &seed);
		hm_context_reset(context);
	}
	return NULL;
}

static void *disturb(void *unused)
{
	unsigned seed = 11;

	(void)unused;
	while (!atomic_load(&is_over)) {
		struct place *place = &places[rand_r(&seed) % KINDS];

		usleep(2000);
		if (rand_r(&seed) % 8 == 0)
			hm_context_cancel(place->contexts[rand_r(&seed) % ROLES]);
		if (rand_r(&seed) % 64 == 0) {
			pthread_rwlock_wrlock(&place->lock);
			hm_channel_close(place->channel);
			must(hm_channel_open_url(place->url, &place->channel), "open a channel");
			pthread_rwlock_unlock(&place->lock);
		}
		if (rand_r(&seed) % 128 == 0) {
			if (rand_r(&seed) % 2)
				hm_server_drain(place->server, 50);
			hm_server_close(place->server);
			serve(place);
		}
	}
	return NULL;
}

/* ---- The program ---------------------------------------------------------------------------------------------------- */

static void open_places(const char *folder)
{
	static const char *const urls[KINDS] = { "inproc://stream-stress", "tcp://127.0.0.1:0", NULL };

	for (int i = 0; i < KINDS; i++) {
		struct place *place = &places[i];

		if (urls[i])
			snprintf(place->url, sizeof place->url, "%s", urls[i]);
		else
			snprintf(place->url, sizeof place->url, "ipc://%s/stress.sock", folder);
		pthread_rwlock_init(&place->lock, NULL);
		serve(place);
		must(hm_channel_open_url(place->url, &place->channel), "open a channel");
		for (int j = 0; j < ROLES; j++)
			must(hm_context_open("loop", NULL, &place->contexts[j]), "open a context");
	}
}

static void close_places(void)
{
	for (int i = 0; i < KINDS; i++) {
		hm_channel_close(places[i].channel);
		hm_server_close(places[i].server);
		for (int j = 0; j < ROLES; j++)
			hm_context_close(places[i].contexts[j]);
	}
}

int main(void)
{
	char folder[] = "/tmp/hallmark-stress-XXXXXX";
	struct task tasks[KINDS * ROLES];
	pthread_t threads[KINDS * ROLES + 1];
	size_t n = 0;

	if (!mkdtemp(folder))
		return 1;
	open_places(folder);
	for (unsigned i = 0; i < KINDS; i++)
		for (unsigned j = 0; j < ROLES; j++, n++) {
			tasks[n] = (struct task){ &places[i], j };
			pthread_create(&threads[n], NULL, play, &tasks[n]);
		}
	pthread_create(&threads[n++], NULL, disturb, NULL);
	sleep(SECONDS);
	atomic_store(&is_over, true);
	while (n)
		pthread_join(threads[--n], NULL);
	close_places();
	rmdir(folder);
	printf("%lu streams whole, %lu cut as they may be, %lu messages, %lu wrong\n", n_whole, n_cut, n_messages,
	       n_wrong);
	return n_wrong || !n_whole;
}
