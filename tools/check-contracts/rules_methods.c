/* Rules of methods: what their options say, beyond what the generator refuses. */
#include <ctype.h>
#include <string.h>

#include "rules.h"

enum {
	DEADLINE_MAX_MS = 600000,
	PACKET_BYTES = 8 << 20
}; /* the longest wait; what fits into a packet (docs/rules.md, Limits) */

/* complain_option points at the method's (hallmark.method). */
#define complain_option(look, ...)                                                                       \
	do {                                                                                             \
		struct path path_ = path_join(&(look)->now.method->path, METHOD_OPTIONS, OPTION_METHOD); \
		complain_at(look, &path_, __VA_ARGS__);                                                  \
	} while (0)

static bool is_audited(const struct method *method)
{
	return method->options.effect == HM_EFFECT_READ || method->options.effect == HM_EFFECT_WRITE;
}

static void read_idempotency(const struct look *look)
{
	const struct method *method = look->now.method;

	if (method->options.effect == HM_EFFECT_READ && method->idempotency != HM_NO_SIDE_EFFECTS)
		complain(look,
			 "%s reads and does not say so to its callers; add option idempotency_level = NO_SIDE_EFFECTS, "
			 "and it is made again when a connection fails",
			 method->proto->name);
}

static bool is_past_tense(const char *verb)
{
	static const char *const irregular[] = { "begun", "bought", "built",   "chosen", "cut",    "done",   "drawn",
						 "found", "given",  "held",    "heard",  "kept",   "known",  "left",
						 "lent",  "lost",   "made",    "met",    "paid",   "put",    "read",
						 "reset", "run",    "seen",    "sent",   "set",    "shown",  "sold",
						 "split", "spent",  "sworn",   "taken",  "taught", "thrown", "told",
						 "woken", "won",    "written", NULL };

	return text_ends(verb, "ed") || text_in(verb, irregular);
}

static void event_tense(const struct look *look)
{
	const char *event = look->now.method->options.event;
	const char *dot = event ? strchr(event, '.') : NULL;

	if (dot && !is_past_tense(text_last_word(dot + 1, '_')))
		complain_option(
			look,
			"%s: event \"%s\" does not say what has happened; end it with a verb in the past tense, as "
			"\"%.*s.created\"",
			look->now.method->proto->name, event, (int)(dot - event), event);
}

static void entity(const struct look *look)
{
	const struct method *method = look->now.method;

	if (!is_audited(method))
		return;
	if (!method->options.entity)
		complain_option(look,
				"%s has no entity; say what kind of thing its audit entries are about, as "
				"entity: \"account\"",
				method->proto->name);
	else if (!name_is_snake(method->options.entity))
		complain_option(look,
				"%s: entity \"%s\" is not lower_snake_case; auditors search for it: write it as "
				"\"audit_log\"",
				method->proto->name, method->options.entity);
}

static void deadline(const struct look *look)
{
	const struct method *method = look->now.method;

	if (method->kind != HM_UNARY || !method->options.has_deadline_ms)
		return;
	if (!method->options.deadline_ms)
		complain_option(
			look, "%s: deadline_ms 0 is no time at all; leave it out for 5000, or say how long it may take",
			method->proto->name);
	else if (method->options.deadline_ms > DEADLINE_MAX_MS)
		complain_option(
			look,
			"%s: deadline_ms %u holds a worker and a transaction for more than ten minutes; stream, or "
			"begin a job and let the caller ask for it",
			method->proto->name, method->options.deadline_ms);
}

static void request_bytes(const struct look *look)
{
	const struct method *method = look->now.method;

	if (method->options.request_bytes > PACKET_BYTES)
		complain_option(look, "%s: request_bytes %u is more than a packet holds (8388608); send it as a stream",
				method->proto->name, method->options.request_bytes);
}

/* ---- Lists ------------------------------------------------------------------------------------------------------- */

static bool has_field(const struct message *message, const char *name, bool is_number)
{
	const struct field *field = message ? message_field(message, name) : NULL;

	if (!field || field->proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED)
		return false;
	if (!is_number)
		return field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_STRING;
	return field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_INT32 ||
	       field->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_UINT32;
}

static size_t count_repeated(const struct message *message)
{
	size_t count = 0;

	for (size_t i = 0; message && i < message->n_fields; i++)
		count += message->fields[i].proto->label ==
			 GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_REPEATED;
	return count;
}

static void list_paging(const struct look *look)
{
	const struct method *method = look->now.method;
	const char *name = method->proto->name;

	if (!text_begins(name, "List") || !isupper((unsigned char)name[4]) || method->kind != HM_UNARY)
		return;
	if (!has_field(method->request, "page_size", true) || !has_field(method->request, "page_token", false))
		complain(look,
			 "%s takes no page; give its request int32 page_size and string page_token, or it answers with "
			 "everything one day",
			 name);
	else if (!has_field(method->reply, "next_page_token", false) || count_repeated(method->reply) != 1)
		complain(look, "%s answers with no page; give its reply one repeated field and string next_page_token",
			 name);
}

/* ---- Services ---------------------------------------------------------------------------------------------------- */

static void schema(const struct look *look)
{
	const char *schema = look->now.service->options.schema;
	struct path path = path_join(&look->now.service->path, SERVICE_OPTIONS, OPTION_SERVICE);

	if (schema && strcmp(schema, look->now.file->short_name) != 0)
		complain_at(look, &path, "schema \"%s\" is not the service's name; a service owns the schema \"%s\"",
			    schema, look->now.file->short_name);
}

static void list_audit(const struct look *look)
{
	const struct service *service = look->now.service;

	if (!service->options.schema)
		return;
	for (size_t i = 0; i < service->n_methods; i++)
		if (!strcmp(service->methods[i].proto->name, "ListAudit") &&
		    !strcmp(service->methods[i].proto->input_type, ".hallmark.ListAuditRequest") &&
		    !strcmp(service->methods[i].proto->output_type, ".hallmark.ListAuditReply"))
			return;
	complain(look,
		 "%s keeps an audit log that nobody can read; add rpc ListAudit(hallmark.ListAuditRequest) returns "
		 "(hallmark.ListAuditReply), which the runtime answers",
		 service->proto->name);
}

const struct rule rules_of_methods[] = {
	{ "contract-read-idempotency", "options", OF_METHOD, read_idempotency },
	{ "contract-event-tense", "options", OF_METHOD, event_tense },
	{ "contract-entity", "options", OF_METHOD, entity },
	{ "contract-deadline", "options", OF_METHOD, deadline },
	{ "contract-request-bytes", "options", OF_METHOD, request_bytes },
	{ "contract-list-paging", "options", OF_METHOD, list_paging },
	{ "contract-schema", "options", OF_SERVICE, schema },
	{ "contract-list-audit", "options", OF_SERVICE, list_audit },
	{ 0 },
};
