/* Pipe, inside: its state, and how links and ports make one. (net's own header) */
#pragma once
#include <nng/nng.h>
#include <pthread.h>
#include <stdatomic.h>

#include "base/buffer.h"
#include "net/pipe.h"
#include "net/timer.h"

/* What a pipe's bytes travel over, by its URL. */
enum hm_carrier { HM_CARRIER_INPROC, HM_CARRIER_IPC, HM_CARRIER_TCP, HM_CARRIER_TLS };

/* The two ends of a pipe within the process; an end that was closed is NULL. */
struct hm_inproc {
	_Atomic uint32_t references;
	pthread_mutex_t lock;
	struct hm_pipe *ends[2];
};

struct hm_pipe {
	_Atomic uint32_t references;
	const struct hm_pipe_handler *handler;
	void *user;
	enum hm_carrier carrier;
	bool is_server, has_type_byte; /* ipc */
	size_t packet_bytes_max;
	_Atomic bool is_closed;
	struct hm_timer burial; /* frees it, where waiting for callbacks is allowed */
	void (*buried)(void *user); /* NULL, or told when nothing of it runs any more */

	nng_stream *stream; /* NULL: within the process */
	nng_aio *reader, *writer; /* within the process the reader is a bell that is rung, with no I/O behind it */
	nng_aio *prompt; /* for what a writer need not wait for */
	struct hm_inproc *inproc;
	int end;

	/* Of the reader's callback. */
	struct hm_buffer in;
	bool is_greeted;

	pthread_mutex_t lock;
	struct hm_buffer out, leaving; /* what waits; what the writer has */
	size_t has_left; /* of leaving */
	bool is_writing;
	/* Within the process, under inproc->lock. */
	struct hm_buffer arriving;
	bool is_rung, has_ended;
};

/* hm_pipe_open makes a pipe of a stream (which it owns) or of one end of an in-process pair. Nothing happens before start. */
struct hm_pipe *hm_pipe_open(nng_stream *stream, bool is_server, enum hm_carrier carrier, size_t packet_bytes_max);
void hm_pipe_pair(struct hm_pipe *client, struct hm_pipe *server);
void hm_pipe_start(struct hm_pipe *pipe, const struct hm_pipe_handler *handler, void *user);

/* pipe_in.c. hm_pipe_take tells what is in the buffer; 0, or nng's number for what is wrong. */
int hm_pipe_take(struct hm_pipe *pipe);

/* inproc.c */
void hm_inproc_send(struct hm_pipe *pipe, struct hm_buffer *bytes);
void hm_inproc_receive(void *pipe);
void hm_inproc_close(struct hm_pipe *pipe);
void hm_inproc_ring(struct hm_pipe *pipe);
void hm_inproc_release(struct hm_inproc *inproc);
