/* Failure: field by field, both ways. */
#include "rpc/failure.h"

#include <stdio.h>

#include "wire/message.h"

static void add_violations(struct hm_failure *failure, const struct hm_error *error)
{
	for (size_t i = 0; i < error->n_violations; i++) {
		hallmark__violation__init(&failure->violations[i]);
		failure->violations[i].field = error->violations[i].field;
		failure->violations[i].description = error->violations[i].description;
		failure->pointers[i] = &failure->violations[i];
	}
	failure->status.n_violations = error->n_violations;
	failure->status.violations = failure->pointers;
}

void hm_failure_init(struct hm_failure *failure, hm_status code, const struct hm_error *error)
{
	hallmark__status__init(&failure->status);
	failure->status.has_code = true;
	failure->status.code = code;
	failure->status.message = error->message;
	if (*error->reason)
		failure->status.reason = error->reason;
	failure->status.has_retry_after_ms = error->retry_after_ms;
	failure->status.retry_after_ms = error->retry_after_ms;
	failure->status.has_maybe_processed = error->maybe_processed || code == HM_UNKNOWN;
	failure->status.maybe_processed = error->maybe_processed;
	add_violations(failure, error);
}

static const char *or_empty(const char *text)
{
	return text ? text : "";
}

/* UNKNOWN is what a server says that does not know what came of a commit; those from before the field say no more. */
static bool is_old_doubt(hm_status code, const Hallmark__Status *status)
{
	return code == HM_UNKNOWN && !status->has_maybe_processed && !status->not_processed;
}

static void read_status(const Hallmark__Status *status, struct hm_error *error)
{
	snprintf(error->message, sizeof error->message, "%s", or_empty(status->message));
	snprintf(error->reason, sizeof error->reason, "%s", or_empty(status->reason));
	error->retry_after_ms = status->retry_after_ms;
	error->maybe_processed = status->maybe_processed || is_old_doubt(error->code, status);
	for (size_t i = 0; i < status->n_violations && i < HM_VIOLATIONS_MAX; i++) {
		struct hm_violation *violation = &error->violations[error->n_violations++];

		snprintf(violation->field, sizeof violation->field, "%s", or_empty(status->violations[i]->field));
		snprintf(violation->description, sizeof violation->description, "%s",
			 or_empty(status->violations[i]->description));
	}
}

bool hm_failure_read(uint16_t code, const void *bytes, size_t size, struct hm_error *ret_error)
{
	struct hm_arena arena = { 0 };
	bool was_not_processed = false;
	ProtobufCMessage *message;

	*ret_error = (struct hm_error){ .code = code && code < HM_STATUS_COUNT ? (hm_status)code : HM_UNKNOWN };
	if (hm_message_unpack(&arena, &hallmark__status__descriptor, bytes, size, &message) == HM_OK) {
		read_status((const Hallmark__Status *)message, ret_error);
		was_not_processed = ((const Hallmark__Status *)message)->not_processed;
	} else {
		snprintf(ret_error->message, sizeof ret_error->message, "status %u, and its explanation cannot be read",
			 code);
		ret_error->maybe_processed = true;
	}
	hm_arena_fini(&arena);
	return was_not_processed;
}

hm_status hm_failure_raise(uint16_t code, const void *bytes, size_t size)
{
	struct hm_error error;

	(void)hm_failure_read(code, bytes, size, &error);
	return hm_error_set(&error);
}
