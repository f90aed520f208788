/*
 * Epoll: the limit. What one thread on each end can do by hand with the same frames over the same kind of socket: read what is
 * there, work through all whole frames, write everything in one go. No nng, no locks, no tables, no deadlines.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/bench/frames.h"

enum { EPOLL_BUFFER_BYTES = 512 << 10 }; /* more than WINDOW_MAX frames: a write always finds room */

struct epoll_end;

/* A frame has come; answers go where epoll_room says. */
typedef void epoll_frame(struct epoll_end *end, const uint8_t *frame, size_t size);

/* One end of one connection. */
struct epoll_end {
	int fd;
	epoll_frame *frame;
	void *user;
	bool waits_for_room;
	size_t in_bytes, out_bytes;
	uint8_t in[EPOLL_BUFFER_BYTES], out[EPOLL_BUFFER_BYTES];
};

/* epoll_end_open takes over a connected socket. */
struct epoll_end *epoll_end_open(int fd, epoll_frame *frame, void *user);
void epoll_end_close(struct epoll_end *end);

/* epoll_room takes size bytes of what goes out next, to be filled at once; there must be room. */
uint8_t *epoll_room(struct epoll_end *end, size_t size);

/* epoll_write sends what has gathered, as far as the socket takes it. False: the connection is gone. */
bool epoll_write(struct epoll_end *end);

/* epoll_watch adds the connection to an epoll set. */
hm_status epoll_watch(int set, struct epoll_end *end);

/* epoll_ready does what an event in the set says is due: reads, works, writes. False: the connection is gone. */
bool epoll_ready(int set, struct epoll_end *end, uint32_t events);

/* epoll_answer and epoll_mirror are a server's frame functions: one
 * unpacks the request and packs the reply, the other copies bytes it knows nothing of. user: struct frames. */
void epoll_answer(struct epoll_end *end, const uint8_t *frame, size_t size);
void epoll_mirror(struct epoll_end *end, const uint8_t *frame, size_t size);

/* epoll_listen listens on the loopback ("tcp", any port) or at a unix socket in the folder ("ipc"), and writes the address: a
 * port, or a path. epoll_accept and epoll_connect give connected sockets, tcp ones without delay. */
hm_status epoll_listen(const char *folder, const char *transport, int *ret_fd, char *ret_address, size_t size);
hm_status epoll_accept(int listener, int *ret_fd);
hm_status epoll_connect(const char *address, int *ret_fd);
