/*
 * Threads: callers that wait, one thread each. Hallmark's share one channel and call through the generated client. The peer's have
 * a blocking socket each, to the epoll server.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "echo/v1/echo.hm.h"
#include "tests/bench/echo_message.h"
#include "tests/bench/epoll.h"
#include "tests/bench/load.h"
#include "tests/bench/server.h"

enum { CALLERS_MAX = 64, CACHE_LINE_BYTES = 64 };

/* A caller makes one call; false: it failed. */
struct caller;
typedef hm_status caller_call(struct caller *caller);

struct caller {
	_Alignas(CACHE_LINE_BYTES) pthread_t thread;
	struct hm_context *context; /* Hallmark's */
	int fd; /* the peer's */
	_Atomic uint64_t started, answered;
};

static struct {
	struct caller callers[CALLERS_MAX];
	unsigned depth;
	caller_call *call;
	_Atomic bool is_stopping;
	struct hm_channel *channel;
	struct frames frames;
} load;

static void *keep_calling(void *user)
{
	struct caller *caller = user;

	while (!atomic_load_explicit(&load.is_stopping, memory_order_relaxed)) {
		atomic_fetch_add_explicit(&caller->started, 1, memory_order_relaxed);
		if (load.call(caller) != HM_OK) {
			fprintf(stderr, "hallmark-bench: a call failed: %s\n", hm_error_get()->message);
			break;
		}
		atomic_fetch_add_explicit(&caller->answered, 1, memory_order_relaxed);
	}
	return NULL;
}

/* As a caller should: the context is reset when the reply is no longer needed. */
static hm_status call_hallmark(struct caller *caller)
{
	uint64_t sequence = atomic_load_explicit(&caller->started, memory_order_relaxed);
	Echo__EchoMessage *reply;
	struct echo_message message;
	bool is_answer;

	echo_message_init(&message, sequence);
	TRY(echo_echo(load.channel, caller->context, &message.message, &reply));
	is_answer = echo_is_answer(reply, sequence);
	hm_context_reset(caller->context);
	return is_answer ? HM_OK : hm_raise(DATA_LOSS, "a reply is not the answer to its call");
}

static hm_status call_peer(struct caller *caller)
{
	uint8_t call[FRAME_BYTES_MAX], reply[FRAME_BYTES_MAX];
	size_t got = 0;

	frames_call(&load.frames, (uint32_t)atomic_load_explicit(&caller->started, memory_order_relaxed), call);
	if (send(caller->fd, call, load.frames.call_bytes, MSG_NOSIGNAL) != (ssize_t)load.frames.call_bytes)
		return hm_raise_errno(UNAVAILABLE, "send");
	while (got < load.frames.reply_bytes) {
		ssize_t part = recv(caller->fd, reply + got, load.frames.reply_bytes - got, 0);

		if (part <= 0)
			return hm_raise_errno(UNAVAILABLE, "receive");
		got += (size_t)part;
	}
	return frames_is_answer(&load.frames, reply, got) ? HM_OK : hm_raise(DATA_LOSS, "not the answer to its call");
}

static hm_status open_hallmark(const char *folder, const char *url)
{
	(void)folder;
	load.call = call_hallmark;
	TRY(hm_channel_open_url(url, &load.channel));
	for (size_t i = 0; i < CALLERS_MAX; i++)
		TRY(hm_context_open(BENCH_BRAND, NULL, &load.callers[i].context));
	return HM_OK;
}

static void close_hallmark(void)
{
	hm_channel_close(load.channel);
	for (size_t i = 0; i < CALLERS_MAX; i++)
		hm_context_close(load.callers[i].context);
}

static hm_status open_peer(const char *folder, const char *address)
{
	(void)folder;
	load.call = call_peer;
	TRY(frames_init(&load.frames));
	for (size_t i = 0; i < CALLERS_MAX; i++)
		TRY(epoll_connect(address, &load.callers[i].fd));
	return HM_OK;
}

static void close_peer(void)
{
	for (size_t i = 0; i < CALLERS_MAX; i++)
		close(load.callers[i].fd);
}

static hm_status start(unsigned depth)
{
	if (depth > CALLERS_MAX)
		return hm_raise(INVALID_ARGUMENT, "at most %d threads", CALLERS_MAX);
	atomic_store(&load.is_stopping, false);
	for (load.depth = 0; load.depth < depth; load.depth++)
		if (pthread_create(&load.callers[load.depth].thread, NULL, keep_calling, &load.callers[load.depth]))
			return hm_raise(UNAVAILABLE, "no more than %u threads can be made", load.depth);
	return HM_OK;
}

static hm_status stop(void)
{
	atomic_store(&load.is_stopping, true);
	for (unsigned i = 0; i < load.depth; i++)
		pthread_join(load.callers[i].thread, NULL);
	return HM_OK;
}

static struct tally count(void)
{
	struct tally tally = { 0 };

	for (unsigned i = 0; i < CALLERS_MAX; i++) {
		tally.started += atomic_load_explicit(&load.callers[i].started, memory_order_relaxed);
		tally.answered += atomic_load_explicit(&load.callers[i].answered, memory_order_relaxed);
	}
	return tally;
}

const struct load hallmark_threads_load = {
	.role = "hallmark-threads",
	.open = open_hallmark,
	.start = start,
	.stop = stop,
	.count = count,
	.close = close_hallmark,
};

const struct load epoll_threads_load = {
	.role = "epoll-threads",
	.open = open_peer,
	.start = start,
	.stop = stop,
	.count = count,
	.close = close_peer,
};
