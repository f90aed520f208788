/*
 * Work: queries of handlers, in the transaction the runtime owns. The first query opens it, under the call's brand and
 * deadline, read-only for a method that reads.
 */
#include "guard/work.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "guard/session.h"
#include "wire/json.h"
#include "wire/message.h"

enum { PAGE_DEFAULT = 50, PAGE_MAX = 500 };

static hm_status check_effect(const struct hm_call *call, const struct hm_query *query)
{
	const struct hm_session *session = call->guard;

	if (!session->ward->store)
		return hm_raise(INTERNAL, "%s: service %s has no database", query->name,
				session->ward->service->table->name);
	if (call->method->effect == HM_EFFECT_NONE && !query->is_system)
		return hm_raise(INTERNAL, "%s:%d: %s touches a brand's data, and %s has effect NONE: it is not audited",
				query->file, query->line, query->name, call->method->name);
	return HM_OK;
}

/* The session's transaction, opened if there is none yet. */
static hm_status open_tx(struct hm_call *call, struct hm_tx **ret_tx)
{
	const struct hm_session *session = call->guard;

	TRY(hm_session_open(call));
	call->context.in_transaction = true;
	*ret_tx = session->tx;
	return HM_OK;
}

/* The number of rows a page may have: as asked, within bounds. An absent field asks for nothing. */
static hm_status find_page_size(struct hm_call *call, const ProtobufCMessage *arguments, const char **ret_text)
{
	const char *text = arguments ? hm_field_text(hm_session_arena(call), arguments, "page_size") : NULL;
	long size = text ? strtol(text, NULL, 10) : PAGE_DEFAULT;

	if (size < 0)
		return hm_fail(call, INVALID_ARGUMENT, "pageSize: %ld is negative", size);
	if (size == 0)
		size = PAGE_DEFAULT;
	if (size > PAGE_MAX)
		size = PAGE_MAX;
	*ret_text = hm_arena_printf(hm_session_arena(call), "%ld", size);
	return HM_OK;
}

static const char *id_text(struct hm_call *call, const struct hm_id *id)
{
	char *text = hm_arena_alloc(hm_session_arena(call), HM_ID_TEXT_BYTES);

	hm_id_format(id, text);
	return text;
}

static bool has_parameter(const struct hm_query *query, const char *name)
{
	for (const char *const *parameter = query->parameters; *parameter; parameter++)
		if (!strcmp(*parameter, name))
			return true;
	return false;
}

/* What a query may use without a field for it. Made only if the query does. */
static hm_status fill_builtins(struct hm_call *call, const struct hm_query *query, const ProtobufCMessage *arguments,
			       struct hm_builtin ret_builtins[static 5])
{
	const struct hm_id id = hm_id_new();
	size_t n = 0;

	if (has_parameter(query, "new_id"))
		ret_builtins[n++] = (struct hm_builtin){ "new_id", id_text(call, &id) };
	if (has_parameter(query, "caller_id"))
		ret_builtins[n++] = (struct hm_builtin){ "caller_id", call->actor.id };
	if (has_parameter(query, "call_request_id"))
		ret_builtins[n++] = (struct hm_builtin){ "call_request_id", id_text(call, &call->context.request_id) };
	if (has_parameter(query, "page_size")) {
		ret_builtins[n].name = "page_size";
		TRY(find_page_size(call, arguments, &ret_builtins[n++].text));
	}
	ret_builtins[n] = (struct hm_builtin){ NULL, NULL };
	return HM_OK;
}

/* What crosses brands is only ever read, in a transaction that ends with it: nobody holds a connection of one role while
 * waiting for one of the other, or for another service. */
static hm_status query_across(struct hm_call *call, const struct hm_query *query, const ProtobufCMessage *arguments,
			      const struct hm_builtin *builtins, ProtobufCMessage *reply, uint64_t *ret_rows)
{
	const struct hm_session *session = call->guard;
	const struct hm_tx_options options = {
		.role = HM_ROLE_SYSTEM,
		.read_only = true,
		.deadline_us = call->context.deadline_us,
		.cancel = &call->context.cancel,
	};
	struct hm_tx *tx;
	hm_status status;

	TRY(hm_tx_open(session->ward->store, hm_session_arena(call), &options, &tx));
	status = hm_tx_query(tx, query, arguments, builtins, reply, ret_rows);
	hm_tx_rollback(tx);
	return status;
}

/* A row that had to be there, in the words of the contract: a query's name is its author's alone. What a handler's query looked
 * for may be anything; what the method is about is known only of the query that is all of it. */
