/*
 * Intake: packets in, a peer's one after the other. Calls are taken from the engine some dozens at a time under the lock, worked
 * without it, and the answers of those that ran inline put in together under the next.
 */
#include "server/admission.h"
#include "server/serving_stream.h"

#include <inttypes.h>
#include <string.h>

#include "base/clock.h"

enum { EVENTS = 64 };

/* One batch of events and the time all its calls arrived at. */
struct batch {
	struct hm_event events[EVENTS];
	size_t count;
	int64_t now_us, now_wall_us;
	const struct hm_address *from;
};

static void bind_slot(struct hm_peer *peer, const struct hm_event *event)
{
	struct hm_binding **place = event->solo ? &peer->solo_binding : &peer->slots[event->slot];
	struct hm_binding *former = *place;

	*place = hm_binding_open(peer, event);
	hm_binding_close(former);
}

/* The beginning of what hm_serving_end ends. Inline calls are counted by the batch: put_answers. */
static struct hm_serving *open_call(struct hm_peer *peer)
{
	hm_peer_hold(peer);
	atomic_fetch_add_explicit(&peer->server->calls_started, 1, memory_order_relaxed);
	return hm_serving_open(peer->server);
}

/* A call of the wire that is not one of the contract's: nothing to audit it as. */
static void answer_unknown(struct hm_peer *peer, const struct hm_event *event, const struct hm_binding *binding,
			   const struct batch *batch)
{
	struct hm_serving *serving = open_call(peer);
	hm_status status;

	hm_serving_begin(serving, peer, &peer->server->unknown, event, NULL, batch->now_us, batch->now_wall_us);
	serving->address = *batch->from;
	status = hm_raise(UNIMPLEMENTED, "no method with id %016" PRIx64 " is served here", event->head.method);
	hm_server_count_refused(peer->server, hm_binding_tenant(peer->server, binding));
	hm_serving_end(serving, status);
}

/* Has a worker do the call, or refuse it with this thread's error. The body is copied, as the packet is about to go. */
static void queue_call(struct hm_peer *peer, struct hm_method_row *row, const struct hm_event *event,
		       struct hm_binding *binding, const struct batch *batch, hm_status refused)
{
	struct hm_serving *serving = open_call(peer);
	struct hm_arena *arena;

	hm_serving_begin(serving, peer, row, event, hm_binding_hold(binding), batch->now_us, batch->now_wall_us);
	arena = &serving->call.context.arena;
	serving->call.audit_id = hm_id_new();
	serving->call.context.parent = hm_call_span(&serving->call);
	serving->address = *batch->from;
	if (refused == HM_OK) {
		serving->tenant = hm_binding_tenant(peer->server, binding);
		serving->body = (const uint8_t *)hm_arena_dup(arena, event->body, event->body_bytes);
	}
	if (row->method->kind != HM_UNARY && refused == HM_OK)
		hm_serving_stream_begin(serving);
	pthread_mutex_lock(&peer->lock);
	peer->has_streams |= serving->stream != NULL;
	hm_peer_add_running(peer, serving);
	pthread_mutex_unlock(&peer->lock);
	if (refused == HM_OK)
		hm_admission_queue(serving);
	else
		hm_admission_refuse(serving);
}

/* The peer's call for what begins and ends here and now, one after the other. */
static struct hm_serving *begin_here(struct hm_peer *peer, struct hm_method_row *row, const struct hm_event *event,
				     struct hm_binding *binding, const struct batch *batch)
{
	if (!peer->inline_call)
		peer->inline_call = hm_serving_open(peer->server);
	hm_serving_begin(peer->inline_call, peer, row, event, binding, batch->now_us, batch->now_wall_us);
	return peer->inline_call;
}

/* Runs a call here and now. False: the request cannot be read. */
static bool run_inline(struct hm_peer *peer, struct hm_method_row *row, const struct hm_event *event,
		       struct hm_binding *binding, const struct batch *batch)
{
	struct hm_serving *serving = begin_here(peer, row, event, binding, batch);
	bool is_readable = hm_serving_decode(serving) == HM_OK;

