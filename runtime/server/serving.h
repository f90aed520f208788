/*
 * Serving: a server's state, beside what server.h shows. One peer a connection; one pool of workers a service; calls recycled.
 *
 *     packet → peer (engine) → binding (slot) → method → inline: run here, answers gathered, one lock for all
 *                                                      → worker: decode, run, answer
 *
 * Locks: server->peers_lock before peer->lock; a pool's and the free list's alone. (server's own header)
 */
#pragma once
#include <pthread.h>

#include "base/buffer.h"
#include "net/port.h"
#include "net/timer.h"
#include "rpc/identity.h"
#include "rpc/tally.h"
#include "server/fair.h"
#include "server/limiter.h"
#include "server/server_metrics.h"
#include "server/tenant.h"
#include "wire/engine.h"

enum {
	HM_SERVER_PACKET_BYTES = 8 << 20,
	HM_SERVER_CALLS = 16384,
	HM_SERVER_SLOTS = 64,
	HM_SERVER_STREAMS = 1024, /* of one connection */
	HM_PEER_SOLO_CALLS = 32, /* of a client that has no credit to keep */
	HM_PEER_BUCKETS = 256,
};

/* What a slot means: a principal, or why there is none. Calls keep it. */
struct hm_binding {
	_Atomic uint32_t references;
	const struct hm_interceptor *interceptor;
	void *principal;
	struct hm_tenant *tenant; /* whose queue and quotas its calls use */
	hm_status status;
	struct hm_error *error; /* status is not OK */
	char brand[HM_BRAND_BYTES];
	char token[]; /* empty: none */
};

/* A call being served. Recycled with its arena. */
struct hm_serving {
	struct hm_call call; /* first: what the layers above see */
	struct hm_peer *peer;
	struct hm_binding *binding; /* NULL: the slot was never bound */
	struct hm_method_row *row;
	struct hm_fair_node node; /* while it waits for a worker; tenant: whose share it takes */
	struct hm_tenant *tenant; /* that counts it as under way; NULL: none does */
	uint32_t id;
	bool is_solo;
	bool is_listed; /* among its peer's running calls */
	uint8_t faults; /* what happens to its answer's packet: 1 << enum hm_fault_kind */
	bool has_waited; /* no worker was free for it when it came */
	struct hm_address address; /* solo */
	const uint8_t *body; /* in the arena, or in the packet of an inline call */
	size_t body_bytes;
	struct hm_serving *next_running;
	struct hm_error *refusal; /* ended before it ran */
	struct hm_serving_stream *stream; /* NULL: its request and reply are one message each */
};

/* An answer of an inline call, followed by its bytes. */
struct hm_answer {
	struct hm_method_row *row;
	size_t request_bytes;
	uint32_t call;
	uint16_t status;
	bool is_audited;
	struct hm_id audit_id;
	size_t bytes;
};

struct hm_peer {
	_Atomic uint32_t references;
	struct hm_server *server;
	struct hm_peer *next, *previous; /* of the server's */
	struct hm_pipe *pipe;
	char name[HM_PEER_BYTES];
	int64_t since_us;
	bool is_own; /* of this process */

	/* Of the thread that reads its packets. */
	struct hm_binding *slots[HM_SERVER_SLOTS];
	struct hm_binding *solo_binding;
	struct hm_serving *inline_call;
	struct hm_buffer answers;
	char **proven; /* the services it has proven to be, before it bound anything; NULL-terminated, NULL: none */
	size_t n_proven;

	pthread_mutex_t lock;
	struct hm_engine *engine;
	_Atomic bool is_gone; /* its packets are dropped, nothing is sent to it */
	bool has_spoken;
	int64_t heard_us; /* its last packet */
	int64_t busy_us; /* the last one with more in it than PINGs */
	int64_t too_old_us; /* is told GOAWAY then; INT64_MAX: never */
	int64_t gone_by_us; /* was told GOAWAY, for age or idleness, and is closed then; INT64_MAX: was not */
	bool has_streams; /* had one ever */
	bool is_being_read; /* its engine has events for the thread that reads its packets */
	uint8_t faults; /* what happens to the next packet */
	struct hm_buffer held; /* a packet that leaves behind the next one */
	uint32_t solo_calls;
	struct hm_serving *running[HM_PEER_BUCKETS]; /* by call id */
};

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

