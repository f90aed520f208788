/*
 * Process: children of the bench, most of them the bench itself in one of its roles (role.h). Each is talked to in lines over a
 * pipe and ends when its standard input does, so none outlives its parent.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "base/status.h"

enum { LINE_BYTES = 512 };

struct child {
	pid_t pid; /* 0: not started */
	int input, output;
	char greeting[LINE_BYTES]; /* its first line */
};

/* Which of the CPUs this process may use a child gets: all, or one half, so that servers and clients are apart as on two machines.
 * Where there is only one CPU every child gets it. */
enum cpus { CPUS_ALL, CPUS_FIRST_HALF, CPUS_SECOND_HALF };

/* cpus_keep_to has this process, and what it starts from now on, use that part of the CPUs it may use; cpus_free takes that back. */
void cpus_keep_to(enum cpus part);
void cpus_free(void);

/* child_start runs this program again in a role and waits for its first line. UNAVAILABLE: it ended without one; what was wrong it
 * has said on standard error. */
hm_status child_start(const char *role, const char *folder, const char *address, enum cpus cpus,
		      struct child *ret_child);

/* child_tell sends a line, child_hear waits for one. UNAVAILABLE: it is gone. DEADLINE_EXCEEDED. CANCELLED: a signal came. */
hm_status child_tell(const struct child *child, const char *line);
hm_status child_hear(const struct child *child, int timeout_ms, char ret_line[LINE_BYTES]);

/* child_end closes its input and waits for its end; one that hangs is killed. Ended or never started ones are fine. */
void child_end(struct child *child);

/* child_output runs a program to its end and gives the first bytes it wrote, standard error included, as text. FAILED_PRECONDITION:
 * it could not be run, or failed; what it wrote is in the message. */
hm_status child_output(const char *const *arguments, char *ret_text, size_t size);
