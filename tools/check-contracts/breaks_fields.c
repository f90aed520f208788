/* Breaking rules of fields: the bytes, the sources that were written for them, and the requests that used to pass. */
#include <string.h>

#include "rules.h"

/* ---- What became of a number ------------------------------------------------------------------------------------- */

static bool reserves_field(const MessageProto *message, const FieldProto *field)
{
	bool number = false, name = false;

	for (size_t i = 0; i < message->n_reserved_range; i++)
		number |= message->reserved_range[i]->start <= field->number &&
			  field->number < message->reserved_range[i]->end;
	for (size_t i = 0; i < message->n_reserved_name; i++)
		name |= !strcmp(message->reserved_name[i], field->name);
	return number && name;
}

static void field_deleted(const struct look *look)
{
	const MessageProto *message = look->now.message->proto;
	const FieldProto *was = look->was.field->proto;

	if (!message_field(look->now.message, was->name) && !reserves_field(message, was))
		complain(look, "%s.%s is gone; reserved %d and reserved \"%s\" keep others from using them again",
			 message->name, was->name, was->number, was->name);
}

static void reply_field_deleted(const struct look *look)
{
	const struct field *was = look->was.field;

	if (contracts_message_travels(look->check->was, look->was.message) & TRAVELS_IN_REPLIES &&
	    !message_field(look->now.message, was->proto->name))
		complain(look,
			 "%s.%s is gone from replies, and callers that read it find nothing; fill it until nobody "
			 "reads it",
			 look->now.message->proto->name, was->proto->name);
}

static void field_renumbered(const struct look *look)
{
	const struct field *moved = message_field(look->now.message, look->was.field->proto->name);

	if (moved)
		complain_at(look, &moved->path,
			    "%s was number %d and is %d: the other side's bytes miss it; change it back",
			    moved->proto->name, look->was.field->proto->number, moved->proto->number);
}

static bool has_same_name(const struct look *look)
{
	return !strcmp(look->now.field->proto->name, look->was.field->proto->name);
}

static bool has_same_type(const struct look *look)
{
	return look->now.field->proto->type == look->was.field->proto->type &&
	       text_is(look->now.field->proto->type_name, look->was.field->proto->type_name);
}

static void field_reused(const struct look *look)
{
	if (!has_same_name(look) && !has_same_type(look))
		complain(look,
			 "number %d was %s, and is another thing now; give %s a number of its own, and reserve %d",
			 look->now.field->proto->number, look->was.field->proto->name, look->now.field->proto->name,
			 look->now.field->proto->number);
}

