/* Serving: one call, from its frame to its answer. */
#include "server/serving.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "rpc/failure.h"
#include "server/call_log.h"
#include "server/serving_fault.h"
#include "server/serving_stream.h"
#include "wire/message.h"

enum { FREE_MAX = 1024 }; /* what a burst leaves behind beyond this is given back */

struct hm_serving *hm_serving_open(struct hm_server *server)
{
	struct hm_serving *serving;

	pthread_mutex_lock(&server->free_lock);
	serving = server->free;
	if (serving) {
		server->free = (struct hm_serving *)serving->call.next;
		server->n_free--;
	}
	pthread_mutex_unlock(&server->free_lock);
	if (!serving)
		serving = calloc(1, sizeof *serving);
	if (!serving)
		abort();
	serving->call.server = server;
	return serving;
}

void hm_serving_close(struct hm_serving *serving)
{
	struct hm_server *server;

	if (!serving)
		return;
	server = serving->call.server;
	hm_arena_reset(&serving->call.context.arena);
	pthread_mutex_lock(&server->free_lock);
	if (server->n_free < FREE_MAX) {
		serving->call.next = (struct hm_call *)server->free;
		server->free = serving;
		server->n_free++;
		serving = NULL;
	}
	pthread_mutex_unlock(&server->free_lock);
	if (serving)
		hm_arena_fini(&serving->call.context.arena);
	free(serving);
}

int64_t hm_serving_deadline(const struct hm_method *method, uint32_t timeout_ms, int64_t now_us)
{
	if (!timeout_ms || (method->deadline_ms && method->deadline_ms < timeout_ms))
		timeout_ms = method->deadline_ms;
	return timeout_ms ? now_us + (int64_t)timeout_ms * HM_US_PER_MS : 0;
}

/* The brand is what was asked for and the token what was shown: proven by the interceptor, not here. */
static void begin_context(struct hm_context *context, const struct hm_serving *serving, const struct hm_call_head *head)
{
	const struct hm_binding *binding = serving->binding;

	context->request_id = head->request_id;
	context->is_unsampled = head->is_unsampled;
	if (!binding)
		return;
	memcpy(context->brand, binding->brand, sizeof context->brand);
	context->token = *binding->token ? binding->token : NULL;
}

void hm_serving_begin(struct hm_serving *serving, struct hm_peer *peer, struct hm_method_row *row,
		      const struct hm_event *event, struct hm_binding *binding, int64_t now_us, int64_t now_wall_us)
{
	struct hm_arena arena = serving->call.context.arena;

	*serving = (struct hm_serving){
		.call = {
			.context = { .arena = arena, .deadline_us = hm_serving_deadline(row->method, event->head.timeout_ms, now_us) },
			.service = row->service,
			.method = row->method,
			.parent = event->head.parent,
			.attempt = event->head.attempt,
			.started_us = now_us,
			.started_wall_us = now_wall_us,
			.now_us = now_us,
			.peer = peer->name,
			.peer_services = (const char *const *)peer->proven,
			.server = peer->server,
			.transport = serving,
		},
		.peer = peer,
		.binding = binding,
		.row = row,
		.id = event->call,
		.is_solo = event->solo,
		.body = event->body,
		.body_bytes = event->body_bytes,
	};
	begin_context(&serving->call.context, serving, &event->head);
	if (event->head.fault && peer->server->config.faults) /* unless they were switched on, nobody reads them */
		serving->call.context.fault =
			hm_arena_dup(&serving->call.context.arena, event->head.fault, event->head.fault_bytes);
	if (event->head.idempotency_key)
		serving->call.idempotency_key = hm_arena_dup(&serving->call.context.arena, event->head.idempotency_key,
							     event->head.idempotency_key_bytes);
}

hm_status hm_serving_decode(struct hm_serving *serving)
{
	struct hm_call *call = &serving->call;
	struct hm_arena *arena = &call->context.arena;

	if (!(call->method->kind & HM_CLIENT_STREAM))
		TRY(hm_message_unpack(arena, call->method->request, serving->body, serving->body_bytes,
				      &call->request));
	if (!(call->method->kind & HM_SERVER_STREAM))
		call->reply = hm_message_new(arena, call->method->reply);
	return HM_OK;
}

hm_status hm_serving_run(struct hm_serving *serving)
{
	const struct hm_interceptor *interceptor = serving->peer->server->config.interceptor;
	struct hm_call *call = &serving->call;

	call->has_run = true;
	if (call->service->is_built_in)
		return call->method->thunk(NULL, call, call->request, call->reply);
	return interceptor->run(interceptor->user, call, serving->binding ? serving->binding->principal : NULL);
}

