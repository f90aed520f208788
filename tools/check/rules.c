/* Rules: the tables one after the other, and what every rule's function needs. A new table is a line here. */
#include "rules.h"

#include <stdarg.h>
#include <string.h>

extern const struct rule rules_text[], rules_brand[], rules_rows[], rules_audit[], rules_crossing[], rules_owner[],
	rules_server[], rules_order[], rules_contract[], rules_locks[], rules_types[], rules_trace[], rules_queries[],
	rules_names[], rules_live[];

static const struct rule *const tables[] = { rules_text,  rules_brand,  rules_rows,    rules_audit,    rules_crossing,
					     rules_owner, rules_server, rules_order,   rules_contract, rules_locks,
					     rules_types, rules_trace,  rules_queries, rules_names,    rules_live };

/* Each table ends with a row without a name. */
const struct rule *rules_all(size_t i)
{
	for (size_t t = 0; t < sizeof tables / sizeof *tables; t++)
		for (const struct rule *rule = tables[t]; rule->name; rule++)
			if (i-- == 0)
				return rule;
	return NULL;
}

const struct rule *rule_find(const char *name)
{
	const struct rule *rule;

	for (size_t i = 0; (rule = rules_all(i)); i++)
		if (!strcmp(rule->name, name))
			return rule;
	return NULL;
}

static void add(const struct look *look, const struct statement *statement, size_t begin, const char *format,
		va_list arguments)
{
	finding_add(look->check, look->rule->name, statement->file, begin, statement->end,
		    hm_arena_vprintf(&look->check->arena, format, arguments));
}

void complain(const struct look *look, int location, const char *format, ...)
{
	const struct statement *at = look->statement;
	bool is_placed = location >= 0 && (size_t)location < at->size;
	va_list arguments;

	va_start(arguments, format);
	add(look, at, is_placed ? at->base + (size_t)location : at->begin, format, arguments);
	va_end(arguments);
}

void complain_of(const struct look *look, const struct statement *statement, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	add(look, statement, statement->begin, format, arguments);
	va_end(arguments);
}

bool look_is_new(const struct look *look, const PgQuery__RangeVar *name)
{
	const struct table *table = schema_find(look->schema, name);

	return table && table->made_by->file == look->file;
}

const char *look_name(const PgQuery__RangeVar *name)
{
	return name ? name->relname : "it";
}
