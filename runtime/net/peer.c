/* Peer: nng's addresses as text, and as the sources that the door counts by. */
#include "net/peer.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"

enum { V4_BYTES = 4, V6_NETWORK_BYTES = 8, MAPPED_BYTES = 12 };

/* "::ffff:" and an IPv4 address: how a listener on [::] sees the IPv4 peers. */
static const uint8_t mapped[MAPPED_BYTES] = { [10] = 0xff, [11] = 0xff };

static bool is_mapped(const nng_sockaddr_in6 *address)
{
	return !memcmp(address->sa_addr, mapped, sizeof mapped);
}

enum hm_carrier hm_carrier_of(const char *url)
{
	if (!strncmp(url, "ipc", 3))
		return HM_CARRIER_IPC;
	return strncmp(url, "tls", 3) ? HM_CARRIER_TCP : HM_CARRIER_TLS;
}

static void name_v4(const nng_sockaddr_in *address, const char *scheme, char ret_name[HM_PEER_BYTES])
{
	char text[INET_ADDRSTRLEN] = "?";

	inet_ntop(AF_INET, &address->sa_addr, text, sizeof text);
	snprintf(ret_name, HM_PEER_BYTES, "%s %s:%u", scheme, text, ntohs(address->sa_port));
}

static void name_v6(const nng_sockaddr_in6 *address, const char *scheme, char ret_name[HM_PEER_BYTES])
{
	char text[INET6_ADDRSTRLEN] = "?";

	inet_ntop(AF_INET6, address->sa_addr, text, sizeof text);
	snprintf(ret_name, HM_PEER_BYTES, "%s [%s]:%u", scheme, text, ntohs(address->sa_port));
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

static nng_sockaddr address_of(nng_stream *stream)
{
	nng_sockaddr address = { 0 };

	if (nng_stream_get_addr(stream, NNG_OPT_REMADDR, &address))
		address.s_family = NNG_AF_UNSPEC;
	return address;
}

void hm_peer_name(nng_stream *stream, enum hm_carrier carrier, char ret_name[HM_PEER_BYTES])
{
	const char *scheme = carrier == HM_CARRIER_TLS ? "tls" : "tcp";
	nng_sockaddr address = address_of(stream);

	switch (address.s_family) {
	case NNG_AF_INET:
		name_v4(&address.s_in, scheme, ret_name);
		break;
	case NNG_AF_INET6:
		name_v6(&address.s_in6, scheme, ret_name);
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

static uint64_t hash_key;

static void draw_key(void)
{
	hm_random(&hash_key, sizeof hash_key);
	hash_key |= 1;
}

/* Multiplied and folded under a key nobody knows: enough that sources cannot be chosen to fall together. */
static uint64_t hash(const void *bytes, size_t size)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	const uint8_t *at = bytes;
	uint64_t state;

	pthread_once(&once, draw_key);
	state = hash_key;
	while (size--) {
		state = (state ^ *at++) * hash_key;
		state ^= state >> 29;
	}
	return state;
}

/* Mapped addresses all have one network; as over IPv4, each is a source of its own. */
uint64_t hm_peer_source_of(const nng_sockaddr *address, uint64_t user)
{
	switch (address->s_family) {
	case NNG_AF_INET:
		return hash(&address->s_in.sa_addr, V4_BYTES);
	case NNG_AF_INET6:
		return is_mapped(&address->s_in6) ? hash(address->s_in6.sa_addr + MAPPED_BYTES, V4_BYTES)
						  : hash(address->s_in6.sa_addr, V6_NETWORK_BYTES);
	default:
		return hash(&user, sizeof user);
	}
}

uint64_t hm_peer_source(nng_stream *stream)
{
	nng_sockaddr address = address_of(stream);
	uint64_t user;

	if (nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &user))
		user = UINT64_MAX;
	return hm_peer_source_of(&address, user);
}

bool hm_peer_is_allowed(nng_stream *stream, enum hm_carrier carrier, const struct hm_port_limits *limits)
{
	uint64_t user;

	if (carrier != HM_CARRIER_IPC)
		return true;
	if (nng_stream_get_uint64(stream, NNG_OPT_IPC_PEER_UID, &user))
		return false;
	for (size_t i = 0; i < limits->n_users; i++)
		if (limits->users[i] == user)
			return true;
	return user == 0 || user == geteuid();
}
