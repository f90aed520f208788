/* Channel: what callers see. Its connections are in connection.c. */
#include "rpc/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/connection.h"
#include "rpc/wait.h"

hm_status hm_channel_open(const char *service, struct hm_channel **ret_channel)
{
	char url[HM_ENDPOINT_BYTES];

	TRY(hm_endpoint_resolve(service, url));
	return hm_channel_open_url(url, ret_channel);
}

hm_status hm_channel_open_url(const char *url, struct hm_channel **ret_channel)
{
	struct hm_channel *channel;

	if (strlen(url) >= sizeof channel->url)
		return hm_raise(INVALID_ARGUMENT, "URL of %zu bytes, at most %zu are possible", strlen(url),
				sizeof channel->url - 1);
	channel = calloc(1, sizeof *channel);
	if (!channel)
		abort();
	memcpy(channel->url, url, strlen(url));
	pthread_mutex_init(&channel->lock, NULL);
	pthread_cond_init(&channel->changed, NULL);
	*ret_channel = channel;
	return HM_OK;
}

/* Fails one connection after the other; each is told of without the lock, so the list is looked at anew. */
static void fail_connections(struct hm_channel *channel)
{
	const struct hm_error error = { .code = HM_CANCELLED, .message = "the channel was closed" };
	struct hm_connection *connection = channel->connections;
	struct hm_arena arena = { 0 };

	while (connection) {
		struct hm_ended ended;

		if (connection->state == HM_CONNECTION_DEAD) {
			connection = connection->next;
			continue;
		}
		hm_ended_init(&ended);
		hm_connection_fail(connection, &error, &ended);
		pthread_mutex_unlock(&channel->lock);
		hm_ended_tell(&ended, channel, &arena);
		pthread_mutex_lock(&channel->lock);
		connection = channel->connections;
	}
	hm_arena_fini(&arena);
}

void hm_channel_close(struct hm_channel *channel)
{
	bool is_last;

	if (!channel)
		return;
	pthread_mutex_lock(&channel->lock);
	channel->is_closing = true;
	fail_connections(channel);
	while (channel->connections || channel->waiting)
		pthread_cond_wait(&channel->changed, &channel->lock);
	channel->is_closed = true;
	is_last = !channel->n_streams;
	pthread_mutex_unlock(&channel->lock);
	if (is_last)
		hm_channel_free(channel);
}

void hm_channel_free(struct hm_channel *channel)
{
	for (struct hm_pending *pending = channel->free, *next; pending; pending = next) {
		next = pending->next;
		free(pending);
	}
	pthread_cond_destroy(&channel->changed);
	pthread_mutex_destroy(&channel->lock);
	free(channel);
}

/* The connection for a new call; dials if there is none, unless that failed a moment ago. */
static hm_status find_connection(struct hm_channel *channel, int64_t now_us, struct hm_connection **ret_connection)
{
	if (channel->is_closing)
		return hm_raise(CANCELLED, "the channel is being closed");
	if (!channel->current) {
		if (channel->retry_us > now_us)
			return hm_error_set(&channel->refusal);
		TRY(hm_connection_open(channel, &channel->current));
	}
	*ret_connection = channel->current;
	return HM_OK;
}

hm_status hm_channel_begin(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us,
			   struct hm_connection **ret_connection, struct hm_pipe **ret_pipe)
{
	TRY(find_connection(channel, now_us, ret_connection));
	TRY(hm_connection_begin(*ret_connection, pending, now_us));
	if (!hm_connection_is_receiving(*ret_connection))
		*ret_pipe = hm_connection_flush(*ret_connection);
	return HM_OK;
}

static hm_status explain_leaving(const struct hm_pending *pending, enum hm_wait how)
{
	bool was_sent = pending->id;
	struct hm_error error = { .code = how == HM_WAIT_CANCELLED ? HM_CANCELLED : HM_DEADLINE_EXCEEDED,
				  .maybe_processed = was_sent };

	snprintf(error.message, sizeof error.message, "%s: %s; %s", pending->method->name,
		 how == HM_WAIT_CANCELLED ? "cancelled" : "no reply in time",
		 was_sent ? "the call may have been processed" : "no connection yet, the call was not processed");
	return hm_error_set(&error);
}

/* The caller gives up, by time or because it was cancelled; a result that came meanwhile is still one. */
static void leave(struct hm_channel *channel, struct hm_connection *connection, struct hm_pending *pending)
{
	struct hm_pipe *pipe = NULL;

	pthread_mutex_lock(&channel->lock);
	if (!pending->has_ended) {
		hm_connection_abandon(connection, pending);
		pipe = hm_connection_flush(connection);
	}
	channel->waiting--;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
}

hm_status hm_channel_call(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			  const ProtobufCMessage *request, ProtobufCMessage **ret_reply)
{
	int64_t now_us = hm_clock_mono_us();
	struct hm_connection *connection;
	struct hm_pending pending;
	struct hm_pipe *pipe = NULL;
	hm_status status;
	enum hm_wait how;

	context->audit_id = (struct hm_id){ 0 };
	TRY(hm_pending_init(&pending, context, method, request, now_us));
	pending.context = context;
	atomic_store(&context->waiting, HM_WAIT_WAITING);
	/* Cancelled between the check and the word: whoever did found nobody waiting. */
	if (atomic_load(&context->cancel.is_set))
		hm_context_cancel(context);
	pthread_mutex_lock(&channel->lock);
	status = hm_channel_begin(channel, &pending, now_us, &connection, &pipe);
	if (status == HM_OK)
		channel->waiting++;
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	if (status != HM_OK) {
		atomic_store(&context->waiting, HM_WAIT_IDLE);
		return status;
	}
	how = hm_wait_until(&context->waiting, pending.deadline_us);
	if (how != HM_WAIT_ENDED)
		leave(channel, connection, &pending);
	atomic_store(&context->waiting, HM_WAIT_IDLE);
	if (!pending.has_ended)
		return explain_leaving(&pending, how);
	context->audit_id = pending.audit_id;
	return hm_pending_result(&pending, &context->arena, ret_reply);
}

/* A started call's memory; from the list, which grows to what was ever under way at once. */
static struct hm_pending *take_pending(struct hm_channel *channel)
{
	struct hm_pending *pending = channel->free;

	if (pending)
		channel->free = pending->next;
	else
		pending = malloc(sizeof *pending);
	if (!pending)
		abort();
	return pending;
}

hm_status hm_channel_start(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			   const ProtobufCMessage *request, hm_done_fn *done, void (*typed)(void), void *user)
{
	int64_t now_us = hm_connection_now_us();
	struct hm_pending prepared, *pending;
	struct hm_connection *connection;
	struct hm_pipe *pipe = NULL;
	hm_status status;

	TRY(hm_pending_init(&prepared, context, method, request, now_us));
	prepared.done = done;
	prepared.typed = typed;
	prepared.user = user;
	pthread_mutex_lock(&channel->lock);
	pending = take_pending(channel);
	*pending = prepared;
	status = hm_channel_begin(channel, pending, now_us, &connection, &pipe);
	if (status != HM_OK) {
		pending->next = channel->free;
		channel->free = pending;
	}
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	return status;
}
