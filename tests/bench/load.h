/*
 * Load: a way to make calls as fast as they are answered, a given number in flight. Each is a role of the bench in a process of
 * its own; the parent says "<in flight> <ms>" and hears "<calls a second> <started> <answered>" (role.c).
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* What was begun and what came back right, since the process began. Lost is the difference once a load has stopped. */
struct tally {
	uint64_t started, answered;
};

struct load {
	const char *role;
	/* open connects, with what the parent said: a folder with keys and sockets, and the server's greeting. */
	hm_status (*open)(const char *folder, const char *address);
	/* start sets `depth` calls going; they begin anew by themselves until stop, which returns when the last has ended. */
	hm_status (*start)(unsigned depth);
	hm_status (*stop)(void);
	struct tally (*count)(void);
	/* measure instead of start, stop and count: a program that measures by itself. Writes calls a second. */
	hm_status (*measure)(unsigned depth, unsigned ms, double *ret_rate);
	/* answer instead of all these: a load with orders of its own. Writes what the parent hears, without the newline. */
	hm_status (*answer)(const char *order, char *ret_answer, size_t size);
	void (*close)(void);
};

extern const struct load hallmark_load, hallmark_inproc_load, hallmark_threads_load; /* hallmark.c, threads.c */
extern const struct load epoll_load, epoll_bytes_load, epoll_inproc_load,
	epoll_threads_load; /* epoll_client.c, threads.c */
extern const struct load add_note_load, get_note_load; /* notes.c */
extern const struct load open_note_load; /* open.c */
extern const struct load suspend_load; /* suspend.c */
extern const struct load pgbench_write_load, pgbench_read_load; /* pgbench.c */
