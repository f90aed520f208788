/* Shared: small things that several files of identity need, and the counting of wrong guesses. */
#include "identity.h"

#include <string.h>

hm_status identity_because(hm_status status, const char *reason)
{
	hm_error_set_reason(reason);
	return status;
}

hm_status identity_need_user(struct hm_call *call)
{
	const struct hm_actor *actor = hm_call_actor(call);
	struct hm_id id;

	if (actor->delegate)
		return identity_because(hm_fail(call, PERMISSION_DENIED,
						"this is for the user in person, not for %s on the user's behalf",
						actor->delegate),
					"DELEGATED");
	if (actor->type == HM_ACTOR_USER && hm_id_parse(actor->id, &id))
		return HM_OK;
	return hm_fail(call, PERMISSION_DENIED, "this is for somebody who is logged in as a user; %s is none",
		       actor->id);
}

ProtobufCBinaryData identity_hash(struct hm_call *call, const char *text)
{
	uint8_t *hash = hm_arena_alloc(hm_call_arena(call), HM_HASH_BYTES);

	hm_hash(text, strlen(text), hash);
	return (ProtobufCBinaryData){ .data = hash, .len = HM_HASH_BYTES };
}

const char **identity_list(struct hm_call *call, const char *const *elements, size_t n, const char *more)
{
	const char **list = hm_arena_alloc(hm_call_arena(call), (n + 2) * sizeof *list);

	for (size_t i = 0; i < n; i++)
		list[i] = elements[i];
	list[n] = more;
	list[n + 1] = NULL;
	return list;
}

const char **identity_split(struct hm_call *call, const char *scope, size_t *ret_n)
{
	struct hm_arena *arena = hm_call_arena(call);
	const char **parts = hm_arena_alloc(arena, (strlen(scope) / 2 + 2) * sizeof *parts);
	size_t n = 0;

	for (scope += strspn(scope, " "); *scope; scope += strspn(scope, " ")) {
		size_t length = strcspn(scope, " ");

		parts[n++] = hm_arena_dup(arena, scope, length);
		scope += length;
	}
	parts[n] = NULL;
	*ret_n = n;
	return parts;
}

/* ---- Guesses */

static hm_status fail_locked(struct hm_call *call, const Identity__FailureRow *row)
{
	hm_status status = hm_fail(call, RESOURCE_EXHAUSTED, "too many failed attempts: try again in %lld s",
				   (long long)row->retry_seconds);

	hm_error_set_retry((uint32_t)row->retry_seconds * 1000);
	return identity_because(status, "LOCKED_OUT");
}

hm_status identity_check_guesses(struct hm_call *call, const char *subject)
{
	const Identity__FailureRow wanted = { IDENTITY_FAILURE_ROW_BASE, .subject = subject };
	Identity__FailureRow row = IDENTITY__FAILURE_ROW__INIT;
	bool locked;

	TRY(hm_query_optional(call, &identity_sql_lock_out, &wanted, &row, &locked));
	return locked ? fail_locked(call, &row) : HM_OK;
}

hm_status identity_count_guess(struct hm_call *call, const char *subject)
{
	enum { ATTEMPTS_MAX = 5 };
	const Identity__FailureRow wanted = { IDENTITY_FAILURE_ROW_BASE, .subject = subject };
	Identity__FailureRow row = IDENTITY__FAILURE_ROW__INIT;

	TRY(hm_query_one(call, &identity_sql_count_failure, &wanted, &row));
	return row.failed > ATTEMPTS_MAX ? fail_locked(call, &row) : HM_OK;
}