/* methods of server_methods.c: FAILED_PRECONDITION: two methods have the same id. */
hm_status hm_methods_open(struct hm_server *server);
void hm_methods_close(struct hm_server *server);
struct hm_method_row *hm_methods_find(const struct hm_server *server, uint64_t id);

/* binding.c. hm_binding_open asks the interceptor; brand and token need no NUL. */
struct hm_binding *hm_binding_open(const struct hm_peer *peer, const struct hm_event *event);
struct hm_binding *hm_binding_hold(struct hm_binding *binding);
struct hm_tenant *hm_binding_tenant(const struct hm_server *server,
				    const struct hm_binding *binding); /* NULL: nobody's */
void hm_binding_close(struct hm_binding *binding);

/* peer.c: life and running calls. hm_peer_open returns NULL if the server takes no more. hm_peer_end: it has gone. */
struct hm_peer *hm_peer_open(struct hm_server *server, struct hm_pipe *pipe, const char *name);
void hm_peer_end(struct hm_peer *peer);
void hm_peer_hold(struct hm_peer *peer);
void hm_peer_release(struct hm_peer *peer);
/* peer_proof.c. hm_peer_prove says what the server is, behind its HELLO; with the lock held. hm_peer_take_proof takes an AUTH; a false one
 * ends the connection. */
void hm_peer_prove(struct hm_peer *peer);
void hm_peer_take_proof(struct hm_peer *peer, const struct hm_event *event);
void hm_peer_forget_proofs(struct hm_peer *peer);
void hm_peer_sweep(struct hm_server *server);
/* hm_peers_hold lists all that there are, each held, so that something can be sent to them without the lock of the list. */
struct hm_peer **hm_peers_hold(struct hm_server *server, size_t *ret_count);
void hm_peers_release(struct hm_peer **peers, size_t count);
/* With the peer's lock held (hm_pipe_push follows a flush when it is released): */
void hm_peer_flush(struct hm_peer *peer);
void hm_peer_add_running(struct hm_peer *peer, struct hm_serving *serving);
void hm_peer_remove_running(struct hm_peer *peer, struct hm_serving *serving);
void hm_peer_cancel(struct hm_peer *peer, uint32_t call);
void hm_peer_wake_streams(struct hm_peer *peer); /* they look whether they may go on */
struct hm_serving *hm_peer_find_running(const struct hm_peer *peer, uint32_t call); /* NULL: not any more; or solo */

/* server_channels.c: what hm_call_channel opened, closed once no handler runs any more. */
void hm_server_channels_close(struct hm_server *server);

/* intake.c: packets in, and what to do when all that came are read. */
void hm_intake_packet(void *peer, const struct hm_address *from, const void *bytes, size_t size);
void hm_intake_idle(void *peer);

/* serving.c: one call, from its frame to its answer.
 * open takes one from the free list and close puts it back; begin fills it in. decode unpacks the request and makes the reply;
 * run has the interceptor do the call. answer sends what came of it (an inline call's with its neighbours'); end answers and lets go
 * of peer, binding and memory. work does it all, on a worker. */
struct hm_serving *hm_serving_open(struct hm_server *server);
void hm_serving_close(struct hm_serving *serving);
void hm_serving_begin(struct hm_serving *serving, struct hm_peer *peer, struct hm_method_row *row,
		      const struct hm_event *event, struct hm_binding *binding, int64_t now_us, int64_t now_wall_us);
int64_t hm_serving_deadline(const struct hm_method *method, uint32_t timeout_ms, int64_t now_us);
hm_status hm_serving_decode(struct hm_serving *serving);
hm_status hm_serving_run(struct hm_serving *serving);
void hm_serving_answer(struct hm_serving *serving, hm_status status, bool is_inline);
void hm_serving_end(struct hm_serving *serving, hm_status status);
enum hm_outcome hm_serving_work(struct hm_serving *serving);

/* hm_serving_count has the interceptor take a refused call into account together with others of its kind, so that it can be
 * answered now; false: it is to be audited by itself, on a worker. The refusal is the thread's error, which afterwards is
 * what the caller gets. is_last: there is no worker for it. */
bool hm_serving_count(struct hm_serving *serving, bool is_last);
