/* Channel: what callers see. How a call finds its connection is in balance.c, what the connection does with it in connection.c. */
#include "client/channel.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/balance.h"
#include "client/client_tally.h"
#include "client/endpoint.h"
#include "client/target.h"
#include "rpc/wait.h"

hm_status hm_channel_open(const char *service, struct hm_channel **ret_channel)
{
	char target[HM_TARGET_BYTES];

	TRY(hm_endpoint_resolve(service, target));
	TRY(hm_channel_open_url(target, ret_channel));
	snprintf((*ret_channel)->service, sizeof(*ret_channel)->service, "%s", service);
	return HM_OK;
}

void hm_channel_set_identity(struct hm_channel *channel, const struct hm_identity *identity)
{
	channel->identity = *channel->service ? identity : NULL;
}

/* The resolver's news; on its thread, or within open. */
static void on_resolved(void *user, hm_status status, const struct hm_endpoints *endpoints)
{
	struct hm_channel *channel = user;
	int64_t now_us = hm_clock_mono_us();
	struct hm_arena arena = { 0 };
	struct hm_ended ended;

	hm_ended_init(&ended);
	pthread_mutex_lock(&channel->lock);
	if (status != HM_OK)
		channel->refusal = *hm_error_get();
	else if (!channel->is_closing)
		hm_balance_apply(channel, endpoints, now_us);
	channel->has_list = true;
	hm_balance_settle(channel, now_us, &ended);
	pthread_mutex_unlock(&channel->lock);
	hm_balance_push(channel);
	hm_ended_tell(&ended, channel, &arena);
	hm_arena_fini(&arena);
}

static struct hm_channel *make_channel(const struct hm_target *target)
{
	struct hm_channel *channel = calloc(1, sizeof *channel);
	uint64_t seed;

	if (!channel)
		abort();
	hm_random(&seed, sizeof seed);
	pthread_mutex_init(&channel->lock, NULL);
	pthread_cond_init(&channel->changed, NULL);
	hm_parked_init(&channel->parked);
	hm_parked_init(&channel->resting);
	hm_parked_init(&channel->lost);
	hm_retry_budget_init(&channel->budget, hm_clock_mono_us());
	hm_picker_init(&channel->picker, target->balancing, seed);
	hm_ejector_init(&channel->ejector);
	hm_timer_init(&channel->timer, hm_balance_tick, channel);
	channel->tick_us = INT64_MAX;
	channel->health_checks = target->health_checks;
	channel->attempts = target->attempts;
	channel->is_unthrottled = target->is_unthrottled;
	channel->hedge_ms = target->hedge_ms;
	channel->hedge_permille = target->hedge_permille;
	if (target->hedge_permille)
		channel->latencies = hm_latencies_open();
	return channel;
}

hm_status hm_channel_open_url(const char *url, struct hm_channel **ret_channel)
{
	SCOPED(hm_channel) channel = NULL;
	struct hm_target target;

	TRY(hm_target_parse(url, &target));
	channel = make_channel(&target);
	TRY(hm_resolver_open(target.name, on_resolved, channel, &channel->resolver));
	*ret_channel = take(&channel);
	return HM_OK;
}

/* Fails one connection after the other; each is told of without the lock, so the list is looked at anew. */
static void fail_connections(struct hm_channel *channel, const struct hm_error *error, struct hm_arena *arena)
{
	struct hm_connection *connection = channel->connections;

	while (connection) {
		struct hm_ended ended;

		if (connection->state == HM_CONNECTION_DEAD) {
			connection = connection->next;
			continue;
		}
		hm_ended_init(&ended);
		hm_connection_fail(connection, error, &ended);
		pthread_mutex_unlock(&channel->lock);
		hm_ended_tell(&ended, channel, arena);
		pthread_mutex_lock(&channel->lock);
		connection = channel->connections;
	}
}

static void fail_parked(struct hm_channel *channel, const struct hm_error *error, struct hm_arena *arena)
{
	struct hm_ended ended;

	hm_ended_init(&ended);
	hm_parked_fail(channel, error, &ended);
	pthread_mutex_unlock(&channel->lock);
	hm_ended_tell(&ended, channel, arena);
	pthread_mutex_lock(&channel->lock);
}