static void field_renamed(const struct look *look)
{
	if (!has_same_name(look) && has_same_type(look))
		complain(look, "%s was %s, its name in C, in JSON and in SQL; change it back",
			 look->now.field->proto->name, look->was.field->proto->name);
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */

/* Types of one class read each other's bytes (protobuf.dev, "Updating A Message Type"); 0: a class of its own. */
static int wire_class(const struct field *field)
{
#define CASE(name) case GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name
	switch (field->proto->type) {
		CASE(INT32) : CASE(INT64) : CASE(UINT32) : CASE(UINT64) : CASE(BOOL) : return 1;
		CASE(SINT32) : CASE(SINT64) : return 2;
		CASE(FIXED32) : CASE(SFIXED32) : return 3;
		CASE(FIXED64) : CASE(SFIXED64) : return 4;
		CASE(STRING) : CASE(BYTES) : return 5;
	default:
		return 0;
	}
#undef CASE
}

static bool is_readable(const struct look *look)
{
	int class = wire_class(look->now.field);

	return class && class == wire_class(look->was.field);
}

static void field_type_wire(const struct look *look)
{
	if (has_same_name(look) && !has_same_type(look) && !is_readable(look))
		complain(look,
			 "%s has another type, which reads the former one's bytes amiss; add a field of the new type",
			 look->now.field->proto->name);
}

static void field_type_source(const struct look *look)
{
	if (has_same_name(look) && !has_same_type(look) && is_readable(look))
		complain(look,
			 "%s has another type: the bytes can be read, but not every value fits, and C and SQL have "
			 "another "
			 "type; add a field of the new type",
			 look->now.field->proto->name);
}

static void field_label(const struct look *look)
{
	if (look->now.field->proto->label != look->was.field->proto->label)
		complain(look, "%s is another number of values than it was; add a field, and fill both for a time",
			 look->now.field->proto->name);
}

static void field_default(const struct look *look)
{
	const char *now = look->now.field->proto->default_value, *was = look->was.field->proto->default_value;

	if (!text_is(now, was))
		complain(look,
			 "%s defaults to %s and did to %s: both sides read one absence as two values; change it back",
			 look->now.field->proto->name, now ? now : "nothing", was ? was : "nothing");
}

static const char *oneof_of(const struct thing *thing)
{
	const FieldProto *field = thing->field->proto;

	return field->has_oneof_index ? thing->message->proto->oneof_decl[field->oneof_index]->name : NULL;
}

static void field_oneof(const struct look *look)
{
	const char *now = oneof_of(&look->now), *was = oneof_of(&look->was);

	if (!text_is(now, was))
		complain(look, "%s is in %s and was in %s: setting one clears another now; add a field instead",
			 look->now.field->proto->name, now ? now : "no oneof", was ? was : "no oneof");
}

/* ---- What used to pass ------------------------------------------------------------------------------------------- */

static bool is_asked(const struct look *look)
{
	return contracts_message_travels(&look->check->now, look->now.message) & TRAVELS_IN_REQUESTS;
}

static void field_required(const struct look *look)
{
	bool was_required = look->was.field && look->was.field->options.required;

	if (is_asked(look) && look->now.field->options.required && !was_required)
		complain(
			look,
			"%s is required now, and callers that do not send it are refused; let absence mean what it did",
			look->now.field->proto->name);
}

/* The option that refuses more than it did, or NULL. */
static const char *tightened(const struct field_options *now, const struct field_options *was)
{
	if (now->has_min_length && now->min_length > (was->has_min_length ? was->min_length : 0))
		return "min_length";
	if (now->has_max_length && (!was->has_max_length || now->max_length < was->max_length))
		return "max_length";
	if (now->has_min && (!was->has_min || now->min > was->min))
		return "min";
	if (now->has_max && (!was->has_max || now->max < was->max))
		return "max";
	if (now->pattern && !text_is(now->pattern, was->pattern))
		return "pattern";
	return now->uuid && !was->uuid ? "uuid" : NULL;
}

static void field_bounds(const struct look *look)
{
	const char *option = tightened(&look->now.field->options, &look->was.field->options);

	if (option && is_asked(look) && has_same_name(look))
		complain(look, "%s: %s refuses what used to pass; leave it as it was", look->now.field->proto->name,
			 option);
}

static void phi_removed(const struct look *look)
{
	if (look->was.field->options.phi && !look->now.field->options.phi)
		complain(look, "%s is phi no more, and may be recorded as it is; mark it phi again",
			 look->now.field->proto->name);
}

static void audited_removed(const struct look *look)
{
	if (look->was.field->options.audited && !look->now.field->options.audited && has_same_name(look))
		complain(look, "%s is recorded no more, and audit queries miss it; mark it audited again",
			 look->now.field->proto->name);
}

const struct rule breaks_of_fields[] = {
	{ "contract-field-deleted", "breaking", OF_FIELD << GONE, field_deleted },
	{ "contract-reply-field-deleted", "breaking", OF_FIELD << GONE, reply_field_deleted },
	{ "contract-field-renumbered", "breaking", OF_FIELD << GONE, field_renumbered },
	{ "contract-field-reused", "breaking", OF_FIELD, field_reused },
	{ "contract-field-renamed", "breaking", OF_FIELD, field_renamed },
	{ "contract-field-type-wire", "breaking", OF_FIELD, field_type_wire },
	{ "contract-field-type-source", "breaking", OF_FIELD, field_type_source },
	{ "contract-field-label", "breaking", OF_FIELD, field_label },
	{ "contract-field-default", "breaking", OF_FIELD, field_default },
	{ "contract-field-oneof", "breaking", OF_FIELD, field_oneof },
	{ "contract-field-required", "breaking", OF_FIELD | OF_FIELD << ADDED, field_required },
	{ "contract-field-bounds", "breaking", OF_FIELD, field_bounds },
	{ "contract-phi-removed", "breaking", OF_FIELD, phi_removed },
	{ "contract-audited-removed", "breaking", OF_FIELD, audited_removed },
	{ 0 },
};
