/* Epoll's server: one thread for all connections, until standard input ends. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "tests/bench/epoll.h"
#include "tests/bench/server.h"

enum { EVENTS = 64, ADDRESS_BYTES = 128 };

/* What is not a connection is known by the address of its descriptor. */
struct doors {
	int set, listener, input;
	epoll_frame *answer;
	struct frames frames;
};

void epoll_answer(struct epoll_end *end, const uint8_t *frame, size_t size)
{
	const struct frames *frames = end->user;

	if (!frames_reply(frames, frame, size, epoll_room(end, frames->reply_bytes)))
		abort();
}

void epoll_mirror(struct epoll_end *end, const uint8_t *frame, size_t size)
{
	const struct frames *frames = end->user;

	if (size != frames->call_bytes)
		abort();
	frames_mirror(frames, frame, epoll_room(end, frames->reply_bytes));
}

static hm_status add(int set, int *fd)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = fd };

	if (epoll_ctl(set, EPOLL_CTL_ADD, *fd, &event))
		return hm_raise_errno(UNAVAILABLE, "epoll_ctl");
	return HM_OK;
}

static hm_status let_in(struct doors *doors)
{
	int fd;

	TRY(epoll_accept(doors->listener, &fd));
	return epoll_watch(doors->set, epoll_end_open(fd, doors->answer, &doors->frames));
}

/* A connection that is gone is freed here; those still there at the end go with the process. */
static hm_status serve(struct doors *doors)
{
	struct epoll_event events[EVENTS];

	for (;;) {
		int n = epoll_wait(doors->set, events, EVENTS, -1);

		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;

			if (what == &doors->input)
				return HM_OK;
			if (what == &doors->listener)
				TRY(let_in(doors));
			else if (!epoll_ready(doors->set, what, events[i].events))
				epoll_end_close(what);
		}
	}
}

static hm_status run(const char *folder, const char *transport, epoll_frame *answer)
{
	struct doors doors = { .set = epoll_create1(EPOLL_CLOEXEC), .input = STDIN_FILENO, .answer = answer };
	char address[ADDRESS_BYTES];

	TRY(frames_init(&doors.frames));
	TRY(epoll_listen(folder, transport, &doors.listener, address, sizeof address));
	TRY(add(doors.set, &doors.listener));
	TRY(add(doors.set, &doors.input));
	puts(address);
	fflush(stdout);
	return serve(&doors);
}

static hm_status run_answering(const char *folder, const char *transport)
{
	return run(folder, transport, epoll_answer);
}

static hm_status run_mirroring(const char *folder, const char *transport)
{
	return run(folder, transport, epoll_mirror);
}

const struct server epoll_server = { .role = "epoll-server", .run = run_answering };
const struct server epoll_bytes_server = { .role = "epoll-bytes-server", .run = run_mirroring };
