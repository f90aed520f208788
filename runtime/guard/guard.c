/*
 * Guard: the interceptor. Admission, rules, the work, the audit entry; the same few lines for every method there is.
 */
#include "guard/guard.h"

#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "guard/carrier.h"
#include "guard/finish.h"
#include "guard/idempotency.h"
#include "guard/principal.h"
#include "guard/session.h"
#include "guard/ward.h"
#include "wire/message.h"

enum { ATTEMPTS_MAX = 4, REPLY_TTL_S = 24 * 3600 };

struct hm_guard {
	struct hm_interceptor interceptor;
	const struct hm_keyring *keys;
	struct hm_lease *lease;
	bool requires_service_keys;
	const struct hm_service_table **known; /* NULL-terminated */
	struct hm_ward *wards;
	size_t n_wards;
};

static const struct hm_ward *find_ward(const struct hm_guard *guard, const struct hm_service *service)
{
	for (size_t i = 0; i < guard->n_wards; i++)
		if (guard->wards[i].service == service)
			return &guard->wards[i];
	abort(); /* the server serves only what the guard was opened with */
}

static hm_status on_bind(void *user, const char *brand, const char *token, const struct hm_origin *origin,
			 void **ret_principal)
{
	const struct hm_guard *guard = user;

	*ret_principal = hm_principal_open(guard->keys, guard->lease, brand, token);
	hm_principal_prove(*ret_principal, origin->services, guard->requires_service_keys, guard->known);
	return HM_OK;
}

static void on_unbind(void *user, void *principal)
{
	(void)user;
	hm_principal_close(principal);
}

static const struct hm_ward_method *method_of(const struct hm_call *call)
{
	const struct hm_session *session = call->guard;

	return &session->ward->methods[call->method - call->service->table->methods];
}

/* A request's brand_id is the call's; one that says otherwise is an attempt at another brand. */
static hm_status check_brand_field(const struct hm_call *call, struct hm_arena *arena, ProtobufCMessage *request)
{
	const char *given;

	if (!method_of(call)->has_brand_id)
		return HM_OK;
	given = hm_field_text(arena, request, "brand_id");
	if (given && strcmp(given, call->context.brand))
		return hm_raise(PERMISSION_DENIED, "brandId: the call is for brand %s", call->context.brand);
	if (!given)
		hm_field_set_text(request, "brand_id", call->context.brand);
	return HM_OK;
}

/* What every request must be, alone or of a stream. */
static hm_status on_admit_message(void *user, struct hm_call *call, struct hm_arena *arena, ProtobufCMessage *request)
{
	(void)user;
	TRY(hm_message_validate(request, call->method->request_rules));
	return check_brand_field(call, arena, request);
}

/* A stream may outlive what it was admitted by: its brand's good standing, its token. */
static hm_status on_still_allowed(void *user, struct hm_call *call, void *principal)
{
	(void)user;
	call->now_us = hm_clock_mono_us();
	return hm_principal_admit(principal, call);
}

static hm_status admit(struct hm_call *call, const struct hm_principal *principal)
{
	TRY(hm_principal_admit(principal, call));
	if (call->request)
		TRY(on_admit_message(NULL, call, &call->context.arena, call->request));
	return hm_idempotency_begin(call);
}

static hm_status work(struct hm_call *call)
{
	const struct hm_session *session = call->guard;
	const struct hm_query *query = method_of(call)->query;

	if (session->key)
		TRY(hm_session_open(call)); /* before anything is done: it may have been */
	if (session->replayed)
		return hm_idempotency_replay(call);
	if (query)
		return hm_session_query(call, query, call->request, call->reply, NULL);
	return call->method->thunk(call->service->handlers, call, call->request, call->reply);
}

static bool is_worth_another_try(const struct hm_call *call, hm_status status)
{
	const struct hm_session *session = call->guard;

	return status == HM_ABORTED && !strcmp(hm_error_get()->reason, "SERIALIZATION") && !session->has_stepped &&
	       !call->has_called &&
	       call->method->kind == HM_UNARY; /* a message that was sent or read cannot be taken back */
}

