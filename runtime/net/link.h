/*
 * Link: a client's connection: one raw REQ socket, dialled once. It comes up or not, carries packets, and goes down for good;
 * whoever wants another connection opens another link, so no packet of an old connection can reach a new peer.
 *
 *     open → dial → up → packet* → down → close
 *                └→ down (could not connect)
 */
#pragma once
#include <stddef.h>

#include "base/status.h"
#include "net/sender.h"

struct hm_link;

/* What a link tells its owner, never two at once, on threads that must not be blocked. */
struct hm_link_handler {
	void (*up)(void *user);
	void (*packet)(void *user, const void *bytes, size_t size);
	void (*down)(void *user, const struct hm_error *why); /* once, last */
};

/* hm_link_open makes a link that is not dialled yet. packet_bytes_max: larger packets end the connection.
 * INVALID_ARGUMENT: no URL that nng understands. */
hm_status hm_link_open(const char *url, size_t packet_bytes_max, const struct hm_link_handler *handler, void *user,
		       struct hm_link **ret_link);

/* hm_link_dial begins to connect and returns at once. */
hm_status hm_link_dial(struct hm_link *link);

/* hm_link_sender is where packets go once the link is up. */
struct hm_sender *hm_link_sender(struct hm_link *link);

/* hm_link_leave says goodbye: nothing may be sent behind it; the peer hangs up and the link goes down. From any thread. */
void hm_link_leave(struct hm_link *link);

/* hm_link_close ends it; when it returns, no handler function runs or will. Never from a handler function. A link that is up should
 * leave and go down first (net/cut.h says why). NULL is fine. */
void hm_link_close(struct hm_link *link);
