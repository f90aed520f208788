/*
 * Engine world: a client and a server engine, the packets between them, and a die. All of it is in one struct and moves only
 * when a test says so; what happens depends on the seed alone, so a seed is a whole story that can be told again.
 *
 *     client ── to_server: packets in order ──> server        jobs: calls the server was asked for, to be answered some time
 *        ^──── to_client: nng's reply queue ──────┘           calls: all that were begun, each to end exactly once
 *
 * Request and reply are made from a call's number, so each end can tell whether what came is what was sent.
 */
#pragma once
#include "wire/engine.h"

enum {
	WORLD_CALLS = 512,
	WORLD_PACKETS = 64, /* nng's reply queue */
	WORLD_PACKETS_PROVEN = 48, /* what engine_flow.c proves */
	WORLD_REPLY_BYTES_MAX = 48 << 10,
	WORLD_MESSAGE_BYTES_MAX = 90 << 10, /* over the smallest window, and over the smallest packet */
};

struct world_packet {
	uint8_t *bytes; /* of exactly this size, so that reading over the end is seen */
	size_t size;
};

struct world_link {
	struct world_packet packets[WORLD_PACKETS];
	size_t n_packets;
	uint32_t sent, acknowledged; /* counted packets put in; of these, what the sender has been told of */
};

/* One end's view of a stream: its writer, and its reader. */
struct world_stream {
	uint32_t sent, had; /* messages */
	uint64_t sent_bytes, had_bytes, taken_bytes; /* taken: read of what was had */
	bool is_blocked, has_ended, was_ended; /* waits for WRITABLE; writes no more; END came */
};

struct world_call {
	uint32_t id;
	int64_t deadline_us;
	bool has_ended;
	struct world_stream stream;
	uint64_t taken[2]; /* by the reader of what HM_CLIENT wrote, and HM_SERVER */
	uint32_t replies; /* messages sent when it was answered */
};

struct world_job {
	uint32_t id, number;
	uint8_t halves;
	bool cancelled;
	struct world_stream stream;
};

struct world {
	uint64_t seed, die;
	bool hostile; /* packets are damaged on their way: what they say is not checked, only that all ends well */
	bool heavy; /* many large bodies, so that the credit of packets runs out */
	int64_t now_us;
	struct hm_engine_config client_config, server_config;
	struct hm_engine *client, *server;
	struct world_link to_server, to_client;
	struct world_call calls[WORLD_CALLS];
	size_t n_calls;
	struct world_job jobs[HM_CALLS_MIN];
	size_t n_jobs;
	size_t rounds; /* of world_finish: then no stream is answered early, so that who waits in vain is seen */
	size_t messages, blocked[2], early; /* blocked: for credit, for room (mostly); early: answered before its end */
	size_t connections, replies, expired, cancelled, failed, dropped_replies, most_packets;
};

void world_init(struct world *world, uint64_t seed, bool hostile);
void world_fini(struct world *world);

/* world_roll returns a number below n. */
uint32_t world_roll(struct world *world, uint32_t n);

/* The steps. Each does nothing where there is nothing to do. */
void world_call(struct world *world);
void world_cancel(struct world *world);
void world_bind(struct world *world);
void world_answer(struct world *world);
void world_write(struct world *world, enum hm_side side);
void world_read(struct world *world, enum hm_side side);
void world_take(struct world *world, enum hm_side from);
void world_deliver(struct world *world, enum hm_side to);
void world_pass(struct world *world, int64_t us);
void world_lose(struct world *world);

/* world_packet_copy returns a packet's first bytes, filled with zeros to the size wanted. */
struct world_packet world_packet_copy(struct world_packet packet, size_t size);

/* world_damage changes bytes, often in the first heads, where lengths, types and ids are; cuts; grows; and puts frames of streams behind
 * the packet that break their rules. Most packets stay whole. */
void world_damage(struct world *world, struct world_packet *packet);

/* world_flush lets all packets travel, without answering anything, and checks that no frame is left waiting. */
void world_flush(struct world *world);

/* world_finish answers everything and checks that every call has ended. */
void world_finish(struct world *world);
