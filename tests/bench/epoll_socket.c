/* Epoll, sockets: how its two ends find each other. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "tests/bench/epoll.h"

enum { BACKLOG = 64 };

static const struct sockaddr_in loopback = { .sin_family = AF_INET, .sin_addr.s_addr = 0x0100007f };

static void set_no_delay(int fd)
{
	const int on = 1;

	/* A unix socket has no delay to begin with, and refuses. */
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Closes a socket that is of no use and says why. */
static hm_status fail(int fd, const char *what, const char *address)
{
	hm_status status = hm_raise_errno(UNAVAILABLE, "%s %s", what, address);

	if (fd >= 0)
		close(fd);
	return status;
}

static hm_status listen_tcp(int *ret_fd, char *ret_address, size_t size)
{
	struct sockaddr_in address = loopback;
	socklen_t length = sizeof address;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG) ||
	    getsockname(fd, (struct sockaddr *)&address, &length))
		return fail(fd, "listen on", "the loopback");
	snprintf(ret_address, size, "%u", ntohs(address.sin_port));
	*ret_fd = fd;
	return HM_OK;
}

static hm_status listen_ipc(const char *folder, int *ret_fd, char *ret_address, size_t size)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s/epoll.sock", folder);
	unlink(address.sun_path);
	if (fd < 0 || bind(fd, (const struct sockaddr *)&address, sizeof address) || listen(fd, BACKLOG))
		return fail(fd, "listen at", address.sun_path);
	snprintf(ret_address, size, "%s", address.sun_path);
	*ret_fd = fd;
	return HM_OK;
}

hm_status epoll_listen(const char *folder, const char *transport, int *ret_fd, char *ret_address, size_t size)
{
	if (!strcmp(transport, "tcp"))
		return listen_tcp(ret_fd, ret_address, size);
	return listen_ipc(folder, ret_fd, ret_address, size);
}

hm_status epoll_accept(int listener, int *ret_fd)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return fail(fd, "accept", "a connection");
	set_no_delay(fd);
	*ret_fd = fd;
	return HM_OK;
}

static int connect_ipc(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof address))
		return fd;
	close(fd);
	return -1;
}

static int connect_tcp(const char *port)
{
	struct sockaddr_in address = loopback;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	address.sin_port = htons((uint16_t)strtoul(port, NULL, 10));
	if (fd >= 0 && !connect(fd, (const struct sockaddr *)&address, sizeof address)) {
		set_no_delay(fd);
		return fd;
	}
	close(fd);
	return -1;
}

hm_status epoll_connect(const char *address, int *ret_fd)
{
	int fd = *address == '/' ? connect_ipc(address) : connect_tcp(address);

	if (fd < 0)
		return fail(fd, "connect to", address);
	*ret_fd = fd;
	return HM_OK;
}
