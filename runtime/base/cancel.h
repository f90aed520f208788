/*
 * Cancel: somebody no longer wants what is being done. A flag that stays, and one place for what wakes whoever is asleep over it:
 *
 *     the worker    watch → sleep, in whatever way → unwatch → look at the flag
 *     anyone        set: the flag, then what watches, once
 *
 * So the transport can end a wait for a database of which it knows nothing. One worker watches at a time.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>

struct hm_cancel_watch {
	/* Ends the sleep. Runs on the cancelling thread, under its locks: short, never waiting. May run twice. */
	void (*wake)(struct hm_cancel_watch *watch);
};

struct hm_cancel {
	_Atomic bool is_set;
	_Atomic(struct hm_cancel_watch *) watch;
};

/* hm_cancel_set cancels, for good. Thread-safe. */
void hm_cancel_set(struct hm_cancel *cancel);

static inline bool hm_cancel_is_set(const struct hm_cancel *cancel)
{
	return atomic_load_explicit(&cancel->is_set, memory_order_relaxed);
}

/* hm_cancel_begin_watch has a cancellation wake the watcher, at once if it was before. */
void hm_cancel_begin_watch(struct hm_cancel *cancel, struct hm_cancel_watch *watch);

/* hm_cancel_end_watch: when it returns, wake neither runs nor will. Not to be called with a lock that wake takes. */
void hm_cancel_end_watch(struct hm_cancel *cancel);
