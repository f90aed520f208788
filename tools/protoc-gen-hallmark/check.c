/*
 * Check: services and methods. One table of rules for methods: each row a predicate and the words for when it holds,
 * so a new rule is a new row.
 */
#include "check.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "tools/contract/names.h"
#include "wrappers.h"

/* Steps of paths inside descriptor.proto's messages. */
enum {
	FILE_OPTIONS = 8,
	FILE_SYNTAX = 12,
	SERVICE_OPTIONS = 3,
	METHOD_OPTIONS = 4,
	ATTEMPTS_MAX = 10,
	HEDGE_MS_MAX = 60000
};

void problem_add(struct problems *problems, const struct file *file, const struct path *path, const char *format, ...)
{
	struct position position = source_position(file->proto, path);
	char words[1024];
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(words, sizeof(words), format, arguments);
	va_end(arguments);
	hm_buffer_printf(&problems->text, "%s:%d:%d: %s\n", file->shown, position.line, position.column, words);
	problems->count++;
}

/* ---- Methods ----------------------------------------------------------------------------------------------------- */

struct checked {
	const struct service *service;
	const struct method *method;
};

static bool is_audited(const struct method *method)
{
	return method->options.effect == HM_EFFECT_READ || method->options.effect == HM_EFFECT_WRITE;
}

static bool has_no_effect(const struct checked *it)
{
	return !it->method->options.effect;
}

static bool has_no_event(const struct checked *it)
{
	return is_audited(it->method) && !it->method->options.event;
}

static const char *skip_word(const char *text)
{
	if (!islower(*text))
		return NULL;
	while (islower(*text) || isdigit(*text) || *text == '_')
		text++;
	return text;
}

static bool has_odd_event(const struct checked *it)
{
	const char *text = it->method->options.event;

	if (!text)
		return false;
	text = skip_word(text);
	if (!text || *text != '.')
		return true;
	text = skip_word(text + 1);
	return !text || *text;
}

static bool writes_without_side_effects(const struct checked *it)
{
	return it->method->options.effect == HM_EFFECT_WRITE && it->method->idempotency == HM_NO_SIDE_EFFECTS;
}

static bool has_not_one_access(const struct checked *it)
{
	const struct method_options *options = &it->method->options;

	return (options->permission != NULL) + options->is_public + (options->callers.count > 0) != 1;
}

static bool is_inline_with_data(const struct checked *it)
{
	return it->method->options.is_inline && is_audited(it->method);
}

static bool is_inline_stream(const struct checked *it)
{
	return it->method->options.is_inline && it->method->kind != HM_UNARY;
}

static bool has_too_many_attempts(const struct checked *it)
{
	return it->method->options.attempts > ATTEMPTS_MAX;
}

static bool is_hedged_late(const struct checked *it)
{
	return it->method->options.hedge_after_ms > HEDGE_MS_MAX;
}

static bool is_hedged_stream(const struct checked *it)
{
	return it->method->options.hedge_after_ms && it->method->kind != HM_UNARY;
}

static bool has_no_schema(const struct checked *it)
{
	return is_audited(it->method) && !it->service->options.schema;
}

static bool has_no_entity_field(const struct checked *it)
{
	const char *name = it->method->options.entity_id;

	return name && !message_field(it->method->reply, name) && !message_field(it->method->request, name);
}

/* Of a message that streams there are many, or none: an entry cannot take its entity's id from it. */
static bool has_streaming_entity(const struct checked *it)
{
	const struct method *method = it->method;
	const char *name = method->options.entity_id;
	bool is_in_reply = name && message_field(method->reply, name);
	bool is_in_request = name && message_field(method->request, name);

	return (is_in_reply || is_in_request) && !(is_in_reply && !(method->kind & HM_SERVER_STREAM)) &&
	       !(is_in_request && !(method->kind & HM_CLIENT_STREAM));
}

static bool is_phi(const struct field *field)
{
	return field && field->options.phi;
}

static bool records_phi(const struct checked *it)
{
	const char *name = it->method->options.entity_id;

	return name &&
	       (is_phi(message_field(it->method->reply, name)) || is_phi(message_field(it->method->request, name)));
}

static bool has_keyword_name(const struct checked *it)
{
	return name_is_keyword(it->method->slot);
}

