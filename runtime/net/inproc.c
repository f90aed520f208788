/*
 * Inproc: a pipe within the process: sending appends to what arrives at the other end, and rings its bell, an aio that is begun and
 * finished at once so that its callback runs on one of nng's threads. A bell that is rung already is not rung again: so a busy end
 * takes all that has come with one round.
 */
#include <stdlib.h>

#include "net/pipe_own.h"

void hm_pipe_pair(struct hm_pipe *client, struct hm_pipe *server)
{
	struct hm_inproc *inproc = calloc(1, sizeof *inproc);

	if (!inproc)
		abort();
	inproc->references = 2;
	pthread_mutex_init(&inproc->lock, NULL);
	inproc->ends[0] = client;
	inproc->ends[1] = server;
	client->inproc = server->inproc = inproc;
	server->end = 1;
}

void hm_inproc_release(struct hm_inproc *inproc)
{
	if (!inproc || atomic_fetch_sub(&inproc->references, 1) != 1)
		return;
	pthread_mutex_destroy(&inproc->lock);
	free(inproc);
}

/* With the lock held. An end that is not started is rung when it starts. */
static void ring(struct hm_pipe *pipe)
{
	if (pipe->is_rung || !pipe->handler)
		return;
	pipe->is_rung = true;
	nng_aio_begin(pipe->reader);
	nng_aio_finish(pipe->reader, 0);
}

void hm_inproc_ring(struct hm_pipe *pipe)
{
	pthread_mutex_lock(&pipe->inproc->lock);
	ring(pipe);
	pthread_mutex_unlock(&pipe->inproc->lock);
}

void hm_inproc_send(struct hm_pipe *pipe, struct hm_buffer *bytes)
{
	struct hm_pipe *other;

	if (!bytes->size)
		return;
	pthread_mutex_lock(&pipe->inproc->lock);
	other = pipe->inproc->ends[!pipe->end];
	if (other) {
		hm_buffer_add(&other->arriving, bytes->data, bytes->size);
		ring(other);
	}
	pthread_mutex_unlock(&pipe->inproc->lock);
	hm_buffer_reset(bytes);
}

/* Moves what arrived behind what was left over. False: nothing came, the bell may ring again. */
static bool take_arrived(struct hm_pipe *pipe, bool *ret_ended)
{
	bool came;

	pthread_mutex_lock(&pipe->inproc->lock);
	came = pipe->arriving.size;
	*ret_ended = pipe->has_ended;
	if (came && !pipe->in.size) {
		struct hm_buffer empty = pipe->in;

		pipe->in = pipe->arriving;
		pipe->arriving = empty;
	} else if (came) {
		hm_buffer_add(&pipe->in, pipe->arriving.data, pipe->arriving.size);
	}
	hm_buffer_reset(&pipe->arriving);
	pipe->is_rung = came || *ret_ended; /* one that has ended is not rung again */
	pthread_mutex_unlock(&pipe->inproc->lock);
	return came;
}

void hm_inproc_receive(void *user)
{
	struct hm_pipe *pipe = user;
	bool has_ended;
	int number = 0;

	while (!number && take_arrived(pipe, &has_ended))
		number = hm_pipe_take(pipe);
	if (!number && has_ended)
		number = NNG_ECONNSHUT;
	if (!number)
		return;
	hm_pipe_close(pipe);
	pipe->handler->down(pipe->user, number);
	hm_pipe_release(pipe);
}

/* Both ends have ended; what this one sent before still arrives there. */
void hm_inproc_close(struct hm_pipe *pipe)
{
	struct hm_inproc *inproc = pipe->inproc;

	pthread_mutex_lock(&inproc->lock);
	for (int end = 0; end < 2; end++)
		if (inproc->ends[end]) {
			inproc->ends[end]->has_ended = true;
			ring(inproc->ends[end]);
		}
	inproc->ends[pipe->end] = NULL;
	pthread_mutex_unlock(&inproc->lock);
}
