/*
 * Port: a server's end: any number of endpoints, a pipe for each peer. It tells who came and went and what packets they sent; a
 * connection's protocol is its owner's.
 *
 * Threads: the functions of one peer are never called two at once, those of different peers are. None may be blocked.
 */
#pragma once
#include "net/pipe.h"

struct hm_port;

enum { HM_URL_BYTES = 256, HM_PEER_BYTES = 96 };

struct hm_port_handler {
	/* connected: name is "ipc uid=1000 pid=77", "tcp 127.0.0.1:55410" or "inproc". Returns what the other functions get for
	 * this peer; NULL turns it away. It may hold the pipe beyond disconnected; sending then does nothing. */
	void *(*connected)(void *user, struct hm_pipe *pipe, const char *name);
	void (*packet)(void *peer, const struct hm_address *from, const void *bytes, size_t size);
	void (*idle)(void *peer); /* all packets that had come are told */
	void (*disconnected)(void *peer); /* last */
};

/* hm_port_open makes a port without endpoints. packet_bytes_max: a peer that sends more is disconnected. */
struct hm_port *hm_port_open(size_t packet_bytes_max, const struct hm_port_handler *handler, void *user);

/* hm_port_listen adds an endpoint; ipc sockets are made 0600. ret_url (may be NULL) is the bound one: tcp port 0 becomes real.
 * ALREADY_EXISTS: the address is in use. PERMISSION_DENIED. INVALID_ARGUMENT: no such kind of URL. */
hm_status hm_port_listen(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES]);

/* hm_port_stop closes endpoints and connections; when it returns, no handler function runs or will, and it was never called from
 * one. hm_port_close frees. NULL is fine. */
void hm_port_stop(struct hm_port *port);
void hm_port_close(struct hm_port *port);
