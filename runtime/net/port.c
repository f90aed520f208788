/* Port: listeners accept, and every connection is in a list until all of it is freed. */
#include "net/port.h"

#include <nng/nng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "net/error.h"
#include "net/peer.h"
#include "net/pipe_own.h"
#include "net/port_inproc.h"
#include "net/url.h"

enum {
	SILENT_MAX = 256, /* connections without a greeting */
	RETRY_US = HM_US_PER_S / 10, /* after an accept that failed: mostly for want of files */
};

struct listener {
	struct listener *next;
	struct hm_port *port;
	nng_stream_listener *stream;
	nng_aio *accepted;
	struct hm_timer retry;
	bool has_type_byte, is_tcp;
};

struct connection {
	struct hm_port *port;
	struct connection *next, *previous;
	struct hm_pipe *pipe;
	void *peer; /* NULL: not greeted, or turned away */
	bool is_greeted;
	char name[HM_PEER_BYTES];
};

struct hm_port {
	const struct hm_port_handler *handler;
	void *user;
	size_t packet_bytes_max;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct listener *listeners;
	struct connection *connections;
	size_t n_silent;
	bool is_stopped;
};

static void on_up(void *user)
{
	struct connection *connection = user;
	struct hm_port *port = connection->port;

	pthread_mutex_lock(&port->lock);
	connection->is_greeted = true;
	port->n_silent--;
	pthread_mutex_unlock(&port->lock);
	connection->peer = port->handler->connected(port->user, connection->pipe, connection->name);
	if (!connection->peer)
		hm_pipe_close(connection->pipe);
}

static void on_packet(void *user, const struct hm_address *from, const void *bytes, size_t size)
{
	struct connection *connection = user;

	connection->port->handler->packet(connection->peer, from, bytes, size);
}

static void on_idle(void *user)
{
	struct connection *connection = user;

	if (connection->peer)
		connection->port->handler->idle(connection->peer);
}

static void on_down(void *user, int number)
{
	struct connection *connection = user;

	(void)number;
	if (connection->peer)
		connection->port->handler->disconnected(connection->peer);
	hm_pipe_release(connection->pipe);
}

static const struct hm_pipe_handler pipe_handler = {
	.up = on_up, .packet = on_packet, .idle = on_idle, .down = on_down
};

static void on_buried(void *user)
{
	struct connection *connection = user;
	struct hm_port *port = connection->port;

	pthread_mutex_lock(&port->lock);
	port->n_silent -= !connection->is_greeted;
	if (connection->previous)
		connection->previous->next = connection->next;
	else
		port->connections = connection->next;
	if (connection->next)
		connection->next->previous = connection->previous;
	pthread_cond_broadcast(&port->changed);
	pthread_mutex_unlock(&port->lock);
	free(connection);
}

size_t hm_port_packet_bytes_max(const struct hm_port *port)
{
	return port->packet_bytes_max;
}

static bool enlist(struct hm_port *port, struct connection *connection)
{
	bool fits;

	pthread_mutex_lock(&port->lock);
	fits = !port->is_stopped && port->n_silent < SILENT_MAX;
	if (fits) {
		port->n_silent++;
		connection->next = port->connections;
		if (port->connections)
			port->connections->previous = connection;
		port->connections = connection;
	}
	pthread_mutex_unlock(&port->lock);
	return fits;
}

bool hm_port_add(struct hm_port *port, struct hm_pipe *pipe, const char *name)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection)
		abort();
	connection->port = port;
	connection->pipe = pipe;
	snprintf(connection->name, sizeof connection->name, "%s", name);
	if (!enlist(port, connection)) {
		free(connection);
		hm_pipe_close(pipe);
		hm_pipe_release(pipe);
		return false;
	}
	pipe->buried = on_buried;
	hm_pipe_start(pipe, &pipe_handler, connection);
	return true;
}

static void accept_next(void *user)
{
	struct listener *listener = user;

	nng_stream_listener_accept(listener->stream, listener->accepted);
}

static void add_stream(struct listener *listener, nng_stream *stream)
{
	struct hm_port *port = listener->port;
	char name[HM_PEER_BYTES];

	if (listener->is_tcp)
		nng_stream_set_bool(stream, NNG_OPT_TCP_NODELAY, true);
	hm_peer_name(stream, name);
	hm_port_add(port, hm_pipe_open(stream, true, listener->has_type_byte, port->packet_bytes_max), name);
}

