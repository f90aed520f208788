/*
 * Pipe: out, and life. Packets are appended to one buffer while the writer has another; when it is done they change places, so
 * what gathered meanwhile leaves in one write.
 */
#include "net/pipe.h"

#include <stdlib.h>
#include <string.h>

#include "net/pipe_own.h"

enum {
	READ_BYTES = 64 << 10,
	WAITING_BYTES_MAX = 64 << 20, /* more than the credit allows: the peer sends but does not read */
	REQUEST_ID_BYTES = 4,
};

static const uint8_t request_id[REQUEST_ID_BYTES] = { 0x80, 0, 0, 1 };

static void go_down(struct hm_pipe *pipe, int number)
{
	hm_pipe_close(pipe);
	pipe->handler->down(pipe->user, number);
	hm_pipe_release(pipe);
}

/* A pipe closed before the read began was not there to be ended with it: so the flag is looked at again behind the start. nng's TLS
 * streams cancel what is first in line by way of a read beneath, of which there may be none: closing ends it in any case. */
static void end_if_closed(struct hm_pipe *pipe, nng_aio *aio)
{
	if (!atomic_load(&pipe->is_closed))
		return;
	nng_stream_close(pipe->stream);
	nng_aio_cancel(aio);
}

static void read_more(struct hm_pipe *pipe)
{
	nng_iov iov = { .iov_buf = hm_buffer_reserve(&pipe->in, READ_BYTES), .iov_len = READ_BYTES };

	if (pipe->in.capacity - pipe->in.size - 1 > iov.iov_len)
		iov.iov_len = pipe->in.capacity - pipe->in.size - 1;
	nng_aio_set_iov(pipe->reader, 1, &iov);
	nng_stream_recv(pipe->stream, pipe->reader);
	end_if_closed(pipe, pipe->reader);
}

static void was_read(void *user)
{
	struct hm_pipe *pipe = user;
	int number = nng_aio_result(pipe->reader);

	if (!number) {
		hm_buffer_advance(&pipe->in, nng_aio_count(pipe->reader));
		number = hm_pipe_take(pipe);
	}
	if (number)
		go_down(pipe, number);
	else
		read_more(pipe);
}

static void turn_buffers(struct hm_pipe *pipe)
{
	struct hm_buffer leaving = pipe->out;

	pipe->out = pipe->leaving;
	pipe->leaving = leaving;
	pipe->has_left = 0;
	hm_buffer_reset(&pipe->out);
}

static void send_rest(struct hm_pipe *pipe, nng_aio *aio)
{
	nng_iov iov = { .iov_buf = pipe->leaving.data + pipe->has_left,
			.iov_len = pipe->leaving.size - pipe->has_left };

	nng_aio_set_iov(aio, 1, &iov);
	nng_stream_send(pipe->stream, aio);
}

/* The buffers are this thread's until the writer's callback. */
static void write_some(struct hm_pipe *pipe)
{
	send_rest(pipe, pipe->writer);
	end_if_closed(pipe, pipe->writer);
}

/* Takes in what was sent. True: there is more. */
static bool has_more(struct hm_pipe *pipe, size_t bytes)
{
	bool goes_on;

	pipe->has_left += bytes;
	pthread_mutex_lock(&pipe->lock);
	if (pipe->has_left == pipe->leaving.size)
		turn_buffers(pipe);
	goes_on = pipe->is_writing = pipe->leaving.size;
	pthread_mutex_unlock(&pipe->lock);
	return goes_on;
}

static void was_written(void *user)
{
	struct hm_pipe *pipe = user;

	if (nng_aio_result(pipe->writer))
		hm_pipe_close(pipe); /* the reader tells why */
	else if (has_more(pipe, nng_aio_count(pipe->writer)))
		write_some(pipe);
}

/*
 * Writes what the socket takes at once. It has no callback, which would be a hop through nng's threads for every write; what the
 * socket does not take is cancelled and left to the writer. The wait is for a poller that is finishing it at this moment, and so
 * allowed in callbacks too. A stream sends all of an aio's bytes it can or none, so a cancelled one has sent nothing.
 * Not for TLS, where cancelling either does nothing or ends the connection.
 */
static void write_at_once(struct hm_pipe *pipe)
{
	send_rest(pipe, pipe->prompt);
	nng_aio_cancel(pipe->prompt);
	nng_aio_wait(pipe->prompt);
	if (nng_aio_result(pipe->prompt) == NNG_ECANCELED || has_more(pipe, nng_aio_count(pipe->prompt)))
		write_some(pipe);
}

static uint8_t *put_u64(uint8_t *at, uint64_t value)
{
	for (int shift = 56; shift >= 0; shift -= 8)
		*at++ = (uint8_t)(value >> shift);
	return at;
}

