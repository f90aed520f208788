/* Context: opened ones own their token; a call's context is part of the call and borrows it. */
#include "client/context.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "client/stream_own.h"
#include "rpc/wait.h"

struct opened {
	struct hm_context context; /* first: what the caller sees */
	char token[];
};

hm_status hm_context_open(const char *brand, const char *token, struct hm_context **ret_context)
{
	size_t token_bytes = token ? strlen(token) : 0;
	struct opened *opened;

	if (strlen(brand) >= HM_BRAND_BYTES)
		return hm_raise(INVALID_ARGUMENT, "brand of %zu bytes, at most %d are possible", strlen(brand),
				HM_BRAND_BYTES - 1);
	if (token_bytes >= HM_TOKEN_BYTES)
		return hm_raise(INVALID_ARGUMENT, "token of %zu bytes, at most %d are possible", token_bytes,
				HM_TOKEN_BYTES - 1);
	opened = calloc(1, sizeof *opened + token_bytes + 1);
	if (!opened)
		abort();
	memcpy(opened->context.brand, brand, strlen(brand));
	if (token) {
		memcpy(opened->token, token, token_bytes);
		opened->context.token = opened->token;
	}
	opened->context.request_id = hm_id_new();
	*ret_context = &opened->context;
	return HM_OK;
}

void hm_context_close(struct hm_context *context)
{
	struct opened *opened = (struct opened *)context;

	if (!context)
		return;
	hm_arena_wipe(&context->arena); /* a login's reply is a token */
	hm_arena_fini(&context->arena);
	if (context->token)
		explicit_bzero(opened->token, strlen(opened->token));
	free(opened);
}

void hm_context_reset(struct hm_context *context)
{
	hm_arena_reset(&context->arena);
	context->request_id = hm_id_new();
	hm_context_set_timeout(context, context->timeout_ms);
}

void hm_context_set_timeout(struct hm_context *context, uint32_t timeout_ms)
{
	context->timeout_ms = timeout_ms;
	context->deadline_us = timeout_ms ? hm_clock_mono_us() + (int64_t)timeout_ms * HM_US_PER_MS : 0;
}

void hm_context_set_wait_for_ready(struct hm_context *context, bool waits)
{
	context->waits_for_ready = waits;
}

void hm_context_set_patience(struct hm_context *context, uint32_t patience_ms)
{
	context->patience_ms = patience_ms;
}

void hm_context_cancel(struct hm_context *context)
{
	if (hm_wait_move(&context->waiting, HM_WAIT_CANCELLED))
		hm_wait_wake(&context->waiting);
	if (atomic_load(&context->streams))
		hm_context_cancel_streams(context);
}
