/*
 * Server status: calls and connections. What is needed of a peer is copied under its lock into places that were there before; texts
 * are made of it afterwards. Peers are held meanwhile, so what their names and services point at stays.
 */
#include "server/server_status.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "server/server_status_own.h"
#include "server/serving.h"

enum { SERVICES_MAX = 8 }; /* that are listed of those a connection has proven to be */

/* Methods and tenants live as long as the server. */
struct running {
	const struct hm_method *method;
	const struct hm_tenant *tenant;
	const char *peer;
	struct hm_id request_id;
	int64_t started_us;
	bool streams;
};

struct connected {
	char *peer;
	const char *services[SERVICES_MAX];
	size_t n_services;
	uint32_t n_calls, n_streams;
	int64_t since_us, busy_us;
};

struct view {
	struct hm_server *server;
	struct running *calls;
	size_t n_calls, youngest, limit;
	uint32_t n_running;
};

static size_t find_youngest(const struct view *view)
{
	size_t youngest = 0;

	for (size_t i = 1; i < view->n_calls; i++)
		if (view->calls[i].started_us > view->calls[youngest].started_us)
			youngest = i;
	return youngest;
}

/* With the peer's lock held. The oldest are kept: a younger one goes for them. */
static void note_call(struct view *view, const struct hm_serving *serving, struct connected *connection)
{
	size_t place = view->n_calls;

	view->n_running++;
	connection->n_calls++;
	connection->n_streams += serving->stream != NULL;
	if (view->n_calls == view->limit) {
		place = view->youngest;
		if (serving->call.started_us >= view->calls[place].started_us)
			return;
	} else {
		view->n_calls++;
	}
	view->calls[place] = (struct running){ .method = serving->call.method,
					       .tenant = hm_binding_tenant(view->server, serving->binding),
					       .peer = connection->peer,
					       .request_id = serving->call.context.request_id,
					       .started_us = serving->call.started_us,
					       .streams = serving->stream != NULL };
	if (view->n_calls == view->limit)
		view->youngest = find_youngest(view);
}

static void look_at(struct view *view, struct hm_peer *peer, struct connected *connection)
{
	pthread_mutex_lock(&peer->lock);
	memcpy(connection->peer, peer->name, sizeof peer->name);
	for (; connection->n_services < peer->n_proven && connection->n_services < SERVICES_MAX;
	     connection->n_services++)
		connection->services[connection->n_services] = peer->proven[connection->n_services];
	connection->since_us = peer->since_us;
	connection->busy_us = peer->busy_us;
	for (size_t i = 0; i < HM_PEER_BUCKETS; i++)
		for (const struct hm_serving *serving = peer->running[i]; serving; serving = serving->next_running)
			note_call(view, serving, connection);
	pthread_mutex_unlock(&peer->lock);
}

static uint64_t ms_since(int64_t then_us, int64_t now_us)
{
	return now_us > then_us ? (uint64_t)(now_us - then_us) / HM_US_PER_MS : 0;
}

static Admin__Call *make_call(struct hm_arena *arena, const struct running *running, int64_t now_us)
{
	Admin__Call *call = hm_arena_alloc(arena, sizeof *call);
	char request[HM_ID_TEXT_BYTES];

	hm_id_format(&running->request_id, request);
	*call = (Admin__Call){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__call__descriptor),
		.method = running->method->name,
		.brand = hm_tenant_brand(running->tenant),
		.peer = running->peer,
		.has_age_ms = true,
		.age_ms = ms_since(running->started_us, now_us),
		.request_id = hm_arena_strdup(arena, request),
		.has_streams = true,
		.streams = running->streams,
	};
	return call;
}

static Admin__Connection *make_connection(struct hm_arena *arena, const struct connected *connected, int64_t now_us)
{
	Admin__Connection *connection = hm_arena_alloc(arena, sizeof *connection);
	const char **services = hm_arena_alloc(arena, (connected->n_services + 1) * sizeof *services);

	for (size_t i = 0; i < connected->n_services; i++)
		services[i] = hm_arena_strdup(arena, connected->services[i]);
	*connection = (Admin__Connection){
		.base = PROTOBUF_C_MESSAGE_INIT(&admin__connection__descriptor),
		.peer = connected->peer,
		.n_services = connected->n_services,
		.services = services,
		.has_calls = true,
		.calls = connected->n_calls,
		.has_streams = true,
		.streams = connected->n_streams,
		.has_age_ms = true,
		.age_ms = ms_since(connected->since_us, now_us),
		.has_idle_ms = true,
		.idle_ms = ms_since(connected->busy_us, now_us),
	};
	return connection;
}

static int compare_ages(const void *left, const void *right)
{
	const struct running *a = left, *b = right;

	return a->started_us < b->started_us ? -1 : a->started_us > b->started_us;
}

static void put_calls(struct view *view, struct hm_arena *arena, Admin__StatusReply *reply)
{
	const int64_t now_us = hm_clock_mono_us();

	qsort(view->calls, view->n_calls, sizeof *view->calls, compare_ages);
	reply->calls = hm_arena_alloc(arena, view->n_calls * sizeof *reply->calls);
	for (reply->n_calls = 0; reply->n_calls < view->n_calls; reply->n_calls++)
		reply->calls[reply->n_calls] = make_call(arena, &view->calls[reply->n_calls], now_us);
	reply->has_calls_in_flight = true;
	reply->calls_in_flight = view->n_running;
}

static void put_connections(struct view *view, struct hm_arena *arena, Admin__StatusReply *reply)
{
	const int64_t now_us = hm_clock_mono_us();
	size_t n_peers;
	struct hm_peer **peers = hm_peers_hold(view->server, &n_peers);

	reply->connections = hm_arena_alloc(arena, view->limit * sizeof *reply->connections);
	for (size_t i = 0; i < n_peers; i++) {
		struct connected connected = { .peer = hm_arena_alloc(arena, HM_PEER_BYTES) };

		look_at(view, peers[i], &connected);
		if (reply->n_connections < view->limit)
			reply->connections[reply->n_connections++] = make_connection(arena, &connected, now_us);
	}
	hm_peers_release(peers, n_peers);
	reply->has_connections_open = true;
	reply->connections_open = (uint32_t)n_peers;
}

void hm_server_status(struct hm_server *server, size_t limit, struct hm_arena *arena, Admin__StatusReply *reply)
{
	struct view view = { .server = server, .limit = limit ? limit : 1 };

	view.calls = hm_arena_alloc(arena, view.limit * sizeof *view.calls);
	put_connections(&view, arena, reply);
	put_calls(&view, arena, reply);
	hm_server_put_pools(server, view.limit, arena, reply);
	hm_server_put_channels(server, arena, reply);
}
