/*
 * Idempotency keys: a write that its caller may send again. The key belongs to brand, caller and method; what the call did is kept
 * in the transaction that did it, for 24 h, and whoever calls again with the same key and the same request gets the same reply.
 *
 *     claim   the key's lock, which ends with the transaction, and what is kept under it
 *               busy: ABORTED with RetryInfo · another request: FAILED_PRECONDITION · kept: the reply · nothing: the method runs
 *     keep    outcome and reply, in the burst that commits the write
 *
 * A lock rather than an INSERT of the key first: that would make the second call wait, with a connection in its hand, for the
 * first to end; and it leaves nothing behind when a process dies. The lock is held from before the handler runs, also while it calls
 * other services, so of two calls at once one runs. hm_release and hm_step let go of it; the next query claims it again.
 *
 * Kept: what was committed, by success or by hm_refuse. Not kept: denials, requests against the rules, failures that left nothing.
 * A call of several steps (hm_step) is kept from its first step on: without an outcome. If it never got one (its process died), its
 * steps are not done again: FAILED_PRECONDITION, IDEMPOTENCY_KEY_UNFINISHED. If it failed after a step, that is its outcome.
 * Of a method with secret_reply is kept that it was done: ALREADY_EXISTS, REPLY_NOT_KEPT. (guard's own header)
 */
#pragma once
#include "guard/audit.h"
#include "server/call.h"
#include "store/store.h"

/* A call's key, in the call's arena. */
struct hm_keyed;

/* hm_idempotency_begin makes the session's `key` if the call has one and writes. INVALID_ARGUMENT: nobody's key (a caller without
 * a token could be anyone, and be given anyone's reply), or a stream's. Nothing is asked of the database yet. */
hm_status hm_idempotency_begin(struct hm_call *call);

/* hm_idempotency_claim, first of all in each transaction of the call: see above. If a reply is kept, the session's `replayed` is
 * set to the id of its entry, and hm_idempotency_replay makes it the call's outcome, instead of the handler. */
hm_status hm_idempotency_claim(struct hm_call *call, struct hm_tx *tx);
hm_status hm_idempotency_replay(struct hm_call *call);

/* hm_idempotency_keep adds to the transaction what it is to keep, for the commit. */
hm_status hm_idempotency_keep(struct hm_call *call, struct hm_tx *tx, const struct hm_audit_outcome *outcome);

/* hm_idempotency_expire removes what is kept no longer, as the service's system role. */
hm_status hm_idempotency_expire(struct hm_store *store);