static hm_status raise_missing(struct hm_call *call, const struct hm_query *query)
{
	const struct hm_method *method = call->method;
	const char *id = method->entity_id && call->request
				 ? hm_field_text(&call->context.arena, call->request, method->entity_id)
				 : NULL;

	if (!query->is_rpc || !method->entity)
		return hm_fail(call, NOT_FOUND, "%s: not found", strrchr(method->name, '/') + 1);
	if (!id)
		return hm_fail(call, NOT_FOUND, "no such %s", method->entity);
	return hm_fail(call, NOT_FOUND, "no %s %s", method->entity, id);
}

hm_status hm_session_query(struct hm_call *call, const struct hm_query *query, const ProtobufCMessage *arguments,
			   ProtobufCMessage *reply, uint64_t *ret_rows)
{
	struct hm_builtin builtins[5];
	struct hm_tx *tx = NULL;
	uint64_t rows = UINT64_MAX;
	hm_status status;

	TRY(check_effect(call, query));
	hm_session_turn(call);
	TRY(fill_builtins(call, query, arguments, builtins));
	if (query->is_system) {
		status = query_across(call, query, arguments, builtins, reply, &rows);
	} else {
		TRY(open_tx(call, &tx));
		status = hm_tx_query(tx, query, arguments, builtins, reply, &rows);
	}
	if (status == HM_NOT_FOUND && !rows)
		return raise_missing(call, query);
	if (ret_rows)
		*ret_rows = rows;
	return status;
}

static hm_status check_rows(const struct hm_query *query, enum hm_rows rows)
{
	static const char *const names[] = { ":one", ":optional", ":many", ":none" };

	if (query->rows == rows)
		return HM_OK;
	return hm_raise(INTERNAL, "%s:%d: %s is %s, but was run as %s", query->file, query->line, query->name,
			names[query->rows], names[rows]);
}

hm_status hm_query_one(struct hm_call *call, const struct hm_query *query, const void *arguments, void *reply)
{
	TRY(check_rows(query, HM_ROWS_ONE));
	return hm_session_query(call, query, arguments, reply, NULL);
}

hm_status hm_query_optional(struct hm_call *call, const struct hm_query *query, const void *arguments, void *reply,
			    bool *ret_found)
{
	uint64_t rows;

	TRY(check_rows(query, HM_ROWS_OPTIONAL));
	TRY(hm_session_query(call, query, arguments, reply, &rows));
	*ret_found = rows > 0;
	return HM_OK;
}

hm_status hm_query_many(struct hm_call *call, const struct hm_query *query, const void *arguments, void *reply)
{
	TRY(check_rows(query, HM_ROWS_MANY));
	return hm_session_query(call, query, arguments, reply, NULL);
}

hm_status hm_query_run(struct hm_call *call, const struct hm_query *query, const void *arguments, uint64_t *ret_rows)
{
	TRY(check_rows(query, HM_ROWS_NONE));
	return hm_session_query(call, query, arguments, NULL, ret_rows);
}

void hm_call_keep(struct hm_call *call)
{
	struct hm_session *session = call->guard;

	session->keeps_writes = true;
}

void hm_release(struct hm_call *call)
{
	hm_session_rollback(call);
}

/* A step has an entry of its own, a child of the call's, so that a saga that stopped half-way shows how far it came. */
hm_status hm_step(struct hm_call *call, const char *event)
{
	struct hm_session *session = call->guard;
	const struct hm_audit_outcome outcome = { .status = HM_OK, .entity_id = session->entity_id };
	const struct hm_call whole = *call;
	struct hm_method step = *call->method;
	hm_status status;

	step.event = event;
	call->method = &step;
	call->audit_id = hm_id_new();
	call->parent = hm_call_span(&whole);
	session->is_stepping = true;
	status = hm_session_commit(call, &outcome);
	session->is_stepping = false;
	session->has_stepped |= status == HM_OK;
	call->method = whole.method;
	call->audit_id = whole.audit_id;
	call->parent = whole.parent;
	call->audited = false; /* the step was, the call is yet to be */
	return status;
}

struct hm_arena *hm_query_arena(struct hm_call *call)
{
	return hm_session_arena(call);
}

const struct hm_secret_key *hm_call_signing_key(const struct hm_call *call)
{
	const struct hm_session *session = call->guard;

	return session->ward->signing_key;
}

void hm_audit_entity(struct hm_call *call, const char *id)
{
	struct hm_session *session = call->guard;

	session->entity_id = hm_arena_strdup(&call->context.arena, id);
}

void hm_audit_detail(struct hm_call *call, const char *key, const char *format, ...)
{
	struct hm_session *session = call->guard;
	va_list arguments;
	const char *text;

	va_start(arguments, format);
	text = hm_arena_vprintf(&call->context.arena, format, arguments);
	va_end(arguments);
	hm_buffer_printf(&session->details, "\"%s\":", key);
	hm_json_write_text(&session->details, text, strlen(text));
	hm_buffer_add_text(&session->details, ",");
}
