/*
 * Cut: looks through the process's sockets for the pipe's own. Each candidate is duplicated first, so that what is compared is
 * what is shut down, even if the number is closed and given out again meanwhile.
 */
#include "net/cut.h"

#include <dirent.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

union address {
	struct sockaddr any;
	struct sockaddr_in v4;
	struct sockaddr_in6 v6;
	struct sockaddr_un local;
	struct sockaddr_storage room;
};

struct target {
	nng_sockaddr own, peer;
	uint64_t process; /* ipc */
};

static bool is_same(const union address *is, const nng_sockaddr *wanted)
{
	if (wanted->s_family == NNG_AF_INET)
		return is->any.sa_family == AF_INET && is->v4.sin_port == wanted->s_in.sa_port &&
		       is->v4.sin_addr.s_addr == wanted->s_in.sa_addr;
	if (wanted->s_family == NNG_AF_INET6)
		return is->any.sa_family == AF_INET6 && is->v6.sin6_port == wanted->s_in6.sa_port &&
		       !memcmp(&is->v6.sin6_addr, wanted->s_in6.sa_addr, sizeof is->v6.sin6_addr);
	return wanted->s_family == NNG_AF_IPC && is->any.sa_family == AF_UNIX &&
	       !strncmp(is->local.sun_path, wanted->s_ipc.sa_path, sizeof is->local.sun_path);
}

static bool is_target(int socket, const struct target *target)
{
	union address own = { 0 }, peer = { 0 };
	socklen_t own_bytes = sizeof own, peer_bytes = sizeof peer, credentials_bytes;
	struct ucred credentials;

	if (getsockname(socket, &own.any, &own_bytes) || !is_same(&own, &target->own) ||
	    getpeername(socket, &peer.any, &peer_bytes)) /* a listener has no peer */
		return false;
	if (own.any.sa_family != AF_UNIX)
		return is_same(&peer, &target->peer);
	credentials_bytes = sizeof credentials;
	return !getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &credentials_bytes) &&
	       (uint64_t)credentials.pid == target->process;
}

static void try_shutdown(const char *number, const struct target *target)
{
	int socket = dup((int)strtol(number, NULL, 10));

	if (socket < 0)
		return;
	if (is_target(socket, target))
		shutdown(socket, SHUT_RDWR);
	close(socket);
}

static void shut_down(const struct target *target)
{
	DIR *folder = opendir("/proc/self/fd");
	const struct dirent *entry;

	if (!folder)
		return;
	while ((entry = readdir(folder)))
		if (*entry->d_name != '.')
			try_shutdown(entry->d_name, target);
	closedir(folder);
}

static bool is_stream(const nng_sockaddr *address)
{
	return address->s_family == NNG_AF_INET || address->s_family == NNG_AF_INET6 || address->s_family == NNG_AF_IPC;
}

/* Whatever is no socket of the kernel's (inproc) is closed by nng itself. */
static void cut(nng_pipe pipe, bool trusts_ipc)
{
	struct target target = { 0 };

	if (nng_pipe_get_addr(pipe, NNG_OPT_LOCADDR, &target.own) ||
	    nng_pipe_get_addr(pipe, NNG_OPT_REMADDR, &target.peer) || !is_stream(&target.own) ||
	    (target.own.s_family == NNG_AF_IPC &&
	     (trusts_ipc || nng_pipe_get_uint64(pipe, NNG_OPT_IPC_PEER_PID, &target.process))))
		nng_pipe_close(pipe);
	else
		shut_down(&target);
}

void hm_cut(nng_pipe pipe)
{
	cut(pipe, false);
}

void hm_cut_after_goodbye(nng_pipe pipe)
{
	cut(pipe, true);
}
