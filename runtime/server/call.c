/* Call: what handlers may ask of it. */
#include "server/call.h"

#include <string.h>

struct hm_context *hm_call_context(struct hm_call *call)
{
	return &call->context;
}

struct hm_arena *hm_call_arena(struct hm_call *call)
{
	return &call->context.arena;
}

const struct hm_actor *hm_call_actor(const struct hm_call *call)
{
	return &call->actor;
}

const char *hm_call_brand(const struct hm_call *call)
{
	return call->context.brand;
}

const struct hm_id *hm_call_id(const struct hm_call *call)
{
	return &call->audit_id;
}

uint64_t hm_call_span(const struct hm_call *call)
{
	uint64_t span;

	memcpy(&span, call->audit_id.bytes + 8, sizeof span);
	return span;
}

bool hm_call_cancelled(const struct hm_call *call)
{
	return hm_cancel_is_set(&call->context.cancel);
}

bool hm_call_is_from(const struct hm_call *call, const char *service)
{
	for (const char *const *one = call->peer_services; one && *one; one++)
		if (!strcmp(*one, service))
			return true;
	return false;
}