	if (is_readable)
		hm_serving_answer(serving, hm_serving_run(serving), true);
	hm_arena_reset(&serving->call.context.arena);
	return is_readable;
}

/* Refuses a call with this thread's error here and now, if it may be counted with others. False: it is to be audited by itself. */
static bool refuse_here(struct hm_peer *peer, struct hm_method_row *row, const struct hm_event *event,
			struct hm_binding *binding, const struct batch *batch)
{
	struct hm_serving *serving = begin_here(peer, row, event, binding, batch);
	bool is_counted = hm_serving_count(serving, false);

	serving->address = *batch->from;
	if (is_counted)
		hm_serving_answer(serving, hm_error_get()->code, true);
	if (is_counted && event->solo) { /* answered already, the others with the batch */
		atomic_fetch_add_explicit(&peer->server->calls_started, 1, memory_order_relaxed);
		atomic_fetch_add_explicit(&peer->server->calls_ended, 1, memory_order_relaxed);
	}
	hm_arena_reset(&serving->call.context.arena);
	return is_counted;
}

/* What can be said of a call before it is decoded. */
static hm_status check_call(const struct hm_peer *peer, const struct hm_method *method, const struct hm_event *event,
			    const struct hm_binding *binding)
{
	static const char *const kinds[] = { "unary", "a stream of requests", "a stream of replies",
					     "a stream each way" };

	if (event->body_bytes > method->request_bytes)
		return hm_raise(RESOURCE_EXHAUSTED, "%s: request of %zu bytes, at most %u are allowed", method->name,
				event->body_bytes, method->request_bytes);
	if (binding && binding->status != HM_OK)
		return hm_error_set(binding->error);
	if (!binding && peer->server->config.interceptor->bind)
		return hm_raise(INVALID_ARGUMENT, "%s: slot %u was never bound", method->name, event->head.slot);
	if (event->head.stream != hm_kind_halves(method->kind))
		return hm_raise(INVALID_ARGUMENT, "%s is %s; the caller takes it for another kind of method",
				method->name, kinds[method->kind]);
	return HM_OK;
}

/* A SOLO client has no credit to keep to; more unanswered calls than it should need are dropped. */
static bool accept_solo(struct hm_peer *peer)
{
	bool fits;

	pthread_mutex_lock(&peer->lock);
	fits = peer->solo_calls < HM_PEER_SOLO_CALLS;
	peer->solo_calls += fits;
	pthread_mutex_unlock(&peer->lock);
	if (!fits)
		atomic_fetch_add(&peer->server->packets_bad, 1);
	return fits;
}

static void take_call(struct hm_peer *peer, const struct hm_event *event, const struct batch *batch)
{
	struct hm_method_row *row = hm_methods_find(peer->server, event->head.method);
	struct hm_binding *binding = event->solo ? peer->solo_binding : peer->slots[event->head.slot];
	hm_status status;

	if (event->solo && !accept_solo(peer))
		return;
	if (!row) {
		answer_unknown(peer, event, binding, batch);
		return;
	}
	status = check_call(peer, row->method, event, binding);
	if (status == HM_OK && !row->service->is_built_in)
		status = hm_tenant_admit(hm_binding_tenant(peer->server, binding), batch->now_us);
	if (status == HM_OK && row->method->is_inline && !event->solo && !peer->server->config.faults) {
		if (run_inline(peer, row, event, binding, batch))
			return;
		status = hm_error_get()->code;
	} else if (status == HM_OK) {
		status = hm_admission_check(row, hm_binding_tenant(peer->server, binding), event, batch->now_us);
	}
	if (status != HM_OK && refuse_here(peer, row, event, binding, batch))
		return;
	queue_call(peer, row, event, binding, batch, status);
}