static void was_accepted(void *user)
{
	struct listener *listener = user;
	int number = nng_aio_result(listener->accepted);
	bool is_stopped;

	pthread_mutex_lock(&listener->port->lock);
	is_stopped = listener->port->is_stopped;
	pthread_mutex_unlock(&listener->port->lock);
	if (!number)
		add_stream(listener, nng_aio_get_output(listener->accepted, 0));
	if (!number)
		accept_next(listener);
	else if (!is_stopped)
		hm_timer_set(&listener->retry, hm_clock_mono_us() + RETRY_US);
}

struct hm_port *hm_port_open(size_t packet_bytes_max, const struct hm_port_handler *handler, void *user)
{
	struct hm_port *port = calloc(1, sizeof *port);

	if (!port)
		abort();
	port->handler = handler;
	port->user = user;
	port->packet_bytes_max = packet_bytes_max;
	pthread_mutex_init(&port->lock, NULL);
	pthread_cond_init(&port->changed, NULL);
	return port;
}

static void free_listener(struct listener *listener)
{
	hm_timer_stop(&listener->retry);
	if (listener->stream)
		nng_stream_listener_close(listener->stream);
	if (listener->accepted)
		nng_aio_stop(listener->accepted);
	hm_timer_stop(&listener->retry);
	if (listener->stream)
		nng_stream_listener_free(listener->stream);
	if (listener->accepted)
		nng_aio_free(listener->accepted);
	free(listener);
}

static int open_listener(struct listener *listener, const char *url)
{
	int number = nng_aio_alloc(&listener->accepted, was_accepted, listener);

	if (!number)
		number = nng_stream_listener_alloc(&listener->stream, url);
	if (!number && listener->has_type_byte)
		number = nng_stream_listener_set_int(listener->stream, NNG_OPT_IPC_PERMISSIONS, S_IRUSR | S_IWUSR);
	if (!number)
		number = nng_stream_listener_listen(listener->stream);
	return number;
}

/* The port that was really bound takes the place of the one asked for. */
static void bound_url(const struct listener *listener, const char *url, char ret_url[HM_URL_BYTES])
{
	const char *colon = strrchr(url, ':');
	int number;

	if (listener->is_tcp && !nng_stream_listener_get_int(listener->stream, NNG_OPT_TCP_BOUND_PORT, &number))
		snprintf(ret_url, HM_URL_BYTES, "%.*s:%d", (int)(colon - url), url, number);
	else
		snprintf(ret_url, HM_URL_BYTES, "%s", url);
}

static int listen_inproc(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES])
{
	int number = hm_port_publish(port, url);

	if (!number && ret_url)
		snprintf(ret_url, HM_URL_BYTES, "%s", url);
	return number;
}

static int listen_stream(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES])
{
	struct listener *listener = calloc(1, sizeof *listener);
	int number;

	if (!listener)
		abort();
	listener->port = port;
	listener->has_type_byte = !strncmp(url, "ipc:", 4);
	listener->is_tcp = !strncmp(url, "tcp", 3);
	hm_timer_init(&listener->retry, accept_next, listener);
	number = open_listener(listener, url);
	if (number) {
		free_listener(listener);
		return number;
	}
	if (ret_url)
		bound_url(listener, url, ret_url);
	pthread_mutex_lock(&port->lock);
	listener->next = port->listeners;
	port->listeners = listener;
	pthread_mutex_unlock(&port->lock);
	accept_next(listener);
	return 0;
}

hm_status hm_port_listen(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES])
{
	bool is_inproc = !strncmp(url, "inproc:", 7);
	int number;

	TRY(hm_url_check(url));
	number = (is_inproc ? listen_inproc : listen_stream)(port, url, ret_url);
	return number ? hm_from_nng(number, url, "listen", false) : HM_OK;
}

void hm_port_stop(struct hm_port *port)
{
	pthread_mutex_lock(&port->lock);
	port->is_stopped = true;
	pthread_mutex_unlock(&port->lock);
	hm_port_unpublish(port);
	for (struct listener *listener = port->listeners, *next; listener; listener = next) {
		next = listener->next;
		free_listener(listener);
	}
	port->listeners = NULL;
	pthread_mutex_lock(&port->lock);
	for (struct connection *connection = port->connections; connection; connection = connection->next)
		hm_pipe_close(connection->pipe);
	while (port->connections)
		pthread_cond_wait(&port->changed, &port->lock);
	pthread_mutex_unlock(&port->lock);
}

void hm_port_close(struct hm_port *port)
{
	if (!port)
		return;
	hm_port_stop(port);
	pthread_cond_destroy(&port->changed);
	pthread_mutex_destroy(&port->lock);
	free(port);
}
