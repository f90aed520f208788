/*
 * Port: a server's end: any number of endpoints, a pipe for each peer. It tells who came and went and what packets they sent; a
 * connection's protocol is its owner's.
 *
 * Threads: the functions of one peer are never called two at once, those of different peers are. None may be blocked.
 */
#pragma once
#include <sys/types.h>

#include "net/pipe.h"

struct hm_port;

enum { HM_URL_BYTES = 256, HM_PEER_BYTES = 192 };

/* What a port admits; each 0 means the default. Silent are connections that have not greeted yet, in a TLS handshake for instance: one
 * that had a second gives way when there is no room for others. Sources are addresses (of IPv6 a /64), and users of ipc. */
struct hm_port_limits {
	size_t packet_bytes_max; /* of one packet; larger ends the connection. No default */
	uint32_t silent_max, silent_of_source_max; /* at once; 256, 64 */
	uint32_t greeting_ms; /* from accept to greeting, however the bytes come; 10 s */
	uint32_t handshakes_per_s, handshakes_of_source_per_s; /* new connections; those beyond are closed; 2000, 500 */
	const uid_t *
		users; /* who, beside root and this process's own, may connect over ipc; sockets are then 0666, not 0600 */
	size_t n_users;
};

struct hm_port_handler {
	/* connected: name is "ipc uid=1000 pid=77", "tcp 127.0.0.1:55410", "tls 10.0.0.7:55410" or "inproc". Returns what the other functions get for
	 * this peer; NULL turns it away. It may hold the pipe beyond disconnected; sending then does nothing. */
	void *(*connected)(void *user, struct hm_pipe *pipe, const char *name);
	void (*packet)(void *peer, const struct hm_address *from, const void *bytes, size_t size);
	void (*idle)(void *peer); /* all packets that had come are told */
	void (*disconnected)(void *peer); /* last */
};

/* hm_port_open makes a port without endpoints. The users of the limits must outlive it. */
struct hm_port *hm_port_open(const struct hm_port_limits *limits, const struct hm_port_handler *handler, void *user);

/* hm_port_listen adds an endpoint; ipc sockets are made 0600. ret_url (may be NULL) is the bound one: tcp port 0 becomes real.
 * ALREADY_EXISTS: the address is in use. PERMISSION_DENIED. INVALID_ARGUMENT: no such kind of URL. FAILED_PRECONDITION: tls+tcp, and
 * hm_tls_configure was not called. */
hm_status hm_port_listen(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES]);

/* hm_port_take_over listens at an ipc URL in the place of whoever does now: who connects from now on comes here, and whoever is
 * connected there stays. Where nobody listens it is hm_port_listen. INVALID_ARGUMENT: no ipc. */
hm_status hm_port_take_over(struct hm_port *port, const char *url);

/* hm_port_stop closes endpoints and connections; when it returns, no handler function runs or will, and it was never called from
 * one. hm_port_close frees. NULL is fine. */
void hm_port_stop(struct hm_port *port);
void hm_port_close(struct hm_port *port);
