/*
 * Describe: a call in an audit entry's words. A request's field is recorded only if its contract marks it `audited`, and never
 * if it is PHI; error texts are left out (they may quote data), codes and reasons go in.
 */
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "guard/audit.h"
#include "guard/lease.h"
#include "guard/session.h"
#include "wire/json.h"
#include "wire/message.h"

enum {
	ENTITY_BYTES_MAX = 256, /* longer is no id, and an index has no room for it: the entry would be refused */
	DENIED_BYTES_MAX = 4096, /* of a request that nobody has checked yet */
};

static const char *const actor_type_names[] = {
	[HM_ACTOR_ANONYMOUS] = "anonymous",
	[HM_ACTOR_USER] = "user",
	[HM_ACTOR_OPERATOR] = "operator",
	[HM_ACTOR_SERVICE] = "service",
};

static void write_audited(struct hm_buffer *json, const ProtobufCMessage *message,
			  const struct hm_message_rules *rules);

static const void *member(const ProtobufCMessage *message, unsigned offset)
{
	return (const char *)message + offset;
}

/* A message's own audited fields decide what of it is recorded, however deep it lies. */
static void write_messages(struct hm_buffer *json, const ProtobufCMessage *message,
			   const ProtobufCFieldDescriptor *field, const struct hm_message_rules *rules)
{
	const void *value = member(message, field->offset);
	size_t count;

	if (field->label != PROTOBUF_C_LABEL_REPEATED) {
		write_audited(json, *(const ProtobufCMessage *const *)value, rules);
		return;
	}
	count = *(const size_t *)member(message, field->quantifier_offset);
	hm_buffer_add_text(json, "[");
	for (size_t i = 0; i < count; i++) {
		if (i)
			hm_buffer_add_text(json, ",");
		write_audited(json, (*(const ProtobufCMessage *const *const *)value)[i], rules);
	}
	hm_buffer_add_text(json, "]");
}

static void write_audited(struct hm_buffer *json, const ProtobufCMessage *message, const struct hm_message_rules *rules)
{
	const char *separator = "{";

	for (uint32_t i = 0; rules && i < rules->n_fields; i++) {
		const struct hm_field_rule *rule = &rules->fields[i];
		const ProtobufCFieldDescriptor *field = &message->descriptor->fields[rule->field];
		char name[HM_FIELD_BYTES];

		if (!rule->audited || rule->phi || !hm_field_is_set(message, field))
			continue;
		hm_json_name(field->name, name, sizeof name);
		hm_buffer_printf(json, "%s\"%s\":", separator, name);
		if (field->type == PROTOBUF_C_TYPE_MESSAGE && rule->message)
			write_messages(json, message, field, rule->message);
		else
			hm_json_write_field(json, message, field);
		separator = ",";
	}
	hm_buffer_add_text(json, *separator == '{' ? "{}" : "}");
}

static void write_request(struct hm_buffer *json, const struct hm_call *call, bool was_denied)
{
	size_t size = was_denied ? protobuf_c_message_get_packed_size(call->request) : 0;

	if (size > DENIED_BYTES_MAX) {
		hm_buffer_printf(json, ",\"request_bytes\":%zu", size);
		return;
	}
	hm_buffer_add_text(json, ",\"request\":");
	write_audited(json, call->request, call->method->request_rules);
}

/* What went over a stream, in the halves that stream. */
static void write_counts(struct hm_buffer *json, const struct hm_call *call)
{
	const struct hm_stream_counts *counts = call->counts;

	if (call->method->kind & HM_CLIENT_STREAM)
		hm_buffer_printf(json, ",\"messages_received\":%llu,\"bytes_received\":%llu",
				 (unsigned long long)counts->received, (unsigned long long)counts->received_bytes);
	if (call->method->kind & HM_SERVER_STREAM)
		hm_buffer_printf(json, ",\"messages_sent\":%llu,\"bytes_sent\":%llu", (unsigned long long)counts->sent,
				 (unsigned long long)counts->sent_bytes);
}

/* Users are known by their session; of the others it is the token that may have to be revoked. */
static bool is_revoked_by_id(const struct hm_actor *actor)
{
	return actor->token_id && (actor->type == HM_ACTOR_OPERATOR || actor->type == HM_ACTOR_SERVICE);
}

/* Who acted for the user, and by which delegation. */
static void write_delegate(struct hm_buffer *json, const struct hm_actor *actor)
{
	if (!actor->delegate)
		return;
	hm_buffer_add_text(json, "\"via\":");
	hm_json_write_text(json, actor->delegate, strlen(actor->delegate));
	hm_buffer_add_text(json, ",\"delegation\":");
	hm_json_write_text(json, actor->token_id, strlen(actor->token_id));
	hm_buffer_add_text(json, ",");
}

