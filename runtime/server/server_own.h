/*
 * Server, inside: its state, beside what server.h shows. One peer a connection; one pool of workers a service; calls recycled.
 *
 *     packet → peer (engine) → binding (slot) → method → inline: run here, answers gathered, one lock for all
 *                                                      → worker: decode, run, answer
 *
 *              peer.h          binding.h        here     serving.h
 *
 * Locks: server->peers_lock before peer->lock; a pool's and the free list's alone. (server's own header)
 */
#pragma once
#include <pthread.h>

#include "net/port.h"
#include "net/timer.h"
#include "rpc/tally.h"
#include "server/server_metrics.h"

struct hm_peer;
struct hm_pool;
struct hm_serving;
struct hm_stream_pool;
struct hm_tenants;

struct hm_method_row {
	const struct hm_method *method; /* NULL: empty */
	const struct hm_service *service;
	struct hm_pool *pool;
	struct hm_stream_pool *streams;
	_Atomic uint32_t typical_us; /* what a call takes on a worker; 0: not known yet */
	struct hm_tallies tallies;
};

struct hm_server {
	struct hm_server_config config;
	struct hm_tenants *tenants;
	struct hm_port *port;
	struct hm_method_row *methods; /* open addressing by id */
	size_t methods_mask;
	struct hm_method_row unknown; /* calls of methods that are not served here */
	_Atomic uint64_t refused[HM_REFUSED]; /* by reason */
	struct hm_pool **pools; /* by service; behind them that of the built-in ones */
	struct hm_stream_pool **stream_pools;
	struct hm_timer sweeper;
	_Atomic bool is_draining;
	_Atomic bool turns_away_own; /* draining, connections of this process too */
	_Atomic bool *unhealthy; /* by service; behind them the server as a whole */

	pthread_mutex_t peers_lock;
	pthread_cond_t changed; /* a peer left or a call ended while draining */
	struct hm_peer *peers;
	size_t n_peers;

	pthread_mutex_t free_lock;
	struct hm_serving *free;
	size_t n_free;

	pthread_mutex_t channels_lock;
	struct hm_server_channel *channels; /* to the services that handlers call */

	_Atomic uint64_t connections, connections_refused, packets_bad, calls_started, calls_ended, calls_refused;
};

/* server_methods.c. FAILED_PRECONDITION: two methods have the same id. */
hm_status hm_methods_open(struct hm_server *server);
void hm_methods_close(struct hm_server *server);
struct hm_method_row *hm_methods_find(const struct hm_server *server, uint64_t id);

/* server_channels.c: what hm_call_channel opened, closed once no handler runs any more. */
void hm_server_channels_close(struct hm_server *server);
