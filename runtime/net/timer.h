/*
 * Timer: something to do at a time. One thread of the process fires them all, one after the other, so what a timer does must be
 * short; it also closes connections that were lost, which nng does not allow in its own callbacks.
 *
 * The memory is the caller's. All functions are thread-safe.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct hm_timer {
	void (*fire)(void *user);
	void *user;
	int64_t due_us;
	size_t place; /* in the heap, from 1; 0: not set */
};

/* hm_timer_init prepares a timer that is not set. */
void hm_timer_init(struct hm_timer *timer, void (*fire)(void *user), void *user);

/* hm_timer_set has the timer fire once at due_us (monotonic), in place of any time set before. */
void hm_timer_set(struct hm_timer *timer, int64_t due_us);

/* hm_timer_stop unsets it; when it returns, fire is not running and will not run. Within fire itself it only unsets. */
void hm_timer_stop(struct hm_timer *timer);
