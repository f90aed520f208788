/*
 * Port: one receiving aio; its callback hands a packet to accept, starts the next receive, and then does the work, so that
 * packets are put in their places in order while the work on them uses every core.
 */
#include "net/port.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/rep.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/cut.h"
#include "net/error.h"
#include "net/peer.h"
#include "net/sender_nng.h"

enum { LISTENERS_MAX = 32, QUEUED_IN = 64, QUEUED_OUT = 4096 };

struct hm_port {
	const struct hm_port_handler *handler;
	void *user;
	nng_socket socket;
	nng_aio *receiver;
	_Atomic bool is_stopped;
};

static nng_msg *message_of(const struct hm_parcel *parcel)
{
	return (nng_msg *)(uintptr_t)parcel;
}

static void *accept_message(struct hm_port *port, nng_msg *message)
{
	nng_pipe pipe = nng_msg_get_pipe(message);

	if (nng_msg_len(message))
		return port->handler->accept(port->user, (uint32_t)pipe.id, (struct hm_parcel *)message);
	nng_msg_free(message);
	hm_cut_after_goodbye(pipe);
	return NULL;
}

static void received(void *user)
{
	struct hm_port *port = user;
	nng_msg *message;
	void *what;

	if (nng_aio_result(port->receiver))
		return; /* the port is closing: nothing else ends a receive */
	message = nng_aio_get_msg(port->receiver);
	what = accept_message(port, message);
	nng_recv_aio(port->socket, port->receiver);
	if (what)
		port->handler->work(port->user, what);
}

static void pipe_event(nng_pipe pipe, nng_pipe_ev event, void *user)
{
	struct hm_port *port = user;
	uint32_t id = (uint32_t)nng_pipe_id(pipe);
	char peer[HM_PEER_BYTES];

	if (event == NNG_PIPE_EV_ADD_PRE) {
		hm_peer_name(pipe, peer);
		if (atomic_load(&port->is_stopped) || !port->handler->connected(port->user, id, peer))
			nng_pipe_close(pipe);
	} else {
		port->handler->disconnected(port->user, id);
	}
}

static int open_socket(struct hm_port *port, size_t packet_bytes_max)
{
	int number = nng_rep0_open_raw(&port->socket);

	if (!number)
		number = nng_aio_alloc(&port->receiver, received, port);
	if (!number)
		number = nng_socket_set_size(port->socket, NNG_OPT_RECVMAXSZ, packet_bytes_max);
	if (!number)
		number = nng_socket_set_int(port->socket, NNG_OPT_RECVBUF, QUEUED_IN);
	if (!number)
		number = nng_socket_set_int(port->socket, NNG_OPT_SENDBUF, QUEUED_OUT);
	if (!number)
		number = nng_pipe_notify(port->socket, NNG_PIPE_EV_ADD_PRE, pipe_event, port);
	if (!number)
		number = nng_pipe_notify(port->socket, NNG_PIPE_EV_REM_POST, pipe_event, port);
	return number;
}

hm_status hm_port_open(size_t packet_bytes_max, const struct hm_port_handler *handler, void *user,
		       struct hm_port **ret_port)
{
	struct hm_port *port = calloc(1, sizeof *port);
	int number;

	if (!port)
		abort();
	port->handler = handler;
	port->user = user;
	number = open_socket(port, packet_bytes_max);
	if (number) {
		hm_port_close(port);
		return hm_from_nng(number, "nng", "open a server's socket", false);
	}
	nng_recv_aio(port->socket, port->receiver);
	*ret_port = port;
	return HM_OK;
}

/* Options are as the transport has them: a table of what must be set before the listener starts. */
static int configure(nng_listener listener, const char *url)
{
	if (!strncmp(url, "tcp", 3) || !strncmp(url, "tls", 3))
		return nng_listener_set_bool(listener, NNG_OPT_TCP_NODELAY, true);
	if (!strncmp(url, "ipc", 3))
		return nng_listener_set_int(listener, NNG_OPT_IPC_PERMISSIONS, S_IRUSR | S_IWUSR);
	return 0;
}

static void bound_url(nng_listener listener, const char *url, char ret_url[HM_URL_BYTES])
{
	char *bound = NULL;
	const char *text = nng_listener_get_string(listener, NNG_OPT_URL, &bound) ? url : bound;

	snprintf(ret_url, HM_URL_BYTES, "%s", text);
	if (bound)
		nng_strfree(bound);
}

hm_status hm_port_listen(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES])
{
	nng_listener listener;
	int number = nng_listener_create(&listener, port->socket, url);

	if (number)
		return hm_from_nng(number, url, "listen", false);
	number = configure(listener, url);
	if (!number)
		number = nng_listener_start(listener, 0);
	if (number) {
		nng_listener_close(listener);
		return hm_from_nng(number, url, "listen", false);
	}
	if (ret_url)
		bound_url(listener, url, ret_url);
	return HM_OK;
}

void hm_port_hang_up(struct hm_port *port, uint32_t pipe)
{
	(void)port;
	hm_cut((nng_pipe){ .id = pipe });
}

/* The receiver first, for the same reason as a link's. */
void hm_port_stop(struct hm_port *port)
{
	if (atomic_exchange(&port->is_stopped, true))
		return;
	if (port->receiver)
		nng_aio_stop(port->receiver);
	if (port->socket.id)
		nng_close(port->socket);
}

void hm_port_close(struct hm_port *port)
{
	if (!port)
		return;
	hm_port_stop(port);
	if (port->receiver)
		nng_aio_free(port->receiver);
	free(port);
}

hm_status hm_port_sender(struct hm_port *port, uint32_t pipe, struct hm_sender **ret_sender)
{
	struct hm_sender *sender = malloc(sizeof *sender);
	hm_status status;

	if (!sender)
		abort();
	status = hm_sender_init(sender, port->socket, pipe);
	if (status == HM_OK)
		*ret_sender = sender;
	else
		free(sender);
	return status;
}

void hm_sender_close(struct hm_sender *sender)
{
	if (!sender)
		return;
	hm_sender_fini(sender);
	free(sender);
}

const void *hm_parcel_bytes(const struct hm_parcel *parcel, size_t *ret_size)
{
	nng_msg *message = message_of(parcel);

	*ret_size = nng_msg_len(message);
	return nng_msg_body(message);
}

void hm_parcel_free(struct hm_parcel *parcel)
{
	nng_msg_free(message_of(parcel));
}

bool hm_parcel_address(const struct hm_parcel *parcel, struct hm_address *ret_address)
{
	nng_msg *message = message_of(parcel);

	ret_address->size = nng_msg_header_len(message);
	if (ret_address->size > sizeof ret_address->bytes)
		return false;
	memcpy(ret_address->bytes, nng_msg_header(message), ret_address->size);
	return true;
}

bool hm_sender_answer(struct hm_sender *sender, const struct hm_address *address, const void *packet, size_t bytes)
{
	nng_msg *message;

	if (nng_msg_alloc(&message, bytes) || nng_msg_header_append(message, address->bytes, address->size))
		abort();
	memcpy(nng_msg_body(message), packet, bytes);
	return hm_sender_post(sender, message);
}
