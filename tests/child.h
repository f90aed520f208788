/*
 * Child: another program run to its end, with what it wrote. For tests and the demo, which use the command line as people do.
 * A child dies with its parent. Call from the main thread: a child's life is bound to the thread that started it.
 */
#pragma once
#include <signal.h>
#include <sys/types.h>

#include "base/buffer.h"
#include "base/status.h"

struct child_result {
	int exit_code; /* 128 + N: ended by signal N */
	struct hm_buffer out, err;
};

/* child_run starts argv[0] (a path) with input (NULL: none) on its standard input and waits for its end. UNAVAILABLE: it
 * cannot be started; CANCELLED: a signal handler set child_stop, and the child was ended. child_fini frees the result. */
hm_status child_run(const char *const *argv, const char *input, struct child_result *ret_result);
void child_fini(struct child_result *result);

/* child_start starts one that goes on: *ret_out reads its standard output, error_path (NULL: inherited) gets its errors. */
hm_status child_start(const char *const *argv, const char *error_path, pid_t *ret_pid, int *ret_out);

/* child_end asks it to end (SIGTERM), waits, and returns how it ended, as exit_code above. Insists (SIGKILL) after limit_ms. */
int child_end(pid_t pid, int limit_ms);

/* Set by a signal handler: nobody waits for anything any more. */
extern volatile sig_atomic_t child_stop;
