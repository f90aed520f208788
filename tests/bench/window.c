/* Window: one a process, as a load is. */
#include "tests/bench/window.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>

#include "tests/bench/server.h"

static struct {
	struct hm_channel *channel;
	window_begin *begin;
	struct window_slot slots[WINDOW_MAX];
	_Atomic bool is_stopping, has_told;
	pthread_mutex_t lock; /* of in_flight: taken when a slot's turn begins and ends */
	pthread_cond_t changed;
	unsigned in_flight;
} window = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void increment(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The first failure tells what is wrong; a thousand more would not tell it better. */
static void tell(hm_status status)
{
	if (!atomic_exchange(&window.has_told, true))
		fprintf(stderr, "hallmark-bench: a call failed: %s: %s\n", hm_status_name(status),
			hm_error_get()->message);
}

static void end_turn(hm_status status)
{
	if (status != HM_OK)
		tell(status);
	pthread_mutex_lock(&window.lock);
	if (--window.in_flight == 0)
		pthread_cond_signal(&window.changed);
	pthread_mutex_unlock(&window.lock);
}

static void begin(struct window_slot *slot)
{
	hm_status status;

	slot->sequence++;
	increment(&slot->started);
	status = window.begin(window.channel, slot);
	if (status != HM_OK)
		end_turn(status);
}

void window_ended(struct window_slot *slot, hm_status status, bool is_right)
{
	if (status == HM_OK && !is_right)
		status = hm_raise(DATA_LOSS, "a reply is not the answer to its call");
	if (status == HM_OK)
		increment(&slot->answered);
	if (status != HM_OK || atomic_load_explicit(&window.is_stopping, memory_order_relaxed))
		end_turn(status);
	else
		begin(slot);
}

struct window_slot *window_slot_get(unsigned index)
{
	return &window.slots[index];
}

hm_status window_open(const char *url, const char *token, window_begin *begin_slot)
{
	window.begin = begin_slot;
	TRY(hm_channel_open_url(url, &window.channel));
	for (unsigned i = 0; i < WINDOW_MAX; i++)
		TRY(hm_context_open(BENCH_BRAND, token, &window.slots[i].context));
	return HM_OK;
}

void window_close(void)
{
	hm_channel_close(window.channel);
	for (unsigned i = 0; i < WINDOW_MAX; i++)
		hm_context_close(window.slots[i].context);
}

hm_status window_start(unsigned depth)
{
	if (depth > WINDOW_MAX)
		return hm_raise(INVALID_ARGUMENT, "at most %d calls in flight", WINDOW_MAX);
	atomic_store(&window.is_stopping, false);
	window.in_flight = depth;
	for (unsigned i = 0; i < depth; i++)
		begin(&window.slots[i]);
	return HM_OK;
}

/* Every call has a deadline, so each turn ends. */
hm_status window_stop(void)
{
	atomic_store(&window.is_stopping, true);
	pthread_mutex_lock(&window.lock);
	while (window.in_flight)
		pthread_cond_wait(&window.changed, &window.lock);
	pthread_mutex_unlock(&window.lock);
	return HM_OK;
}

struct tally window_count(void)
{
	struct tally tally = { 0 };

	for (unsigned i = 0; i < WINDOW_MAX; i++) {
		tally.started += atomic_load_explicit(&window.slots[i].started, memory_order_relaxed);
		tally.answered += atomic_load_explicit(&window.slots[i].answered, memory_order_relaxed);
	}
	return tally;
}
