/* Engine world: see the header. A check that fails ends the test and names the seed to replay. */
#include "tests/engine_world.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "wire/packet_codec.h"

#define HOLDS(world, condition)                                                                        \
	do {                                                                                           \
		if (!(condition))                                                                      \
			cr_assert(false, "not so: %s; replay with HALLMARK_SIM_SEED=%llu", #condition, \
				  (unsigned long long)(world)->seed);                                  \
	} while (0)

/* splitmix64 */
static uint64_t mix(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

uint32_t world_roll(struct world *world, uint32_t n)
{
	return (uint32_t)((mix(&world->die) >> 32) * n >> 32);
}

/* What a call's number decides: sizes mostly small, seldom over a packet of 32 KiB. */
struct plan {
	size_t request_bytes, reply_bytes;
	uint16_t status;
	bool audited, keyed;
	struct hm_id audit_id;
};

static struct plan plan_of(const struct world *world, uint32_t number)
{
	static const size_t most[8] = { 16, 64, 64, 200, 200, 1000, 5000, WORLD_REPLY_BYTES_MAX };
	uint64_t state = world->seed ^ (uint64_t)number << 32, bits = mix(&state);
	struct plan plan = { .status = bits & 3 ? 0 : bits >> 2 & 15,
			     .audited = bits >> 6 & 1,
			     .keyed = bits >> 7 & 1 };

	plan.request_bytes = mix(&state) % (most[world->heavy ? 7 : bits >> 8 & 7] + 1);
	plan.reply_bytes = mix(&state) % (most[world->heavy ? 7 : bits >> 11 & 7] + 1);
	memcpy(plan.audit_id.bytes, &state, sizeof state);
	return plan;
}

static void fill(uint32_t number, uint8_t kind, uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		bytes[i] = (uint8_t)(number * 31 + i * 7 + i / 256 + kind);
}

static bool is_filled(uint32_t number, uint8_t kind, const uint8_t *bytes, size_t size)
{
	for (size_t i = 0; i < size; i++)
		if (bytes[i] != (uint8_t)(number * 31 + i * 7 + i / 256 + kind))
			return false;
	return true;
}

static void connect_ends(struct world *world)
{
	world->client = hm_engine_open(&world->client_config, world->now_us);
	world->server = hm_engine_open(&world->server_config, world->now_us);
	world->connections++;
}

void world_init(struct world *world, uint64_t seed, bool hostile)
{
	struct hm_hello hello = {
		HM_PROTOCOL_VERSION, HM_PROTOCOL_VERSION, 1 << 20, HM_CALLS_MIN, HM_SLOTS_MIN, 0, { 0 }, "sim", 0, 0
	};

	*world = (struct world){ .seed = seed, .die = seed, .hostile = hostile, .now_us = 1000000 };
	world->heavy = world_roll(world, 24) == 0;
	hello.keepalive_ms = world_roll(world, 2) ? 1000 : 0;
	world->server_config = (struct hm_engine_config){ HM_SERVER, hello };
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

static void end_call(struct world *world, void *user)
{
	struct world_call *call = user;

	HOLDS(world, !call->ended);
	call->ended = true;
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
		end_call(world, user);
		world->failed++;
	}
	HOLDS(world, !hm_engine_calls(world->client));
	for (size_t i = 0; i < world->n_calls; i++)
		HOLDS(world, world->calls[i].ended);
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
	struct plan plan = plan_of(world, number);
	struct hm_call_head head = { .method = number, .parent = ~(uint64_t)number, .timeout_ms = ms };
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
	fill(number, 1, body, plan.request_bytes);
	world->n_calls++;
}

void world_cancel(struct world *world)
{
	struct world_call *call = world->n_calls ? &world->calls[world_roll(world, (uint32_t)world->n_calls)] : NULL;
	void *user = NULL;

	if (!call || call->ended)
		return;
	HOLDS(world, hm_engine_cancel(world->client, call->id, &user) && user == call);
	HOLDS(world, !hm_engine_cancel(world->client, call->id, &user));
	end_call(world, call);
	world->cancelled++;
}

void world_bind(struct world *world)
{
	HOLDS(world, !hm_engine_bind(world->client, (uint16_t)world_roll(world, HM_SLOTS_MIN), "loop",
				     world_roll(world, 2) ? "a token" : NULL));
}

/* Replies that wait: one for each id there is, a HELLO, a PING, a PONG. */
static size_t most_pending(const struct world *world)
{
	size_t ids = world->hostile ? HM_CALLS_MIN : world->client_config.hello.calls_max;

	return ids * (HM_FRAME_HEAD_BYTES + sizeof(struct hm_id) + WORLD_REPLY_BYTES_MAX) + 200;
}

void world_answer(struct world *world)
{
	uint32_t at = world->n_jobs ? world_roll(world, (uint32_t)world->n_jobs) : 0;
	struct world_job job = world->jobs[at];
	struct plan plan = plan_of(world, job.number);
	uint8_t *body;

	if (!world->n_jobs)
		return;
	world->jobs[at] = world->jobs[--world->n_jobs];
	HOLDS(world, hm_engine_reply(world->server, job.id, plan.status, plan.audited ? &plan.audit_id : NULL,
				     plan.reply_bytes, &body));
	fill(job.number, 2, body, plan.reply_bytes);
	HOLDS(world, hm_engine_pending_bytes(world->server) <= most_pending(world));
	HOLDS(world, !hm_engine_reply(world->server, job.id, 0, NULL, 0, &body));
	world->dropped_replies += job.cancelled;
}

static void serve_event(struct world *world, const struct hm_event *event)
{
	uint32_t number = (uint32_t)event->head.method;

	if (event->type == HM_EVENT_CALL && !event->solo) {
		HOLDS(world, world->n_jobs < HM_CALLS_MIN);
		world->jobs[world->n_jobs++] = (struct world_job){ event->call, number, false };
		if (world->hostile)
			return;
		HOLDS(world, world->n_jobs <= world->client_config.hello.calls_max);
		HOLDS(world, event->head.parent == ~(uint64_t)number);
		HOLDS(world, (event->head.idempotency_key_bytes == 5) == plan_of(world, number).keyed);
		HOLDS(world, event->body_bytes == plan_of(world, number).request_bytes);
		HOLDS(world, is_filled(number, 1, event->body, event->body_bytes));
	}
	for (size_t i = 0; event->type == HM_EVENT_CANCEL && i < world->n_jobs; i++)
		world->jobs[i].cancelled |= world->jobs[i].id == event->call;
}

static void check_reply(struct world *world, const struct hm_event *event)
{
	uint32_t number = (uint32_t)((struct world_call *)event->user - world->calls);
	struct plan plan = plan_of(world, number);

	HOLDS(world, event->call == world->calls[number].id);
	HOLDS(world, event->status == plan.status && event->body_bytes == plan.reply_bytes);
	HOLDS(world, plan.audited ? hm_id_equal(&event->audit_id, &plan.audit_id) : hm_id_is_zero(&event->audit_id));
	HOLDS(world, is_filled(number, 2, event->body, event->body_bytes));
}

static void client_event(struct world *world, const struct hm_event *event)
{
	if (event->type == HM_EVENT_REPLY) {
		if (!world->hostile)
			check_reply(world, event);
		end_call(world, event->user);
		world->replies++;
	} else if (event->type == HM_EVENT_EXPIRED) {
		int64_t deadline_us = ((struct world_call *)event->user)->deadline_us;

		HOLDS(world, deadline_us && deadline_us <= world->now_us);
		end_call(world, event->user);
		world->expired++;
	}
}

/* Takes the events of an end. A broken connection is lost; without damage on the way, only silence may break one. */
static void take_events(struct world *world, enum hm_side at)
{
	struct hm_engine *engine = at == HM_CLIENT ? world->client : world->server;
	struct hm_event event;
	hm_status status;

	while (hm_engine_next_event(engine, &event))
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
	take_events(world, to);
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
	take_events(world, HM_CLIENT);
	if (connection == world->connections) {
		hm_engine_tick(world->server, world->now_us);
		take_events(world, HM_SERVER);
	}
	HOLDS(world, hm_engine_next_tick_us(world->client) > world->now_us - 3000);
	for (size_t i = 0; i < world->n_calls; i++)
		HOLDS(world, world->calls[i].ended || !world->calls[i].deadline_us ||
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
		world_answer(world);
		world_flush(world);
	}
	if (world->hostile)
		world_lose(world); /* a REPLY that was damaged into something else does not come */
	for (size_t i = 0; i < world->n_calls; i++)
		HOLDS(world, world->calls[i].ended);
	HOLDS(world, !hm_engine_calls(world->client) && !hm_engine_calls(world->server));
}
