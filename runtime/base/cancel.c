/*
 * Cancel: no lock unless something is cancelled. The order that holds it together, all of it sequentially consistent:
 *
 *     cancelling   lock; is_set = true; read watch; wake it; unlock
 *     end_watch    watch = NULL; read is_set; if set: lock, unlock
 *
 * Whoever read the watch before it was cleared had set the flag before that, and is waited for.
 */
#include "base/cancel.h"

#include <pthread.h>
#include <stddef.h>

/* One for the process: cancelling is rare and waking short. */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void hm_cancel_set(struct hm_cancel *cancel)
{
	struct hm_cancel_watch *watch;

	pthread_mutex_lock(&lock);
	atomic_store(&cancel->is_set, true);
	watch = atomic_load(&cancel->watch);
	if (watch)
		watch->wake(watch);
	pthread_mutex_unlock(&lock);
}

void hm_cancel_begin_watch(struct hm_cancel *cancel, struct hm_cancel_watch *watch)
{
	atomic_store(&cancel->watch, watch);
	if (atomic_load(&cancel->is_set))
		hm_cancel_set(cancel);
}

void hm_cancel_end_watch(struct hm_cancel *cancel)
{
	atomic_store(&cancel->watch, NULL);
	if (!atomic_load(&cancel->is_set))
		return;
	pthread_mutex_lock(&lock);
	pthread_mutex_unlock(&lock);
}