/* An error that was returned but never raised must not be explained by the last one of another call. */
static const struct hm_error *explain(hm_status status, struct hm_error *ret_plain)
{
	if (hm_error_get()->code == status)
		return hm_error_get();
	*ret_plain = (struct hm_error){ .code = status, .message = "the service gave no explanation" };
	return ret_plain;
}

/* A drain may be waiting for just this. */
static void tell_drain(struct hm_server *server)
{
	if (!atomic_load(&server->is_draining))
		return;
	pthread_mutex_lock(&server->peers_lock);
	pthread_cond_broadcast(&server->changed);
	pthread_mutex_unlock(&server->peers_lock);
}

static void put_solo(struct hm_serving *serving, uint16_t status, const struct hm_id *audit_id,
		     const ProtobufCMessage *message, size_t bytes)
{
	struct hm_peer *peer = serving->peer;
	size_t room = HM_PACKET_HEAD_BYTES + HM_FRAME_HEAD_BYTES + sizeof(struct hm_id) + bytes;
	void *packet = hm_arena_alloc(&serving->call.context.arena, room);
	uint8_t *body;

	room = hm_engine_solo_reply(serving->id, status, audit_id, bytes, packet, &body);
	protobuf_c_message_pack(message, body);
	memcpy(hm_pipe_reserve(peer->pipe, &serving->address, room), packet, room);
	hm_pipe_commit(peer->pipe);
	hm_pipe_push(peer->pipe);
	pthread_mutex_lock(&peer->lock);
	peer->solo_calls--;
	hm_peer_remove_running(peer, serving);
	pthread_mutex_unlock(&peer->lock);
	tell_drain(peer->server);
}

static void put_reply(struct hm_serving *serving, uint16_t status, const struct hm_id *audit_id,
		      const ProtobufCMessage *message, size_t bytes)
{
	struct hm_peer *peer = serving->peer;
	uint8_t *body;

	if (serving->faults)
		hm_serving_fault_answer(serving);
	pthread_mutex_lock(&peer->lock);
	peer->faults |= serving->faults;
	if (hm_engine_reply(peer->engine, serving->id, status, audit_id, bytes, &body) && message)
		protobuf_c_message_pack(message, body);
	hm_peer_remove_running(peer, serving);
	hm_peer_flush(peer);
	pthread_mutex_unlock(&peer->lock);
	hm_pipe_push(peer->pipe);
}

/* An inline call's answer waits with its neighbours'. */
static void put_inline(struct hm_serving *serving, uint16_t status, const struct hm_id *audit_id,
		       const ProtobufCMessage *message, size_t bytes)
{
	struct hm_buffer *answers = &serving->peer->answers;
	struct hm_answer answer = { .row = serving->row,
				    .request_bytes = serving->body_bytes,
				    .call = serving->id,
				    .status = status,
				    .is_audited = audit_id,
				    .bytes = bytes };

	if (audit_id)
		answer.audit_id = *audit_id;
	hm_buffer_add(answers, &answer, sizeof answer);
	protobuf_c_message_pack(message, (uint8_t *)hm_buffer_reserve(answers, bytes));
	hm_buffer_advance(answers, bytes);
}

/* Counts and logs a call, before its answer leaves: whoever has that finds the call counted. Inline calls are counted with their
 * batch. */
static void note(struct hm_serving *serving, bool is_inline, struct hm_call_end *end)
{
	const struct hm_server_config *config = &serving->peer->server->config;
	const struct hm_call *call = &serving->call;

	if (call->counts) {
		end->request_bytes += call->counts->received_bytes;
		end->reply_bytes += call->counts->sent_bytes;
	}
	if (!is_inline || serving->is_solo) {
		end->now_us = hm_clock_mono_us();
		hm_tallies_add(&serving->row->tallies, end->status, end->now_us - call->started_us, end->request_bytes,
			       end->reply_bytes);
	}
	if (config->log && !(call->service && call->service->is_built_in))
		hm_call_log_write(config->log, config->log_policy, call, end);
}

static void explain_end(hm_status status, struct hm_call_end *end)
{
	const struct hm_error *error = hm_error_get();

	if (error->code != status)
		return;
	end->reason = error->reason;
	end->file = error->file;
	end->line = error->line;
}

