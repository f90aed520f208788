/* Engine world: see the header. A check that fails ends the test and names the seed to replay. */
#include "tests/engine_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/engine_world_own.h"
#include "wire/packet_codec.h"

static void connect_ends(struct world *world)
{
	world->client = hm_engine_open(&world->client_config, world->now_us);
	world->server = hm_engine_open(&world->server_config, world->now_us);
	world->connections++;
}

/* Heavy stories have windows so large that the connection's room runs out before them. */
static uint32_t draw_window(struct world *world)
{
	if (world_roll(world, 3) == 0)
		return 0;
	return HM_STREAM_WINDOW_MIN + world_roll(world, world->heavy ? 1 << 20 : 128 << 10);
}

void world_init(struct world *world, uint64_t seed, bool hostile)
{
	struct hm_hello hello = {
		HM_PROTOCOL_VERSION, HM_PROTOCOL_VERSION, 1 << 20, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "sim", 0, 0
	};

	*world = (struct world){ .seed = seed, .die = seed, .hostile = hostile, .now_us = 1000000 };
	world->heavy = world_roll(world, 16) == 0;
	hello.keepalive_ms = world_roll(world, 2) ? 1000 : 0;
	hello.stream_window_bytes = draw_window(world);
	world->server_config = (struct hm_engine_config){ HM_SERVER, hello };
	hello.stream_window_bytes = draw_window(world);
	hello.calls_max = 1 + world_roll(world, world_roll(world, 2) ? 8 : 200);
	world->client_config = (struct hm_engine_config){ HM_CLIENT, hello };
	connect_ends(world);
}

static void clear_link(struct world_link *link)
{
	for (size_t i = 0; i < link->n_packets; i++)
		free(link->packets[i].bytes);
	*link = (struct world_link){ 0 };
}

void world_fini(struct world *world)
{
	hm_engine_close(world->client);
	hm_engine_close(world->server);
	clear_link(&world->to_client);
	clear_link(&world->to_server);
}

void world_end_call(struct world *world, struct world_call *call)
{
	HOLDS(world, !call->has_ended);
	call->has_ended = true;
}

/* After a loss nng may still deliver packets of the old connection to the new one, in front of its HELLO. */
static void keep_some(struct world *world, struct world_link *link)
{
	struct world_link old = *link;

	*link = (struct world_link){ 0 };
	for (size_t i = 0; i < old.n_packets; i++) {
		bool hello = old.packets[i].size > HM_PACKET_HEAD_BYTES + 8 &&
			     old.packets[i].bytes[HM_PACKET_HEAD_BYTES + 8] == HM_FRAME_HELLO;

		if (!hello && link->n_packets < 4 && world_roll(world, 2))
			link->packets[link->n_packets++] = old.packets[i];
		else
			free(old.packets[i].bytes);
	}
}

void world_lose(struct world *world)
{
	void *user;

	while (hm_engine_fail_calls(world->client, &user)) {
		world_end_call(world, user);
		world->failed++;
	}
	HOLDS(world, !hm_engine_calls(world->client));
	for (size_t i = 0; i < world->n_calls; i++)
		HOLDS(world, world->calls[i].has_ended);
	hm_engine_close(world->client);
	hm_engine_close(world->server);
	keep_some(world, &world->to_server);
	keep_some(world, &world->to_client);
	world->n_jobs = 0;
	connect_ends(world);
}

