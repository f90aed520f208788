/*
 * Sleep: how everything that waits until a time waits for it. There are three ways to sleep, and one place that ends them when a test
 * moves the time (clock_manual.h):
 *
 *     on a condition    hm_sleep_on          threads of the runtime, callers that wait for something to be free
 *     on a descriptor   hm_sleep_poll        a statement of PostgreSQL's
 *     in a way of its own, with a hm_sleeper rpc/wait.h
 *
 * As long as the time is the machine's, the first two are the system call with its time-out, and nothing else. Times are
 * hm_clock_mono_us's. What waits for another process and asks again by and by (a migration's lock, a server that starts) does not
 * wait for a time: it sleeps by itself.
 */
#pragma once
#include <poll.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* hm_sleep_on waits for the condition with its lock held, as pthread_cond_wait does, until_us at the latest; 0: as long as it takes.
 * False: the time has come. It may return for no reason, so it stands in a loop. The condition needs no attributes. */
bool hm_sleep_on(pthread_cond_t *condition, pthread_mutex_t *lock, int64_t until_us);

/* hm_sleep_poll waits for one descriptor, until_us at the latest (0: as long as it takes; a time that has come: looks once), and sets its
 * revents. False: nothing had happened there by then. Signals do not end it. */
bool hm_sleep_poll(struct pollfd *file, int64_t until_us);

/* Somebody who sleeps while the time is a test's. The memory is the sleeper's own, from begin to end. */
struct hm_sleeper {
	int64_t until_us;
	/* Ends the sleep, once, when until_us has come: on another thread, without locks held. What it wakes must not miss it. */
	void (*wake)(struct hm_sleeper *sleeper);
	struct hm_sleeper *next;
	bool is_listed, is_being_woken;
};

/* hm_sleep_is_manual says whether the time is a test's. Every sleep until a time begins with asking: once one has gone by the machine's,
 * no test can take it any more. */
bool hm_sleep_is_manual(void);

/* hm_sleeper_begin has the sleeper woken when its time has come; false: it has. Only if hm_sleep_is_manual. */
bool hm_sleeper_begin(struct hm_sleeper *sleeper);

/* hm_sleeper_end: when it returns, wake neither runs nor will. Not to be called with a lock that wake takes. */
void hm_sleeper_end(struct hm_sleeper *sleeper);
