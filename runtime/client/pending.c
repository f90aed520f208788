/* Pending: checks at the beginning of a call, the result at its end. */
#include "client/pending.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/throttle_rule.h"
#include "rpc/failure.h"
#include "wire/message.h"

enum {
	COPIED_BYTES_LEAST = 512, /* a token and a small request */
	COPIED_BYTES_KEPT = 4096,
};

static hm_status check_context(const struct hm_context *context, const struct hm_method *method)
{
	if (context->in_transaction)
		return hm_raise(FAILED_PRECONDITION,
				"%s: a transaction is open; call before the first query, or between two hm_step",
				method->name);
	if (hm_cancel_is_set(&context->cancel))
		return hm_raise(CANCELLED, "%s: the caller of this handler no longer waits", method->name);
	return HM_OK;
}

/* The sooner of the context's deadline and the method's own. */
static int64_t deadline_of(const struct hm_context *context, const struct hm_method *method, int64_t now_us)
{
	int64_t own_us = method->deadline_ms ? now_us + (int64_t)method->deadline_ms * HM_US_PER_MS : 0;

	if (!context->deadline_us || (own_us && own_us < context->deadline_us))
		return own_us;
	return context->deadline_us;
}

/* The key is for one write. */
static void take_key(struct hm_pending *pending, struct hm_context *context)
{
	if (!context->idempotency_key || pending->method->effect != HM_EFFECT_WRITE)
		return;
	pending->head.idempotency_key = context->idempotency_key;
	pending->head.idempotency_key_bytes = (uint16_t)strnlen(context->idempotency_key, HM_IDEMPOTENCY_KEY_BYTES + 1);
	context->idempotency_key = NULL;
}

static void put_fault(struct hm_call_head *head, const char *fault)
{
	if (!fault || !*fault)
		return;
	head->fault = fault;
	head->fault_bytes = (uint16_t)strnlen(fault, HM_CALL_FAULT_BYTES_MAX + 1);
}

hm_status hm_request_measure(const struct hm_method *method, const ProtobufCMessage *request, size_t *ret_bytes)
{
	*ret_bytes = 0;
	if (!request)
		return HM_OK;
	if (!request->descriptor)
		return hm_raise(INVALID_ARGUMENT, "%s: the request was not begun with its ..._BASE", method->name);
	*ret_bytes = protobuf_c_message_get_packed_size(request);
	if (method->request_bytes && *ret_bytes > method->request_bytes)
		return hm_raise(RESOURCE_EXHAUSTED, "%s: request of %zu bytes, at most %u are allowed", method->name,
				*ret_bytes, method->request_bytes);
	return HM_OK;
}

hm_status hm_pending_init(struct hm_pending *pending, struct hm_context *context, const struct hm_method *method,
			  const ProtobufCMessage *request, int64_t now_us)
{
	size_t bytes;

	TRY(check_context(context, method));
	TRY(hm_request_measure(method, request, &bytes));
	*pending = (struct hm_pending){
		.method = method,
		.head = { .method = method->id,
			  .request_id = context->request_id,
			  .parent = context->parent,
			  .is_unsampled = context->is_unsampled,
			  .stream = hm_kind_halves(method->kind),
			  .attempt = 1 },
		.brand = context->brand,
		.token = context->token,
		.caller = hm_throttle_caller(context->brand, context->token),
		.request = request,
		.packed = (const uint8_t *)"",
		.body_bytes = bytes,
		.deadline_us = deadline_of(context, method, now_us),
		.waits_for_ready = context->waits_for_ready,
		.started_us = now_us,
		.attempts = 1,
	};
	if (pending->deadline_us && pending->deadline_us <= now_us)
		return hm_raise(DEADLINE_EXCEEDED, "%s: no time left to make the call", method->name);
	put_fault(&pending->head, context->fault);
	if (pending->head.fault_bytes > HM_CALL_FAULT_BYTES_MAX)
		return hm_raise(INVALID_ARGUMENT, "%s: a fault of over %d bytes", method->name,
				HM_CALL_FAULT_BYTES_MAX);
	take_key(pending, context);
	return HM_OK;
}

/* The memory of the call that had this place before, if it does. */
static char *make_room(struct hm_pending *pending, size_t bytes)
{
	if (pending->copied_room < bytes) {
		free(pending->copied);
		pending->copied_room = bytes < COPIED_BYTES_LEAST ? COPIED_BYTES_LEAST : bytes;
		pending->copied = malloc(pending->copied_room);
	}
	if (!pending->copied)
		abort();
	return pending->copied;
}

