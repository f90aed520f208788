/* Peer: who is at the other end of a stream, for people and logs. (net's own header) */
#pragma once
#include <nng/nng.h>

#include "net/pipe_own.h"
#include "net/port.h"

enum hm_carrier hm_carrier_of(const char *url);

/* hm_peer_name writes "ipc uid=1000 pid=77", "tcp 127.0.0.1:55410", "tls 10.0.0.7:55410", or "unknown". */
void hm_peer_name(nng_stream *stream, enum hm_carrier carrier, char ret_name[HM_PEER_BYTES]);

/* hm_peer_source is a hash of where a stream comes from: its address, of IPv6 the first half (of an IPv4 one mapped into it, that one);
 * of ipc its user. hm_peer_source_of: the same of an address, or of a user where there is none. */
uint64_t hm_peer_source(nng_stream *stream);
uint64_t hm_peer_source_of(const nng_sockaddr *address, uint64_t user);

/* hm_peer_is_allowed: over ipc root, this process's own user and those listed; over anything else everybody. */
bool hm_peer_is_allowed(nng_stream *stream, enum hm_carrier carrier, const struct hm_port_limits *limits);