void world_call(struct world *world)
{
	uint32_t number = (uint32_t)world->n_calls, ms = world_roll(world, 3) ? 0 : 1 + world_roll(world, 60);
	struct plan plan = world_plan(world, number);
	struct hm_call_head head = {
		.method = number, .parent = ~(uint64_t)number, .timeout_ms = ms, .stream = plan.halves
	};
	struct world_call *call = &world->calls[number];
	uint8_t *body;

	if (world->n_calls == WORLD_CALLS)
		return;
	if (plan.keyed) {
		head.idempotency_key = "a key";
		head.idempotency_key_bytes = 5;
	}
	*call = (struct world_call){
		.deadline_us = ms ? world->now_us + ms * 1000 * (int64_t)(world_roll(world, 9) ? 1 : 500) : 0
	};
	if (hm_engine_call(world->client, &head, plan.request_bytes, call->deadline_us, world->now_us, call, &call->id,
			   &body)) {
		HOLDS(world, hm_error_get()->code == HM_RESOURCE_EXHAUSTED || world->hostile); /* a false GOAWAY */
		return;
	}
	world_fill(number, OF_REQUEST, body, plan.request_bytes);
	world->n_calls++;
}

void world_cancel(struct world *world)
{
	struct world_call *call = world->n_calls ? &world->calls[world_roll(world, (uint32_t)world->n_calls)] : NULL;
	void *user = NULL;

	if (!call || call->has_ended)
		return;
	HOLDS(world, hm_engine_cancel(world->client, call->id, &user) && user == call);
	HOLDS(world, !hm_engine_cancel(world->client, call->id, &user));
	world_end_call(world, call);
	world->cancelled++;
}

void world_bind(struct world *world)
{
	HOLDS(world, !hm_engine_bind(world->client, (uint16_t)world_roll(world, HM_SLOTS_MIN), "loop",
				     world_roll(world, 2) ? "a token" : NULL));
}

/* Replies that wait: one for each id there is, a HELLO, a PING, a PONG; and messages, and a CREDIT for each stream. */
static size_t most_pending(const struct world *world)
{
	size_t ids = world->hostile ? HM_CALLS_MIN : world->client_config.hello.calls_max;

	return ids * (HM_FRAME_HEAD_BYTES + sizeof(struct hm_id) + WORLD_REPLY_BYTES_MAX) + 200 + (1 << 20) +
	       WORLD_MESSAGE_BYTES_MAX + HM_STREAMS_MIN * (HM_FRAME_HEAD_BYTES + sizeof(uint32_t));
}

void world_answer(struct world *world)
{
	uint32_t at = world->n_jobs ? world_roll(world, (uint32_t)world->n_jobs) : 0;
	struct world_job job = world->jobs[at];
	struct plan plan = world_plan(world, job.number);
	uint8_t *body;

	if (!world->n_jobs)
		return;
	if (!world_stream_is_done(world, &job) && (world->rounds || world_roll(world, 10)))
		return;
	world->early += !world_stream_is_done(world, &job);
	world->jobs[at] = world->jobs[--world->n_jobs];
	HOLDS(world, hm_engine_reply(world->server, job.id, plan.status, plan.audited ? &plan.audit_id : NULL,
				     plan.reply_bytes, &body));
	world_fill(job.number, OF_REPLY, body, plan.reply_bytes);
	world->calls[job.number % WORLD_CALLS].replies = job.stream.sent;
	HOLDS(world, hm_engine_pending_bytes(world->server) <= most_pending(world));
	HOLDS(world, !hm_engine_reply(world->server, job.id, 0, NULL, 0, &body));
	world->dropped_replies += job.cancelled;
}

struct world_job *world_job_of(struct world *world, uint32_t id)
{
	for (size_t i = 0; i < world->n_jobs; i++)
		if (world->jobs[i].id == id)
			return &world->jobs[i];
	return NULL;
}

