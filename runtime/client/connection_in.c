/* Connection: in: what the link, the engine and the timers tell it. */
#include "base/clock.h"
#include "client/balance.h"

#include <stdlib.h>

/* The connection whose packet this thread is in the middle of: what its done functions start leaves at the packet's end and
 * begins at the packet's time. */
static _Thread_local const struct hm_connection *receiving;
static _Thread_local int64_t received_us;

bool hm_connection_is_receiving(const struct hm_connection *connection)
{
	return receiving == connection;
}

int64_t hm_connection_now_us(void)
{
	return receiving ? received_us : hm_clock_mono_us();
}

/* A refusal is quick: taken for an answer like others it would make who has no room look like who has the most. */
static enum hm_verdict verdict_on(const struct hm_event *event, bool was_refused)
{
	if (event->type == HM_EVENT_EXPIRED)
		return HM_VERDICT_LATE;
	if (was_refused)
		return HM_VERDICT_NONE;
	return event->status == HM_UNAVAILABLE ? HM_VERDICT_FAILED : HM_VERDICT_ANSWERED;
}

static void end_call(struct hm_connection *connection, const struct hm_event *event, int64_t now_us,
		     struct hm_ended *ended)
{
	struct hm_pending *pending = event->user;
	bool was_refused;

	if (hm_check_is(connection, pending)) {
		hm_check_ended(connection, event);
		return;
	}
	if (pending->faults && event->type == HM_EVENT_REPLY && hm_call_fault_loses(connection, pending))
		return;
	pending->status = event->status;
	pending->body = event->body;
	pending->reply_bytes = event->body_bytes;
	pending->audit_id = event->audit_id;
	pending->has_expired = event->type == HM_EVENT_EXPIRED;
	was_refused = event->type == HM_EVENT_REPLY && hm_throttle_answered(connection, pending, now_us);
	hm_balance_ended(connection->channel, connection->backend, pending, verdict_on(event, was_refused), now_us);
	hm_ended_add(ended, connection->channel, pending);
}

/* Takes all events at once, so that nothing but packets' bytes is needed when the lock is released. */
static void take_events(struct hm_connection *connection, int64_t now_us, struct hm_ended *ended)
{
	struct hm_event event;

	while (hm_engine_next_event(connection->engine, &event)) {
		switch (event.type) {
		case HM_EVENT_REPLY:
		case HM_EVENT_EXPIRED:
			end_call(connection, &event, now_us, ended);
			break;
		case HM_EVENT_DATA:
			hm_stream_arrived(((struct hm_pending *)event.user)->stream, &event, ended);
			break;
		case HM_EVENT_WRITABLE:
			hm_stream_writable(((struct hm_pending *)event.user)->stream, ended);
			break;
		case HM_EVENT_HELLO:
			hm_connection_greeted(connection, now_us);
			break;
		case HM_EVENT_AUTH:
			hm_connection_take_proof(connection, &event, now_us);
			break;
		case HM_EVENT_GOAWAY:
			connection->state = HM_CONNECTION_LEAVING;
			hm_backend_leave(connection->backend, connection);
			break;
		default: /* the others are a server's */
			break;
		}
	}
}

/* Ends a connection whose engine is broken, or that has nothing left to do. */
static void leave_if_done(struct hm_connection *connection, struct hm_ended *ended)
{
	const struct hm_error *done = &(const struct hm_error){ .code = HM_UNAVAILABLE };
	bool has_left = connection->state == HM_CONNECTION_LEAVING && !hm_engine_calls(connection->engine);

	if (connection->is_to_break &&
	    hm_raise(UNAVAILABLE, "%s: broken, as the fault rules say", connection->backend->url) != HM_OK) {
		hm_error_set_reason("FAULT");
		hm_connection_fail(connection, hm_error_get(), ended);
	} else if (hm_engine_error(connection->engine) != HM_OK &&
		   hm_raise(UNAVAILABLE, "%s: %s", connection->backend->url, hm_error_get()->message)) {
		hm_connection_fail(connection, hm_error_get(), ended);
	} else if (has_left) {
		hm_connection_fail(connection, done, ended);
	}
}

static void on_up(void *user)
{
	struct hm_connection *connection = user;
	struct hm_channel *channel = connection->channel;
	struct hm_pipe *pipe;

	pthread_mutex_lock(&channel->lock);
	if (connection->state == HM_CONNECTION_DIALLING)
		connection->state = HM_CONNECTION_GREETING;
	pipe = hm_connection_flush(connection);
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
}

/* With the lock held. */
static void settle(struct hm_channel *channel, int64_t now_us, struct hm_ended *ended)
{
	if (channel->is_unsettled)
		hm_balance_settle(channel, now_us, ended);
}

