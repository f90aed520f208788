/*
 * Peer: one connection of the server, with its engine, what its slots mean, and the calls it has running. Packets come in by intake.c,
 * on one thread at a time; whatever else sends on it takes its lock. (server's own header)
 */
#pragma once
#include <pthread.h>

#include "base/buffer.h"
#include "net/port.h"
#include "wire/engine.h"

struct hm_binding;
struct hm_server;
struct hm_serving;

enum {
	/* Told in HELLO: of one connection. */
	HM_SERVER_PACKET_BYTES = 8 << 20,
	HM_SERVER_CALLS = 16384,
	HM_SERVER_SLOTS = 64,
	HM_SERVER_STREAMS = 1024,

	HM_PEER_SOLO_CALLS = 32, /* of a client that has no credit to keep */
	HM_PEER_BUCKETS = 256,
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

/* hm_peer_open returns NULL if the server takes no more. hm_peer_end: it has gone. */
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

/* intake.c: packets in, and what to do when all that came are read. */
void hm_intake_packet(void *peer, const struct hm_address *from, const void *bytes, size_t size);
void hm_intake_idle(void *peer);
