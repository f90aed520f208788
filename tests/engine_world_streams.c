/*
 * Engine world, the streams: writers that write what the plan says, readers that take what came when it pleases them, and what must
 * hold of both. A writer sees no more of its reader than the engine lets through, so the checks look at both ends:
 *
 *     sent - taken by the other end's reader   below its window when a message leaves: credit is never exceeded
 *     had - taken by this end's reader         below its window when a message comes: what waits here is bounded, whatever the peer does
 *     the nth message to come                  is the nth that was sent: none lost, none twice, none out of order
 */
#include "tests/engine_world_own.h"
#include "wire/engine_own.h"

enum { ROOM_BYTES = 1 << 20, ROUNDS_MAX = 3000, TRIES = 4 };

static struct hm_engine *engine_of(const struct world *world, enum hm_side side)
{
	return side == HM_CLIENT ? world->client : world->server;
}

static uint32_t window_of(const struct world *world, enum hm_side side)
{
	const struct hm_engine_config *config = side == HM_CLIENT ? &world->client_config : &world->server_config;

	return config->hello.stream_window_bytes ? config->hello.stream_window_bytes : HM_STREAM_WINDOW_MIN;
}

/* One end of a call: what the steps need to know of it. */
struct end {
	enum hm_side side;
	uint32_t id, number;
	uint8_t writes, reads; /* the kind of its messages; 0: that half is no stream */
	struct world_stream *stream;
};

static struct end client_end(struct world *world, struct world_call *call)
{
	uint32_t number = (uint32_t)(call - world->calls);
	uint8_t halves = world_plan(world, number).halves;

	return (struct end){ HM_CLIENT,
			     call->id,
			     number,
			     halves & HM_STREAM_REQUESTS ? OF_REQUESTS : 0,
			     halves & HM_STREAM_REPLIES ? OF_REPLIES : 0,
			     &call->stream };
}

static struct end server_end(struct world_job *job)
{
	return (struct end){ HM_SERVER,
			     job->id,
			     job->number,
			     job->halves & HM_STREAM_REPLIES ? OF_REPLIES : 0,
			     job->halves & HM_STREAM_REQUESTS ? OF_REQUESTS : 0,
			     &job->stream };
}

/* What has to be true of a message that could leave. */
static void check_sent(struct world *world, const struct end *end, size_t pending_before)
{
	uint64_t taken = world->calls[end->number % WORLD_CALLS].taken[end->side];

	HOLDS(world, pending_before < ROOM_BYTES);
	HOLDS(world, world->hostile || end->stream->sent_bytes - taken < window_of(world, !end->side));
}

static void write_one(struct world *world, const struct end *end)
{
	struct hm_engine *engine = engine_of(world, end->side);
	struct world_stream *stream = end->stream;
	size_t size = world_message_bytes(world, end->number, end->writes, stream->sent);
	size_t pending = hm_engine_pending_bytes(engine);
	uint8_t *body;
	enum hm_sent sent = hm_engine_send(engine, end->id, size, &body);

	stream->is_blocked = sent == HM_SEND_BLOCKED;
	world->blocked[pending >= ROOM_BYTES / 2] += stream->is_blocked;
	if (sent == HM_SENT) {
		check_sent(world, end, pending);
		world_fill(end->number, end->writes + stream->sent, body, size);
		stream->sent++;
		stream->sent_bytes += hm_stream_cost(size);
		world->messages++;
	}
	if (sent == HM_SEND_OVER || sent == HM_SEND_TOO_LARGE)
		stream->has_ended = true;
	HOLDS(world, world->hostile || sent != HM_SEND_TOO_LARGE);
}

/* The next thing a writer has to do. It does not wait patiently if it is curious. */
static void write_next(struct world *world, const struct end *end, bool is_curious)
{
	struct world_stream *stream = end->stream;
	struct plan plan = world_plan(world, end->number);

	if (!end->writes || stream->has_ended || (stream->is_blocked && !is_curious))
		return;
	if (stream->sent < (end->side == HM_CLIENT ? plan.requests : plan.replies)) {
		write_one(world, end);
		return;
	}
	if (end->side == HM_CLIENT)
		hm_engine_end(world->client, end->id);
	stream->has_ended = true;
}

static void read_some(struct world *world, const struct end *end, uint64_t most)
{
	struct world_stream *stream = end->stream;
	uint64_t unread = stream->had_bytes - stream->taken_bytes, bytes = unread < most ? unread : most;

	if (!bytes)
		return;
	hm_engine_consume(engine_of(world, end->side), end->id, bytes);
	stream->taken_bytes += bytes;
	world->calls[end->number % WORLD_CALLS].taken[!end->side] = stream->taken_bytes;
}