void hm_channel_free(struct hm_channel *channel)
{
	for (unsigned place = 0; place < HM_PLACES; place++)
		if (channel->backends[place])
			hm_backend_close(channel->backends[place]);
	for (struct hm_pending *pending = channel->free, *next; pending; pending = next) {
		next = pending->next;
		free(pending->copied);
		free(pending);
	}
	hm_latencies_close(channel->latencies);
	hm_picker_fini(&channel->picker);
	pthread_cond_destroy(&channel->changed);
	pthread_mutex_destroy(&channel->lock);
	free(channel);
}

void hm_channel_close(struct hm_channel *channel)
{
	const struct hm_error closed = { .code = HM_CANCELLED, .message = "the channel was closed" };
	struct hm_resolver *resolver;
	struct hm_arena arena = { 0 };
	struct hm_ended nobody;
	bool is_last;

	if (!channel)
		return;
	pthread_mutex_lock(&channel->lock);
	channel->is_closing = true;
	resolver = channel->resolver;
	channel->resolver = NULL;
	pthread_mutex_unlock(&channel->lock);
	hm_resolver_close(resolver); /* without the lock, which its news take */
	pthread_mutex_lock(&channel->lock);
	hm_ended_init(&nobody);
	hm_balance_settle(channel, 0, &nobody); /* nobody takes calls any more */
	fail_parked(channel, &closed, &arena);
	fail_connections(channel, &closed, &arena);
	while (channel->connections || channel->waiting)
		pthread_cond_wait(&channel->changed, &channel->lock);
	pthread_mutex_unlock(&channel->lock);
	hm_timer_stop(&channel->timer);
	hm_arena_fini(&arena);
	pthread_mutex_lock(&channel->lock);
	channel->is_closed = true;
	is_last = !channel->n_streams;
	pthread_mutex_unlock(&channel->lock);
	if (is_last)
		hm_channel_free(channel);
}

hm_status hm_channel_begin(struct hm_channel *channel, struct hm_pending *pending, int64_t now_us,
			   struct hm_pipe **ret_pipe)
{
	struct hm_connection *connection;
	hm_status status;

	hm_retry_budget_note(&channel->budget, now_us);
	hm_hedge_prepare(channel, pending);
	if (channel->faults && hm_call_fault_delays(channel, pending, now_us))
		return HM_OK;
	status = hm_balance_pick(channel, pending, NULL, now_us, &connection);
	if (status != HM_OK)
		return hm_retry_refused(channel, pending) ? HM_OK : hm_error_get()->code;
	if (!connection) {
		hm_parked_add(channel, pending);
		return HM_OK;
	}
	TRY(hm_connection_send(connection, pending, now_us));
	if (!hm_connection_is_receiving(connection))
		*ret_pipe = hm_connection_flush(connection);
	return HM_OK;
}

static struct hm_pipe *abandon(struct hm_pending *pending)
{
	hm_connection_abandon(pending->connection, pending);
	return hm_connection_flush(pending->connection);
}

/* The caller gives up, by time or because it was cancelled; a result that came meanwhile is still one. */
static void leave(struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_pipe *pipe = NULL, *twins_pipe = NULL;

	pthread_mutex_lock(&channel->lock);
	if (!pending->has_ended) {
		bool is_parked = !pending->connection && !pending->twin;

		twins_pipe = hm_hedge_leave(channel, pending);
		if (is_parked)
			hm_parked_remove(pending);
		else if (pending->connection)
			pipe = abandon(pending);
	}
	channel->waiting--;
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	hm_connection_push(twins_pipe);
}

static hm_status check_kind(const struct hm_method *method)
{
	if (method->kind == HM_UNARY)
		return HM_OK;
	return hm_raise(INVALID_ARGUMENT, "%s is no unary method: hm_stream_open begins it", method->name);
}