void *hm_pipe_reserve(struct hm_pipe *pipe, const struct hm_address *to, size_t bytes)
{
	const uint8_t *header = to ? to->bytes : request_id;
	size_t header_bytes = to ? to->size : REQUEST_ID_BYTES;
	uint8_t *start, *at;

	pthread_mutex_lock(&pipe->lock);
	start = at = (uint8_t *)hm_buffer_reserve(&pipe->out, 1 + sizeof(uint64_t) + header_bytes + bytes);
	if (pipe->has_type_byte)
		*at++ = 1;
	at = put_u64(at, header_bytes + bytes);
	memcpy(at, header, header_bytes);
	at += header_bytes;
	hm_buffer_advance(&pipe->out, (size_t)(at - start) + bytes);
	return at;
}

void hm_pipe_commit(struct hm_pipe *pipe)
{
	bool is_stuck = pipe->out.size > WAITING_BYTES_MAX;

	if (atomic_load(&pipe->is_closed))
		hm_buffer_reset(&pipe->out);
	pthread_mutex_unlock(&pipe->lock);
	if (is_stuck)
		hm_pipe_close(pipe);
}

void hm_pipe_push(struct hm_pipe *pipe)
{
	bool begins = false;

	pthread_mutex_lock(&pipe->lock);
	if (!pipe->stream) {
		hm_inproc_send(pipe, &pipe->out);
	} else if (pipe->out.size && !pipe->is_writing && !atomic_load(&pipe->is_closed)) {
		turn_buffers(pipe);
		begins = pipe->is_writing = true;
	}
	pthread_mutex_unlock(&pipe->lock);
	if (begins)
		(pipe->carrier == HM_CARRIER_TLS ? write_some : write_at_once)(pipe);
}

void hm_pipe_close(struct hm_pipe *pipe)
{
	if (atomic_exchange(&pipe->is_closed, true))
		return;
	if (!pipe->stream) {
		hm_inproc_close(pipe);
		return;
	}
	nng_stream_close(pipe->stream);
	nng_aio_cancel(pipe->reader);
	nng_aio_cancel(pipe->writer);
}

/* On the timer thread: callbacks may still be on their way out. */
static void bury(void *user)
{
	struct hm_pipe *pipe = user;

	nng_aio_stop(pipe->reader);
	nng_aio_stop(pipe->writer);
	nng_aio_stop(pipe->prompt);
	if (pipe->buried)
		pipe->buried(pipe->user);
	if (pipe->stream)
		nng_stream_free(pipe->stream);
	nng_aio_free(pipe->reader);
	nng_aio_free(pipe->writer);
	nng_aio_free(pipe->prompt);
	hm_inproc_release(pipe->inproc);
	hm_buffer_fini(&pipe->in);
	hm_buffer_fini(&pipe->out);
	hm_buffer_fini(&pipe->leaving);
	hm_buffer_fini(&pipe->arriving);
	pthread_mutex_destroy(&pipe->lock);
	free(pipe);
}

struct hm_pipe *hm_pipe_open(nng_stream *stream, bool is_server, enum hm_carrier carrier, size_t packet_bytes_max)
{
	struct hm_pipe *pipe = calloc(1, sizeof *pipe);

	if (!pipe || nng_aio_alloc(&pipe->reader, stream ? was_read : hm_inproc_receive, pipe) ||
	    nng_aio_alloc(&pipe->writer, was_written, pipe) || nng_aio_alloc(&pipe->prompt, NULL, NULL))
		abort();
	pipe->references = 1;
	pipe->stream = stream;
	pipe->is_server = is_server;
	pipe->carrier = carrier;
	pipe->has_type_byte = carrier == HM_CARRIER_IPC;
	pipe->packet_bytes_max = packet_bytes_max;
	pthread_mutex_init(&pipe->lock, NULL);
	hm_timer_init(&pipe->burial, bury, pipe);
	return pipe;
}

/* Within the process the other end may ring from now on, on a thread of its own. */
static void set_handler(struct hm_pipe *pipe, const struct hm_pipe_handler *handler)
{
	if (pipe->inproc)
		pthread_mutex_lock(&pipe->inproc->lock);
	pipe->handler = handler;
	if (pipe->inproc)
		pthread_mutex_unlock(&pipe->inproc->lock);
}

/* Until it is down a started pipe has a reference of its own. */
void hm_pipe_start(struct hm_pipe *pipe, const struct hm_pipe_handler *handler, void *user)
{
	const uint8_t greeting[] = { 0, 'S', 'P', 0, 0, pipe->is_server ? 49 : 48, 0, 0 };

	pipe->user = user;
	hm_pipe_hold(pipe);
	hm_pipe_hold(pipe); /* it may be down before this function ends */
	set_handler(pipe, handler);
	pthread_mutex_lock(&pipe->lock);
	hm_buffer_add(&pipe->out, greeting, sizeof greeting);
	hm_pipe_commit(pipe);
	hm_pipe_push(pipe);
	if (pipe->stream)
		read_more(pipe);
	else
		hm_inproc_ring(pipe);
	hm_pipe_release(pipe);
}

struct hm_pipe *hm_pipe_hold(struct hm_pipe *pipe)
{
	atomic_fetch_add_explicit(&pipe->references, 1, memory_order_relaxed);
	return pipe;
}

void hm_pipe_release(struct hm_pipe *pipe)
{
	if (pipe && atomic_fetch_sub(&pipe->references, 1) == 1)
		hm_timer_set(&pipe->burial, 0);
}
