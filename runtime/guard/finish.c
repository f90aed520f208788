/* Finish: the entries that no transaction carries. */
#include "guard/finish.h"

#include "base/log.h"
#include "guard/session.h"
#include "guard/ward.h"

/* Who shows no token that is believed can be anybody, many times over: too many such calls are counted, not entered one by one. */
static bool is_counted(const struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	const struct hm_session *session = call->guard;
	struct hm_refusals *refusals = session->ward->refusals;

	if (!outcome->was_denied || outcome->status != HM_UNAUTHENTICATED || !refusals ||
	    call->method->effect == HM_EFFECT_NONE || hm_refusals_has_room(refusals))
		return false;
	hm_refusals_count(refusals, call);
	return true;
}

/* Audits what no transaction carried, and fails the call if that cannot be done: nothing happens unrecorded. Why is the
 * operator's to know, not the caller's. */
static hm_status audit_alone(struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	const struct hm_session *session = call->guard;

	if (call->method->effect == HM_EFFECT_NONE)
		return HM_OK;
	if (!session->ward->audit)
		return hm_raise(INTERNAL, "%s is to be audited, and its service has no database", call->method->name);
	if (hm_audit_writer_record(session->ward->audit, hm_audit_describe(call, outcome)) != HM_OK) {
		hm_log(HM_LOG_ERROR, "the audit log cannot be written", "service", call->service->table->short_name,
		       "method", call->method->name, "error", hm_error_get()->message, NULL);
		return hm_raise(UNAVAILABLE, "the audit log cannot be written, so the call is refused");
	}
	call->audited = true;
	return HM_OK;
}

/* A call in doubt stays so if its entry cannot be written: it may be there, in what was perhaps committed. */
static hm_status finish_failed(struct hm_call *call, struct hm_audit_outcome *outcome)
{
	const struct hm_error error = *hm_error_get();
	hm_status status;

	if (is_counted(call, outcome))
		return error.code;
	outcome->reason = error.reason;
	status = audit_alone(call, outcome);
	return status == HM_OK || error.maybe_processed ? hm_error_set(&error) : status;
}

hm_status hm_finish(struct hm_call *call, hm_status status, bool was_denied)
{
	struct hm_session *session = call->guard;
	struct hm_audit_outcome outcome = {
		.status = status,
		.was_denied = was_denied,
		.entity_id = session->entity_id,
		.details = session->details.data,
	};

	if (call->audited)
		return status;
	return status == HM_OK ? audit_alone(call, &outcome) : finish_failed(call, &outcome);
}

/* A stream may go on for days: that it was opened is known before its handler runs, by an entry of its own, a child of the call's. */
hm_status hm_finish_opening(struct hm_call *call)
{
	const struct hm_id audit_id = call->audit_id;
	const uint64_t parent = call->parent;
	hm_status status;

	call->parent = hm_call_span(call);
	call->audit_id = hm_id_new();
	status = audit_alone(call, &(struct hm_audit_outcome){ .is_opening = true });
	call->audit_id = audit_id;
	call->parent = parent;
	call->audited = false; /* the opening was, the call is yet to be */
	return status;
}