static void serve_event(struct world *world, const struct hm_event *event)
{
	uint32_t number = (uint32_t)event->head.method;

	if (event->type == HM_EVENT_CALL && !event->solo) {
		HOLDS(world, world->n_jobs < HM_CALLS_MIN);
		world->jobs[world->n_jobs++] =
			(struct world_job){ .id = event->call, .number = number, .halves = event->head.stream };
		if (world->hostile)
			return;
		HOLDS(world, world->n_jobs <= world->client_config.hello.calls_max);
		HOLDS(world, event->head.parent == ~(uint64_t)number);
		HOLDS(world, event->head.stream == world_plan(world, number).halves);
		HOLDS(world, (event->head.idempotency_key_bytes == 5) == world_plan(world, number).keyed);
		HOLDS(world, event->body_bytes == world_plan(world, number).request_bytes);
		HOLDS(world, world_is_filled(number, OF_REQUEST, event->body, event->body_bytes));
	}
	if (event->type == HM_EVENT_CANCEL) {
		HOLDS(world, world_job_of(world, event->call));
		world_job_of(world, event->call)->cancelled = true;
	}
}

static void check_reply(struct world *world, const struct hm_event *event)
{
	uint32_t number = (uint32_t)((struct world_call *)event->user - world->calls);
	struct plan plan = world_plan(world, number);

	HOLDS(world, event->call == world->calls[number].id);
	HOLDS(world, event->status == plan.status && event->body_bytes == plan.reply_bytes);
	HOLDS(world, plan.audited ? hm_id_equal(&event->audit_id, &plan.audit_id) : hm_id_is_zero(&event->audit_id));
	HOLDS(world, world->calls[number].stream.had == world->calls[number].replies);
	HOLDS(world, world_is_filled(number, OF_REPLY, event->body, event->body_bytes));
}

static void client_event(struct world *world, const struct hm_event *event)
{
	if (event->type == HM_EVENT_REPLY) {
		if (!world->hostile)
			check_reply(world, event);
		world_end_call(world, event->user);
		world->replies++;
	} else if (event->type == HM_EVENT_EXPIRED) {
		int64_t deadline_us = ((struct world_call *)event->user)->deadline_us;

		HOLDS(world, deadline_us && deadline_us <= world->now_us);
		world_end_call(world, event->user);
		world->expired++;
	}
}

/* Takes the events of an end. A broken connection is lost; without damage on the way, only silence may break one. */
void world_take_events(struct world *world, enum hm_side at)
{
	struct hm_engine *engine = at == HM_CLIENT ? world->client : world->server;
	struct hm_event event;
	hm_status status;

	while (hm_engine_next_event(engine, &event))
		if (event.type == HM_EVENT_DATA || event.type == HM_EVENT_END || event.type == HM_EVENT_WRITABLE)
			world_stream_event(world, at, &event);
		else
			(at == HM_CLIENT ? client_event : serve_event)(world, &event);
	status = hm_engine_error(engine);
	if (status && !world->hostile && status != HM_UNAVAILABLE)
		cr_log_error("%s", hm_error_get()->message);
	HOLDS(world,
	      !status || world->hostile || (status == HM_UNAVAILABLE && world->client_config.hello.keepalive_ms));
	if (status)
		world_lose(world);
}

static bool holds_one_frame(const uint8_t *bytes, size_t size)
{
	return size ==
	       HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + hm_frame_decode(bytes + HM_PACKET_HEAD_BYTES).body_bytes;
}

void world_take(struct world *world, enum hm_side from)
{
	struct hm_engine *engine = from == HM_CLIENT ? world->client : world->server;
	struct world_link *link = from == HM_CLIENT ? &world->to_server : &world->to_client;
	size_t size = hm_engine_packet_size(engine);
	uint8_t *bytes = size ? malloc(size) : NULL;

	if (!bytes)
		return;
	hm_engine_take_packet(engine, bytes);
	HOLDS(world, size <= HM_PACKET_HEAD_BYTES + HM_PACKET_FRAMES_BYTES || holds_one_frame(bytes, size));
	if (!world->hostile || link->n_packets < WORLD_PACKETS) {
		HOLDS(world, link->n_packets < WORLD_PACKETS);
		link->packets[link->n_packets++] = (struct world_packet){ bytes, size };
	} else {
		free(bytes); /* a peer that acknowledges what it has not had loses replies, as it asked for */
	}
	if (size > HM_PACKET_HEAD_BYTES && link->n_packets > world->most_packets)
		world->most_packets = link->n_packets;
	link->sent += size > HM_PACKET_HEAD_BYTES;
	if (!world->hostile) {
		HOLDS(world, link->sent - link->acknowledged <= HM_PACKETS_UNACKNOWLEDGED_MAX);
		HOLDS(world, link->n_packets <= WORLD_PACKETS_PROVEN + 4); /* 4: left of an old connection */
	}
	world_take_events(world, from); /* there may be room for writers now */
}