static void take_event(struct hm_peer *peer, const struct hm_event *event, const struct batch *batch)
{
	switch (event->type) {
	case HM_EVENT_BIND:
		bind_slot(peer, event);
		break;
	case HM_EVENT_AUTH:
		hm_peer_take_proof(peer, event);
		break;
	case HM_EVENT_CALL:
		take_call(peer, event, batch);
		break;
	case HM_EVENT_DATA:
	case HM_EVENT_END:
	case HM_EVENT_WRITABLE:
		pthread_mutex_lock(&peer->lock);
		hm_serving_stream_take(peer, event);
		pthread_mutex_unlock(&peer->lock);
		break;
	case HM_EVENT_CANCEL:
		pthread_mutex_lock(&peer->lock);
		hm_peer_cancel(peer, event->call);
		pthread_mutex_unlock(&peer->lock);
		break;
	default: /* HELLO is the engine's business, the others are a client's */
		break;
	}
}

/* With the lock held. The batch's calls are taken to have lasted until now. */
static void put_answers(struct hm_peer *peer, int64_t began_us)
{
	const char *at = peer->answers.data, *end = at + peer->answers.size;
	const int64_t lasted_us = at < end ? hm_clock_mono_us() - began_us : 0;
	struct hm_tally_run run;
	struct hm_answer answer;
	uint64_t count = 0;
	uint8_t *body;

	hm_tally_run_begin(&run);
	for (; at < end; count++) {
		memcpy(&answer, at, sizeof answer);
		hm_tally_run_add(&run, &answer.row->tallies, (hm_status)answer.status, lasted_us, answer.request_bytes,
				 answer.bytes);
		at += sizeof answer;
		if (hm_engine_reply(peer->engine, answer.call, answer.status,
				    answer.is_audited ? &answer.audit_id : NULL, answer.bytes, &body))
			memcpy(body, at, answer.bytes);
		at += answer.bytes;
	}
	hm_tally_run_end(&run);
	hm_buffer_reset(&peer->answers);
	atomic_fetch_add_explicit(&peer->server->calls_started, count, memory_order_relaxed);
	atomic_fetch_add_explicit(&peer->server->calls_ended, count, memory_order_relaxed);
}

/* With the lock held. */
static void fill_batch(struct hm_peer *peer, struct batch *batch)
{
	batch->count = 0;
	while (batch->count < EVENTS && hm_engine_next_event(peer->engine, &batch->events[batch->count]))
		if (batch->events[batch->count++].type == HM_EVENT_HELLO)
			hm_peer_prove(peer); /* in the packet of this end's HELLO, whoever flushes */
}

/* With the lock held, but for the work itself. */
static void work_events(struct hm_peer *peer, struct batch *batch)
{
	do {
		fill_batch(peer, batch);
		pthread_mutex_unlock(&peer->lock);
		for (size_t i = 0; i < batch->count; i++)
			take_event(peer, &batch->events[i], batch);
		pthread_mutex_lock(&peer->lock);
		put_answers(peer, batch->now_us);
	} while (batch->count == EVENTS);
}

void hm_intake_packet(void *user, const struct hm_address *from, const void *bytes, size_t size)
{
	struct hm_peer *peer = user;
	struct batch batch;
	bool is_broken;

	batch.now_us = hm_clock_mono_us();
	batch.now_wall_us = hm_clock_wall_us();
	batch.from = from;
	pthread_mutex_lock(&peer->lock);
	peer->is_being_read = true;
	peer->heard_us = batch.now_us;
	if (hm_engine_feed(peer->engine, bytes, size, batch.now_us) == HM_OK) {
		work_events(peer, &batch);
		if (batch.count)
			peer->busy_us = batch.now_us;
		peer->has_spoken = peer->has_spoken || batch.count || hm_engine_peer(peer->engine);
	}
	peer->is_being_read = false;
	is_broken = hm_engine_error(peer->engine) != HM_OK;
	pthread_mutex_unlock(&peer->lock);
	/* A SOLO packet's BIND is for that packet alone: behind a forwarder the next one may be another client's. */
	hm_binding_close(peer->solo_binding);
	peer->solo_binding = NULL;
	if (!is_broken)
		return;
	atomic_fetch_add(&peer->server->packets_bad, 1);
	hm_pipe_close(peer->pipe);
}

void hm_intake_idle(void *user)
{
	struct hm_peer *peer = user;

	pthread_mutex_lock(&peer->lock);
	hm_peer_flush(peer);
	pthread_mutex_unlock(&peer->lock);
	hm_pipe_push(peer->pipe);
}
