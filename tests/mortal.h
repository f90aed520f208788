/*
 * Mortal: accounting, served by a process of its own that a test may kill; its sockets in a folder that goes with the test.
 */
#pragma once
#include <sys/types.h>

/* mortal_init makes the folder; mortal_var is its path, mortal_url where accounting is reached. */
void mortal_init(void);
const char *mortal_var(void);
const char *mortal_url(void);

/* mortal_serve starts `hallmark serve accounting` on the database; keys are those of the test run. */
pid_t mortal_serve(const char *dsn);

/* mortal_kill kills it with SIGKILL and waits for its end. */
void mortal_kill(pid_t pid);
