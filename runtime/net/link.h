/*
 * Link: a client's connection, dialled once. It comes up or not, carries packets, and goes down for good; whoever wants another
 * connection opens another link, so no packet of an old connection can reach a new peer.
 *
 *     open → dial → up → (packet… idle)* → down → close
 *                └→ down (could not connect)
 */
#pragma once
#include "net/pipe.h"

struct hm_link;

/* What a link tells its owner, never two at once, on threads that must not be blocked. */
struct hm_link_handler {
	void (*up)(void *user);
	void (*packet)(void *user, const void *bytes, size_t size);
	void (*idle)(void *user); /* all packets that had come are told */
	void (*down)(void *user, const struct hm_error *why); /* once, last; UNAVAILABLE */
};

/* hm_link_open makes a link that is not dialled yet. packet_bytes_max: larger packets end the connection.
 * INVALID_ARGUMENT: no URL that nng understands. FAILED_PRECONDITION: tls+tcp, and hm_tls_configure was not called. */
hm_status hm_link_open(const char *url, size_t packet_bytes_max, const struct hm_link_handler *handler, void *user,
		       struct hm_link **ret_link);

/* hm_link_dial begins to connect and returns at once; up or down follows. */
void hm_link_dial(struct hm_link *link);

/* hm_link_pipe is where packets go, once the link is up. */
struct hm_pipe *hm_link_pipe(struct hm_link *link);

/* hm_link_hang_up has a link that is up go down soon. From anywhere. */
void hm_link_hang_up(struct hm_link *link);

/* hm_link_close ends it; when it returns, no handler function runs or will. Never from a handler function. NULL is fine. */
void hm_link_close(struct hm_link *link);
