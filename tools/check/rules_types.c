/* Rules of types: columns that cannot hold what they will have to, or cost more than they give. */
#include <string.h>

#include "rules.h"

/* One row a type and rule; the rules below look their own rows up. */
static const struct {
	const char *rule, *type, *why;
} wrongs[] = {
	{ "type-json", "json", "has no equality: DISTINCT and UNION over it fail" },
	{ "type-char", "bpchar", "is filled up with blanks, which comparisons forget and length() counts" },
	{ "type-money", "money", "shows and reads amounts by the server's locale, and has no currency" },
	{ "type-timetz", "timetz", "has an offset without a date, which says no time of day in summer and winter" },
	{ "type-timestamp", "timestamp", "is a clock on the wall: which moment it was, nobody can tell" },
};

static void check_wrong(const struct look *look, const PgQuery__TypeName *type, const char *column)
{
	for (size_t i = 0; i < sizeof wrongs / sizeof *wrongs; i++)
		if (!strcmp(wrongs[i].rule, look->rule->name) && !strcmp(wrongs[i].type, type_base(type)))
			complain(look, type->location, "%s is %s, which %s", column,
				 !strcmp(wrongs[i].type, "bpchar") ? "char" : wrongs[i].type, wrongs[i].why);
}

static void check_wrong_column(const struct look *look, const PgQuery__ColumnDef *column)
{
	if (column->type_name)
		check_wrong(look, column->type_name, column->colname);
}

static void look_at_types(const struct look *look)
{
	look_columns(look, check_wrong_column);
}

static void look_at_changed_type(const struct look *look, const PgQuery__AlterTableCmd *command,
				 const struct table *table)
{
	(void)table;
	if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType)
		check_wrong(look, command->def->column_def->type_name, command->name);
}

/* ---- Lengths ---------------------------------------------------------------------------------------------------------- */

static void check_varchar(const struct look *look, const PgQuery__ColumnDef *column)
{
	if (column->type_name && !strcmp(type_base(column->type_name), "varchar") && column->type_name->n_typmods)
		complain(look, column->type_name->location,
			 "%s is %s: its length can never be made less without a lock on all rows", column->colname,
			 type_text(&look->check->arena, column->type_name));
}

static void look_at_varchars(const struct look *look)
{
	look_columns(look, check_varchar);
}

/* ---- Keys ------------------------------------------------------------------------------------------------------------- */

static bool ends_with(const char *name, const char *end)
{
	size_t size = strlen(name), end_size = strlen(end);

	return size >= end_size && !strcmp(name + size - end_size, end);
}

static bool is_small(const PgQuery__TypeName *type)
{
	return !type->n_array_bounds && (!strcmp(type_base(type), "int4") || !strcmp(type_base(type), "int2"));
}

static bool is_key(const PgQuery__ColumnDef *column)
{
	if (!strcmp(column->colname, "id") || ends_with(column->colname, "_id"))
		return true;
	for (size_t i = 0; i < column->n_constraints; i++)
		if (column->constraints[i]->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY ||
		    column->constraints[i]->constraint->contype == PG_QUERY__CONSTR_TYPE__CONSTR_PRIMARY)
			return true;
	return false;
}

static void check_key(const struct look *look, const PgQuery__ColumnDef *column)
{
	if (column->type_name && is_small(column->type_name) && is_key(column))
		complain(look, column->type_name->location, "%s has room for %s values, and then every INSERT fails",
			 column->colname, !strcmp(type_base(column->type_name), "int2") ? "32767" : "2147483647");
}

static void look_at_keys(const struct look *look)
{
	look_columns(look, check_key);
}

static void check_serial(const struct look *look, const PgQuery__ColumnDef *column)
{
	if (column->type_name && type_of_serial(type_base(column->type_name)))
		complain(look, column->type_name->location,
			 "%s is %s: a sequence with grants and a default of its own, beside the table", column->colname,
			 type_base(column->type_name));
}

static void look_at_serials(const struct look *look)
{
	look_columns(look, check_serial);
}

/* ---- What a name says -------------------------------------------------------------------------------------------------- */

/* A word of the name, between underscores. */
static bool has_word(const char *name, const char *word)
{
	size_t size = strlen(word);

	for (const char *at = name; (at = strstr(at, word)); at++)
		if ((at == name || at[-1] == '_') && (at[size] == '_' || at[size] == '\0'))
			return true;
	return false;
}

static bool is_money(const char *name)
{
	static const char *const words[] = { "amount",  "amounts",  "price", "prices",  "balance", "fee", "fees",
					     "total",   "subtotal", "cost",  "costs",   "salary",  "tax", "discount",
					     "payment", "credit",   "debit", "revenue", "charge" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (has_word(name, words[i]))
			return true;
	return false;
}

static void check_money(const struct look *look, const PgQuery__ColumnDef *column)
{
	const char *type = column->type_name ? type_base(column->type_name) : "";

	if ((!strcmp(type, "float8") || !strcmp(type, "float4")) && is_money(column->colname))
		complain(look, column->type_name->location, "%s is a binary fraction, in which 0.1 + 0.2 is not 0.3",
			 column->colname);
}

static void look_at_money(const struct look *look)
{
	look_columns(look, check_money);
}

static void check_moment(const struct look *look, const PgQuery__ColumnDef *column)
{
	const char *type = column->type_name ? type_base(column->type_name) : "";

	if ((!strcmp(type, "text") || !strcmp(type, "varchar")) && ends_with(column->colname, "_at"))
		complain(look, column->type_name->location,
			 "%s is a moment kept as %s, which takes any text and sorts by its letters", column->colname,
			 type);
}

static void look_at_moments(const struct look *look)
{
	look_columns(look, check_moment);
}

#define WRONG(rule, says, better)                                                                               \
	{                                                                                                       \
		.name = rule, .category = "types", .summary = says, .safe = better, .statement = look_at_types, \
		.command = look_at_changed_type                                                                 \
	}

const struct rule rules_types[] = {
	WRONG("type-json", "json has no equality operator; jsonb has", "jsonb"),
	WRONG("type-char", "char(n) pads with blanks; text does not", "text, with CHECK (length(x) = n)"),
	WRONG("type-money", "money depends on the server's locale",
	      "bigint in the currency's smallest unit, or numeric; and a column for the currency"),
	WRONG("type-timetz", "a time of day with an offset says nothing without a date",
	      "timestamptz, or time and the name of a time zone"),
	WRONG("type-timestamp", "a moment is timestamptz", "timestamptz"),
	{ .name = "type-varchar",
	  .category = "types",
	  .summary = "a text's length is a CHECK, not its type",
	  .safe = "text, with CHECK (length(x) <= n)",
	  .statement = look_at_varchars },
	{ .name = "type-small-key",
	  .category = "types",
	  .summary = "a key has room: uuid or bigint, not integer",
	  .safe = "uuid (what @new_id gives), or bigint",
	  .statement = look_at_keys },
	{ .name = "type-serial",
	  .category = "types",
	  .summary = "a number that counts is GENERATED … AS IDENTITY, not serial",
	  .safe = "uuid from @new_id; or bigint GENERATED ALWAYS AS IDENTITY",
	  .statement = look_at_serials },
	{ .name = "type-float-money",
	  .category = "types",
	  .summary = "an amount of money is exact",
	  .safe = "bigint in the currency's smallest unit, or numeric",
	  .statement = look_at_money },
	{ .name = "type-time-as-text",
	  .category = "types",
	  .summary = "a moment is timestamptz, not text",
	  .safe = "timestamptz",
	  .statement = look_at_moments },
	{ 0 },
};