void hm_serving_answer(struct hm_serving *serving, hm_status status, bool is_inline)
{
	struct hm_call_end end = { .status = status, .request_bytes = serving->body_bytes };
	struct hm_call *call = &serving->call;
	const ProtobufCMessage *message = call->reply;
	struct hm_failure failure;
	struct hm_error plain;
	size_t bytes;

	if (status != HM_OK) {
		hm_failure_init(&failure, status, explain(status, &plain));
		failure.status.has_not_processed = failure.status.not_processed = !call->has_run;
		message = &failure.status.base;
		explain_end(status, &end);
	}
	bytes = message ? protobuf_c_message_get_packed_size(message) : 0; /* NULL: its replies streamed */
	end.reply_bytes = bytes;
	note(serving, is_inline, &end);
	(serving->is_solo ? put_solo
	 : is_inline      ? put_inline
		     : put_reply)(serving, (uint16_t)status, call->audited ? &call->audit_id : NULL, message, bytes);
}

static hm_status raise_reason(hm_status status, const char *reason)
{
	hm_error_set_reason(reason);
	return status;
}

/* Whoever waited is not begun if what is left of its time would not do. */
static hm_status check_time(const struct hm_serving *serving)
{
	const int64_t deadline_us = serving->call.context.deadline_us;
	const int64_t left_us = deadline_us ? deadline_us - serving->call.now_us : INT64_MAX;
	const uint32_t typical_us = atomic_load_explicit(&serving->row->typical_us, memory_order_relaxed);
	hm_status status;

	if (left_us <= 0)
		return raise_reason(hm_raise(DEADLINE_EXCEEDED, "%s: its time was up before a worker was free",
					     serving->call.method->name),
				    "EXPIRED_WAITING");
	if (!serving->has_waited || left_us >= typical_us)
		return HM_OK;
	status = hm_raise(RESOURCE_EXHAUSTED, "%s: too little of its time was left when a worker was free",
			  serving->call.method->name);
	hm_error_set_retry(typical_us / HM_US_PER_MS + 1);
	return raise_reason(status, "OVERLOADED");
}

static hm_status check_wanted(const struct hm_serving *serving)
{
	if (serving->refusal)
		return hm_error_set(serving->refusal);
	if (hm_call_cancelled(&serving->call))
		return hm_raise(CANCELLED, "%s: the caller no longer waits", serving->call.method->name);
	return check_time(serving);
}

static void count_refused(const struct hm_serving *serving)
{
	struct hm_server *server = serving->peer->server;

	hm_server_count_refused(server, hm_binding_tenant(server, serving->binding));
}

bool hm_serving_count(struct hm_serving *serving, bool is_last)
{
	const struct hm_interceptor *interceptor = serving->peer->server->config.interceptor;
	void *principal = serving->binding ? serving->binding->principal : NULL;
	bool is_counted = is_last || serving->call.service->is_built_in;

	if (interceptor->count && !serving->call.service->is_built_in)
		is_counted =
			interceptor->count(interceptor->user, &serving->call, principal, hm_error_get()->code, is_last);
	if (is_counted)
		count_refused(serving);
	return is_counted;
}

static hm_status refuse(struct hm_serving *serving, hm_status status)
{
	const struct hm_interceptor *interceptor = serving->peer->server->config.interceptor;

	count_refused(serving);
	if (!interceptor->refuse || serving->call.service->is_built_in)
		return status;
	return interceptor->refuse(interceptor->user, &serving->call,
				   serving->binding ? serving->binding->principal : NULL, status);
}

void hm_serving_end(struct hm_serving *serving, hm_status status)
{
	struct hm_server *server = serving->peer->server;
	struct hm_peer *peer = serving->peer;

	if (serving->tenant)
		hm_tenant_leave(serving->tenant);
	hm_serving_answer(serving, status, false);
	atomic_fetch_add_explicit(&server->calls_ended, 1, memory_order_relaxed);
	hm_serving_stream_close(serving->stream);
	hm_binding_close(serving->binding);
	hm_serving_close(serving);
	hm_peer_release(peer);
	tell_drain(server);
}

/* What the time a call took says of the service. */
static enum hm_outcome outcome_of(hm_status status)
{
	return status == HM_OK ? HM_OUTCOME_SERVED : status == HM_DEADLINE_EXCEEDED ? HM_OUTCOME_LATE : HM_OUTCOME_NONE;
}

enum hm_outcome hm_serving_work(struct hm_serving *serving)
{
	enum hm_outcome outcome = HM_OUTCOME_NONE;
	hm_status status = check_wanted(serving);

	if (status == HM_OK && serving->peer->server->config.faults)
		status = hm_serving_fault(serving);
	if (status == HM_OK)
		status = hm_serving_decode(serving);
	if (status == HM_OK) {
		status = hm_serving_run(serving);
		outcome = outcome_of(status);
	} else if (!serving->refusal && hm_serving_count(serving, false)) {
		status = hm_error_get()->code;
	} else {
		status = refuse(serving, status);
	}
	hm_serving_end(serving, status);
	return outcome;
}
