/*
 * Port: a server's end: one raw REP socket, any number of endpoints, a pipe for each peer. It tells who came and went and hands
 * over packets; a connection's protocol is its owner's.
 *
 * Threads: accept is never called twice at once, so a pipe's packets come in order; work runs at once with other work and with
 * accept. None may be blocked.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "net/sender.h"

struct hm_port;
struct hm_parcel; /* a packet that came in, owned by whom it was given to */

enum { HM_URL_BYTES = 256, HM_PEER_BYTES = 96 };

struct hm_port_handler {
	/* connected: peer is "ipc uid=1000 pid=77", "tcp 127.0.0.1:55410" or "inproc"; false turns it away. */
	bool (*connected)(void *user, uint32_t pipe, const char *peer);
	void (*disconnected)(void *user, uint32_t pipe);
	/* accept takes a packet and only puts it where it belongs; what it returns, if anything, goes to work right after, while
	 * the next packet may already be accepted. */
	void *(*accept)(void *user, uint32_t pipe, struct hm_parcel *parcel);
	void (*work)(void *user, void *what);
};

/* hm_port_open makes a socket without endpoints. packet_bytes_max: a peer that sends more is disconnected. */
hm_status hm_port_open(size_t packet_bytes_max, const struct hm_port_handler *handler, void *user,
		       struct hm_port **ret_port);

/* hm_port_listen adds an endpoint; ipc sockets are made 0600. ret_url (may be NULL) is the bound one: tcp port 0 becomes real.
 * ALREADY_EXISTS: the address is in use. PERMISSION_DENIED. INVALID_ARGUMENT: no such kind of URL. */
hm_status hm_port_listen(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES]);

/* hm_port_hang_up disconnects a peer whatever it does; disconnected follows. One that keeps the protocol hangs up by itself when it
 * is told goodbye (hm_sender_goodbye). */
void hm_port_hang_up(struct hm_port *port, uint32_t pipe);

/* hm_port_stop closes the endpoints and the socket; when it returns, no handler function runs or will. Never from one.
 * hm_port_close frees; the senders must be closed before. All peers should be
 * gone by then (net/cut.h says why). NULL is fine. */
void hm_port_stop(struct hm_port *port);
void hm_port_close(struct hm_port *port);

/* hm_port_sender makes the way back to a peer. */
hm_status hm_port_sender(struct hm_port *port, uint32_t pipe, struct hm_sender **ret_sender);
void hm_sender_close(struct hm_sender *sender);

const void *hm_parcel_bytes(const struct hm_parcel *parcel, size_t *ret_size);
void hm_parcel_free(struct hm_parcel *parcel);

/* The address of one request of an ordinary REQ client, to answer it behind its parcel's life. */
enum { HM_ADDRESS_BYTES = 64 };
struct hm_address {
	uint8_t bytes[HM_ADDRESS_BYTES];
	size_t size;
};

/* hm_parcel_address returns false if the request took a way longer than an address holds. */
bool hm_parcel_address(const struct hm_parcel *parcel, struct hm_address *ret_address);

/* hm_sender_answer sends a packet to an address. */
bool hm_sender_answer(struct hm_sender *sender, const struct hm_address *address, const void *packet, size_t bytes);
