/* Rules of fields: their types, by what their names promise. */
#include <string.h>

#include "rules.h"

#define IS(field, name) ((field)->proto->type == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__TYPE__TYPE_##name)
#define HAS_LABEL(field, name) ((field)->proto->label == GOOGLE__PROTOBUF__FIELD_DESCRIPTOR_PROTO__LABEL__LABEL_##name)

static bool is_money(const char *name)
{
	static const char *const words[] = { "amount", "amounts", "price", "prices", "fee", "fees", "balance", NULL };

	return text_in(text_last_word(name, '_'), words);
}

static bool names_currency(const struct message *message)
{
	for (size_t i = 0; i < message->n_fields; i++)
		if (text_begins(text_last_word(message->fields[i].proto->name, '_'), "currenc"))
			return true;
	return false;
}

/* A message of its own, as Money, says all of it by itself. */
static void money(const struct look *look)
{
	const struct field *field = look->now.field;
	const char *comment = source_comment(&look->check->arena, look->now.file->proto, &field->path);

	if (!is_money(field->proto->name) || field->message)
		return;
	if (!IS(field, INT64))
		complain(look,
			 "%s is money and no int64; count the currency's minor units, as floats lose some of them",
			 field->proto->name);
	else if (!names_currency(look->now.message) && !strstr(comment, "currency"))
		complain(
			look,
			"%s does not say of which currency; add string currency, or say in its comment where it stands",
			field->proto->name);
}

static void timestamp(const struct look *look)
{
	const struct field *field = look->now.field;

	if (text_ends(field->proto->name, "_at") && !text_is(field->proto->type_name, ".google.protobuf.Timestamp"))
		complain(look,
			 "%s is a time and no google.protobuf.Timestamp, which is timestamptz in SQL; change its type",
			 field->proto->name);
}

static void id_type(const struct look *look)
{
	const struct field *field = look->now.field;
	const char *word = text_last_word(field->proto->name, '_');

	if ((!strcmp(word, "id") || !strcmp(word, "ids")) && !IS(field, STRING))
		complain(look, "%s is an id and no string; ids are UUIDs or words in all services: make it a string",
			 field->proto->name);
}

static void required_label(const struct look *look)
{
	const struct field *field = look->now.field;

	if (HAS_LABEL(field, REQUIRED))
		complain(look,
			 "%s is required by protobuf, which no later contract can take back; make it optional, with "
			 "(hallmark.field).required = true",
			 field->proto->name);
}

static void map(const struct look *look)
{
	const struct field *field = look->now.field;

	if (field->message && field->message->proto->options && field->message->proto->options->map_entry)
		complain(look,
			 "%s is a map, which protobuf-c does not know; make it repeated, of a message with key and "
			 "value",
			 field->proto->name);
}

static void group(const struct look *look)
{
	if (IS(look->now.field, GROUP))
		complain(look, "%s is a group, which protobuf gave up; make it a message",
			 look->now.field->proto->name);
}

const struct rule rules_of_fields[] = {
	{ "contract-money", "fields", OF_FIELD, money },
	{ "contract-timestamp", "fields", OF_FIELD, timestamp },
	{ "contract-id-type", "fields", OF_FIELD, id_type },
	{ "contract-required-label", "fields", OF_FIELD, required_label },
	{ "contract-map", "fields", OF_FIELD, map },
	{ "contract-group", "fields", OF_FIELD, group },
	{ 0 },
};
