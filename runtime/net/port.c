/* Port: listeners accept, the door says who may stay, and every connection is in a list until all of it is freed. */
#include "net/port.h"

#include <nng/nng.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/door.h"
#include "net/error.h"
#include "net/listener.h"
#include "net/pipe_own.h"
#include "net/port_inproc.h"
#include "net/tls_own.h"
#include "net/url.h"

enum { LOOK_US = HM_US_PER_S / 4 }; /* how often those who do not greet are looked for */

struct entry {
	struct entry *next;
	struct hm_listener *listener;
};

struct connection {
	struct hm_port *port;
	struct connection *next, *previous;
	struct hm_pipe *pipe;
	void *peer; /* NULL: not greeted, or turned away */
	struct hm_guest guest; /* until it has greeted */
	char name[HM_PEER_BYTES];
};

struct hm_port {
	const struct hm_port_handler *handler;
	void *user;
	struct hm_timer look; /* for guests who are overdue; set while there is any */
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct entry *listeners;
	struct connection *connections;
	struct hm_door door;
	bool is_stopped;
};

static struct connection *connection_of(struct hm_guest *guest)
{
	return (struct connection *)((char *)guest - offsetof(struct connection, guest));
}

static void on_up(void *user)
{
	struct connection *connection = user;
	struct hm_port *port = connection->port;

	pthread_mutex_lock(&port->lock);
	hm_door_leave(&port->door, &connection->guest);
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
	hm_door_leave(&port->door, &connection->guest);
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
	return port->door.limits.packet_bytes_max;
}

/* A guest from within the process needs no door. */
static bool may_enter(struct hm_port *port, struct connection *connection, const uint64_t *source,
		      struct hm_pipe **ret_gone)
{
	int64_t now_us = hm_clock_mono_us();
	struct hm_guest *gone;

	if (!source)
		return true;
	if (!hm_door_enter(&port->door, &connection->guest, *source, now_us, &gone))
		return false;
	if (gone)
		*ret_gone = hm_pipe_hold(connection_of(gone)->pipe);
	else if (port->door.guests == 1)
		hm_timer_set(&port->look, now_us + LOOK_US);
	return true;
}

static bool enlist(struct hm_port *port, struct connection *connection, const uint64_t *source)
{
	struct hm_pipe *gone = NULL;
	bool fits;

	pthread_mutex_lock(&port->lock);
	fits = !port->is_stopped && may_enter(port, connection, source, &gone);
	if (fits) {
		connection->next = port->connections;
		if (port->connections)
			port->connections->previous = connection;
		port->connections = connection;
	}
	pthread_mutex_unlock(&port->lock);
	if (gone) {
		hm_pipe_close(gone);
		hm_pipe_release(gone);
	}
	return fits;
}

/* On the timer thread: closes who has not greeted in time. */
static void look_for_overdue(void *user)
{
	struct hm_port *port = user;
	int64_t now_us = hm_clock_mono_us();
	struct hm_guest *guest;

	pthread_mutex_lock(&port->lock);
	while ((guest = hm_door_overdue(&port->door, now_us)))
		hm_pipe_close(connection_of(guest)->pipe);
	if (port->door.guests && !port->is_stopped)
		hm_timer_set(&port->look, now_us + LOOK_US);
	pthread_mutex_unlock(&port->lock);
}

bool hm_port_add(struct hm_port *port, struct hm_pipe *pipe, const char *name, const uint64_t *source)
{
	struct connection *connection = calloc(1, sizeof *connection);

	if (!connection)
		abort();
	connection->port = port;
	connection->pipe = pipe;
	snprintf(connection->name, sizeof connection->name, "%s", name);
	if (!enlist(port, connection, source)) {
		free(connection);
		hm_pipe_close(pipe);
		hm_pipe_release(pipe);
		return false;
	}
	pipe->buried = on_buried;
	hm_pipe_start(pipe, &pipe_handler, connection);
	return true;
}

bool hm_port_is_stopped(struct hm_port *port)
{
	bool is_stopped;

	pthread_mutex_lock(&port->lock);
	is_stopped = port->is_stopped;
	pthread_mutex_unlock(&port->lock);
	return is_stopped;
}

struct hm_port *hm_port_open(const struct hm_port_limits *limits, const struct hm_port_handler *handler, void *user)
{
	struct hm_port *port = calloc(1, sizeof *port);

	if (!port)
		abort();
	port->handler = handler;
	port->user = user;
	hm_door_init(&port->door, limits);
	hm_timer_init(&port->look, look_for_overdue, port);
	pthread_mutex_init(&port->lock, NULL);
	pthread_cond_init(&port->changed, NULL);
	return port;
}

static int listen_inproc(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES])
{
	int number = hm_port_publish(port, url);

	if (!number && ret_url)
		snprintf(ret_url, HM_URL_BYTES, "%s", url);
	return number;
}

static int listen_stream(struct hm_port *port, const char *url, bool takes_over, char ret_url[HM_URL_BYTES])
{
	struct entry *entry = calloc(1, sizeof *entry);
	int number;

	if (!entry)
		abort();
	number = hm_listener_open(port, url, &port->door.limits, takes_over, &entry->listener);
	if (number) {
		free(entry);
		return number;
	}
	if (ret_url)
		hm_listener_url(entry->listener, ret_url);
	pthread_mutex_lock(&port->lock);
	entry->next = port->listeners;
	port->listeners = entry;
	pthread_mutex_unlock(&port->lock);
	hm_listener_start(entry->listener);
	return 0;
}

hm_status hm_port_listen(struct hm_port *port, const char *url, char ret_url[HM_URL_BYTES])
{
	bool is_inproc = !strncmp(url, "inproc:", 7);
	int number;

	TRY(hm_url_check(url));
	if (hm_tls_is_url(url))
		TRY(hm_tls_check(url));
	number = is_inproc ? listen_inproc(port, url, ret_url) : listen_stream(port, url, false, ret_url);
	return number ? hm_from_nng(number, url, "listen", false) : HM_OK;
}

hm_status hm_port_take_over(struct hm_port *port, const char *url)
{
	int number;

	if (strncmp(url, "ipc:", 4) != 0)
		return hm_raise(INVALID_ARGUMENT, "%s: only an ipc socket can be taken over", url);
	TRY(hm_url_check(url));
	number = listen_stream(port, url, true, NULL);
	return number ? hm_from_nng(number, url, "listen", false) : HM_OK;
}

void hm_port_stop(struct hm_port *port)
{
	pthread_mutex_lock(&port->lock);
	port->is_stopped = true;
	pthread_mutex_unlock(&port->lock);
	hm_port_unpublish(port);
	for (struct entry *entry = port->listeners, *next; entry; entry = next) {
		next = entry->next;
		hm_listener_close(entry->listener);
		free(entry);
	}
	port->listeners = NULL;
	pthread_mutex_lock(&port->lock);
	for (struct connection *connection = port->connections; connection; connection = connection->next)
		hm_pipe_close(connection->pipe);
	while (port->connections)
		pthread_cond_wait(&port->changed, &port->lock);
	pthread_mutex_unlock(&port->lock);
	hm_timer_stop(&port->look);
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