static const struct {
	bool (*is_broken)(const struct checked *it);
	const char *words;
} method_rules[] = {
	{ has_no_effect, "no effect: say (hallmark.method).effect, one of NONE, READ and WRITE" },
	{ has_no_event, "no event: a method that reads or writes is audited under (hallmark.method).event" },
	{ has_odd_event, "event is not of the form \"noun.verbed\", as \"follow.created\" is" },
	{ writes_without_side_effects, "effect WRITE contradicts idempotency_level NO_SIDE_EFFECTS" },
	{ has_not_one_access, "say exactly one of permission, public and callers" },
	{ is_inline_with_data, "inline is for methods of effect NONE: a database would block the transport" },
	{ is_inline_stream, "inline is for unary methods: a stream would hold the transport" },
	{ has_too_many_attempts, "attempts: 10 at most" },
	{ is_hedged_late, "hedge_after_ms: 60000 at most" },
	{ is_hedged_stream, "hedge_after_ms is for unary methods: a stream is made once" },
	{ has_no_schema,
	  "a method that reads or writes needs its service to have a schema: (hallmark.service).schema" },
	{ has_no_entity_field, "entity_id names a field that neither reply nor request has" },
	{ has_streaming_entity, "entity_id names a field of messages that stream; name one of the other message, or "
				"let the handler say it by "
				"hm_audit_entity" },
	{ records_phi, "entity_id names a field that is phi: the audit entry would show it" },
	{ has_keyword_name, "the method's name in C is a word of the language; choose another name" },
};

static bool is_suffix(enum hm_method_kind kind, const char *text)
{
	for (size_t i = 0; i < n_wrappers; i++)
		if (wrappers[i].kinds >> kind & 1 && wrappers[i].suffix && *text && !strcmp(wrappers[i].suffix, text))
			return true;
	return false;
}

/* Two names of the generated client that would be one: methods Watch and WatchStart both want watch_start. */
static void check_collisions(const struct file *file, const struct service *service, const struct method *method,
			     struct problems *problems)
{
	static const char *const taken[] = { "table", "service", "queries", "handlers" };
	size_t size = strlen(method->slot);

	for (size_t i = 0; i < sizeof(taken) / sizeof(*taken); i++)
		if (!strcmp(taken[i], method->slot))
			problem_add(problems, file, &method->path, "%s: %s_%s is generated for the service itself",
				    method->proto->name, file->short_name, taken[i]);
	for (size_t i = 0; i < service->n_methods; i++) {
		const char *other = service->methods[i].slot;

		if (!strncmp(other, method->slot, size) && is_suffix(method->kind, other + size))
			problem_add(problems, file, &service->methods[i].path, "%s: %s_%s is generated for %s",
				    service->methods[i].proto->name, file->short_name, other, method->proto->name);
	}
}

static void check_method(const struct file *file, const struct service *service, const struct method *method,
			 struct problems *problems)
{
	struct path path = path_join(&method->path, METHOD_OPTIONS, OPTION_METHOD);

	for (size_t i = 0; i < sizeof(method_rules) / sizeof(*method_rules); i++)
		if (method_rules[i].is_broken(&(struct checked){ service, method }))
			problem_add(problems, file, &path, "%s: %s", method->proto->name, method_rules[i].words);
	check_collisions(file, service, method, problems);
}

/* ---- Services and files ------------------------------------------------------------------------------------------ */

static void check_service(const struct file *file, const struct service *service, struct problems *problems)
{
	struct path path = path_join(&service->path, SERVICE_OPTIONS, OPTION_SERVICE);

	for (size_t i = 0; i < service->options.calls.count; i++)
		if (!strcmp(service->options.calls.items[i], file->short_name))
			problem_add(problems, file, &path, "%s: calls names the service itself", service->proto->name);
	for (size_t i = 0; i < service->n_methods; i++)
		check_method(file, service, &service->methods[i], problems);
}

void check_file(const struct model *model, const struct file *file, struct problems *problems)
{
	struct path options = path_join(&(struct path){ 0 }, FILE_OPTIONS, OPTION_PB_C_FILE);
	struct path syntax = { .steps = { FILE_SYNTAX }, .n_steps = 1 };

	if (file->proto->syntax && strcmp(file->proto->syntax, "proto2"))
		problem_add(problems, file, &syntax,
			    "contracts are proto2: presence is explicit there, and NULL in SQL");
	if (!file->options.const_strings)
		problem_add(problems, file, &options,
			    "say option (pb_c_file) = { const_strings: true }: literals are const");
	if (!*file->short_name)
		problem_add(problems, file, &syntax, "no package: it names the service, as in package follows.v1");
	for (size_t i = 1; i < file->n_services; i++)
		problem_add(problems, file, &file->services[i].path, "%s: one service a contract; %s is already there",
			    file->services[i].proto->name, file->services[0].proto->name);
	for (size_t i = 0; i < file->n_services; i++)
		check_service(file, &file->services[i], problems);
	for (size_t i = 0; i < model->n_messages; i++)
		if (model->messages[i].file == file)
			check_fields(&model->messages[i], problems);
}
