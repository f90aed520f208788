/*
 * Emit the source: rules tables, method table, thunks, typed clients. Every row names all its members that say
 * something; the others are zero.
 */
#include <inttypes.h>
#include <string.h>

#include "emit.h"
#include "wrappers.h"

/* ---- Rules ------------------------------------------------------------------------------------------------------- */

static void emit_flag(struct hm_buffer *out, bool set, const char *name)
{
	if (set)
		hm_buffer_printf(out, ", .%s = true", name);
}

/* The least number has no literal of its own in C. */
static void emit_int64(struct hm_buffer *out, const char *name, int64_t value)
{
	if (value == INT64_MIN)
		hm_buffer_printf(out, ", .has_%s = true, .%s = INT64_MIN", name, name);
	else
		hm_buffer_printf(out, ", .has_%s = true, .%s = INT64_C(%" PRId64 ")", name, name, value);
}

static void emit_rule(const struct field *field, size_t index, struct hm_buffer *out)
{
	const struct field_options *options = &field->options;

	hm_buffer_printf(out, "\t/* %s */\n\t{ .field = %zu", field->proto->name, index);
	emit_flag(out, options->required, "required");
	emit_flag(out, options->audited, "audited");
	emit_flag(out, options->phi, "phi");
	emit_flag(out, options->subject, "subject");
	emit_flag(out, options->uuid, "uuid");
	if (options->has_min)
		emit_int64(out, "min", options->min);
	if (options->has_max)
		emit_int64(out, "max", options->max);
	if (options->has_min_length)
		hm_buffer_printf(out, ", .min_length = %u", options->min_length);
	if (options->has_max_length)
		hm_buffer_printf(out, ", .max_length = %u", options->max_length);
	if (options->pattern) {
		hm_buffer_add_text(out, ", .pattern = ");
		emit_string(out, options->pattern, "\t\t");
	}
	if (field->message && field->message->has_rules)
		hm_buffer_printf(out, ", .message = &%s__rules", field->message->lower);
	hm_buffer_add_text(out, " },\n");
}

static void emit_rules(const struct message *message, struct hm_buffer *out)
{
	hm_buffer_printf(out, "\nstatic const struct hm_field_rule %s__field_rules[] = {\n", message->lower);
	for (size_t i = 0; i < message->n_fields; i++) {
		const struct field *field = &message->fields[i];

		if (field->options.given || (field->message && field->message->has_rules))
			emit_rule(field, i, out);
	}
	hm_buffer_printf(out,
			 "};\n\nconst struct hm_message_rules %s__rules = {\n"
			 "\t.descriptor = &%s__descriptor,\n\t.fields = %s__field_rules,\n"
			 "\t.n_fields = sizeof(%s__field_rules) / sizeof(*%s__field_rules),\n};\n",
			 message->lower, message->lower, message->lower, message->lower, message->lower);
}

/* ---- Thunks and the method table --------------------------------------------------------------------------------- */

static void emit_thunk(const struct file *file, const struct method *method, struct hm_buffer *out)
{
	bool has_request = !(method->kind & HM_CLIENT_STREAM), has_reply = !(method->kind & HM_SERVER_STREAM);

	hm_buffer_printf(out,
			 "\nstatic hm_status thunk_%s(const void *handlers, struct hm_call *call, const "
			 "ProtobufCMessage *request,\n"
			 "\t\tProtobufCMessage *reply)\n{\n\tconst struct %s_handlers *slots = handlers;\n\n",
			 method->slot, file->short_name);
	hm_buffer_add_text(out, has_request ? "" : "\t(void)request;\n");
	hm_buffer_add_text(out, has_reply ? "" : "\t(void)reply;\n");
	hm_buffer_printf(out, "\treturn slots->%s(call", method->slot);
	if (has_request)
		hm_buffer_printf(out, ", (const %s *)request", method->request->type);
	if (has_reply)
		hm_buffer_printf(out, ", (%s *)reply", method->reply->type);
	hm_buffer_add_text(out, ");\n}\n");
}

static void emit_text_member(struct hm_buffer *out, const char *name, const char *text)
{
	if (!text)
		return;
	hm_buffer_printf(out, "\t\t.%s = ", name);
	emit_string(out, text, "\t\t\t");
	hm_buffer_add_text(out, ",\n");
}

static void emit_list(struct hm_buffer *out, const struct texts *texts)
{
	hm_buffer_add_text(out, "(const char *const[]){ ");
	for (size_t i = 0; i < texts->count; i++) {
		emit_string(out, texts->items[i], "");
		hm_buffer_add_text(out, ", ");
	}
	hm_buffer_add_text(out, "NULL }");
}

static void emit_rules_member(struct hm_buffer *out, const char *name, const struct message *message)
{
	if (message->has_rules)
		hm_buffer_printf(out, "\t\t.%s = &%s__rules,\n", name, message->lower);
}

static void emit_types(const struct method *method, struct hm_buffer *out)
{
	hm_buffer_printf(out, "\t\t.request = &%s__descriptor,\n\t\t.reply = &%s__descriptor,\n",
			 method->request->lower, method->reply->lower);
	emit_rules_member(out, "request_rules", method->request);
	emit_rules_member(out, "reply_rules", method->reply);
}

