/* Peer: nng's addresses as text. */
#include "net/peer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>

static void name_v4(const nng_sockaddr_in *address, char ret_name[HM_PEER_BYTES])
{
	char text[INET_ADDRSTRLEN] = "?";

	inet_ntop(AF_INET, &address->sa_addr, text, sizeof text);
	snprintf(ret_name, HM_PEER_BYTES, "tcp %s:%u", text, ntohs(address->sa_port));
}

static void name_v6(const nng_sockaddr_in6 *address, char ret_name[HM_PEER_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(AF_INET6, address->sa_addr, text, sizeof text);
	snprintf(ret_name, HM_PEER_BYTES, "tcp [%s]:%u", text, ntohs(address->sa_port));
}

static void name_ipc(nng_stream *stream, char ret_name[HM_PEER_BYTES])
{
	uint64_t uid, process;

	if (nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &uid) ||
	    nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_PID, &process))
		snprintf(ret_name, HM_PEER_BYTES, "ipc");
	else
		snprintf(ret_name, HM_PEER_BYTES, "ipc uid=%" PRIu64 " pid=%" PRIu64, uid, process);
}

void hm_peer_name(nng_stream *stream, char ret_name[HM_PEER_BYTES])
{
	nng_sockaddr address = { 0 };

	if (nng_stream_get_addr(stream, NNG_OPT_REMADDR, &address))
		address.s_family = NNG_AF_UNSPEC;
	switch (address.s_family) {
	case NNG_AF_INET:
		name_v4(&address.s_in, ret_name);
		break;
	case NNG_AF_INET6:
		name_v6(&address.s_in6, ret_name);
		break;
	case NNG_AF_IPC:
	case NNG_AF_ABSTRACT:
		name_ipc(stream, ret_name);
		break;
	default:
		snprintf(ret_name, HM_PEER_BYTES, "unknown");
		break;
	}
}
