/* Log queue: two buffers: callers fill one under a lock held for a copy's time, the thread writes the other without it. */
#include "base/log_queue.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "base/log.h"

enum { QUEUE_BYTES = 1 << 20, CLOSE_MS = 1000, POLL_MS = 100 };

struct hm_log_queue {
	int fd;
	uint32_t lines_per_s;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t added;
	struct hm_buffer filling, writing;
	uint64_t n_filling; /* lines in it */
	uint64_t written, dropped, unsaid; /* dropped since the log last said so */
	int64_t allowed_us; /* when a line's allowance was last given: a token bucket, kept as a time */
	bool is_sleeping, is_closing;
	_Atomic int64_t close_by_us; /* 0: not closing */
};

static bool must_end(struct hm_log_queue *queue)
{
	const int64_t by_us = atomic_load(&queue->close_by_us);

	return by_us && hm_clock_machine_us() >= by_us;
}

/* Whether the descriptor takes bytes now; a full pipe is looked at now and then, so that closing need not wait for its reader. */
static bool wait_writable(struct hm_log_queue *queue)
{
	struct pollfd ready = { .fd = queue->fd, .events = POLLOUT };

	while (!must_end(queue))
		if (poll(&ready, 1, POLL_MS) > 0)
			return !(ready.revents & (POLLERR | POLLNVAL));
	return false;
}

/* A pipe that is ready takes up to a page whole, so a write of no more never waits. */
static void write_out(struct hm_log_queue *queue)
{
	const char *at = queue->writing.data;
	size_t left = queue->writing.size;

	while (left && wait_writable(queue)) {
		ssize_t n = write(queue->fd, at, left < 4096 ? left : 4096);

		if (n < 0 && errno != EINTR && errno != EAGAIN)
			break; /* nobody is there to tell */
		at += n > 0 ? n : 0;
		left -= n > 0 ? (size_t)n : 0;
	}
	hm_buffer_reset(&queue->writing);
}

/* With the lock held: until there is something to write. False: there will be nothing. */
static bool wait_for_lines(struct hm_log_queue *queue)
{
	while (!queue->filling.size && !queue->is_closing) {
		queue->is_sleeping = true;
		pthread_cond_wait(&queue->added, &queue->lock);
	}
	queue->is_sleeping = false;
	return queue->filling.size;
}

static void *run(void *user)
{
	struct hm_log_queue *queue = user;

	pthread_mutex_lock(&queue->lock);
	while (wait_for_lines(queue)) {
		struct hm_buffer full = queue->filling;

		queue->filling = queue->writing;
		queue->writing = full;
		queue->written += queue->n_filling;
		queue->n_filling = 0;
		pthread_mutex_unlock(&queue->lock);
		write_out(queue);
		pthread_mutex_lock(&queue->lock);
	}
	pthread_mutex_unlock(&queue->lock);
	return NULL;
}

hm_status hm_log_queue_open(int fd, uint32_t lines_per_s, struct hm_log_queue **ret_queue)
{
	struct hm_log_queue *queue = calloc(1, sizeof *queue);
	sigset_t all, before;
	int error;

	if (!queue)
		abort();
	queue->fd = fd;
	queue->lines_per_s = lines_per_s;
	pthread_mutex_init(&queue->lock, NULL);
	pthread_cond_init(&queue->added, NULL);
	sigfillset(&all); /* signals are for the program's own threads */
	pthread_sigmask(SIG_SETMASK, &all, &before);
	error = pthread_create(&queue->thread, NULL, run, queue);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (error) {
		free(queue);
		return hm_raise(RESOURCE_EXHAUSTED, "no thread for the log");
	}
	*ret_queue = queue;
	return HM_OK;
}

/* With the lock held. The bucket holds a second's lines. */
static bool is_allowed(struct hm_log_queue *queue, int64_t now_us)
{
	const int64_t each_us = queue->lines_per_s ? HM_US_PER_S / queue->lines_per_s : 0;

	if (queue->allowed_us < now_us - HM_US_PER_S)
		queue->allowed_us = now_us - HM_US_PER_S;
	if (queue->allowed_us + each_us > now_us)
		return false;
	queue->allowed_us += each_us;
	return true;
}

/* With the lock held. */
static void say_dropped(struct hm_log_queue *queue)
{
	struct hm_buffer number = { 0 };

	hm_buffer_printf(&number, "%llu", (unsigned long long)queue->unsaid);
	hm_log_format(&queue->filling, false, hm_clock_wall_us(), HM_LOG_WARNING, "log lines were dropped",
		      (const char *const[]){ "lines", number.data, NULL });
	hm_buffer_fini(&number);
	queue->unsaid = 0;
}

bool hm_log_queue_add(struct hm_log_queue *queue, const char *line, size_t bytes, int64_t now_us)
{
	bool fits;

	pthread_mutex_lock(&queue->lock);
	fits = queue->filling.size + bytes <= QUEUE_BYTES && is_allowed(queue, now_us);
	if (fits) {
		if (queue->unsaid)
			say_dropped(queue);
		hm_buffer_add(&queue->filling, line, bytes);
		queue->n_filling++;
	} else {
		queue->dropped++;
		queue->unsaid++;
	}
	if (queue->is_sleeping && fits) {
		queue->is_sleeping = false;
		pthread_cond_signal(&queue->added);
	}
	pthread_mutex_unlock(&queue->lock);
	return fits;
}

void hm_log_queue_stats(struct hm_log_queue *queue, struct hm_log_queue_stats *ret_stats)
{
	pthread_mutex_lock(&queue->lock);
	*ret_stats =
		(struct hm_log_queue_stats){ .written = queue->written + queue->n_filling, .dropped = queue->dropped };
	pthread_mutex_unlock(&queue->lock);
}

void hm_log_queue_close(struct hm_log_queue *queue)
{
	if (!queue)
		return;
	atomic_store(&queue->close_by_us, hm_clock_machine_us() + CLOSE_MS * HM_US_PER_MS);
	pthread_mutex_lock(&queue->lock);
	if (queue->unsaid)
		say_dropped(queue);
	queue->is_closing = true;
	pthread_cond_signal(&queue->added);
	pthread_mutex_unlock(&queue->lock);
	pthread_join(queue->thread, NULL);
	hm_buffer_fini(&queue->filling);
	hm_buffer_fini(&queue->writing);
	pthread_cond_destroy(&queue->added);
	pthread_mutex_destroy(&queue->lock);
	free(queue);
}
