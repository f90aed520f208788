/* Fake: a server whose interceptor notes what comes, and gives what the test said unless it wrote a handler. */
#include "server/fake.h"

#include <assert.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/channel.h"
#include "server/call_stream.h"
#include "server/server.h"
#include "wire/message.h"

enum { URL_BYTES = 256 };

/* A reply that was said; the list is in the order they were. Both live in the fake's arena: never freed, as a call may be reading. */
struct said {
	const ProtobufCMessage *message;
	struct said *next;
};

/* What a method is to do, and what came of it. */
struct part {
	unsigned calls;
	const ProtobufCMessage *request;
	bool is_said;
	struct said *replies;
	hm_status status;
	const char *message; /* where status is not OK */
};

struct hm_fake {
	struct hm_service service;
	const struct hm_service *services[1];
	struct hm_interceptor interceptor;
	struct hm_server *server;
	const char *url_before; /* NULL: by default */
	pthread_mutex_t lock; /* of what follows */
	struct hm_arena arena;
	struct part parts[]; /* by method */
};

static struct part *part_of(struct hm_fake *fake, const struct hm_method *method)
{
	return &fake->parts[method - fake->service.table->methods];
}

static ProtobufCMessage *keep_locked(struct hm_fake *fake, const ProtobufCMessage *message)
{
	ProtobufCMessage *copy;

	if (hm_message_copy(&fake->arena, message, &copy) == HM_OK)
		return copy;
	fprintf(stderr, "%s: %s\n", fake->service.table->name, hm_error_get()->message);
	abort(); /* a test's own mistake: a required field was not set */
}

/* ---- Calls ------------------------------------------------------------------------------------------------------- */

static hm_status on_admit_message(void *user, struct hm_call *call, struct hm_arena *arena, ProtobufCMessage *request)
{
	struct hm_fake *fake = user;

	(void)arena;
	TRY(hm_message_validate(request, call->method->request_rules));
	pthread_mutex_lock(&fake->lock);
	part_of(fake, call->method)->request = keep_locked(fake, request);
	pthread_mutex_unlock(&fake->lock);
	return HM_OK;
}

/* A method's part as it is now: the messages it points to stay. */
static struct part take_part(struct hm_fake *fake, const struct hm_method *method, bool counts)
{
	struct part part;

	pthread_mutex_lock(&fake->lock);
	part_of(fake, method)->calls += counts;
	part = *part_of(fake, method);
	pthread_mutex_unlock(&fake->lock);
	return part;
}

static const struct said *next_said(struct hm_fake *fake, const struct said *said)
{
	pthread_mutex_lock(&fake->lock);
	said = said->next;
	pthread_mutex_unlock(&fake->lock);
	return said;
}

static hm_status read_all(struct hm_call *call)
{
	ProtobufCMessage *message;

	do
		TRY(hm_call_read(call, call->method, &message));
	while (message);
	return HM_OK;
}

/* What was said is asked for when all requests are read: a test may say it meanwhile. */
static hm_status answer(struct hm_fake *fake, struct hm_call *call)
{
	const struct hm_method *method = call->method;
	struct part part;

	if (method->kind & HM_CLIENT_STREAM)
		TRY(read_all(call));
	part = take_part(fake, method, false);
	if (!part.is_said)
		return hm_raise(UNIMPLEMENTED, "%s: the test gave its fake neither a handler nor an answer",
				method->name);
	if (method->kind & HM_SERVER_STREAM)
		for (const struct said *said = part.replies; said; said = next_said(fake, said))
			TRY(hm_call_write(call, method, said->message));
	if (part.status != HM_OK)
		return hm_raise_at(__FILE__, __LINE__, part.status, "%s", part.message);
	if (method->kind & HM_SERVER_STREAM)
		return HM_OK;
	return hm_message_copy(&call->context.arena, part.replies->message, &call->reply);
}

static hm_status on_run(void *user, struct hm_call *call, void *principal)
{
	struct hm_fake *fake = user;

	(void)principal;
	(void)take_part(fake, call->method, true);
	if (call->request)
		TRY(on_admit_message(fake, call, &call->context.arena, call->request));
	if (hm_method_has_handler(call->service, call->method))
		return call->method->thunk(call->service->handlers, call, call->request, call->reply);
	return answer(fake, call);
}

/* ---- Life -------------------------------------------------------------------------------------------------------- */

static hm_status serve(struct hm_fake *fake)
{
	const char *name = fake->service.table->short_name;
	char url[URL_BYTES];

	fake->interceptor = (struct hm_interceptor){ .user = fake, .run = on_run, .admit_message = on_admit_message };
	fake->services[0] = &fake->service;
	TRY(hm_server_open(&(struct hm_server_config){ .services = fake->services,
						       .n_services = 1,
						       .interceptor = &fake->interceptor },
			   &fake->server));
	snprintf(url, sizeof url, "inproc://%s", name);
	TRY(hm_server_listen(fake->server, url, NULL));
	fake->url_before = hm_endpoint_get(name);
	return hm_endpoint_set(name, url);
}

hm_status hm_fake_open(const struct hm_service_table *table, const void *handlers, struct hm_fake **ret_fake)
{
	struct hm_fake *fake = calloc(1, sizeof *fake + table->n_methods * sizeof *fake->parts);
	hm_status status;

	if (!fake)
		abort();
	fake->service = (struct hm_service){ .table = table, .handlers = handlers };
	pthread_mutex_init(&fake->lock, NULL);
	status = serve(fake);
	if (status == HM_OK)
		*ret_fake = fake;
	else
		hm_fake_close(fake);
	return status;
}

void hm_fake_close(struct hm_fake *fake)
{
	if (!fake)
		return;
	if (fake->url_before && hm_endpoint_set(fake->service.table->short_name, fake->url_before) != HM_OK)
		abort(); /* it was one before */
	hm_server_close(fake->server);
	hm_arena_fini(&fake->arena);
	pthread_mutex_destroy(&fake->lock);
	free(fake);
}

/* ---- The test's side --------------------------------------------------------------------------------------------- */

static void say_locked(struct hm_fake *fake, struct said **place, const ProtobufCMessage *reply)
{
	struct said *said = hm_arena_alloc(&fake->arena, sizeof *said);

	*said = (struct said){ .message = keep_locked(fake, reply) };
	*place = said;
}

void hm_fake_replies(struct hm_fake *fake, const struct hm_method *method, const ProtobufCMessage *reply)
{
	struct part *part = part_of(fake, method);
	struct said **place = &part->replies;

	assert(reply || method->kind & HM_SERVER_STREAM);
	pthread_mutex_lock(&fake->lock);
	while (method->kind & HM_SERVER_STREAM && *place)
		place = &(*place)->next;
	if (reply)
		say_locked(fake, place, reply);
	part->is_said = true;
	part->status = HM_OK;
	pthread_mutex_unlock(&fake->lock);
}

void hm_fake_fails(struct hm_fake *fake, const struct hm_method *method, hm_status status, const char *message)
{
	struct part *part = part_of(fake, method);

	assert(status != HM_OK);
	pthread_mutex_lock(&fake->lock);
	part->is_said = true;
	part->status = status;
	part->message = hm_arena_strdup(&fake->arena, message);
	pthread_mutex_unlock(&fake->lock);
}

unsigned hm_fake_calls(struct hm_fake *fake, const struct hm_method *method)
{
	return take_part(fake, method, false).calls;
}

const ProtobufCMessage *hm_fake_request(struct hm_fake *fake, const struct hm_method *method)
{
	return take_part(fake, method, false).request;
}
