/* Epoll's loads: one thread keeps the calls in flight; the server is another process, or a second thread of this one. */
#include <pthread.h>
#include <stdatomic.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/bench/epoll.h"
#include "tests/bench/load.h"

/* The counters have one writer, the client's thread. */
static struct {
	struct frames frames;
	int set;
	struct epoll_end *end;
	pthread_t thread;
	unsigned depth, in_flight;
	_Atomic uint64_t started, answered;
	_Atomic bool is_stopping;
	bool is_broken;
	bool is_blind; /* moves bytes without knowing what is in them */
	/* With the server in this process: its end of the pair and its thread. */
	int server_set;
	struct epoll_end *server_end;
	pthread_t server_thread;
} load;

static void increment(_Atomic uint64_t *counter)
{
	atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1, memory_order_relaxed);
}

static void call(uint32_t id)
{
	uint8_t *frame = epoll_room(load.end, load.frames.call_bytes);

	if (load.is_blind)
		frames_copy(&load.frames, id, frame);
	else
		frames_call(&load.frames, id, frame);
	increment(&load.started);
}

/* An answer's call begins anew. */
static void take_answer(struct epoll_end *end, const uint8_t *frame, size_t size)
{
	(void)end;
	if (!load.is_blind && !frames_is_answer(&load.frames, frame, size))
		return; /* it will be missed */
	increment(&load.answered);
	if (atomic_load_explicit(&load.is_stopping, memory_order_relaxed))
		load.in_flight--;
	else
		call(frames_id(frame));
}

/* Waits for a set of one connection. False: the connection is gone. */
static bool turn(int set, struct epoll_end *end)
{
	struct epoll_event event;

	return epoll_wait(set, &event, 1, -1) == 1 && epoll_ready(set, end, event.events);
}

static void *keep_in_flight(void *user)
{
	(void)user;
	for (uint32_t id = 0; id < load.depth; id++)
		call(id);
	load.is_broken = !epoll_write(load.end);
	while (load.in_flight && !load.is_broken)
		load.is_broken = !turn(load.set, load.end);
	return NULL;
}

static hm_status take_socket(int fd)
{
	load.set = epoll_create1(EPOLL_CLOEXEC);
	load.end = epoll_end_open(fd, take_answer, NULL);
	return epoll_watch(load.set, load.end);
}

static hm_status open_load(const char *folder, const char *address)
{
	int fd;

	(void)folder;
	TRY(frames_init(&load.frames));
	TRY(epoll_connect(address, &fd));
	return take_socket(fd);
}

static hm_status open_blind(const char *folder, const char *address)
{
	load.is_blind = true;
	return open_load(folder, address);
}

static void *serve(void *user)
{
	(void)user;
	while (turn(load.server_set, load.server_end))
		;
	return NULL;
}

static hm_status open_inproc(const char *folder, const char *address)
{
	int pair[2];

	(void)folder;
	(void)address;
	TRY(frames_init(&load.frames));
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair))
		return hm_raise_errno(UNAVAILABLE, "socketpair");
	load.server_set = epoll_create1(EPOLL_CLOEXEC);
	load.server_end = epoll_end_open(pair[1], epoll_answer, &load.frames);
	TRY(epoll_watch(load.server_set, load.server_end));
	if (pthread_create(&load.server_thread, NULL, serve, NULL))
		return hm_raise(UNAVAILABLE, "no thread for the server");
	return take_socket(pair[0]);
}

static hm_status start(unsigned depth)
{
	load.depth = load.in_flight = depth;
	atomic_store(&load.is_stopping, false);
	if (pthread_create(&load.thread, NULL, keep_in_flight, NULL))
		return hm_raise(UNAVAILABLE, "no thread for the client");
	return HM_OK;
}

static hm_status stop(void)
{
	atomic_store(&load.is_stopping, true);
	pthread_join(load.thread, NULL);
	if (load.is_broken)
		return hm_raise(UNAVAILABLE, "the connection is gone");
	return HM_OK;
}

static struct tally count(void)
{
	return (struct tally){
		.started = atomic_load_explicit(&load.started, memory_order_relaxed),
		.answered = atomic_load_explicit(&load.answered, memory_order_relaxed),
	};
}

static void close_load(void)
{
	epoll_end_close(load.end);
	close(load.set);
}

static void close_inproc(void)
{
	close_load();
	pthread_join(load.server_thread, NULL);
	epoll_end_close(load.server_end);
	close(load.server_set);
}

const struct load epoll_load = {
	.role = "epoll-client",
	.open = open_load,
	.start = start,
	.stop = stop,
	.count = count,
	.close = close_load,
};

const struct load epoll_bytes_load = {
	.role = "epoll-bytes-client",
	.open = open_blind,
	.start = start,
	.stop = stop,
	.count = count,
	.close = close_load,
};

const struct load epoll_inproc_load = {
	.role = "epoll-inproc",
	.open = open_inproc,
	.start = start,
	.stop = stop,
	.count = count,
	.close = close_inproc,
};
