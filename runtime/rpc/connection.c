/* Connection: out: calls begin, wait for the connection, leave, and fail with it. What comes in is in connection_in.c. */
#include "rpc/connection.h"

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

hm_status hm_connection_open(struct hm_channel *channel, struct hm_connection **ret_connection)
{
	struct hm_connection *connection = calloc(1, sizeof *connection);
	int64_t now_us = hm_clock_mono_us();
	hm_status status;

	if (!connection)
		abort();
	status = hm_link_open(channel->url, PACKET_BYTES_MAX, &hm_connection_handler, connection, &connection->link);
	if (status != HM_OK) {
		free(connection);
		return status;
	}
	connection->channel = channel;
	connection->engine = open_engine(now_us);
	connection->parked_end = &connection->parked;
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

static int64_t next_parked_us(const struct hm_connection *connection)
{
	int64_t first_us = INT64_MAX;

	for (const struct hm_pending *pending = connection->parked; pending; pending = pending->next)
		if (!pending->context && pending->deadline_us && pending->deadline_us < first_us)
			first_us = pending->deadline_us;
	return first_us;
}

void hm_connection_set_tick(struct hm_connection *connection)
{
	int64_t next_us = hm_engine_next_tick_us(connection->engine);

	if (connection->state < HM_CONNECTION_READY)
		next_us = next_parked_us(connection);
	if (connection->state < HM_CONNECTION_READY && connection->connect_by_us < next_us)
		next_us = connection->connect_by_us;
	if (next_us < connection->tick_us) {
		connection->tick_us = next_us;
		hm_timer_set(&connection->timer, next_us);
	}
}

static void park(struct hm_connection *connection, struct hm_pending *pending)
{
	if (!pending->context)
		hm_pending_copy(pending);
	pending->next = NULL;
	*connection->parked_end = pending;
	connection->parked_end = &pending->next;
}

static void unpark(struct hm_connection *connection, struct hm_pending *pending)
{
	struct hm_pending **link = &connection->parked;

	while (*link != pending)
		link = &(*link)->next;
	*link = pending->next;
	if (!*link)
		connection->parked_end = link;
}

static uint32_t remaining_ms(const struct hm_pending *pending, int64_t now_us)
{
	int64_t left_ms = (pending->deadline_us - now_us + HM_US_PER_MS - 1) / HM_US_PER_MS;

	if (!pending->deadline_us)
		return 0;
	return left_ms < 1 ? 1 : left_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)left_ms;
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
	pending->head.timeout_ms = remaining_ms(pending, now_us);
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

hm_status hm_connection_begin(struct hm_connection *connection, struct hm_pending *pending, int64_t now_us)
{
	if (connection->state == HM_CONNECTION_READY)
		TRY(send_call(connection, pending, now_us));
	else
		park(connection, pending);
	if (!pending->context)
		hm_connection_set_tick(connection);
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
	if (!pending->id) {
		unpark(connection, pending);
		return;
	}
	hm_engine_cancel(connection->engine, pending->id, NULL);
}

/* A call that cannot be sent after all (more than the server takes at once, or at a time) ends with the reason. */
void hm_connection_ready(struct hm_connection *connection, int64_t now_us, struct hm_ended *ended)
{
	uint32_t slots = hm_engine_peer(connection->engine)->slots_max;
	struct hm_pending *pending;

	connection->state = HM_CONNECTION_READY;
	connection->slots.count = (uint16_t)(slots < HM_SLOTS ? slots : HM_SLOTS);
	while ((pending = connection->parked)) {
		unpark(connection, pending);
		if (send_call(connection, pending, now_us) == HM_OK) {
			if (pending->stream)
				hm_stream_begun(pending->stream, ended);
			continue;
		}
		ended->unsent = *hm_error_get();
		pending->error = &ended->unsent;
		hm_ended_add(ended, connection->channel, pending);
	}
	hm_connection_set_tick(connection);
}

void hm_connection_expire_parked(struct hm_connection *connection, int64_t now_us, struct hm_ended *ended)
{
	for (struct hm_pending *pending = connection->parked, *next; pending; pending = next) {
		next = pending->next;
		if (pending->context || !pending->deadline_us || pending->deadline_us > now_us)
			continue;
		unpark(connection, pending);
		pending->has_expired = true;
		hm_ended_add(ended, connection->channel, pending);
	}
}

static void fail_call(struct hm_connection *connection, struct hm_pending *pending, struct hm_ended *ended)
{
	bool was_sent = pending->id && pending->begins < connection->taken;

	pending->error = was_sent ? &ended->sent : &ended->unsent;
	hm_ended_add(ended, connection->channel, pending);
}

static void forget(struct hm_connection *connection)
{
	struct hm_channel *channel = connection->channel;

	if (channel->current == connection)
		channel->current = NULL;
}

void hm_connection_fail(struct hm_connection *connection, const struct hm_error *error, struct hm_ended *ended)
{
	bool is_up = connection->state != HM_CONNECTION_DIALLING;
	struct hm_pending *pending;
	void *user;

	if (connection->state == HM_CONNECTION_DEAD)
		return;
	connection->state = HM_CONNECTION_DEAD;
	forget(connection);
	ended->unsent = ended->sent = *error;
	if (error->code == HM_UNAVAILABLE) {
		ended->sent.maybe_processed = true;
		snprintf(ended->sent.message, sizeof ended->sent.message,
			 "%s: connection lost; the call may have been processed", connection->channel->url);
	}
	while ((pending = connection->parked)) {
		unpark(connection, pending);
		fail_call(connection, pending, ended);
	}
	while (hm_engine_fail_calls(connection->engine, &user))
		fail_call(connection, user, ended);
	/* A link that is up goes down first, and is closed then. Last: the timer thread frees the connection without waiting. */
	if (is_up)
		hm_link_hang_up(connection->link);
	else
		hm_timer_set(&connection->closer, 0);
}