static const char *put(char **at, const char *bytes, size_t size)
{
	const char *copied = memcpy(*at, bytes, size);

	*at += size;
	return copied;
}

uint32_t hm_pending_left_ms(const struct hm_pending *pending, int64_t now_us)
{
	int64_t left_ms = (pending->deadline_us - now_us + HM_US_PER_MS - 1) / HM_US_PER_MS;

	if (!pending->deadline_us)
		return 0;
	return left_ms < 1 ? 1 : left_ms > UINT32_MAX ? UINT32_MAX : (uint32_t)left_ms;
}

void hm_pending_copy(struct hm_pending *pending)
{
	size_t brand_bytes = strlen(pending->brand) + 1, token_bytes = pending->token ? strlen(pending->token) + 1 : 0;
	size_t key_bytes = pending->head.idempotency_key_bytes, fault_bytes = pending->head.fault_bytes;
	char *at;

	if (pending->is_copied)
		return;
	at = make_room(pending, brand_bytes + token_bytes + key_bytes + fault_bytes + pending->body_bytes);
	pending->is_copied = true;
	pending->brand = put(&at, pending->brand, brand_bytes);
	if (token_bytes)
		pending->token = put(&at, pending->token, token_bytes);
	if (key_bytes)
		pending->head.idempotency_key = put(&at, pending->head.idempotency_key, key_bytes);
	if (fault_bytes)
		pending->head.fault = put(&at, pending->head.fault, fault_bytes);
	if (pending->request)
		protobuf_c_message_pack(pending->request, (uint8_t *)at);
	pending->packed = (uint8_t *)at;
	pending->request = NULL;
}

bool hm_pending_is_kept(const struct hm_pending *pending)
{
	return pending->context || pending->is_copied;
}

void hm_pending_drop(struct hm_pending *pending)
{
	char *copied = pending->copied;

	if (pending->is_copied && pending->token) {
		char *token = copied + (pending->token - copied);

		explicit_bzero(token, strlen(token));
	}
	pending->is_copied = false;
	if (pending->copied_room <= COPIED_BYTES_KEPT)
		return;
	free(copied);
	pending->copied = NULL;
	pending->copied_room = 0;
}

hm_status hm_pending_status(const struct hm_pending *pending)
{
	if (pending->error)
		return pending->error->code;
	return pending->has_expired ? HM_DEADLINE_EXCEEDED : (hm_status)pending->status;
}

hm_status hm_pending_left(const struct hm_pending *pending, hm_status code)
{
	bool was_sent = pending->id || pending->is_in_doubt;
	struct hm_error error = { .code = code, .maybe_processed = was_sent };

	snprintf(error.message, sizeof error.message, "%s: %s; %s", pending->method->name,
		 code == HM_CANCELLED ? "cancelled" : "no reply in time",
		 was_sent                ? "the call may have been processed"
		 : pending->attempts > 1 ? "it was to be made again, and was not processed"
					 : "it had not left, the call was not processed");
	return hm_error_set(&error);
}

static hm_status result(const struct hm_pending *pending, struct hm_arena *arena, ProtobufCMessage **ret_reply)
{
	if (pending->error)
		return hm_error_set(pending->error);
	if (pending->has_expired)
		return hm_pending_left(pending, HM_DEADLINE_EXCEEDED);
	if (pending->status != HM_OK)
		return hm_failure_raise(pending->status, pending->body, pending->reply_bytes);
	if (hm_message_unpack(arena, pending->method->reply, pending->body, pending->reply_bytes, ret_reply) != HM_OK)
		return hm_raise(INTERNAL, "%s: the reply cannot be read: %s", pending->method->name,
				hm_error_get()->message);
	return HM_OK;
}

/* An earlier attempt may have done what the last one did not. */
static hm_status doubt(void)
{
	struct hm_error error = *hm_error_get();

	error.maybe_processed = true;
	return hm_error_set(&error);
}

hm_status hm_pending_result(const struct hm_pending *pending, struct hm_arena *arena, ProtobufCMessage **ret_reply)
{
	hm_status status = result(pending, arena, ret_reply);

	return status != HM_OK && pending->is_in_doubt ? doubt() : status;
}