static char *write_details(struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	struct hm_buffer json = { 0 };
	char *text;

	hm_buffer_printf(&json, "{\"method\":\"%s\",\"outcome\":\"%s\",\"span\":\"%016llx\",", call->method->name,
			 outcome->is_opening ? "OPENED" : hm_status_name(outcome->status),
			 (unsigned long long)hm_call_span(call));
	if (call->attempt > 1)
		hm_buffer_printf(&json, "\"attempt\":%u,", call->attempt);
	if (call->parent)
		hm_buffer_printf(&json, "\"parent\":\"%016llx\",", (unsigned long long)call->parent);
	if (outcome->reason && *outcome->reason) { /* another service's, perhaps */
		hm_buffer_add_text(&json, "\"reason\":");
		hm_json_write_text(&json, outcome->reason, strlen(outcome->reason));
		hm_buffer_add_text(&json, ",");
	}
	if (outcome->replayed)
		hm_buffer_printf(&json, "\"replayed\":\"%s\",", outcome->replayed);
	if (outcome->status != HM_OK || outcome->replayed)
		hm_buffer_printf(&json, "\"event\":\"%s\",", call->method->event);
	if (outcome->details)
		hm_buffer_add_text(&json, outcome->details);
	if (is_revoked_by_id(&call->actor)) {
		hm_buffer_add_text(&json, "\"token\":");
		hm_json_write_text(&json, call->actor.token_id, strlen(call->actor.token_id));
		hm_buffer_add_text(&json, ",");
	}
	write_delegate(&json, &call->actor);
	hm_buffer_add_text(&json, "\"peer\":");
	hm_json_write_text(&json, call->peer, strlen(call->peer));
	hm_buffer_printf(&json, ",\"latency_us\":%lld", (long long)(hm_clock_mono_us() - call->started_us));
	if (call->counts && !outcome->is_opening && !outcome->was_denied)
		write_counts(&json, call);
	if (call->request)
		write_request(&json, call, outcome->was_denied);
	hm_buffer_add_text(&json, "}");
	text = hm_arena_dup(hm_session_arena(call), json.data, json.size);
	hm_buffer_fini(&json);
	return text;
}

static const char *find_entity_id(struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	const char *field = call->method->entity_id, *id = NULL;

	if (outcome->entity_id)
		return outcome->entity_id;
	if (!field)
		return NULL;
	if (call->reply && outcome->status == HM_OK)
		id = hm_field_text(hm_session_arena(call), call->reply, field);
	if (!id && call->request)
		id = hm_field_text(hm_session_arena(call), call->request, field);
	return id;
}

/* An id as the entry has room for it, cut between two characters. */
static const char *cut_id(struct hm_arena *arena, const char *id)
{
	size_t size = id ? strnlen(id, ENTITY_BYTES_MAX + 1) : 0;

	if (size <= ENTITY_BYTES_MAX)
		return id;
	for (size = ENTITY_BYTES_MAX; size && ((unsigned char)id[size] & 0xc0) == 0x80; size--)
		;
	return hm_arena_dup(arena, id, size);
}

static const char *id_text(struct hm_arena *arena, const struct hm_id *id)
{
	char *text = hm_arena_alloc(arena, HM_ID_TEXT_BYTES);

	hm_id_format(id, text);
	return text;
}

static const char *event_type(const struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	if (outcome->replayed)
		return "call.replayed"; /* it happened once */
	if (outcome->status == HM_OK)
		return call->method->event;
	return outcome->was_denied ? "call.denied" : "call.failed";
}

/* The actor's own brand is said where it is not the entry's: an operator's crossing. */
static const char *actor_brand(const struct hm_call *call)
{
	const char *brand = call->actor.brand;

	if (!brand && call->actor.type != HM_ACTOR_ANONYMOUS)
		brand = HM_SYSTEM_BRAND;
	return brand;
}

struct hm_audit_entry *hm_audit_describe(struct hm_call *call, const struct hm_audit_outcome *outcome)
{
	struct hm_arena *arena = hm_session_arena(call);
	struct hm_audit_entry *entry = hm_arena_zalloc(arena, sizeof *entry);
	const struct hm_builtin values[] = {
		{ "audit_id", id_text(arena, &call->audit_id) },
		{ "occurred_at_us", hm_arena_printf(arena, "%lld", (long long)call->started_wall_us) },
		{ "actor_type", actor_type_names[call->actor.type] },
		{ "audit_actor_id", call->actor.id },
		{ "actor_brand_id", actor_brand(call) },
		{ "event_type", event_type(call, outcome) },
		{ "entity_type", call->method->entity },
		{ "entity_id", cut_id(arena, find_entity_id(call, outcome)) },
		{ "audit_brand_id", call->context.brand },
		{ "audit_request_id", id_text(arena, &call->context.request_id) },
		{ "details", write_details(call, outcome) },
		{ NULL, NULL },
	};

	_Static_assert(sizeof values == sizeof entry->values, "one value a parameter, and the end");
	memcpy(entry->values, values, sizeof values);
	return entry;
}
