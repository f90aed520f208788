/*
 * Link: nng dials in a thread of its own, because only a blocking dial says why it failed; the thread ends when the answer is
 * there. A receiving aio with a callback brings packets in.
 *
 * A pipe that is lost leaves packets in nng's receive queue, replies among them. So its loss only ends the waiting: the receiver
 * takes what is queued without waiting and says `down` when nothing is left.
 */
#include "net/link.h"

#include <nng/nng.h>
#include <nng/protocol/reqrep0/req.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "net/error.h"
#include "net/sender_nng.h"

enum { URL_BYTES = 256, QUEUED_PACKETS = 64, REDIAL_MS = 60000 };

struct hm_link {
	const struct hm_link_handler *handler;
	void *user;
	char url[URL_BYTES];
	nng_socket socket;
	nng_dialer dialer;
	struct hm_sender sender;
	nng_aio *receiver;
	_Atomic uint32_t pipe; /* 0: not yet */
	_Atomic bool is_lost;
	_Atomic bool is_closing;
	bool is_dialled;
	pthread_t thread;
};

/* Whatever nng's reason, to a caller the service is not available. */
static void say_down(struct hm_link *link, int number, const char *phase)
{
	struct hm_error why;

	if (atomic_load(&link->is_closing))
		return;
	if (hm_from_nng(number, link->url, phase, false) == HM_OK)
		return;
	why = *hm_error_get();
	why.code = HM_UNAVAILABLE;
	link->handler->down(link->user, &why);
}

/* After a loss there is nothing to wait for. The flag is looked at again behind the start, as it may have come between. */
static void receive_next(struct hm_link *link)
{
	nng_aio_set_timeout(link->receiver, atomic_load(&link->is_lost) ? NNG_DURATION_ZERO : NNG_DURATION_INFINITE);
	nng_recv_aio(link->socket, link->receiver);
	if (atomic_load(&link->is_lost))
		nng_aio_cancel(link->receiver);
}

static void received(void *user)
{
	struct hm_link *link = user;
	int number = nng_aio_result(link->receiver);

	if (number) {
		say_down(link, NNG_ECONNRESET, "connection lost");
		return;
	}
	nng_msg *message = nng_aio_get_msg(link->receiver);

	if (!nng_msg_len(message)) /* the server's goodbye: nothing comes behind it */
		nng_pipe_close((nng_pipe){ .id = atomic_load(&link->pipe) });
	else if (!atomic_load(&link->is_closing))
		link->handler->packet(link->user, nng_msg_body(message), nng_msg_len(message));
	nng_msg_free(message);
	receive_next(link);
}

/* nng's dialer would connect again by itself: a second pipe is turned away. */
static void pipe_event(nng_pipe pipe, nng_pipe_ev event, void *user)
{
	struct hm_link *link = user;
	uint32_t id = (uint32_t)nng_pipe_id(pipe), none = 0;

	if (event == NNG_PIPE_EV_ADD_PRE) {
		if (!atomic_compare_exchange_strong(&link->pipe, &none, id))
			nng_pipe_close(pipe);
	} else if (event == NNG_PIPE_EV_REM_POST && atomic_load(&link->pipe) == id) {
		atomic_store(&link->is_lost, true);
		nng_aio_cancel(link->receiver);
	}
}

static void *dial(void *user)
{
	struct hm_link *link = user;
	int number = nng_dialer_start(link->dialer, 0);

	if (number) {
		say_down(link, number, "connect");
		return NULL;
	}
	if (atomic_load(&link->is_closing))
		return NULL;
	link->handler->up(link->user);
	receive_next(link);
	return NULL;
}

static int set_options(struct hm_link *link, size_t packet_bytes_max)
{
	const struct {
		const char *name;
		int value;
	} sizes[] = { { NNG_OPT_RECVBUF, QUEUED_PACKETS }, { NNG_OPT_SENDBUF, QUEUED_PACKETS } };
	int number = 0;

	for (size_t i = 0; i < sizeof sizes / sizeof *sizes && !number; i++)
		number = nng_socket_set_int(link->socket, sizes[i].name, sizes[i].value);
	if (!number)
		number = nng_socket_set_size(link->socket, NNG_OPT_RECVMAXSZ, packet_bytes_max);
	if (!number)
		number = nng_socket_set_ms(link->socket, NNG_OPT_RECONNMINT, REDIAL_MS);
	if (!number)
		number = nng_pipe_notify(link->socket, NNG_PIPE_EV_ADD_PRE, pipe_event, link);
	if (!number)
		number = nng_pipe_notify(link->socket, NNG_PIPE_EV_REM_POST, pipe_event, link);
	return number;
}

static int open_socket(struct hm_link *link, size_t packet_bytes_max)
{
	int number = nng_req0_open_raw(&link->socket);

	if (!number)
		number = nng_aio_alloc(&link->receiver, received, link);
	if (!number)
		number = set_options(link, packet_bytes_max);
	if (!number)
		number = nng_dialer_create(&link->dialer, link->socket, link->url);
	if (!number && strstr(link->url, "tcp") == link->url)
		number = nng_dialer_set_bool(link->dialer, NNG_OPT_TCP_NODELAY, true);
	return number;
}

hm_status hm_link_open(const char *url, size_t packet_bytes_max, const struct hm_link_handler *handler, void *user,
		       struct hm_link **ret_link)
{
	struct hm_link *link;
	hm_status status;
	int number;

	if (strlen(url) >= sizeof link->url)
		return hm_raise(INVALID_ARGUMENT, "URL of %zu bytes, at most %zu are possible", strlen(url),
				sizeof link->url - 1);
	link = calloc(1, sizeof *link);
	if (!link)
		abort();
	link->handler = handler;
	link->user = user;
	memcpy(link->url, url, strlen(url) + 1);
	number = open_socket(link, packet_bytes_max);
	status = number ? hm_from_nng(number, url, "open", false) : hm_sender_init(&link->sender, link->socket, 0);
	if (status != HM_OK) {
		hm_link_close(link);
		return status;
	}
	*ret_link = link;
	return HM_OK;
}

hm_status hm_link_dial(struct hm_link *link)
{
	sigset_t all, before;
	int number;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	number = pthread_create(&link->thread, NULL, dial, link);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (number)
		return hm_raise(UNAVAILABLE, "%s: connect: no thread to dial with: %s", link->url,
				strerrordesc_np(number));
	link->is_dialled = true;
	return HM_OK;
}

struct hm_sender *hm_link_sender(struct hm_link *link)
{
	return &link->sender;
}

void hm_link_leave(struct hm_link *link)
{
	hm_sender_goodbye(&link->sender);
}

/* The receiver is stopped first: nng 1.5.2 lets an aio wait at a queue that is closed, and then frees the queue. Closing the socket
 * ends a dial that is under way. */
void hm_link_close(struct hm_link *link)
{
	if (!link)
		return;
	atomic_store(&link->is_closing, true);
	if (link->receiver)
		nng_aio_stop(link->receiver);
	if (link->socket.id)
		nng_close(link->socket);
	if (link->is_dialled)
		pthread_join(link->thread, NULL);
	if (link->receiver)
		nng_aio_free(link->receiver);
	hm_sender_fini(&link->sender);
	free(link);
}
