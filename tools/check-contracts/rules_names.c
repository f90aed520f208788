/* Rules of names: they become types, functions, JSON members and SQL columns, and are read more often than anything else. */
#include <ctype.h>
#include <string.h>

#include "rules.h"
#include "tools/contract/names.h"
#include "wire/json.h"

enum { NAME_BYTES = 256 };

static void service_name(const struct look *look)
{
	const char *name = look->now.service->proto->name;

	if (!name_is_pascal(name))
		complain(look, "service %s is not PascalCase; rename it", name);
	else if (text_ends(name, "Service"))
		complain(look, "service %s is a service by its place; call it for what it keeps, as Ledger", name);
}

static void method_name(const struct look *look)
{
	const char *name = look->now.method->proto->name;

	if (!name_is_pascal(name))
		complain(look, "method %s is not PascalCase; rename it", name);
}

static void message_name(const struct look *look)
{
	const char *name = look->now.message->proto->name;

	if (!name_is_pascal(name))
		complain(look, "message %s is not PascalCase; rename it", name);
}

static void field_name(const struct look *look)
{
	const char *name = look->now.field->proto->name;

	if (!name_is_snake(name))
		complain(look, "field %s is not lower_snake_case; rename it, as it is the column's name in SQL", name);
}

static void oneof_name(const struct look *look)
{
	const MessageProto *message = look->now.message->proto;

	for (size_t i = 0; i < message->n_oneof_decl; i++) {
		struct path path = path_join(&look->now.message->path, MESSAGE_ONEOF, (int32_t)i);

		if (!name_is_snake(message->oneof_decl[i]->name))
			complain_at(look, &path, "oneof %s is not lower_snake_case; rename it",
				    message->oneof_decl[i]->name);
	}
}

static void json_name(const struct look *look)
{
	const FieldProto *field = look->now.field->proto;
	char wanted[NAME_BYTES];

	hm_json_name(field->name, wanted, sizeof(wanted));
	if (field->json_name && strcmp(field->json_name, wanted) != 0)
		complain(look, "%s has json_name \"%s\", which the runtime does not know; it writes %s: leave it out",
			 field->name, field->json_name, wanted);
}

/* ---- Enums ------------------------------------------------------------------------------------------------------- */

static const char *upper_name(const struct look *look)
{
	struct hm_arena *arena = &look->check->arena;

	return name_macro(arena, name_lower(arena, look->now.enumeration->proto->name));
}

static void enum_name(const struct look *look)
{
	const char *name = look->now.enumeration->proto->name;

	if (!name_is_pascal(name))
		complain(look, "enum %s is not PascalCase; rename it", name);
}

static void value_name(const struct look *look)
{
	const char *name = look->now.value->name, *prefix = upper_name(look);

	if (!name_is_upper(name))
		complain(look, "value %s is not UPPER_SNAKE_CASE; rename it", name);
	else if (look->now.value->number && text_begins(name, prefix) && name[strlen(prefix)] == '_')
		complain(look, "value %s repeats the name of its enum, which C puts before it anyway; call it %s", name,
			 name + strlen(prefix) + 1);
}

static void enum_zero(const struct look *look)
{
	const char *wanted;

	if (look->now.value->number)
		return;
	wanted = hm_arena_printf(&look->check->arena, "%s_UNSPECIFIED", upper_name(look));
	if (strcmp(look->now.value->name, wanted) != 0)
		complain(look, "value %s is 0, which readers take for not said; call it %s, or begin at 1",
			 look->now.value->name, wanted);
}

static void enum_alias(const struct look *look)
{
	const EnumProto *proto = look->now.enumeration->proto;

	if (proto->options && proto->options->allow_alias)
		complain(
			look,
			"enum %s has two names for one number; what is written under one is read under the other: keep "
			"one",
			proto->name);
}

/* ---- Requests and replies ---------------------------------------------------------------------------------------- */

static const char *short_type(const char *absolute_name)
{
	return text_last_word(absolute_name, '.');
}

static void request_name(const struct look *look)
{
	const MethodProto *method = look->now.method->proto;
	const char *wanted = hm_arena_printf(&look->check->arena, "%sRequest", method->name);

	if (strcmp(short_type(method->input_type), wanted) != 0)
		complain(look, "%s takes %s; let it take %s, its own, which can grow without another method's doing",
			 method->name, short_type(method->input_type), wanted);
}

static void reply_name(const struct look *look)
{
	const MethodProto *method = look->now.method->proto;
	const char *name = short_type(method->output_type);
	const char *wanted = hm_arena_printf(&look->check->arena, "%sReply", method->name);

	if (text_begins(method->output_type, ".google.protobuf."))
		complain(look, "%s answers with %s, which can never say more; let it answer with %s", method->name,
			 name, wanted);
	else if (text_ends(name, "Request") || text_ends(name, "Response") ||
		 (text_ends(name, "Reply") && strcmp(name, wanted) != 0))
		complain(look, "%s answers with %s; let it answer with the thing itself, or with %s", method->name,
			 name, wanted);
}

const struct rule rules_of_names[] = {
	{ "contract-service-name", "names", OF_SERVICE, service_name },
	{ "contract-method-name", "names", OF_METHOD, method_name },
	{ "contract-message-name", "names", OF_MESSAGE, message_name },
	{ "contract-field-name", "names", OF_FIELD, field_name },
	{ "contract-oneof-name", "names", OF_MESSAGE, oneof_name },
	{ "contract-json-name", "names", OF_FIELD, json_name },
	{ "contract-enum-name", "names", OF_ENUM, enum_name },
	{ "contract-enum-value-name", "names", OF_VALUE, value_name },
	{ "contract-enum-zero", "names", OF_VALUE, enum_zero },
	{ "contract-enum-alias", "names", OF_ENUM, enum_alias },
	{ "contract-request-name", "names", OF_METHOD, request_name },
	{ "contract-reply-name", "names", OF_METHOD, reply_name },
	{ 0 },
};
