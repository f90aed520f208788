/* Session: how a call's transaction ends. */
#include "guard/session.h"

static hm_status commit_write(struct hm_call *call, struct hm_tx *tx, const struct hm_audit_outcome *outcome)
{
	hm_status status = hm_audit_append(tx, hm_audit_describe(call, outcome));

	if (status != HM_OK) {
		hm_tx_rollback(tx);
		return status;
	}
	return hm_tx_commit(tx);
}

hm_status hm_session_commit(struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	struct hm_session *session = call->guard;
	struct hm_tx *tx = take(&session->tx);

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