/* Notes what a packet tells the end it comes to about its own packets. */
static void note_acknowledgement(struct world *world, enum hm_side to, const struct world_packet *packet)
{
	struct world_link *back = to == HM_CLIENT ? &world->to_server : &world->to_client;

	if (!world->hostile && hm_engine_peer(to == HM_CLIENT ? world->client : world->server))
		back->acknowledged = hm_packet_head_decode(packet->bytes).acknowledged;
}

void world_deliver(struct world *world, enum hm_side to)
{
	struct hm_engine *engine = to == HM_CLIENT ? world->client : world->server;
	struct world_link *link = to == HM_CLIENT ? &world->to_client : &world->to_server;
	struct world_packet packet = link->packets[0];
	size_t connection = world->connections;

	if (!link->n_packets)
		return;
	if (world->hostile)
		world_damage(world, &packet);
	if (!world->hostile || world_roll(world, 60)) /* else it comes twice */
		memmove(link->packets, link->packets + 1, --link->n_packets * sizeof packet);
	else
		link->packets[0] = world_packet_copy(packet, packet.size);
	if (hm_engine_feed(engine, packet.bytes, packet.size, world->now_us))
		HOLDS(world, world->hostile || hm_error_get()->code == HM_UNAVAILABLE);
	world_take_events(world, to);
	if (connection == world->connections)
		note_acknowledgement(world, to, &packet);
	free(packet.bytes);
}

void world_pass(struct world *world, int64_t us)
{
	int64_t until_us = world->now_us + us;
	size_t connection = world->connections;

	world->now_us = until_us;
	hm_engine_tick(world->client, world->now_us);
	world_take_events(world, HM_CLIENT);
	if (connection == world->connections) {
		hm_engine_tick(world->server, world->now_us);
		world_take_events(world, HM_SERVER);
	}
	HOLDS(world, hm_engine_next_tick_us(world->client) > world->now_us - 3000);
	for (size_t i = 0; i < world->n_calls; i++)
		HOLDS(world, world->calls[i].has_ended || !world->calls[i].deadline_us ||
				     world->calls[i].deadline_us > world->now_us - 3000);
}

static bool moves(const struct world *world)
{
	return world->to_client.n_packets || world->to_server.n_packets || hm_engine_packet_size(world->client) ||
	       hm_engine_packet_size(world->server);
}

void world_flush(struct world *world)
{
	while (moves(world)) {
		world_take(world, HM_CLIENT);
		world_take(world, HM_SERVER);
		world_deliver(world, HM_SERVER);
		world_deliver(world, HM_CLIENT);
	}
	HOLDS(world,
	      world->hostile || (!hm_engine_pending_bytes(world->client) && !hm_engine_pending_bytes(world->server)));
}

void world_finish(struct world *world)
{
	world_flush(world);
	while (world->n_jobs || moves(world)) {
		world_go_on(world);
		for (size_t n = world->n_jobs; n; n--)
			world_answer(world);
		world_flush(world);
	}
	if (world->hostile)
		world_lose(world); /* a REPLY that was damaged into something else does not come */
	for (size_t i = 0; i < world->n_calls; i++)
		HOLDS(world, world->calls[i].has_ended);
	HOLDS(world, !hm_engine_calls(world->client) && !hm_engine_calls(world->server));
	HOLDS(world, world->hostile || hm_engine_room(world->client) == world->client_config.hello.calls_max);
	world_check_ended(world);
}