/* Sends the call and waits for its end. */
static hm_status make_call(struct hm_channel *channel, struct hm_context *context, struct hm_pending *pending,
			   int64_t now_us, ProtobufCMessage **ret_reply)
{
	struct hm_pipe *pipe = NULL;
	hm_status status;
	enum hm_wait how;

	atomic_store(&context->waiting, HM_WAIT_WAITING);
	/* Cancelled between the check and the word: whoever did found nobody waiting. */
	if (atomic_load(&context->cancel.is_set))
		hm_context_cancel(context);
	pthread_mutex_lock(&channel->lock);
	status = hm_channel_begin(channel, pending, now_us, &pipe);
	if (status == HM_OK)
		channel->waiting++;
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	if (status != HM_OK) {
		atomic_store(&context->waiting, HM_WAIT_IDLE);
		return status;
	}
	how = hm_wait_until(&context->waiting, pending->deadline_us);
	if (how != HM_WAIT_ENDED)
		leave(channel, pending);
	atomic_store(&context->waiting, HM_WAIT_IDLE);
	if (!pending->has_ended)
		return hm_pending_left(pending, how == HM_WAIT_CANCELLED ? HM_CANCELLED : HM_DEADLINE_EXCEEDED);
	context->audit_id = pending->audit_id;
	return hm_pending_result(pending, &context->arena, ret_reply);
}

hm_status hm_channel_call(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			  const ProtobufCMessage *request, ProtobufCMessage **ret_reply)
{
	int64_t now_us = hm_clock_mono_us();
	struct hm_pending pending;
	hm_status status;

	context->audit_id = (struct hm_id){ 0 };
	context->attempts = 0;
	TRY(check_kind(method));
	TRY(hm_pending_init(&pending, context, method, request, now_us));
	pending.context = context;
	status = make_call(channel, context, &pending, now_us, ret_reply);
	context->attempts = pending.head.attempt;
	hm_tallies_add(hm_client_tallies(method), status, hm_clock_mono_us() - now_us, pending.body_bytes,
		       pending.reply_bytes);
	return status;
}

struct hm_pending *hm_pending_take(struct hm_channel *channel)
{
	struct hm_pending *pending = channel->free;

	if (pending)
		channel->free = pending->next;
	else
		pending = calloc(1, sizeof *pending);
	if (!pending)
		abort();
	return pending;
}

void hm_pending_keep(struct hm_channel *channel, struct hm_pending *pending)
{
	pending->next = channel->free;
	channel->free = pending;
}

struct hm_pending *hm_pending_double(struct hm_channel *channel, const struct hm_pending *pending)
{
	struct hm_pending *other = hm_pending_take(channel);
	void *copied = other->copied;
	size_t copied_room = other->copied_room;

	*other = *pending;
	other->copied = copied;
	other->copied_room = copied_room;
	other->is_copied = false;
	other->list = NULL;
	other->connection = NULL;
	other->faults = 0;
	return other;
}

hm_status hm_channel_start(struct hm_channel *channel, struct hm_context *context, const struct hm_method *method,
			   const ProtobufCMessage *request, hm_done_fn *done, void (*typed)(void), void *user)
{
	int64_t now_us = hm_connection_now_us();
	struct hm_pending prepared, *pending;
	struct hm_pipe *pipe = NULL;
	hm_status status;

	TRY(check_kind(method));
	TRY(hm_pending_init(&prepared, context, method, request, now_us));
	prepared.done = done;
	prepared.typed = typed;
	prepared.user = user;
	pthread_mutex_lock(&channel->lock);
	pending = hm_pending_take(channel);
	prepared.copied = pending->copied;
	prepared.copied_room = pending->copied_room;
	*pending = prepared;
	if (channel->attempts != 1)
		hm_pending_copy(pending);
	status = hm_channel_begin(channel, pending, now_us, &pipe);
	if (status != HM_OK) {
		hm_pending_drop(pending);
		hm_pending_keep(channel, pending);
	}
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	if (status != HM_OK)
		hm_tallies_add(hm_client_tallies(method), status, 0, prepared.body_bytes, 0);
	return status;
}
