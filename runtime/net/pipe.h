/*
 * Pipe: one connection's packets, over a stream of nng's (tcp, ipc, tls+tcp) or within the process.
 *
 * On the wire it is what nng's REQ and REP sockets speak, so an ordinary REQ client can talk to it:
 *
 *     greeting  0 'S' 'P' 0, u16 48 (REQ) or 49 (REP), u16 0               each way, first; all integers big-endian
 *     message   [ipc: u8 1] u64 bytes, header, packet                      header: u32 words up to one with its high bit set
 *
 * nng's own sockets are not used: version 1.5.2 loses a receive when a pipe is closed as a packet arrives, and with it the thread
 * that frees all pipes of the process; and an ipc listener never accepts again after a peer that connects and is gone.
 *
 * A pipe waits for a greeting without limit: ports (net/door.h) and connections keep the time.
 *
 * Handler functions of a pipe are never called two at once. Pipes are counted; the one made has one reference.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

struct hm_pipe;

/* The header of a message, to answer an ordinary REQ client's. */
enum { HM_ADDRESS_BYTES = 32 };
struct hm_address {
	uint8_t bytes[HM_ADDRESS_BYTES];
	size_t size;
};

struct hm_pipe_handler {
	void (*up)(void *user); /* the peer's greeting came */
	void (*packet)(void *user, const struct hm_address *from, const void *bytes, size_t size);
	void (*idle)(void *user); /* time to answer: all packets that had come are told, or a large one of them is */
	void (*down)(void *user, int number); /* once, last: nng's number says why */
};

/* hm_pipe_reserve returns room for a packet and keeps other senders out until hm_pipe_commit: packets leave in this order. to NULL:
 * the peer of this pipe. After the pipe is down they go nowhere. */
void *hm_pipe_reserve(struct hm_pipe *pipe, const struct hm_address *to, size_t bytes);
void hm_pipe_commit(struct hm_pipe *pipe);

/* hm_pipe_push has what was committed leave. It never blocks but may make a system call: so call it when locks are released. */
void hm_pipe_push(struct hm_pipe *pipe);

/* hm_pipe_close has it go down soon; packets that have not left are lost. From anywhere. */
void hm_pipe_close(struct hm_pipe *pipe);

struct hm_pipe *hm_pipe_hold(struct hm_pipe *pipe);
void hm_pipe_release(struct hm_pipe *pipe);
