/*
 * Worker: what a thread that runs calls does before the first: it gives way to the threads that read. These take packets in, refuse
 * what is too much and see what nobody waits for any more, each in microseconds; but with dozens of workers before them for a CPU they
 * come late, and then calls are old when they are looked at, and are begun in vain. (server's own header)
 */
#pragma once

/* hm_worker_begin lowers the calling thread's priority, and what it may start later has that too. Needs no privilege. */
void hm_worker_begin(void);
