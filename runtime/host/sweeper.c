/* Sweeper: one thread, mostly asleep. */
#include "host/sweeper.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/id.h"
#include "base/log.h"
#include "base/sleep.h"

struct hm_sweeper {
	hm_status (*sweep)(void *user);
	void *user;
	uint32_t period_ms;
	const char *failure; /* what the log says when it fails */
	bool has_failed, is_closing;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	pthread_t thread;
};

/* Processes that were started together do not sweep together. */
static int64_t next_us(const struct hm_sweeper *sweeper)
{
	uint32_t chance;

	hm_random(&chance, sizeof chance);
	return hm_clock_mono_us() + (sweeper->period_ms / 2 + chance % (sweeper->period_ms + 1)) * HM_US_PER_MS;
}

/* Sleeps until the next sweep; false: there is none any more. */
static bool rest(struct hm_sweeper *sweeper)
{
	int64_t until_us = next_us(sweeper);
	bool goes_on;

	pthread_mutex_lock(&sweeper->lock);
	while (!sweeper->is_closing && hm_clock_mono_us() < until_us)
		hm_sleep_on(&sweeper->changed, &sweeper->lock, until_us);
	goes_on = !sweeper->is_closing;
	pthread_mutex_unlock(&sweeper->lock);
	return goes_on;
}

static void *run(void *user)
{
	struct hm_sweeper *sweeper = user;

	while (rest(sweeper)) {
		bool has_failed = sweeper->sweep(sweeper->user) != HM_OK;

		if (has_failed && !sweeper->has_failed)
			hm_log(HM_LOG_WARNING, sweeper->failure, "error", hm_error_get()->message, NULL);
		sweeper->has_failed = has_failed;
	}
	return NULL;
}

hm_status hm_sweeper_open(hm_status (*sweep)(void *user), void *user, uint32_t period_ms, const char *failure,
			  struct hm_sweeper **ret_sweeper)
{
	struct hm_sweeper *sweeper = calloc(1, sizeof *sweeper);

	if (!sweeper)
		abort();
	sweeper->sweep = sweep;
	sweeper->user = user;
	sweeper->period_ms = period_ms;
	sweeper->failure = failure;
	pthread_mutex_init(&sweeper->lock, NULL);
	pthread_cond_init(&sweeper->changed, NULL);
	if (pthread_create(&sweeper->thread, NULL, run, sweeper)) {
		free(sweeper);
		return hm_raise(RESOURCE_EXHAUSTED, "no thread for the sweeper");
	}
	*ret_sweeper = sweeper;
	return HM_OK;
}

void hm_sweeper_close(struct hm_sweeper *sweeper)
{
	if (!sweeper)
		return;
	pthread_mutex_lock(&sweeper->lock);
	sweeper->is_closing = true;
	pthread_cond_broadcast(&sweeper->changed);
	pthread_mutex_unlock(&sweeper->lock);
	pthread_join(sweeper->thread, NULL);
	pthread_cond_destroy(&sweeper->changed);
	pthread_mutex_destroy(&sweeper->lock);
	free(sweeper);
}
