/* Connection: out: calls begin, leave, and fail with it. What comes in is in connection_in.c. */
#include "client/balance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
	PACKET_BYTES_MAX = 8 << 20,
	CALLS_MAX = HM_CALLS_LIMIT,
	KEEPALIVE_MS = 15000,
	CONNECT_US = 10 * HM_US_PER_S,
};

static struct hm_engine *open_engine(int64_t now_us)
{
	struct hm_engine_config config = {
		.side = HM_CLIENT,
		.hello = {
			.version_min = HM_PROTOCOL_VERSION,
			.version_max = HM_PROTOCOL_VERSION,
			.packet_bytes_max = PACKET_BYTES_MAX,
			.calls_max = CALLS_MAX,
			.slots_max = HM_SLOTS_MIN,
			.keepalive_ms = KEEPALIVE_MS,
		},
	};

	hm_random(config.hello.nonce, sizeof config.hello.nonce);
	snprintf(config.hello.name, sizeof config.hello.name, "%s", program_invocation_short_name);
	return hm_engine_open(&config, now_us);
}

hm_status hm_connection_open(struct hm_backend *backend, int64_t now_us, struct hm_connection **ret_connection)
{
	struct hm_connection *connection = calloc(1, sizeof *connection);
	struct hm_channel *channel = backend->channel;
	hm_status status;

	if (!connection)
		abort();
	status = hm_link_open(backend->url, PACKET_BYTES_MAX, &hm_connection_handler, connection, &connection->link);
	if (status != HM_OK) {
		free(connection);
		return status;
	}
	connection->channel = channel;
	connection->backend = backend;
	connection->engine = open_engine(now_us);
	connection->tick_us = INT64_MAX;
	connection->connect_by_us = now_us + CONNECT_US;
	hm_slots_init(&connection->slots, HM_SLOTS_MIN);
	hm_timer_init(&connection->timer, hm_connection_tick, connection);
	hm_timer_init(&connection->closer, hm_connection_close, connection);
	hm_connection_set_tick(connection);
	connection->next = channel->connections;
	channel->connections = connection;
	hm_link_dial(connection->link);
	*ret_connection = connection;
	return HM_OK;
}

bool hm_connection_takes_calls(const struct hm_connection *connection)
{
	return connection->state == HM_CONNECTION_READY &&
	       (!connection->channel->checks_health || connection->check.health == HM_HEALTH_SERVING);
}

bool hm_connection_is_coming(const struct hm_connection *connection)
{
	return connection->state < HM_CONNECTION_READY ||
	       (connection->state == HM_CONNECTION_READY && connection->check.health == HM_HEALTH_UNKNOWN);
}

void hm_connection_set_tick(struct hm_connection *connection)
{
	int64_t next_us = hm_engine_next_tick_us(connection->engine);

	if (connection->state < HM_CONNECTION_READY)
		next_us = connection->connect_by_us;
	if (next_us < connection->tick_us) {
		connection->tick_us = next_us;
		hm_timer_set(&connection->timer, next_us);
	}
}

/* What the server was not told must not be taken for bound by the next call. */
static hm_status bind_slot(struct hm_connection *connection, const struct hm_pending *pending)
{
	hm_status status = hm_engine_bind(connection->engine, pending->head.slot, pending->brand, pending->token);

	if (status != HM_OK)
		hm_slots_forget(&connection->slots, pending->head.slot);
	return status;
}

/* A waiting caller times out by itself; the engine watches the deadlines of started calls alone. */
static hm_status send_call(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us)
{
	bool is_new;
	uint8_t *body;

	pending->head.slot = hm_slots_find(&connection->slots, pending->brand, pending->token, &is_new);
	pending->head.timeout_ms = hm_pending_left_ms(pending, now_us);
	if (is_new)
		TRY(bind_slot(connection, pending));
	pending->begins = connection->taken + hm_engine_pending_bytes(connection->engine);
	TRY(hm_engine_call(connection->engine, &pending->head, pending->body_bytes,
			   pending->context ? 0 : pending->deadline_us, now_us, pending, &pending->id, &body));
	if (pending->request)
		protobuf_c_message_pack(pending->request, body);
	else
		memcpy(body, pending->packed, pending->body_bytes);
	connection->has_streams |= pending->stream != NULL;
	return HM_OK;
}

hm_status hm_connection_carry(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us)
{
	TRY(send_call(connection, pending, now_us));
	if (!pending->context)
		hm_connection_set_tick(connection);
	return HM_OK;
}

hm_status hm_connection_send(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us)
{
	TRY(hm_connection_carry(connection, pending, now_us));
	pending->connection = connection;
	pending->began_us = now_us;
	pending->place = connection->backend->place;
	hm_balance_began(connection->channel, connection->backend);
	if (pending->hedge_after_us)
		hm_hedge_arm(connection->channel, pending, now_us);
	if (pending->faults)
		hm_call_fault_sent(connection, pending, now_us);
	return HM_OK;
}

struct hm_pipe *hm_connection_flush(struct hm_connection *connection)
{
	struct hm_pipe *pipe;
	bool has_any = false;
	size_t bytes;

