/*
 * Context: on whose behalf, under which brand, until when. Every call takes one; a handler's own context is the
 * parent of every call it makes, so brand, actor, request id and remaining time travel along by themselves.
 *
 * Life: hm_context_open → calls → hm_context_close. Replies live in the context's arena until hm_context_reset or
 * close. A context belongs to one thread at a time.
 */
#pragma once
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/cancel.h"
#include "base/id.h"
#include "base/scoped.h"
#include "base/status.h"
#include "crypto/token.h"

enum { HM_BRAND_BYTES = 64, HM_IDEMPOTENCY_KEY_BYTES = 128 }; /* HM_TOKEN_BYTES is crypto/token.h's */

struct hm_stream;

struct hm_context {
	struct hm_arena arena;
	char brand[HM_BRAND_BYTES]; /* the brand asked for; the server takes it from the token where there is one */
	const char *token; /* PASETO v4.public of the actor; NULL: none (public methods). In the arena's owner's care */
	struct hm_id request_id; /* shared by everything one outside request causes; the trace id */
	uint64_t parent; /* the calling call's span: low 8 bytes of its audit id; 0: none */
	bool is_unsampled; /* nobody keeps traces of this request (W3C's sampled flag is off) */
	int64_t deadline_us; /* monotonic; 0: the method's own */
	uint32_t timeout_ms; /* as last set: a reset begins it anew */
	uint32_t patience_ms; /* of streams' readers; 0: for ever */
	const char *idempotency_key; /* of the next write, which clears it: 1 to 128 bytes, made again with the same
				      * key it is done once (docs/rules.md). Not copied. NULL: none */
	const char *
		fault; /* for tests: what servers that were started with faults are to do wrong, in the calls that follow
			    * and those they make (rpc/fault.h; at most 256 bytes). Not copied. NULL: nothing */
	bool waits_for_ready; /* calls wait for a connection rather than fail UNAVAILABLE at once */
	bool in_transaction; /* set by the guard: a call to another service is refused meanwhile */
	/* Filled by each finished call that was waited for, and by a stream read to its end. */
	struct hm_id audit_id; /* zero: the call was not audited */
	uint32_t
		attempts; /* begun at it, those included that found nobody or were kept back; 0: it was refused before any */
	_Atomic uint32_t waiting; /* what a waiting call sleeps on (rpc/wait.h) */
	_Atomic(struct hm_stream *) streams; /* open under this context */
	struct hm_cancel cancel; /* set: nobody wants what is done under this context any more, calls end CANCELLED */
};

/* hm_context_open makes a context for a root call: brand and token are copied, request id is new. token may be NULL. */
hm_status hm_context_open(const char *brand, const char *token, struct hm_context **ret_context);
void hm_context_close(struct hm_context *context);
HM_SCOPED(hm_context, hm_context_close)

/* hm_context_reset frees the replies and begins a new request id; brand, token and time-out setting stay. */
void hm_context_reset(struct hm_context *context);

/* hm_context_set_timeout bounds the calls that follow: all together end within timeout_ms from now. 0: unbounded. */
void hm_context_set_timeout(struct hm_context *context, uint32_t timeout_ms);

/* hm_context_set_patience bounds how long the streams that are opened after it may bring nothing while they are waited for: then
 * they end DEADLINE_EXCEEDED. For who is told something regularly and must notice when it stays out. 0: unbounded. */
void hm_context_set_patience(struct hm_context *context, uint32_t patience_ms);

/* hm_context_set_wait_for_ready has the calls that follow wait, until their deadline, for an endpoint that can be reached. Without
 * it (the default) a call fails UNAVAILABLE at once when none can. */
void hm_context_set_wait_for_ready(struct hm_context *context, bool waits);

/* hm_context_cancel ends the call that waits under this context, if there is one, and the streams that are open: they return
 * CANCELLED, and the server is told. From any thread, while the context is open. */
void hm_context_cancel(struct hm_context *context);
