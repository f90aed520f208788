/* Role: what this program does as a child of itself: a server, or a load (load.h) that is told when to run. */
#pragma once

/* role_run does the work until standard input ends; the process's exit code. Errors are told on standard error. */
int role_run(const char *name, const char *folder, const char *address);

/* role_greet says where a server is called and returns when the parent has closed standard input. */
void role_greet(const char *address);

/* role_wait returns when the parent has closed standard input. */
void role_wait(void);
