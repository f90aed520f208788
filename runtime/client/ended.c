/*
 * Ended: telling callers. A waiting caller may return, and its call's memory be gone, as soon as its word is moved; so that is
 * the last thing done to it, and only the word's address is kept for the wake.
 */
#include "client/balance.h"
#include "client/client_tally.h"
#include "rpc/wait.h"

#include <stdlib.h>

void hm_ended_init(struct hm_ended *ended)
{
	ended->first = NULL;
	ended->end = &ended->first;
	ended->n_wakes = 0;
	ended->streams = NULL;
	hm_arena_init(&ended->errors);
}

void hm_ended_wake(struct hm_ended *ended, _Atomic uint32_t *word)
{
	if (ended->n_wakes == HM_WAKES)
		hm_wait_wake(word);
	else
		ended->wakes[ended->n_wakes++] = word;
}

const struct hm_error *hm_ended_keep(struct hm_ended *ended, const struct hm_error *error)
{
	struct hm_error *kept = hm_arena_alloc(&ended->errors, sizeof *kept);

	*kept = *error;
	return kept;
}

static void add_waiting(struct hm_ended *ended, struct hm_channel *channel, struct hm_pending *pending)
{
	struct hm_context *context = pending->context;
	_Atomic uint32_t *word = &context->waiting;

	/* The packet and the error are gone by the time the caller runs. */
	if (pending->error) {
		struct hm_error *error = hm_arena_alloc(&context->arena, sizeof *error);

		*error = *pending->error;
		pending->error = error;
	} else {
		pending->body = (uint8_t *)hm_arena_dup(&context->arena, pending->body, pending->reply_bytes);
	}
	pending->has_ended = true;
	if (!hm_wait_move(word, HM_WAIT_ENDED))
		return; /* it is on its way to the lock and will find the result */
	channel->waiting--;
	hm_ended_wake(ended, word);
}

static bool has_failed(const struct hm_pending *pending)
{
	return pending->status != HM_OK || pending->error;
}

void hm_ended_add(struct hm_ended *ended, struct hm_channel *channel, struct hm_pending *pending)
{
	if (pending->is_copy) {
		hm_pending_keep(channel, pending);
		return;
	}
	if (pending->hedge_after_us) {
		pending = hm_hedge_ended(channel, pending);
		if (!pending)
			return;
	}
	if (has_failed(pending) && !pending->has_expired && hm_retry_ended(channel, pending))
		return;
	if (pending->context) {
		add_waiting(ended, channel, pending);
		return;
	}
	if (pending->stream) {
		hm_stream_over(pending->stream, ended);
		return;
	}
	pending->next = NULL;
	*ended->end = pending;
	ended->end = &pending->next;
}

static void call_back(struct hm_pending *pending, struct hm_arena *arena)
{
	ProtobufCMessage *reply = NULL;
	hm_status status = hm_pending_result(pending, arena, &reply);

	pending->done(pending->typed, pending->user, status, status == HM_OK ? reply : NULL);
	hm_pending_drop(pending);
	hm_arena_reset(arena);
}

/* Started calls, before anybody is told. */
static void count(const struct hm_ended *ended)
{
	const int64_t now_us = ended->first ? hm_connection_now_us() : 0;
	const struct hm_method *method = NULL;
	struct hm_tallies *tallies = NULL;
	struct hm_tally_run run;

	hm_tally_run_begin(&run);
	for (const struct hm_pending *pending = ended->first; pending; pending = pending->next) {
		if (pending->method != method)
			tallies = hm_client_tallies(pending->method);
		method = pending->method;
		hm_tally_run_add(&run, tallies, hm_pending_status(pending), now_us - pending->started_us,
				 pending->body_bytes, pending->reply_bytes);
	}
	hm_tally_run_end(&run);
}

void hm_ended_tell(struct hm_ended *ended, struct hm_channel *channel, struct hm_arena *arena)
{
	for (size_t i = 0; i < ended->n_wakes; i++)
		hm_wait_wake(ended->wakes[i]);
	if (ended->streams)
		hm_stream_tell(ended->streams);
	count(ended);
	for (struct hm_pending *pending = ended->first; pending; pending = pending->next)
		call_back(pending, arena);
	hm_arena_fini(&ended->errors);
	if (!ended->first)
		return;
	pthread_mutex_lock(&channel->lock);
	*ended->end = channel->free;
	channel->free = ended->first;
	pthread_mutex_unlock(&channel->lock);
}
