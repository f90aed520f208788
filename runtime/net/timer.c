/*
 * Timer: a binary heap of pointers by due time, one mutex, one thread that sleeps until the first is due. The thread starts
 * with the first timer that is set and lasts as long as the process.
 */
#include "net/timer.h"

#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/sleep.h"

static struct {
	pthread_mutex_t lock;
	pthread_cond_t changed; /* the first due time moved, or a fire returned */
	pthread_t thread;
	bool is_running;
	const struct hm_timer *firing;
	struct hm_timer **heap; /* from 1 */
	size_t count, capacity;
} timers = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

static void put(struct hm_timer *timer, size_t place)
{
	timers.heap[place] = timer;
	timer->place = place;
}

/* Moves the timer from its place to where its due time belongs. */
static void sift(struct hm_timer *timer, size_t place)
{
	while (place > 1 && timer->due_us < timers.heap[place / 2]->due_us) {
		put(timers.heap[place / 2], place);
		place /= 2;
	}
	for (size_t child; (child = place * 2) <= timers.count; place = child) {
		if (child < timers.count && timers.heap[child + 1]->due_us < timers.heap[child]->due_us)
			child++;
		if (timer->due_us <= timers.heap[child]->due_us)
			break;
		put(timers.heap[child], place);
	}
	put(timer, place);
}

static void take_out(struct hm_timer *timer)
{
	struct hm_timer *last = timers.heap[timers.count--];
	size_t place = timer->place;

	timer->place = 0;
	if (last != timer)
		sift(last, place);
}

static void fire_first(void)
{
	struct hm_timer *timer = timers.heap[1];
	void (*fire)(void *) = timer->fire;
	void *user = timer->user;

	take_out(timer);
	timers.firing = timer;
	pthread_mutex_unlock(&timers.lock);
	fire(user); /* may free the timer: only its address is used from here on */
	pthread_mutex_lock(&timers.lock);
	timers.firing = NULL;
	pthread_cond_broadcast(&timers.changed);
}

static void *run(void *unused)
{
	(void)unused;
	pthread_mutex_lock(&timers.lock);
	for (;;) {
		if (!timers.count)
			pthread_cond_wait(&timers.changed, &timers.lock);
		else if (timers.heap[1]->due_us > hm_clock_mono_us())
			hm_sleep_on(&timers.changed, &timers.lock, timers.heap[1]->due_us);
		else
			fire_first();
	}
	return NULL;
}

/* Signals are for the threads of the program's own. Without this thread no call would ever time out. */
static void start_thread(void)
{
	sigset_t all, before;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	if (pthread_create(&timers.thread, NULL, run, NULL))
		abort();
	pthread_detach(timers.thread);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	timers.is_running = true;
}

static void grow(void)
{
	timers.capacity = timers.capacity ? timers.capacity * 2 : 64;
	timers.heap = realloc(timers.heap, (timers.capacity + 1) * sizeof *timers.heap);
	if (!timers.heap)
		abort();
}

void hm_timer_init(struct hm_timer *timer, void (*fire)(void *user), void *user)
{
	*timer = (struct hm_timer){ .fire = fire, .user = user };
}

void hm_timer_set(struct hm_timer *timer, int64_t due_us)
{
	pthread_mutex_lock(&timers.lock);
	if (!timers.is_running)
		start_thread();
	if (timer->place)
		take_out(timer);
	if (timers.count == timers.capacity)
		grow();
	timer->due_us = due_us;
	timers.count++;
	sift(timer, timers.count);
	if (timer->place == 1)
		pthread_cond_broadcast(&timers.changed);
	pthread_mutex_unlock(&timers.lock);
}

void hm_timer_stop(struct hm_timer *timer)
{
	pthread_mutex_lock(&timers.lock);
	if (timer->place)
		take_out(timer);
	while (timers.firing == timer && !pthread_equal(pthread_self(), timers.thread)) {
		pthread_cond_wait(&timers.changed, &timers.lock);
		if (timer->place) /* it set itself again while it fired */
			take_out(timer);
	}
	pthread_mutex_unlock(&timers.lock);
}
