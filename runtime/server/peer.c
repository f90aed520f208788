/* Peer: a server's connections: counted, swept once a second, and the calls each has running. */
#include "server/serving_fault.h"
#include "server/serving_stream.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum {
	KEEPALIVE_MS = 30000,
	SILENCE_US = 10 * HM_US_PER_S,
	SOLO_SILENCE_US = 60 * HM_US_PER_S,
	SWEEP_US = HM_US_PER_S,
	AGE_SPREAD = 10
};

static struct hm_engine *open_engine(int64_t now_us)
{
	struct hm_engine_config config = {
		.side = HM_SERVER,
		.hello = {
			.version_min = HM_PROTOCOL_VERSION,
			.version_max = HM_PROTOCOL_VERSION,
			.packet_bytes_max = HM_SERVER_PACKET_BYTES,
			.calls_max = HM_SERVER_CALLS,
			.slots_max = HM_SERVER_SLOTS,
			.streams_max = HM_SERVER_STREAMS,
			.keepalive_ms = KEEPALIVE_MS,
		},
	};

	hm_random(config.hello.nonce, sizeof config.hello.nonce);
	snprintf(config.hello.name, sizeof config.hello.name, "%s", program_invocation_short_name);
	return hm_engine_open(&config, now_us);
}

/* Spread by chance, so that clients who came together do not go together. */
static int64_t age_limit_us(const struct hm_server *server, int64_t now_us)
{
	int64_t age_us = (int64_t)server->config.connection_age_ms * HM_US_PER_MS;
	uint32_t chance;

	if (!age_us)
		return INT64_MAX;
	hm_random(&chance, sizeof chance);
	return now_us + age_us - age_us / AGE_SPREAD + (int64_t)((uint64_t)(2 * age_us / AGE_SPREAD) * chance >> 32);
}

static struct hm_peer *make_peer(struct hm_server *server, struct hm_pipe *pipe, const char *name)
{
	struct hm_peer *peer = calloc(1, sizeof *peer);

	if (!peer)
		abort();
	peer->references = 1;
	peer->server = server;
	peer->pipe = hm_pipe_hold(pipe);
	snprintf(peer->name, sizeof peer->name, "%s", name);
	peer->is_own = !strcmp(name, "inproc");
	peer->since_us = hm_clock_mono_us();
	peer->busy_us = peer->since_us;
	peer->too_old_us = age_limit_us(server, peer->since_us);
	peer->gone_by_us = INT64_MAX;
	peer->engine = open_engine(peer->since_us);
	pthread_mutex_init(&peer->lock, NULL);
	return peer;
}

/* With the lock held. */
static void enlist(struct hm_server *server, struct hm_peer *peer)
{
	peer->next = server->peers;
	if (peer->next)
		peer->next->previous = peer;
	server->peers = peer;
	if (!server->n_peers++)
		hm_timer_set(&server->sweeper, peer->since_us + SWEEP_US);
}

struct hm_peer *hm_peer_open(struct hm_server *server, struct hm_pipe *pipe, const char *name)
{
	const _Atomic bool *turns_away = strcmp(name, "inproc") ? &server->is_draining : &server->turns_away_own;
	struct hm_peer *peer = NULL;

	pthread_mutex_lock(&server->peers_lock);
	if (!atomic_load(turns_away) && server->n_peers < server->config.connections_max) {
		peer = make_peer(server, pipe, name);
		enlist(server, peer);
	}
	pthread_mutex_unlock(&server->peers_lock);
	atomic_fetch_add(peer ? &server->connections : &server->connections_refused, 1);
	return peer;
}

void hm_peer_hold(struct hm_peer *peer)
{
	atomic_fetch_add_explicit(&peer->references, 1, memory_order_relaxed);
}

void hm_peer_release(struct hm_peer *peer)
{
	if (atomic_fetch_sub(&peer->references, 1) != 1)
		return;
	for (size_t i = 0; i < HM_SERVER_SLOTS; i++)
		hm_binding_close(peer->slots[i]);
	hm_binding_close(peer->solo_binding);
	hm_serving_close(peer->inline_call);
	hm_buffer_fini(&peer->answers);
	hm_buffer_fini(&peer->held);
	hm_peer_forget_proofs(peer);
	hm_engine_close(peer->engine);
	pthread_mutex_destroy(&peer->lock);
	hm_pipe_release(peer->pipe);
	free(peer);
}

static void delist(struct hm_server *server, struct hm_peer *peer)
{
	pthread_mutex_lock(&server->peers_lock);
	if (peer->previous)
		peer->previous->next = peer->next;
	else
		server->peers = peer->next;
	if (peer->next)
		peer->next->previous = peer->previous;
	server->n_peers--;
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->peers_lock);
}

/* The flag stays, and whatever the handler waits for ends now: a statement, a call of its own. */
static void cancel(struct hm_serving *serving)
{
	hm_cancel_set(&serving->call.context.cancel);
	hm_context_cancel(&serving->call.context);
	hm_serving_stream_wake(serving);
}

void hm_peer_end(struct hm_peer *peer)
{
	delist(peer->server, peer);
	pthread_mutex_lock(&peer->lock);
	atomic_store(&peer->is_gone, true);
	for (size_t i = 0; i < HM_PEER_BUCKETS; i++)
		for (struct hm_serving *serving = peer->running[i]; serving; serving = serving->next_running)
			cancel(serving);
	pthread_mutex_unlock(&peer->lock);
	hm_peer_release(peer);
}

