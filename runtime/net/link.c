/* Link: nng dials a stream, or the port is found in this process; either way the answer comes in a callback, and a pipe begins. */
#include "net/link.h"

#include <stdlib.h>
#include <string.h>

#include "net/error.h"
#include "net/peer.h"
#include "net/pipe_own.h"
#include "net/port_inproc.h"
#include "net/tls_own.h"
#include "net/url.h"

enum { URL_BYTES = 256 };

struct hm_link {
	const struct hm_link_handler *handler;
	void *user;
	char url[URL_BYTES];
	size_t packet_bytes_max;
	nng_stream_dialer *dialer; /* NULL: within the process */
	nng_aio *dialled;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct hm_pipe *_Atomic pipe; /* NULL: not yet; asked for without the lock */
	bool is_closing, is_down;
	bool is_up; /* of the thread that runs the handler */
};

/* Whatever nng's reason, to a caller the service is not available. */
static void say_down(struct hm_link *link, int number, const char *phase)
{
	bool is_handshake = !link->is_up && hm_tls_is_url(link->url);
	const char *explanation = is_handshake ? hm_tls_explain(number) : NULL;
	struct hm_error why;
	hm_status status;

	if (explanation)
		status = hm_raise(UNAVAILABLE, "%s: TLS: %s (the call was not processed)", link->url, explanation);
	else
		status = hm_from_nng(number, link->url, phase, false);
	if (status == HM_OK)
		return;
	why = *hm_error_get();
	why.code = HM_UNAVAILABLE;
	link->handler->down(link->user, &why);
}

static void on_up(void *user)
{
	struct hm_link *link = user;

	link->is_up = true;
	link->handler->up(link->user);
}

static void on_packet(void *user, const struct hm_address *from, const void *bytes, size_t size)
{
	struct hm_link *link = user;

	(void)from;
	link->handler->packet(link->user, bytes, size);
}

static void on_idle(void *user)
{
	struct hm_link *link = user;

	link->handler->idle(link->user);
}

static void on_down(void *user, int number)
{
	struct hm_link *link = user;

	say_down(link, number, link->is_up ? "connection lost" : "connect");
	pthread_mutex_lock(&link->lock);
	link->is_down = true;
	pthread_cond_broadcast(&link->changed);
	pthread_mutex_unlock(&link->lock);
}

static const struct hm_pipe_handler pipe_handler = {
	.up = on_up, .packet = on_packet, .idle = on_idle, .down = on_down
};

static int make_pipe(struct hm_link *link, struct hm_pipe **ret_pipe)
{
	nng_stream *stream;

	if (!link->dialer)
		return hm_port_connect(link->url, link->packet_bytes_max, ret_pipe);
	stream = nng_aio_get_output(link->dialled, 0);
	*ret_pipe = hm_pipe_open(stream, false, hm_carrier_of(link->url), link->packet_bytes_max);
	return 0;
}

static void was_dialled(void *user)
{
	struct hm_link *link = user;
	struct hm_pipe *pipe = NULL;
	int number = nng_aio_result(link->dialled);
	bool is_closing;

	if (!number)
		number = make_pipe(link, &pipe);
	pthread_mutex_lock(&link->lock);
	link->pipe = pipe;
	is_closing = link->is_closing;
	pthread_mutex_unlock(&link->lock);
	if (number && !is_closing)
		say_down(link, number, "connect");
	if (pipe)
		hm_pipe_start(pipe, &pipe_handler, link);
}

static int open_dialer(struct hm_link *link)
{
	int number = nng_aio_alloc(&link->dialled, was_dialled, link);

	if (number || !strncmp(link->url, "inproc:", 7))
		return number;
	number = nng_stream_dialer_alloc(&link->dialer, link->url);
	if (!number && hm_carrier_of(link->url) != HM_CARRIER_IPC)
		number = nng_stream_dialer_set_bool(link->dialer, NNG_OPT_TCP_NODELAY, true);
	if (!number && hm_tls_is_url(link->url))
		number = hm_tls_dress_dialer(link->dialer, link->url);
	return number;
}

hm_status hm_link_open(const char *url, size_t packet_bytes_max, const struct hm_link_handler *handler, void *user,
		       struct hm_link **ret_link)
{
	struct hm_link *link;
	int number;

	if (strlen(url) >= URL_BYTES)
		return hm_raise(INVALID_ARGUMENT, "URL of %zu bytes, at most %d are possible", strlen(url),
				URL_BYTES - 1);
	TRY(hm_url_check(url));
	if (hm_tls_is_url(url))
		TRY(hm_tls_check(url));
	link = calloc(1, sizeof *link);
	if (!link)
		abort();
	link->handler = handler;
	link->user = user;
	link->packet_bytes_max = packet_bytes_max;
	memcpy(link->url, url, strlen(url) + 1);
	pthread_mutex_init(&link->lock, NULL);
	pthread_cond_init(&link->changed, NULL);
	number = open_dialer(link);
	if (number) {
		hm_link_close(link);
		return hm_from_nng(number, url, "open", false);
	}
	*ret_link = link;
	return HM_OK;
}

void hm_link_dial(struct hm_link *link)
{
	if (link->dialer) {
		nng_stream_dialer_dial(link->dialer, link->dialled);
		return;
	}
	nng_aio_begin(link->dialled);
	nng_aio_finish(link->dialled, 0);
}

struct hm_pipe *hm_link_pipe(struct hm_link *link)
{
	return link->pipe;
}

void hm_link_hang_up(struct hm_link *link)
{
	hm_pipe_close(link->pipe);
}

/* The last function of the handler may be on its way out of the reader's callback. */
static void close_pipe(struct hm_link *link)
{
	hm_pipe_close(link->pipe);
	pthread_mutex_lock(&link->lock);
	while (!link->is_down)
		pthread_cond_wait(&link->changed, &link->lock);
	pthread_mutex_unlock(&link->lock);
	nng_aio_stop(link->pipe->reader);
	hm_pipe_release(link->pipe);
}

void hm_link_close(struct hm_link *link)
{
	if (!link)
		return;
	pthread_mutex_lock(&link->lock);
	link->is_closing = true;
	pthread_mutex_unlock(&link->lock);
	if (link->dialer)
		nng_stream_dialer_close(link->dialer);
	if (link->dialled)
		nng_aio_stop(link->dialled);
	if (link->pipe)
		close_pipe(link);
	if (link->dialer)
		nng_stream_dialer_free(link->dialer);
	if (link->dialled)
		nng_aio_free(link->dialled);
	pthread_cond_destroy(&link->changed);
	pthread_mutex_destroy(&link->lock);
	free(link);
}