/* hm_refuse: what was written stays, and the entry that goes with it says how the call failed. */
static hm_status commit_refusal(struct hm_call *call, struct hm_audit_outcome *outcome)
{
	struct hm_error refusal = *hm_error_get();

	outcome->status = refusal.code;
	outcome->reason = refusal.reason;
	outcome->failure = &refusal;
	TRY(hm_session_commit(call, outcome));
	return hm_error_set(&refusal);
}

/* A status that was returned and never raised must not be taken for, nor explained by, the thread's last error: another
 * call's, or none. */
static hm_status explain(hm_status status)
{
	if (status == HM_OK || hm_error_get()->code == status)
		return status;
	return hm_raise_at(__FILE__, __LINE__, status, "the service gave no explanation");
}

static hm_status try_work(struct hm_call *call)
{
	struct hm_session *session = call->guard;
	struct hm_audit_outcome outcome = { .status = explain(work(call)) };

	outcome.entity_id = session->entity_id;
	outcome.details = session->details.data;
	outcome.replayed = session->replayed;
	if (outcome.status == HM_OK)
		return hm_session_commit(call, &outcome);
	return session->keeps_writes ? commit_refusal(call, &outcome) : outcome.status;
}

/* A call with a key that failed after a step: the step stays, so that is its outcome, as a refusal would be. Where this cannot
 * be kept, the key says that the call ended half-way. */
static hm_status keep_failure(struct hm_call *call, hm_status status)
{
	const struct hm_session *session = call->guard;
	struct hm_audit_outcome outcome = { .status = status,
					    .entity_id = session->entity_id,
					    .details = session->details.data };
	const struct hm_error error = *hm_error_get();

	if (commit_refusal(call, &outcome) == status && call->audited)
		return status;
	hm_session_rollback(call);
	return hm_error_set(&error);
}

/* A deadlock's victim is run again, from the start, if nothing it did is left: it calls no service and made no step. */
static hm_status work_and_commit(struct hm_call *call)
{
	struct hm_session *session = call->guard;

	for (int attempt = 1;; attempt++) {
		hm_status status = try_work(call);

		if (status == HM_OK || call->audited)
			return status;
		hm_session_rollback(call);
		if (attempt == ATTEMPTS_MAX || !is_worth_another_try(call, status))
			return session->key && session->has_stepped ? keep_failure(call, status) : status;
		session->keeps_writes = false;
		session->replayed = NULL;
		session->entity_id = NULL;
		hm_buffer_reset(&session->details);
		call->reply = hm_message_new(&call->context.arena, call->method->reply);
	}
}

/* Runs what the guard does for one call, in a session that exists for just as long. */
static hm_status in_session(const struct hm_guard *guard, struct hm_call *call,
			    hm_status (*serve)(struct hm_call *call, const struct hm_principal *principal),
			    const struct hm_principal *principal)
{
	struct hm_session session = { .ward = find_ward(guard, call->service) };
	hm_status status;

	call->guard = &session;
	status = serve(call, principal);
	hm_session_fini(&session);
	call->guard = NULL;
	return status;
}

static hm_status serve(struct hm_call *call, const struct hm_principal *principal)
{
	hm_status status = admit(call, principal);

	call->has_run = status == HM_OK;
	if (status != HM_OK)
		return hm_finish(call, status, true);
	if (call->method->kind != HM_UNARY)
		TRY(hm_finish_opening(call));
	return hm_finish(call, work_and_commit(call), false);
}

/* The call never reached its method. Who is not admitted learns just that, not what else is wrong. */
static hm_status refuse(struct hm_call *call, const struct hm_principal *principal)
{
	struct hm_error error = *hm_error_get();
	hm_status status = hm_principal_admit(principal, call);

	return hm_finish(call, status == HM_OK ? hm_error_set(&error) : status, true);
}

static hm_status on_run(void *user, struct hm_call *call, void *principal)
{
	return in_session(user, call, serve, principal);
}

