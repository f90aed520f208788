/* Session: how a call's transaction begins and ends. */
#include "guard/session.h"

#include "guard/idempotency.h"

/* A unary call's memory is the call's. A stream may go on for ever: its transactions have their memory in turns. */
struct hm_arena *hm_session_arena(struct hm_call *call)
{
	const struct hm_session *session = call->guard;

	return call->turns ? &call->turns[session->turn] : &call->context.arena;
}

void hm_session_turn(struct hm_call *call)
{
	struct hm_session *session = call->guard;

	if (!call->turns || session->tx)
		return;
	session->turn = !session->turn;
	hm_arena_reset(&call->turns[session->turn]);
}

hm_status hm_session_open(struct hm_call *call)
{
	struct hm_session *session = call->guard;
	const struct hm_tx_options options = {
		.role = HM_ROLE_APP,
		.brand = call->context.brand,
		.read_only = call->method->effect != HM_EFFECT_WRITE,
		.deadline_us = call->context.deadline_us,
		.cancel = &call->context.cancel,
	};
	hm_status status = HM_OK;

	if (session->tx)
		return HM_OK;
	if (!session->ward->store)
		return hm_raise(INTERNAL, "%s: service %s has no database", call->method->name,
				session->ward->service->table->name);
	TRY(hm_tx_open(session->ward->store, hm_session_arena(call), &options, &session->tx));
	if (session->key)
		status = hm_idempotency_claim(call, session->tx);
	if (status != HM_OK)
		hm_session_rollback(call);
	return status;
}

/* What goes with the rows: what is kept for the idempotency key, and the entry. */
static hm_status append_all(struct hm_call *call, struct hm_tx *tx, const struct hm_audit_outcome *outcome)
{
	const struct hm_session *session = call->guard;

	if (session->key)
		TRY(hm_idempotency_keep(call, tx, outcome));
	return hm_audit_append(tx, hm_audit_describe(call, outcome));
}

static hm_status commit_write(struct hm_call *call, struct hm_tx *tx, const struct hm_audit_outcome *outcome)
{
	hm_status status = append_all(call, tx, outcome);

	if (status != HM_OK) {
		hm_tx_rollback(tx);
		return status;
	}
	return hm_tx_commit(tx);
}

hm_status hm_session_commit(struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	struct hm_session *session = call->guard;
	struct hm_tx *tx;

	if (session->key && !session->is_stepping)
		TRY(hm_session_open(call)); /* where nothing was written, that it was done is kept all the same */
	tx = take(&session->tx);
	call->context.in_transaction = false;
	if (!tx)
		return HM_OK;
	if (call->method->effect != HM_EFFECT_WRITE) {
		hm_tx_rollback(tx); /* only read: there is nothing to lose */
		return HM_OK;
	}
	TRY(commit_write(call, tx, outcome));
	call->audited = true;
	return HM_OK;
}

void hm_session_rollback(struct hm_call *call)
{
	struct hm_session *session = call->guard;

	call->context.in_transaction = false;
	hm_tx_rollback(take(&session->tx));
}

void hm_session_fini(struct hm_session *session)
{
	hm_buffer_fini(&session->details);
}