struct hm_peer **hm_peers_hold(struct hm_server *server, size_t *ret_count)
{
	struct hm_peer **peers;
	size_t count = 0;

	pthread_mutex_lock(&server->peers_lock);
	peers = calloc(server->n_peers + 1, sizeof(struct hm_peer *));
	if (!peers)
		abort();
	for (struct hm_peer *peer = server->peers; peer; peer = peer->next) {
		hm_peer_hold(peer);
		peers[count++] = peer;
	}
	pthread_mutex_unlock(&server->peers_lock);
	*ret_count = count;
	return peers;
}

void hm_peers_release(struct hm_peer **peers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hm_peer_release(peers[i]);
	free(peers);
}

/* Who has said nothing yet does not stay long; who has greeted is asked now and then whether it is still there. A SOLO client cannot be
 * asked: between its calls it has a minute. */
static bool is_over(const struct hm_peer *peer, int64_t now_us)
{
	if (!peer->has_spoken)
		return now_us - peer->since_us > SILENCE_US;
	if (hm_engine_error(peer->engine) != HM_OK || now_us >= peer->gone_by_us)
		return true;
	return !hm_engine_peer(peer->engine) && !peer->solo_calls && now_us - peer->heard_us > SOLO_SILENCE_US;
}

/* Its client goes elsewhere, or comes again when it has something to ask; what runs may end. */
static void retire(struct hm_peer *peer, int64_t now_us)
{
	const struct hm_server_config *config = &peer->server->config;
	int64_t idle_us = (int64_t)config->connection_idle_ms * HM_US_PER_MS;
	bool is_idle = now_us - peer->busy_us > idle_us && !hm_engine_calls(peer->engine);

	if (!hm_engine_peer(peer->engine) || peer->gone_by_us != INT64_MAX || (!is_idle && now_us < peer->too_old_us))
		return;
	peer->gone_by_us = now_us + (int64_t)config->connection_grace_ms * HM_US_PER_MS;
	hm_engine_goaway(peer->engine);
}

static void sweep_peer(struct hm_peer *peer, int64_t now_us)
{
	bool ends;

	pthread_mutex_lock(&peer->lock);
	hm_engine_tick(peer->engine, now_us);
	retire(peer, now_us);
	hm_peer_flush(peer);
	ends = is_over(peer, now_us);
	pthread_mutex_unlock(&peer->lock);
	hm_pipe_push(peer->pipe);
	if (ends)
		hm_pipe_close(peer->pipe);
}

void hm_peer_sweep(struct hm_server *server)
{
	int64_t now_us = hm_clock_mono_us();
	size_t count;
	struct hm_peer **peers = hm_peers_hold(server, &count);

	for (size_t i = 0; i < count; i++)
		sweep_peer(peers[i], now_us);
	hm_peers_release(peers, count);
	pthread_mutex_lock(&server->peers_lock);
	if (server->n_peers)
		hm_timer_set(&server->sweeper, now_us + SWEEP_US);
	pthread_mutex_unlock(&server->peers_lock);
}

void hm_peer_flush(struct hm_peer *peer)
{
	size_t bytes;

	while (!peer->is_gone && (bytes = hm_engine_packet_size(peer->engine))) {
		if (peer->faults || peer->held.size) {
			hm_serving_fault_packet(peer, bytes);
			continue;
		}
		hm_engine_take_packet(peer->engine, hm_pipe_reserve(peer->pipe, NULL, bytes));
		hm_pipe_commit(peer->pipe);
	}
	if (peer->has_streams && !peer->is_being_read)
		hm_serving_stream_wake_writers(peer);
}

static struct hm_serving **bucket_of(struct hm_peer *peer, uint32_t call)
{
	return &peer->running[call % HM_PEER_BUCKETS];
}

void hm_peer_add_running(struct hm_peer *peer, struct hm_serving *serving)
{
	struct hm_serving **bucket = bucket_of(peer, serving->id);

	serving->next_running = *bucket;
	*bucket = serving;
	serving->is_listed = true;
	if (peer->is_gone)
		cancel(serving);
}

void hm_peer_remove_running(struct hm_peer *peer, struct hm_serving *serving)
{
	struct hm_serving **link = bucket_of(peer, serving->id);

	if (!serving->is_listed)
		return;
	while (*link != serving)
		link = &(*link)->next_running;
	*link = serving->next_running;
	serving->is_listed = false;
}

struct hm_serving *hm_peer_find_running(const struct hm_peer *peer, uint32_t call)
{
	struct hm_serving *serving = peer->running[call % HM_PEER_BUCKETS];

	while (serving && (serving->id != call || serving->is_solo))
		serving = serving->next_running;
	return serving;
}

void hm_peer_cancel(struct hm_peer *peer, uint32_t call)
{
	struct hm_serving *serving = hm_peer_find_running(peer, call);

	if (serving)
		cancel(serving);
}

void hm_peer_wake_streams(struct hm_peer *peer)
{
	for (size_t i = 0; peer->has_streams && i < HM_PEER_BUCKETS; i++)
		for (struct hm_serving *serving = peer->running[i]; serving; serving = serving->next_running)
			hm_serving_stream_wake(serving);
}
