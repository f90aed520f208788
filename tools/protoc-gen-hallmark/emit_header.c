/*
 * Emit the header: what a service's author and its callers see.
 *
 *     the table and the service    handler slots    FOLLOWS_SERVICE    messages' macros and rules    typed clients
 */
#include "emit.h"
#include "wrappers.h"

static void emit_opening(const struct file *file, struct hm_buffer *out)
{
	hm_buffer_printf(out, "/*\n * Made by protoc-gen-hallmark from %s: change the contract, never this file.\n",
			 file->shown);
	for (size_t i = 0; i < file->n_services; i++) {
		if (!*file->services[i].comment)
			continue;
		hm_buffer_add_text(out, " *\n");
		emit_comment_lines(out, file->services[i].comment, "");
	}
	hm_buffer_printf(out, " */\n#pragma once\n#include \"hallmark.h\"\n\n#include \"%s.pb-c.h\"\n", file->stem);
	if (file->n_services && file->services->options.schema)
		hm_buffer_printf(out, "#include \"%s/%s.sql.h\"\n", file->short_name, file->short_name);
}

/* ---- The author's side ------------------------------------------------------------------------------------------- */

/* What a handler is given: the messages there is one of. */
static void emit_slot(const struct method *method, struct hm_buffer *out)
{
	hm_buffer_printf(out, "\thm_status (*%s)(struct hm_call *call", method->slot);
	if (!(method->kind & HM_CLIENT_STREAM))
		hm_buffer_printf(out, ", const %s *request", method->request->type);
	if (!(method->kind & HM_SERVER_STREAM))
		hm_buffer_printf(out, ",%s%s *reply", method->kind ? " " : "\n\t\t\t", method->reply->type);
	hm_buffer_add_text(out, ");\n");
}

static void emit_handlers(const struct file *file, const struct service *service, struct hm_buffer *out)
{
	const char *name = file->short_name;

	hm_buffer_printf(out,
			 "\n/* The method table, and the service its author defines by %s_SERVICE. */\n"
			 "extern const struct hm_service_table %s_table;\nextern const struct hm_service %s_service;\n",
			 file->macro, name, name);
	hm_buffer_printf(out,
			 "\n/* A slot for each method; one left empty is the query of the method's name. */\n"
			 "struct %s_handlers {\n",
			 name);
	for (size_t i = 0; i < service->n_methods; i++) {
		const struct method *method = &service->methods[i];

		emit_comment(out, method->comment, "\t");
		emit_slot(method, out);
	}
	hm_buffer_add_text(out, "};\n");
}

static void emit_service_macro(const struct file *file, const struct service *service, struct hm_buffer *out)
{
	const char *name = file->short_name;

	hm_buffer_printf(
		out,
		"\n/* Defines the service: const struct hm_service %s_service = %s_SERVICE(.%s = ...);\n"
		" * _FEEDING takes the functions for hm_service's feed_lease and watch_lease before the handlers. */\n",
		name, file->macro, service->n_methods ? service->methods[0].slot : "method");
	hm_buffer_printf(out, "#define %s_SERVICE(...) %s_SERVICE_FEEDING(NULL, NULL, __VA_ARGS__)\n", file->macro,
			 file->macro);
	hm_buffer_printf(out,
			 "#define %s_SERVICE_FEEDING(feed_function, watch_function, ...) \\\n"
			 "\t{ \\\n\t\t.table = &%s_table, \\\n"
			 "\t\t.handlers = &(const struct %s_handlers){ __VA_ARGS__ }, \\\n",
			 file->macro, name, name);
	if (service->options.schema)
		hm_buffer_printf(out, "\t\t.queries = &%s_queries, \\\n", name);
	hm_buffer_add_text(out, "\t\t.feed_lease = feed_function, \\\n\t\t.watch_lease = watch_function, \\\n\t}\n");
}

/* ---- Messages ---------------------------------------------------------------------------------------------------- */

static void emit_bases(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	hm_buffer_add_text(out, "\n/* What a message literal begins with: { ..._BASE, .field = value }. */\n\n");
	for (size_t i = 0; i < model->n_messages; i++) {
		const struct message *message = &model->messages[i];

		if (message->file != file)
			continue;
		emit_comment(out, message->comment, "");
		hm_buffer_printf(out, "#define %s_BASE .base = PROTOBUF_C_MESSAGE_INIT(&%s__descriptor)\n",
				 message->macro, message->lower);
	}
}

static void emit_rules(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	const char *head = "\n/* What the contract demands of messages, for hm_message_validate. */\n";

	for (size_t i = 0; i < model->n_messages; i++) {
		const struct message *message = &model->messages[i];

		if (message->file != file || !message->has_rules)
			continue;
		hm_buffer_printf(out, "%sextern const struct hm_message_rules %s__rules;\n", head, message->lower);
		head = "";
	}
}

/* ---- The caller's side ------------------------------------------------------------------------------------------- */

static void emit_client(const struct method *method, struct hm_buffer *out)
{
	static const char *const effects[] = { "?", "touches no data", "reads", "writes" };
	static const char *const kinds[] = { "", "; a stream of requests", "; a stream of replies",
					     "; a stream each way" };

	hm_buffer_printf(out, "\n/* %s %s; %s%s", method->proto->name, effects[method->options.effect],
			 method->permission_words, kinds[method->kind]);
	if (method->options.deadline_ms)
		hm_buffer_printf(out, "; at most %u ms", method->options.deadline_ms);
	hm_buffer_add_text(out, ".");
	for (size_t i = 0; i < method->errors.count; i++)
		hm_buffer_printf(out, "%s%s", i ? ", " : " Errors: ", method->errors.items[i]);
	hm_buffer_add_text(out, method->errors.count ? ". */\n" : " */\n");
	wrappers_declare(method, out);
}

static bool has_streams(const struct service *service)
{
	for (size_t i = 0; i < service->n_methods; i++)
		if (service->methods[i].kind != HM_UNARY)
			return true;
	return false;
}

void emit_header(const struct model *model, const struct file *file, struct hm_buffer *out)
{
	emit_opening(file, out);
	for (size_t i = 0; i < file->n_services; i++) {
		emit_handlers(file, &file->services[i], out);
		emit_service_macro(file, &file->services[i], out);
	}
	emit_bases(model, file, out);
	emit_rules(model, file, out);
	for (size_t i = 0; i < file->n_services; i++) {
		hm_buffer_add_text(out,
				   "\n/* Clients. Each call waits, its reply lives in the context's arena "
				   "(hm_channel_call); each\n"
				   " * _start returns at once, its reply lives until done returns (hm_channel_start).");
		if (has_streams(&file->services[i]))
			hm_buffer_add_text(out, " Streams\n * are client/stream.h's; a handler's _read and _write are "
						"server/call_stream.h's.");
		hm_buffer_add_text(out, " */\n");
	}
	for (size_t i = 0; i < file->n_services; i++)
		for (size_t j = 0; j < file->services[i].n_methods; j++)
			emit_client(&file->services[i].methods[j], out);
}
