/* Knocking: who may connect while PostgreSQL lets nobody in. */
#include "store/knock.h"

#include "base/clock.h"
#include "base/sleep.h"

enum { PAUSE_MS_FIRST = 20, PAUSE_MS_MAX = 250 };

void knock_init(struct knock *knock)
{
	pthread_mutex_init(&knock->lock, NULL);
	pthread_cond_init(&knock->changed, NULL);
}

void knock_fini(struct knock *knock)
{
	pthread_cond_destroy(&knock->changed);
	pthread_mutex_destroy(&knock->lock);
}

uint64_t knock_count(struct knock *knock)
{
	uint64_t n;

	pthread_mutex_lock(&knock->lock);
	n = knock->n_refused;
	pthread_mutex_unlock(&knock->lock);
	return n;
}

/* With the lock held. */
static bool may_knock(const struct knock *knock)
{
	return !knock->is_knocking && hm_clock_mono_us() >= knock->due_us;
}

enum knock_turn knock_turn(struct knock *knock, uint64_t seen)
{
	enum knock_turn turn = KNOCK_NOT;

	pthread_mutex_lock(&knock->lock);
	if (!knock->pause_ms)
		turn = KNOCK_FREELY;
	else if (knock->n_refused == seen && may_knock(knock))
		turn = KNOCK_ALONE;
	knock->is_knocking |= turn == KNOCK_ALONE;
	pthread_mutex_unlock(&knock->lock);
	return turn;
}

/* With the lock held: until something changes, the pause is over, or the deadline (0: none) has come. */
static void sleep_a_while(struct knock *knock, int64_t deadline_us)
{
	int64_t until_us = knock->is_knocking ? deadline_us : knock->due_us;

	if (deadline_us && deadline_us < until_us)
		until_us = deadline_us;
	hm_sleep_on(&knock->changed, &knock->lock, until_us);
}

/* With the lock held; let go where it raises. */
static hm_status wait_locked(struct knock *knock, uint64_t seen, const struct hm_tx_options *options)
{
	while (knock->pause_ms && !(knock->n_refused == seen && may_knock(knock))) {
		bool is_late = options->deadline_us && hm_clock_mono_us() >= options->deadline_us;

		if (options->cancel && hm_cancel_is_set(options->cancel))
			return hm_raise(CANCELLED, "the caller no longer waits, and PostgreSQL lets nobody in yet");
		if (knock->n_refused != seen || is_late)
			return hm_error_set(&knock->refusal);
		sleep_a_while(knock, options->deadline_us);
	}
	return HM_OK;
}

struct knock_watch {
	struct hm_cancel_watch watch; /* first */
	struct knock *knock;
};

static void wake(struct hm_cancel_watch *watch)
{
	struct knock *knock = ((struct knock_watch *)watch)->knock;

	pthread_mutex_lock(&knock->lock);
	pthread_cond_broadcast(&knock->changed);
	pthread_mutex_unlock(&knock->lock);
}

hm_status knock_wait(struct knock *knock, uint64_t seen, const struct hm_tx_options *options)
{
	struct knock_watch watch = { .watch = { wake }, .knock = knock };
	hm_status status;

	if (options->cancel)
		hm_cancel_begin_watch(options->cancel, &watch.watch);
	pthread_mutex_lock(&knock->lock);
	status = wait_locked(knock, seen, options);
	pthread_mutex_unlock(&knock->lock);
	if (options->cancel)
		hm_cancel_end_watch(options->cancel);
	return status;
}

/* With the lock held. What was under way when another was refused tells nothing new. */
static void note_refusal(struct knock *knock, enum knock_turn turn)
{
	int64_t pause_ms = knock->pause_ms ? 2 * knock->pause_ms : PAUSE_MS_FIRST;

	if (knock->pause_ms && turn == KNOCK_FREELY)
		return;
	knock->pause_ms = pause_ms < PAUSE_MS_MAX ? pause_ms : PAUSE_MS_MAX;
	knock->due_us = hm_clock_mono_us() + knock->pause_ms * HM_US_PER_MS;
	knock->n_refused++;
	knock->refusal = *hm_error_get();
}

void knock_end(struct knock *knock, enum knock_turn turn, hm_status status, const struct hm_tx_options *options)
{
	bool is_late = options->deadline_us && hm_clock_mono_us() >= options->deadline_us;

	pthread_mutex_lock(&knock->lock);
	if (turn == KNOCK_ALONE)
		knock->is_knocking = false;
	if (status == HM_OK)
		knock->pause_ms = 0;
	else if (!is_late)
		note_refusal(knock, turn);
	pthread_cond_broadcast(&knock->changed);
	pthread_mutex_unlock(&knock->lock);
}