/* A peer that does not answer, speaks another protocol, or is not who it should be. */
static void give_up(struct hm_connection *connection, const char *why, struct hm_ended *ended)
{
	if (hm_raise(UNAVAILABLE, "%s: connect: %s; the call was not processed", connection->backend->url, why) !=
	    HM_OK)
		hm_connection_fail(connection, hm_error_get(), ended);
}

static void on_packet(void *user, const void *bytes, size_t size)
{
	struct hm_connection *connection = user;
	struct hm_channel *channel = connection->channel;
	int64_t now_us = hm_clock_mono_us();
	struct hm_ended ended;
	bool has_output;

	hm_ended_init(&ended);
	pthread_mutex_lock(&channel->lock);
	if (connection->state == HM_CONNECTION_DEAD) {
		pthread_mutex_unlock(&channel->lock);
		return;
	}
	if (hm_engine_feed(connection->engine, bytes, size, now_us) == HM_OK)
		take_events(connection, now_us, &ended);
	leave_if_done(connection, &ended);
	if (hm_connection_is_impostor(connection))
		give_up(connection, "the server does not prove to be this service with a key that is known here",
			&ended);
	settle(channel, now_us, &ended);
	has_output = channel->has_output;
	pthread_mutex_unlock(&channel->lock);
	if (has_output)
		hm_balance_push(channel);

	receiving = connection;
	received_us = now_us;
	hm_ended_tell(&ended, channel, &connection->arena);
	receiving = NULL;
}

/* What the packets and their done functions gave rise to leaves together. */
static void on_idle(void *user)
{
	struct hm_connection *connection = user;
	struct hm_pipe *pipe;

	pthread_mutex_lock(&connection->channel->lock);
	pipe = hm_connection_flush(connection);
	pthread_mutex_unlock(&connection->channel->lock);
	hm_connection_push(pipe);
}

static void on_down(void *user, const struct hm_error *why)
{
	struct hm_connection *connection = user;
	struct hm_channel *channel = connection->channel;
	struct hm_ended ended;
	bool has_output;

	hm_ended_init(&ended);
	pthread_mutex_lock(&channel->lock);
	hm_connection_fail(connection, why, &ended);
	settle(channel, hm_clock_mono_us(), &ended);
	hm_timer_set(&connection->closer, 0);
	has_output = channel->has_output;
	pthread_mutex_unlock(&channel->lock);
	if (has_output)
		hm_balance_push(channel);
	hm_ended_tell(&ended, channel, &connection->arena);
}

const struct hm_link_handler hm_connection_handler = {
	.up = on_up, .packet = on_packet, .idle = on_idle, .down = on_down
};

void hm_connection_tick(void *user)
{
	struct hm_connection *connection = user;
	struct hm_channel *channel = connection->channel;
	int64_t now_us = hm_clock_mono_us();
	struct hm_arena arena = { 0 };
	struct hm_pipe *pipe = NULL;
	struct hm_ended ended;
	bool has_output;

	hm_ended_init(&ended);
	pthread_mutex_lock(&channel->lock);
	connection->tick_us = INT64_MAX;
	if (connection->state != HM_CONNECTION_DEAD) {
		hm_engine_tick(connection->engine, now_us);
		take_events(connection, now_us, &ended);
		pipe = hm_connection_flush(connection);
		leave_if_done(connection, &ended);
		if (connection->state < HM_CONNECTION_READY && now_us >= connection->connect_by_us)
			give_up(connection, "no answer", &ended);
		if (connection->state != HM_CONNECTION_DEAD)
			hm_connection_set_tick(connection);
		settle(channel, now_us, &ended);
	}
	has_output = channel->has_output;
	pthread_mutex_unlock(&channel->lock);
	hm_connection_push(pipe);
	if (has_output)
		hm_balance_push(channel);
	hm_ended_tell(&ended, channel, &arena);
	hm_arena_fini(&arena);
}

static void unlink_connection(struct hm_connection *connection)
{
	struct hm_connection **link = &connection->channel->connections;

	while (*link != connection)
		link = &(*link)->next;
	*link = connection->next;
}

/* Runs on the timer thread, so the tick does not run beside it; after the link is closed nothing else does either. */
void hm_connection_close(void *user)
{
	struct hm_connection *connection = user;
	struct hm_channel *channel = connection->channel;

	hm_link_close(connection->link);
	hm_timer_stop(&connection->timer);
	hm_timer_stop(&connection->closer); /* set again by a link that went down just then */
	hm_engine_close(connection->engine);
	hm_slots_fini(&connection->slots);
	hm_arena_fini(&connection->arena);
	pthread_mutex_lock(&channel->lock);
	unlink_connection(connection);
	hm_backend_closed(connection->backend);
	pthread_cond_broadcast(&channel->changed);
	pthread_mutex_unlock(&channel->lock);
	free(connection);
}