/* Some end of a stream under way, on a side; false: none was found. */
static bool pick(struct world *world, enum hm_side side, struct end *ret_end)
{
	uint32_t n = (uint32_t)(side == HM_CLIENT ? world->n_calls : world->n_jobs);

	for (int i = 0; n && i < TRIES; i++) {
		uint32_t at = world_roll(world, n);

		if (side == HM_CLIENT && world->calls[at].has_ended)
			continue;
		*ret_end = side == HM_CLIENT ? client_end(world, &world->calls[at]) : server_end(&world->jobs[at]);
		if (ret_end->writes || ret_end->reads)
			return true;
	}
	return false;
}

void world_write(struct world *world, enum hm_side side)
{
	struct end end;

	if (pick(world, side, &end))
		for (uint32_t n = world_roll(world, 8); n; n--)
			write_next(world, &end, !world_roll(world, 8));
}

void world_read(struct world *world, enum hm_side side)
{
	struct end end;

	if (pick(world, side, &end))
		read_some(world, &end, 1 + world_roll(world, 2 * window_of(world, side)));
}

static void had_data(struct world *world, const struct end *end, const struct hm_event *event)
{
	struct world_stream *stream = end->stream;

	HOLDS(world, end->reads && (end->side == HM_CLIENT || !stream->was_ended));
	HOLDS(world, stream->had_bytes - stream->taken_bytes < window_of(world, end->side));
	if (!world->hostile) {
		HOLDS(world, event->body_bytes == world_message_bytes(world, end->number, end->reads, stream->had));
		HOLDS(world, world_is_filled(end->number, end->reads + stream->had, event->body, event->body_bytes));
	}
	stream->had++;
	stream->had_bytes += hm_stream_cost(event->body_bytes);
}

static void had_end(struct world *world, const struct end *end)
{
	HOLDS(world, end->side == HM_SERVER && end->reads && !end->stream->was_ended);
	HOLDS(world, world->hostile || end->stream->had == world->calls[end->number].stream.sent);
	end->stream->was_ended = true;
}

void world_stream_event(struct world *world, enum hm_side at, const struct hm_event *event)
{
	struct world_job *job = at == HM_SERVER ? world_job_of(world, event->call) : NULL;
	struct end end;

	HOLDS(world,
	      at == HM_SERVER ? job && !job->cancelled : event->user && !((struct world_call *)event->user)->has_ended);
	end = job ? server_end(job) : client_end(world, event->user);
	HOLDS(world, event->call == end.id);
	if (event->type == HM_EVENT_DATA)
		had_data(world, &end, event);
	else if (event->type == HM_EVENT_END)
		had_end(world, &end);
	else
		HOLDS(world, end.stream->is_blocked);
	if (event->type == HM_EVENT_WRITABLE)
		end.stream->is_blocked = false;
}

bool world_stream_is_done(const struct world *world, const struct world_job *job)
{
	bool has_written = !(job->halves & HM_STREAM_REPLIES) || job->stream.has_ended;
	bool has_read = !(job->halves & HM_STREAM_REQUESTS) || job->stream.was_ended;

	return job->cancelled || world->hostile || (has_written && has_read);
}

static void end_goes_on(struct world *world, const struct end *end)
{
	read_some(world, end, UINT64_MAX);
	while (end->writes && !end->stream->has_ended && !end->stream->is_blocked)
		write_next(world, end, false);
}

/* Each round all readers read and all writers write until they are blocked, so a round in which nothing moves is a stall. */
void world_go_on(struct world *world)
{
	HOLDS(world, world->rounds++ < ROUNDS_MAX);
	for (size_t i = 0; i < world->n_jobs; i++) {
		struct end server = server_end(&world->jobs[i]), client;
		struct world_call *call = &world->calls[world->jobs[i].number % WORLD_CALLS];

		if (!world->jobs[i].cancelled)
			end_goes_on(world, &server);
		client = client_end(world, call);
		if (!world->hostile && !call->has_ended)
			end_goes_on(world, &client);
	}
}

/* Every place that was ever used is free again. */
static bool all_are_free(const struct hm_streams *streams)
{
	uint32_t n = 0;

	for (uint16_t place = streams->free; place && n <= streams->used; n++)
		place = streams->table[place - 1].next;
	return n == streams->used;
}

void world_check_ended(const struct world *world)
{
	HOLDS(world,
	      world->hostile || (all_are_free(&world->client->streams) && all_are_free(&world->server->streams)));
	HOLDS(world, !world->client->streams.count || world->hostile);
	HOLDS(world, !world->server->streams.count && !world->server->streams.first);
}
