/* Listener: accepts one stream after the other. Who it is from and whether it may stay is asked before anything else. */
#include "net/listener.h"

#include <errno.h>
#include <nng/nng.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "net/peer.h"
#include "net/pipe_own.h"
#include "net/place.h"
#include "net/port_inproc.h"
#include "net/tls_own.h"

enum {
	RETRY_US = HM_US_PER_S / 10, /* after an accept that failed: mostly for want of files */
	OWN_MODE = S_IRUSR | S_IWUSR,
	SHARED_MODE = OWN_MODE | S_IRGRP | S_IWGRP | S_IROTH | S_IWOTH,
};

struct hm_listener {
	struct hm_port *port;
	const struct hm_port_limits *limits;
	nng_stream_listener *stream;
	nng_aio *accepted;
	struct hm_timer retry;
	enum hm_carrier carrier;
	struct hm_tls *tls; /* NULL: it needs none */
	struct hm_place place; /* ipc */
	char url[HM_URL_BYTES];
};

/* What cannot be dressed for TLS anew keeps what it has. */
static void accept_next(void *user)
{
	struct hm_listener *listener = user;

	if (listener->tls)
		(void)hm_tls_dress_listener(listener->stream, listener->tls);
	nng_stream_listener_accept(listener->stream, listener->accepted);
}

static void add_stream(struct hm_listener *listener, nng_stream *stream)
{
	struct hm_port *port = listener->port;
	uint64_t source = hm_peer_source(stream);
	char name[HM_PEER_BYTES];

	if (!hm_peer_is_allowed(stream, listener->carrier, listener->limits)) {
		nng_stream_free(stream);
		return;
	}
	hm_peer_name(stream, listener->carrier, name);
	hm_port_add(port, hm_pipe_open(stream, true, listener->carrier, listener->limits->packet_bytes_max), name,
		    &source);
}

static void was_accepted(void *user)
{
	struct hm_listener *listener = user;
	int number = nng_aio_result(listener->accepted);

	if (!number)
		add_stream(listener, nng_aio_get_output(listener->accepted, 0));
	if (!number)
		accept_next(listener);
	else if (!hm_port_is_stopped(listener->port))
		hm_timer_set(&listener->retry, hm_clock_mono_us() + RETRY_US);
}

/* An ipc socket that others may open is guarded by the peers' users alone. */
static int set_options(struct hm_listener *listener)
{
	int mode = listener->limits->n_users ? SHARED_MODE : OWN_MODE;
	int number = 0;

	if (listener->carrier == HM_CARRIER_IPC)
		return nng_stream_listener_set_int(listener->stream, NNG_OPT_IPC_PERMISSIONS, mode);
	if (listener->tls)
		number = hm_tls_dress_listener(listener->stream, listener->tls);
	return number ? number : nng_stream_listener_set_bool(listener->stream, NNG_OPT_TCP_NODELAY, true);
}

/* An ipc socket is bound beside its place, and moved there when it listens. */
static int bind_stream(struct hm_listener *listener)
{
	char url[HM_URL_BYTES];

	if (listener->carrier != HM_CARRIER_IPC)
		return nng_stream_listener_alloc(&listener->stream, listener->url);
	if (!hm_place_init(&listener->place, listener->url + strlen("ipc://")))
		return NNG_EADDRINVAL;
	snprintf(url, sizeof url, "ipc://%s", listener->place.own);
	return nng_stream_listener_alloc(&listener->stream, url);
}

static int take_place(struct hm_listener *listener, bool takes_over)
{
	int number = listener->carrier == HM_CARRIER_IPC ? hm_place_take(&listener->place, takes_over) : 0;

	if (number == EADDRINUSE)
		return NNG_EADDRINUSE;
	return number ? (int)NNG_ESYSERR + number : 0;
}

int hm_listener_open(struct hm_port *port, const char *url, const struct hm_port_limits *limits, bool takes_over,
		     struct hm_listener **ret_listener)
{
	struct hm_listener *listener = calloc(1, sizeof *listener);
	int number;

	if (!listener)
		abort();
	listener->port = port;
	listener->limits = limits;
	listener->carrier = hm_carrier_of(url);
	listener->tls = listener->carrier == HM_CARRIER_TLS ? hm_tls_hold() : NULL;
	snprintf(listener->url, sizeof listener->url, "%s", url);
	hm_timer_init(&listener->retry, accept_next, listener);
	number = nng_aio_alloc(&listener->accepted, was_accepted, listener);
	if (!number)
		number = bind_stream(listener);
	if (!number)
		number = set_options(listener);
	if (!number)
		number = nng_stream_listener_listen(listener->stream);
	if (!number)
		number = take_place(listener, takes_over);
	if (number)
		hm_listener_close(listener);
	else
		*ret_listener = listener;
	return number;
}

void hm_listener_start(struct hm_listener *listener)
{
	accept_next(listener);
}

void hm_listener_url(const struct hm_listener *listener, char ret_url[HM_URL_BYTES])
{
	const char *colon = strrchr(listener->url, ':');
	int number;

	if (listener->carrier != HM_CARRIER_IPC &&
	    !nng_stream_listener_get_int(listener->stream, NNG_OPT_TCP_BOUND_PORT, &number))
		snprintf(ret_url, HM_URL_BYTES, "%.*s:%d", (int)(colon - listener->url), listener->url, number);
	else
		memcpy(ret_url, listener->url, sizeof listener->url);
}

void hm_listener_close(struct hm_listener *listener)
{
	if (!listener)
		return;
	hm_timer_stop(&listener->retry);
	hm_place_leave(&listener->place);
	if (listener->stream)
		nng_stream_listener_close(listener->stream);
	if (listener->accepted)
		nng_aio_stop(listener->accepted);
	hm_timer_stop(&listener->retry);
	if (listener->stream)
		nng_stream_listener_free(listener->stream);
	if (listener->accepted)
		nng_aio_free(listener->accepted);
	hm_tls_release(listener->tls);
	free(listener);
}
