/* Peer: who is at the other end of a stream, for people and logs. (net's own header) */
#pragma once
#include <nng/nng.h>

#include "net/port.h"

/* hm_peer_name writes "ipc uid=1000 pid=77", "tcp 127.0.0.1:55410", or "unknown". */
void hm_peer_name(nng_stream *stream, char ret_name[HM_PEER_BYTES]);