static void emit_policy(const struct method *method, struct hm_buffer *out)
{
	static const char *const effects[] = { "0", "HM_EFFECT_NONE", "HM_EFFECT_READ", "HM_EFFECT_WRITE" };
	static const char *const levels[] = { "HM_IDEMPOTENCY_UNKNOWN", "HM_NO_SIDE_EFFECTS", "HM_IDEMPOTENT" };
	const struct method_options *options = &method->options;

	hm_buffer_printf(out, "\t\t.effect = %s,\n\t\t.idempotency = %s,\n", effects[options->effect],
			 levels[method->idempotency]);
	emit_text_member(out, "event", options->event);
	emit_text_member(out, "entity", options->entity);
	emit_text_member(out, "entity_id", options->entity_id);
	emit_text_member(out, "permission", options->permission);
	if (options->callers.count) {
		hm_buffer_add_text(out, "\t\t.callers = ");
		emit_list(out, &options->callers);
		hm_buffer_add_text(out, ",\n");
	}
	emit_text_member(out, "only_brand", options->only_brand);
	hm_buffer_printf(out, "\t\t.deadline_ms = %u,\n\t\t.request_bytes = %u,\n", options->deadline_ms,
			 options->request_bytes);
	if (options->attempts)
		hm_buffer_printf(out, "\t\t.attempts = %u,\n", options->attempts);
	if (options->hedge_after_ms)
		hm_buffer_printf(out, "\t\t.hedge_after_ms = %u,\n", options->hedge_after_ms);
	hm_buffer_add_text(out, options->is_public ? "\t\t.is_public = true,\n" : "");
	hm_buffer_add_text(out, options->is_inline ? "\t\t.is_inline = true,\n" : "");
	hm_buffer_add_text(out, options->secret_reply ? "\t\t.secret_reply = true,\n" : "");
}

static void emit_row(const struct file *file, const struct method *method, struct hm_buffer *out)
{
	static const char *const kinds[] = { "HM_UNARY", "HM_CLIENT_STREAM", "HM_SERVER_STREAM", "HM_BIDI_STREAM" };

	hm_buffer_printf(out, "\t{\n\t\t.name = \"%s\",\n\t\t.id = UINT64_C(0x%016" PRIx64 "),\n", method->full_name,
			 hm_method_id(method->full_name));
	if (method->kind)
		hm_buffer_printf(out, "\t\t.kind = %s,\n", kinds[method->kind]);
	emit_types(method, out);
	emit_policy(method, out);
	hm_buffer_printf(out, "\t\t.thunk = thunk_%s,\n\t\t.handler_offset = offsetof(struct %s_handlers, %s),\n",
			 method->slot, file->short_name, method->slot);
	hm_buffer_add_text(out, "\t\t.documented_errors = ");
	emit_list(out, &method->errors);
	hm_buffer_add_text(out, ",\n");
	emit_text_member(out, "comment", method->comment);
	emit_text_member(out, "file", file->shown);
	hm_buffer_printf(out, "\t\t.line = %d,\n\t},\n", method->line);
}

static void emit_table(const struct file *file, const struct service *service, struct hm_buffer *out)
{
	hm_buffer_add_text(out, "\nstatic const struct hm_method methods[] = {\n");
	for (size_t i = 0; i < service->n_methods; i++)
		emit_row(file, &service->methods[i], out);
	hm_buffer_printf(out,
			 "};\n\nstatic const uint8_t contract[] = {\n#include \"%s.set.h\"\n};\n\n"
			 "const struct hm_service_table %s_table = {\n",
			 file->stem, file->short_name);
	hm_buffer_printf(out, "\t.name = \"%s\",\n\t.short_name = \"%s\",\n\t.schema = ", service->full_name,
			 file->short_name);
	emit_string(out, service->options.schema, "");
	hm_buffer_add_text(out, ",\n\t.calls = ");
	emit_list(out, &service->options.calls);
	hm_buffer_add_text(out, ",\n\t.methods = methods,\n\t.n_methods = sizeof(methods) / sizeof(*methods),\n"
				"\t.comment = ");
	emit_string(out, service->comment, "\t\t");
	hm_buffer_add_text(out, ",\n\t.contract = contract,\n\t.contract_bytes = sizeof contract,\n};\n");
}

/* ---- The file ---------------------------------------------------------------------------------------------------- */

/* Rules of other contracts' messages are declared in their headers. */
static void emit_includes(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	hm_buffer_printf(out, "/* Made by protoc-gen-hallmark from %s: change the contract, never this file. */\n",
			 file->shown);
	hm_buffer_printf(out, "#include \"%s.hm.h\"\n\n", file->stem);
	for (size_t i = 0; i < file->proto->n_dependency; i++)
		for (size_t j = 0; j < model->n_messages; j++) {
			const struct message *message = &model->messages[j];

			if (!message->has_rules || strcmp(message->file->proto->name, file->proto->dependency[i]))
				continue;
			hm_buffer_printf(out, "#include \"%s.hm.h\"\n", message->file->stem);
			break;
		}
	hm_buffer_add_text(out, "#include <stddef.h>\n#include <stdint.h>\n");
}

void emit_source(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	emit_includes(model, file, out);
	for (size_t i = 0; i < model->n_messages; i++)
		if (model->messages[i].file == file && model->messages[i].has_rules)
			emit_rules(&model->messages[i], out);
	if (!file->n_services)
		return;
	const struct service *service = &file->services[0];
	for (size_t i = 0; i < service->n_methods; i++)
		emit_thunk(file, &service->methods[i], out);
	emit_table(file, service, out);
	for (size_t i = 0; i < service->n_methods; i++)
		wrappers_define(&service->methods[i], i, out);
}