	if (connection->state == HM_CONNECTION_DIALLING || connection->state == HM_CONNECTION_DEAD)
		return NULL;
	pipe = hm_link_pipe(connection->link);
	while ((bytes = hm_engine_packet_size(connection->engine))) {
		size_t pending = hm_engine_pending_bytes(connection->engine);

		hm_engine_take_packet(connection->engine, hm_pipe_reserve(pipe, NULL, bytes));
		connection->taken += pending - hm_engine_pending_bytes(connection->engine);
		hm_pipe_commit(pipe);
		has_any = true;
	}
	if (connection->has_streams)
		hm_connection_set_tick(connection); /* there may be room again for who waits for it */
	return has_any ? hm_pipe_hold(pipe) : NULL;
}

void hm_connection_push(struct hm_pipe *pipe)
{
	if (!pipe)
		return;
	hm_pipe_push(pipe);
	hm_pipe_release(pipe);
}

void hm_connection_abandon(struct hm_connection *connection, struct hm_pending *pending)
{
	int64_t now_us = hm_clock_mono_us();
	bool is_late = pending->deadline_us && pending->deadline_us <= now_us;

	if (pending->list)
		hm_parked_remove(pending);
	else
		hm_engine_cancel(connection->engine, pending->id, NULL);
	hm_balance_ended(connection->channel, connection->backend, pending, is_late ? HM_VERDICT_LATE : HM_VERDICT_NONE,
			 now_us);
}

void hm_connection_ready(struct hm_connection *connection, int64_t now_us)
{
	uint32_t slots = hm_engine_peer(connection->engine)->slots_max;

	connection->state = HM_CONNECTION_READY;
	connection->since_us = now_us;
	connection->slots.count = (uint16_t)(slots < HM_SLOTS ? slots : HM_SLOTS);
	connection->channel->is_unsettled = true;
	hm_check_begin(connection, now_us);
	hm_connection_set_tick(connection);
}

/* What calls of a connection that was lost end with; made when the first does. */
struct reasons {
	const struct hm_error *error, *unsent, *sent;
};

static const struct hm_error *keep_sent(const struct hm_connection *connection, const struct hm_error *error,
					struct hm_ended *ended)
{
	struct hm_error sent = *error;

	if (sent.code == HM_UNAVAILABLE) {
		sent.maybe_processed = true;
		snprintf(sent.message, sizeof sent.message, "%s: connection lost; the call may have been processed",
			 connection->backend->url);
	}
	return hm_ended_keep(ended, &sent);
}

static void fail_call(struct hm_connection *connection, struct hm_pending *pending, struct reasons *reasons,
		      struct hm_ended *ended)
{
	bool was_sent = pending->begins < connection->taken;
	bool is_judged = was_sent && reasons->error->code == HM_UNAVAILABLE;

	if (was_sent && !reasons->sent)
		reasons->sent = keep_sent(connection, reasons->error, ended);
	if (!was_sent && !reasons->unsent)
		reasons->unsent = hm_ended_keep(ended, reasons->error);
	pending->error = was_sent ? reasons->sent : reasons->unsent;
	hm_balance_ended(connection->channel, connection->backend, pending,
			 is_judged ? HM_VERDICT_FAILED : HM_VERDICT_NONE, hm_clock_mono_us());
	hm_ended_add(ended, connection->channel, pending);
}

/* One that is under way; NULL: there is none any more. */
static struct hm_pending *take_call(struct hm_connection *connection)
{
	void *user;

	if (hm_engine_fail_calls(connection->engine, &user))
		return user;
	return hm_call_fault_take_lost(connection);
}

void hm_connection_fail(struct hm_connection *connection, const struct hm_error *error, struct hm_ended *ended)
{
	bool is_up = connection->state != HM_CONNECTION_DIALLING;
	struct reasons reasons = { .error = error };
	struct hm_pending *pending;

	if (connection->state == HM_CONNECTION_DEAD)
		return;
	hm_backend_lost(connection->backend, connection, error);
	connection->state = HM_CONNECTION_DEAD;
	while ((pending = take_call(connection)))
		if (!hm_check_is(connection, pending))
			fail_call(connection, pending, &reasons, ended);
	/* A link that is up goes down first, and is closed then. Last: the timer thread frees the connection without waiting. */
	if (is_up)
		hm_link_hang_up(connection->link);
	else
		hm_timer_set(&connection->closer, 0);
}

void hm_connection_retire(struct hm_connection *connection)
{
	const struct hm_error *done = &(const struct hm_error){ .code = HM_CANCELLED };
	struct hm_ended nobody;

	hm_ended_init(&nobody);
	if (connection->state == HM_CONNECTION_READY && hm_engine_calls(connection->engine)) {
		connection->state = HM_CONNECTION_LEAVING;
	} else if (hm_call_fault_has_lost(connection)) {
		connection->state = HM_CONNECTION_LEAVING;
		hm_timer_set(&connection->timer, 0); /* which can tell their callers */
	} else {
		hm_connection_fail(connection, done, &nobody);
	}
}
