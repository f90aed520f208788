/* Breaking rules of messages and enums as a whole. */
#include <string.h>

#include "rules.h"

static void message_deleted(const struct look *look)
{
	const struct message *was = look->was.message, *now = look->now.message;

	if (!now)
		complain(look,
			 "message %s is gone, and what was built with it does not build; keep it until nobody uses it",
			 was->full_name);
	else if (strcmp(now->file->proto->name, was->file->proto->name) != 0)
		complain(look, "message %s came from %s, which others include for it; move it back", was->full_name,
			 was->file->proto->name);
}

static void enum_deleted(const struct look *look)
{
	const struct enumeration *was = look->was.enumeration, *now = look->now.enumeration;

	if (!now)
		complain(look,
			 "enum %s is gone, and what was built with it does not build; keep it until nobody uses it",
			 was->full_name);
	else if (strcmp(now->file->proto->name, was->file->proto->name) != 0)
		complain(look, "enum %s came from %s, which others include for it; move it back", was->full_name,
			 was->file->proto->name);
}

/* ---- Values ------------------------------------------------------------------------------------------------------ */

static const ValueProto *find_value(const EnumProto *enumeration, const char *name)
{
	for (size_t i = 0; i < enumeration->n_value; i++)
		if (!strcmp(enumeration->value[i]->name, name))
			return enumeration->value[i];
	return NULL;
}

/* A range of an enum's reserved numbers has its end in it. */
static bool reserves_value(const EnumProto *enumeration, const ValueProto *value)
{
	bool number = false, name = false;

	for (size_t i = 0; i < enumeration->n_reserved_range; i++)
		number |= enumeration->reserved_range[i]->start <= value->number &&
			  value->number <= enumeration->reserved_range[i]->end;
	for (size_t i = 0; i < enumeration->n_reserved_name; i++)
		name |= !strcmp(enumeration->reserved_name[i], value->name);
	return number && name;
}

static void value_deleted(const struct look *look)
{
	const EnumProto *now = look->now.enumeration->proto;
	const ValueProto *was = look->was.value;

	if (!find_value(now, was->name) && !reserves_value(now, was))
		complain(look, "%s.%s is gone; reserved %d and reserved \"%s\" keep others from using them again",
			 now->name, was->name, was->number, was->name);
}

static void value_renumbered(const struct look *look)
{
	const EnumProto *now = look->now.enumeration->proto;
	const ValueProto *moved = find_value(now, look->was.value->name);

	if (moved)
		complain(look,
			 "%s.%s was %d and is %d: what was stored and sent means something else now; change it back",
			 now->name, moved->name, look->was.value->number, moved->number);
}

static void value_renamed(const struct look *look)
{
	if (strcmp(look->now.value->name, look->was.value->name) != 0)
		complain(look, "%s was %s, which JSON and SQL have as text, and programs by name; change it back",
			 look->now.value->name, look->was.value->name);
}

/* ---- Reserved ---------------------------------------------------------------------------------------------------- */

static bool is_used_name(const MessageProto *message, const char *name)
{
	for (size_t i = 0; i < message->n_reserved_name; i++)
		if (!strcmp(message->reserved_name[i], name))
			return true;
	return false;
}

static bool covers(const MessageProto *message, int32_t start, int32_t end)
{
	for (int32_t number = start; number < end;) {
		size_t i = 0;

		while (i < message->n_reserved_range &&
		       (number < message->reserved_range[i]->start || number >= message->reserved_range[i]->end))
			i++;
		if (i == message->n_reserved_range)
			return false;
		number = message->reserved_range[i]->end;
	}
	return true;
}

static void reserved_deleted(const struct look *look)
{
	const MessageProto *was = look->was.message->proto, *now = look->now.message->proto;

	for (size_t i = 0; i < was->n_reserved_range; i++)
		if (!covers(now, was->reserved_range[i]->start, was->reserved_range[i]->end))
			complain(look, "%s no longer reserves %d, which an older %s used; reserve it again", now->name,
				 was->reserved_range[i]->start, now->name);
	for (size_t i = 0; i < was->n_reserved_name; i++)
		if (!is_used_name(now, was->reserved_name[i]))
			complain(look, "%s no longer reserves \"%s\", which an older %s used; reserve it again",
				 now->name, was->reserved_name[i], now->name);
}

const struct rule breaks_of_messages[] = {
	{ "contract-message-deleted", "breaking", OF_MESSAGE | OF_MESSAGE << GONE, message_deleted },
	{ "contract-enum-deleted", "breaking", OF_ENUM | OF_ENUM << GONE, enum_deleted },
	{ "contract-enum-value-deleted", "breaking", OF_VALUE << GONE, value_deleted },
	{ "contract-enum-value-renumbered", "breaking", OF_VALUE << GONE, value_renumbered },
	{ "contract-enum-value-renamed", "breaking", OF_VALUE, value_renamed },
	{ "contract-reserved-deleted", "breaking", OF_MESSAGE, reserved_deleted },
	{ 0 },
};