/* A call that names a slot nothing was bound to is an anonymous one of no brand. */
static hm_status on_refuse(void *user, struct hm_call *call, void *principal, hm_status status)
{
	const struct hm_guard *guard = user;
	struct hm_error error = *hm_error_get();
	struct hm_principal *nobody = principal ? NULL : hm_principal_open(guard->keys, guard->lease, NULL, NULL);

	error.code = status;
	status = hm_error_set(&error);
	status = in_session(guard, call, refuse, principal ? principal : nobody);
	hm_principal_close(nobody);
	return status;
}

static const char *on_brand(void *user, void *principal)
{
	(void)user;
	return hm_principal_share(principal);
}

/* As refuse, without an entry of its own. A method that is not audited leaves none in any case. */
static bool on_count(void *user, struct hm_call *call, void *principal, hm_status status, bool is_last)
{
	const struct hm_guard *guard = user;
	struct hm_refusals *refusals = find_ward(guard, call->service)->refusals;
	struct hm_principal *nobody;

	(void)status;
	if (!refusals || call->method->effect == HM_EFFECT_NONE)
		return true;
	if (!is_last && hm_refusals_has_room(refusals))
		return false;
	nobody = principal ? NULL : hm_principal_open(guard->keys, guard->lease, NULL, NULL);
	(void)hm_principal_admit(principal ? principal : nobody, call);
	hm_principal_close(nobody);
	hm_refusals_count(refusals, call);
	return true;
}

hm_status hm_guard_open(const struct hm_guard_config *config, struct hm_guard **ret_guard)
{
	SCOPED(hm_guard) guard = calloc(1, sizeof *guard);

	if (!guard)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a guard");
	guard->interceptor = (struct hm_interceptor){ .user = guard,
						      .bind = on_bind,
						      .unbind = on_unbind,
						      .brand = on_brand,
						      .run = on_run,
						      .still_allowed = on_still_allowed,
						      .admit_message = on_admit_message,
						      .refuse = on_refuse,
						      .count = on_count };
	guard->keys = config->keys;
	guard->lease = config->lease;
	guard->requires_service_keys = config->requires_service_keys;
	TRY(hm_carrier_list(config, &guard->known));
	guard->wards = calloc(config->n_services, sizeof *guard->wards);
	if (!guard->wards)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for %zu services", config->n_services);
	while (guard->n_wards < config->n_services) {
		size_t i = guard->n_wards++; /* counted first, so that closing sees a half-open one too */

		TRY(hm_ward_open(&config->services[i], config->reply_ttl_s ? config->reply_ttl_s : REPLY_TTL_S,
				 &guard->wards[i]));
	}
	*ret_guard = take(&guard);
	return HM_OK;
}

void hm_guard_close(struct hm_guard *guard)
{
	if (!guard)
		return;
	for (size_t i = 0; i < guard->n_wards; i++)
		hm_ward_close(&guard->wards[i]);
	free(guard->wards);
	free(guard->known);
	free(guard);
}

hm_status hm_guard_sweep(const struct hm_guard *guard)
{
	hm_status status = HM_OK;

	for (size_t i = 0; i < guard->n_wards; i++)
		if (guard->wards[i].store) {
			hm_status one = hm_idempotency_expire(guard->wards[i].store);

			status = one == HM_OK ? status : one;
		}
	return status;
}

void hm_guard_set_signing_key(struct hm_guard *guard, const struct hm_service *service, const struct hm_secret_key *key)
{
	for (size_t i = 0; i < guard->n_wards; i++)
		if (guard->wards[i].service == service)
			guard->wards[i].signing_key = key;
}

const struct hm_interceptor *hm_guard_interceptor(const struct hm_guard *guard)
{
	return &guard->interceptor;
}

void hm_guard_collect(void *user, struct hm_exposition *exposition)
{
	const struct hm_guard *guard = user;

	for (size_t i = 0; i < guard->n_wards; i++)
		if (guard->wards[i].audit)
			hm_audit_writer_collect(guard->wards[i].audit, guard->wards[i].service->table->short_name,
						exposition);
}
