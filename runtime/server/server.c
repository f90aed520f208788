/* Server: life. What happens to a packet is in intake.c, to a call in serving.c, to a connection in peer.c. */
#include "server/server.h"

#include <stdlib.h>

#include "server/pool.h"
#include "server/serving.h"
#include "server/stream_pool.h"

enum {
	WORKERS = 64,
	STREAMS_MAX = 256,
	QUEUE_MAX = 4096,
	CONNECTIONS_MAX = 1024,
	CONNECTION_IDLE_MS = 30 * 60 * 1000,
	CONNECTION_GRACE_MS = 60 * 1000,
	BUILT_IN_QUEUE_MAX = 64,
	WATCHES_MAX = 64
};

static void *on_connected(void *user, struct hm_pipe *pipe, const char *name)
{
	return hm_peer_open(user, pipe, name);
}

static void on_disconnected(void *peer)
{
	hm_peer_end(peer);
}

static const struct hm_port_handler handler = {
	.connected = on_connected,
	.packet = hm_intake_packet,
	.idle = hm_intake_idle,
	.disconnected = on_disconnected,
};

static void on_sweep(void *user)
{
	hm_peer_sweep(user);
}

static void init_locks(struct hm_server *server)
{
	pthread_cond_init(&server->changed, NULL);
	pthread_mutex_init(&server->peers_lock, NULL);
	pthread_mutex_init(&server->free_lock, NULL);
	pthread_mutex_init(&server->channels_lock, NULL);
	hm_timer_init(&server->sweeper, on_sweep, server);
}

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

static void *allocate(size_t count, size_t bytes)
{
	void *memory = calloc(count ? count : 1, bytes);

	if (!memory)
		abort();
	return memory;
}

static void open_pools(struct hm_server *server)
{
	const struct hm_server_config *config = &server->config;

	server->unhealthy = allocate(config->n_services + 1, sizeof *server->unhealthy);
	server->pools = allocate(config->n_services + 1, sizeof(struct hm_pool *));
	server->stream_pools = allocate(config->n_services + 1, sizeof(struct hm_stream_pool *));
	for (size_t i = 0; i < config->n_services; i++) {
		const char *name = config->services[i]->table->short_name;

		server->pools[i] = hm_pool_open(&(struct hm_pool_config){ .name = name,
									  .threads_max = config->workers,
									  .queue_max = config->queue_max,
									  .running_max = config->running_max,
									  .work = hm_serving_work });
		server->stream_pools[i] = hm_stream_pool_open(name, config->streams_max);
	}
	server->pools[config->n_services] = hm_pool_open(&(struct hm_pool_config){
		.name = "built-in", .threads_max = 1, .queue_max = BUILT_IN_QUEUE_MAX, .work = hm_serving_work });
	server->stream_pools[config->n_services] = hm_stream_pool_open("built-in", WATCHES_MAX);
}

static struct hm_port *open_port(const struct hm_port_limits *given, struct hm_server *server)
{
	struct hm_port_limits limits = given ? *given : (struct hm_port_limits){ 0 };

	limits.packet_bytes_max = HM_SERVER_PACKET_BYTES;
	return hm_port_open(&limits, &handler, server);
}

hm_status hm_server_open(const struct hm_server_config *config, struct hm_server **ret_server)
{
	SCOPED(hm_server) server = allocate(1, sizeof *server);
	const struct hm_service **services = allocate(config->n_services, sizeof *services);

	for (size_t i = 0; i < config->n_services; i++)
		services[i] = config->services[i];
	server->config = *config;
	server->config.services = services;
	server->config.workers = or_default(config->workers, WORKERS);
	server->config.queue_max = or_default(config->queue_max, QUEUE_MAX);
	server->config.connections_max = or_default(config->connections_max, CONNECTIONS_MAX);
	server->config.connection_idle_ms = or_default(config->connection_idle_ms, CONNECTION_IDLE_MS);
	server->config.connection_grace_ms = or_default(config->connection_grace_ms, CONNECTION_GRACE_MS);
	server->config.streams_max = or_default(config->streams_max, STREAMS_MAX);
	init_locks(server);
	server->tenants = hm_tenants_open();
	open_pools(server);
	TRY(hm_methods_open(server));
	server->port = open_port(config->limits, server);
	*ret_server = take(&server);
	return HM_OK;
}

hm_status hm_server_listen(struct hm_server *server, const char *url, char ret_url[256])
{
	return hm_port_listen(server->port, url, ret_url);
}

hm_status hm_server_take_over(struct hm_server *server, const char *url)
{
	return hm_port_take_over(server->port, url);
}

hm_status hm_server_set_quota(struct hm_server *server, const char *brand, uint32_t calls_per_s, uint32_t in_flight_max)
{
	return hm_tenants_set(server->tenants, brand, calls_per_s, in_flight_max);
}

static void free_servings(struct hm_server *server)
{
	for (struct hm_serving *serving = server->free, *next; serving; serving = next) {
		next = (struct hm_serving *)serving->call.next;
		hm_arena_fini(&serving->call.context.arena);
		free(serving);
	}
}

/* When the connections end the running calls are cancelled, so the workers come to an end too. */
void hm_server_close(struct hm_server *server)
{
	if (!server)
		return;
	atomic_store(&server->is_draining, true);
	atomic_store(&server->turns_away_own, true);
	if (server->port)
		hm_port_stop(server->port);
	hm_timer_stop(&server->sweeper);
	for (size_t i = 0; server->pools && i <= server->config.n_services; i++)
		hm_pool_close(server->pools[i]);
	for (size_t i = 0; server->stream_pools && i <= server->config.n_services; i++)
		hm_stream_pool_close(server->stream_pools[i]);
	hm_server_channels_close(server);
	hm_port_close(server->port);
	free_servings(server);
	hm_tenants_close(server->tenants);
	free(server->pools);
	free(server->stream_pools);
	free(server->unhealthy);
	hm_methods_close(server);
	free((void *)(uintptr_t)server->config.services);
	pthread_cond_destroy(&server->changed);
	pthread_mutex_destroy(&server->peers_lock);
	pthread_mutex_destroy(&server->free_lock);
	pthread_mutex_destroy(&server->channels_lock);
	free(server);
}

void hm_server_stats(struct hm_server *server, struct hm_server_stats *ret_stats)
{
	*ret_stats = (struct hm_server_stats){
		.connections = atomic_load(&server->connections),
		.connections_refused = atomic_load(&server->connections_refused),
		.packets_bad = atomic_load(&server->packets_bad),
		.calls_started = atomic_load(&server->calls_started),
		.calls_ended = atomic_load(&server->calls_ended),
		.calls_refused = atomic_load(&server->calls_refused),
	};
	for (size_t i = 0; i < server->config.n_services; i++) {
		struct hm_pool_stats pool;

		hm_pool_stats(server->pools[i], &pool);
		ret_stats->calls_waiting += pool.waiting;
		ret_stats->calls_running += pool.running;
	}
}
