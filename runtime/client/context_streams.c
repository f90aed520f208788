/* A context's streams: short lists under one lock of the process, which opening and closing a stream take, messages do not. */
#include "client/stream_own.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* Whoever cancels may do so under any lock, so that the timer's thread does the rest. With the lock held. */
static void cancel(struct hm_stream *stream)
{
	atomic_store(&stream->is_cancelled, true);
	hm_timer_set(&stream->timer, 0);
}

void hm_context_add_stream(struct hm_context *context, struct hm_stream *stream)
{
	struct hm_stream *next;

	pthread_mutex_lock(&lock);
	next = atomic_load(&context->streams);
	stream->next_of_context = next;
	stream->previous_of_context = NULL;
	if (next)
		next->previous_of_context = stream;
	atomic_store(&context->streams, stream);
	/* Cancelled since the call began: whoever did found no stream. */
	if (atomic_load(&context->cancel.is_set))
		cancel(stream);
	pthread_mutex_unlock(&lock);
}

void hm_context_remove_stream(struct hm_stream *stream)
{
	pthread_mutex_lock(&lock);
	if (stream->previous_of_context)
		stream->previous_of_context->next_of_context = stream->next_of_context;
	else
		atomic_store(&stream->context->streams, stream->next_of_context);
	if (stream->next_of_context)
		stream->next_of_context->previous_of_context = stream->previous_of_context;
	pthread_mutex_unlock(&lock);
}

void hm_context_cancel_streams(struct hm_context *context)
{
	pthread_mutex_lock(&lock);
	for (struct hm_stream *stream = atomic_load(&context->streams); stream; stream = stream->next_of_context)
		cancel(stream);
	pthread_mutex_unlock(&lock);
}
