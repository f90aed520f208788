/* Epoll: one connection's buffers and how they move. */
#include "tests/bench/epoll.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "wire/packet_codec.h"

struct epoll_end *epoll_end_open(int fd, epoll_frame *frame, void *user)
{
	struct epoll_end *end = malloc(sizeof *end);

	if (!end)
		abort();
	fcntl(fd, F_SETFL, O_NONBLOCK);
	end->fd = fd;
	end->frame = frame;
	end->user = user;
	end->waits_for_room = false;
	end->in_bytes = end->out_bytes = 0;
	return end;
}

void epoll_end_close(struct epoll_end *end)
{
	if (!end)
		return;
	close(end->fd);
	free(end);
}

uint8_t *epoll_room(struct epoll_end *end, size_t size)
{
	uint8_t *room = end->out + end->out_bytes;

	assert(size <= sizeof end->out - end->out_bytes);
	end->out_bytes += size;
	return room;
}

bool epoll_write(struct epoll_end *end)
{
	ssize_t sent;

	if (!end->out_bytes)
		return true;
	sent = send(end->fd, end->out, end->out_bytes, MSG_NOSIGNAL);
	if (sent < 0)
		return errno == EAGAIN;
	end->out_bytes -= (size_t)sent;
	if (end->out_bytes)
		memmove(end->out, end->out + sent, end->out_bytes);
	return true;
}

/* Reads once and works through the frames. False: the connection is gone. */
static bool read_frames(struct epoll_end *end)
{
	ssize_t got = recv(end->fd, end->in + end->in_bytes, sizeof end->in - end->in_bytes, 0);
	size_t at = 0, size;

	if (got <= 0)
		return got < 0 && errno == EAGAIN;
	end->in_bytes += (size_t)got;
	while (end->in_bytes - at >= HM_FRAME_HEAD_BYTES) {
		size = HM_FRAME_HEAD_BYTES + hm_get32(end->in + at);
		if (end->in_bytes - at < size)
			break;
		end->frame(end, end->in + at, size);
		at += size;
	}
	end->in_bytes -= at;
	memmove(end->in, end->in + at, end->in_bytes);
	return true;
}

hm_status epoll_watch(int set, struct epoll_end *end)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = end };

	if (epoll_ctl(set, EPOLL_CTL_ADD, end->fd, &event))
		return hm_raise_errno(UNAVAILABLE, "epoll_ctl");
	return HM_OK;
}

/* Room is asked for only while something waits for it. */
static void update(int set, struct epoll_end *end)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = end };

	if (end->waits_for_room == (end->out_bytes > 0))
		return;
	end->waits_for_room = end->out_bytes > 0;
	event.events |= end->waits_for_room ? EPOLLOUT : 0;
	epoll_ctl(set, EPOLL_CTL_MOD, end->fd, &event);
}

bool epoll_ready(int set, struct epoll_end *end, uint32_t events)
{
	if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) && !read_frames(end))
		return false;
	if (!epoll_write(end))
		return false;
	update(set, end);
	return true;
}
