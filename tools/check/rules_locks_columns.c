/* Rules of columns: what copies a table while it is locked: a value that each row needs computed, a type that is stored in another way. */
#include <stdlib.h>
#include <string.h>

#include "rules.h"

/* ---- Volatile defaults ------------------------------------------------------------------------------------------- */

/* What PostgreSQL computes once for a statement. A function that is not named here is one that is, or may be, volatile. */
static const char *const steady[] = {
	"now",
	"transaction_timestamp",
	"statement_timestamp",
	"current_setting",
	"current_schema",
	"timezone",
	"date",
	"date_trunc",
	"to_timestamp",
	"to_date",
	"to_char",
	"to_number",
	"make_date",
	"make_time",
	"make_timestamp",
	"make_timestamptz",
	"make_interval",
	"age",
	"abs",
	"round",
	"ceil",
	"floor",
	"power",
	"sqrt",
	"mod",
	"sign",
	"trunc",
	"div",
	"pi",
	"exp",
	"lower",
	"upper",
	"initcap",
	"concat",
	"concat_ws",
	"format",
	"repeat",
	"replace",
	"substr",
	"substring",
	"btrim",
	"ltrim",
	"rtrim",
	"left",
	"right",
	"lpad",
	"rpad",
	"length",
	"md5",
	"sha256",
	"encode",
	"decode",
	"chr",
	"ascii",
	"jsonb_build_object",
	"jsonb_build_array",
	"to_jsonb",
	"to_json",
	"json_build_object",
	"json_build_array",
	"array_fill",
	"string_to_array",
	"daterange",
	"tstzrange",
	"tsrange",
	"int4range",
	"int8range",
	"numrange",
	"uuid_nil",
	"uuid_ns_dns",
	"inet_client_addr",
	"hstore",
	"lower_inf",
	"point",
	"row",
	"extract",
	"date_part",
	"overlay",
	"to_tsvector",
	"split_part",
	"translate",
	"reverse",
	"cardinality",
	"jsonb_object",
};

struct search {
	const char *found; /* the first function that is not steady */
};

static bool find_volatile(void *user, const ProtobufCMessage *message, int location)
{
	struct search *search = user;
	const char *name;

	(void)location;
	if (message->descriptor != &pg_query__func_call__descriptor)
		return !search->found;
	name = list_last(((const PgQuery__FuncCall *)message)->n_funcname,
			 ((const PgQuery__FuncCall *)message)->funcname);
	for (size_t i = 0; name && i < sizeof steady / sizeof *steady; i++)
		if (!strcmp(name, steady[i]))
			return true;
	search->found = search->found ? search->found : name;
	return false;
}

static void look_at_default(const struct look *look, const PgQuery__Constraint *constraint,
			    const PgQuery__ColumnDef *column, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	struct search search = { 0 };

	(void)table;
	if (!column || !name || constraint->contype != PG_QUERY__CONSTR_TYPE__CONSTR_DEFAULT)
		return;
	tree_walk(node_message(constraint->raw_expr), find_volatile, &search);
	if (search.found)
		complain(look, constraint->location, "%s() is computed anew for every row: %s is copied, under a lock",
			 search.found, look_name(name));
}

/* ---- Columns that number or compute themselves --------------------------------------------------------------------- */

static void look_at_generated(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	const PgQuery__ColumnDef *column;
	const char *what;

	(void)table;
	if (!name || command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
		return;
	column = command->def->column_def;
	what = column->type_name && type_of_serial(type_base(column->type_name)) ? "numbers" : NULL;
	for (size_t i = 0; i < column->n_constraints; i++) {
		PgQuery__ConstrType type = column->constraints[i]->constraint->contype;

		what = type == PG_QUERY__CONSTR_TYPE__CONSTR_IDENTITY    ? "numbers"
		       : type == PG_QUERY__CONSTR_TYPE__CONSTR_GENERATED ? "computes"
									 : what;
	}
	if (what)
		complain(look, column->location, "%s %s every row: %s is copied, under a lock", column->colname, what,
			 look_name(name));
}

/* ---- Types ----------------------------------------------------------------------------------------------------------- */

enum { MODIFIERS = 2 };

/* "numeric(10,2)" taken apart; -1 for a modifier that is not there. */
struct shape {
	const char *text;
	size_t base_size;
	long modifiers[MODIFIERS];
};

static struct shape shape_of(const char *text)
{
	struct shape shape = { text, strcspn(text, "(["), { -1, -1 } };
	const char *at = text + shape.base_size;

	for (size_t i = 0; i < MODIFIERS && (*at == '(' || *at == ','); i++) {
		char *end;

		shape.modifiers[i] = strtol(at + 1, &end, 10);
		at = end;
	}
	return shape;
}

static bool is_of(const struct shape *shape, const char *base)
{
	return strlen(base) == shape->base_size && !strncmp(shape->text, base, shape->base_size);
}

/* Types that a larger length, or none, is only a note in the catalog for. */
static bool is_widened(const struct shape *from, const struct shape *to)
{
	static const char *const bases[] = { "varchar", "varbit",    "numeric",     "time",
					     "timetz",  "timestamp", "timestamptz", "interval" };
	bool is_open = to->modifiers[0] < 0,
	     is_wider = from->modifiers[0] >= 0 && from->modifiers[0] <= to->modifiers[0];

	for (size_t i = 0; i < sizeof bases / sizeof *bases; i++)
		if (is_of(from, bases[i]) && is_of(to, bases[i]))
			return is_open || (is_wider && from->modifiers[1] == to->modifiers[1]);
	return false;
}

static bool is_free(const char *from, const char *to)
{
	struct shape old = shape_of(from), new = shape_of(to);

	if (!strcmp(from, to))
		return true;
	if (strchr(from, '[') || strchr(to, '['))
		return false;
	return is_widened(&old, &new) || (is_of(&old, "varchar") && is_of(&new, "text")) ||
	       (is_of(&old, "text") && is_of(&new, "varchar") && new.modifiers[0] < 0) ||
	       (is_of(&old, "cidr") && is_of(&new, "inet"));
}

static bool is_column(const PgQuery__Node *node)
{
	while (node && node->node_case == PG_QUERY__NODE__NODE_TYPE_CAST)
		node = node->type_cast->arg;
	return !node || node->node_case == PG_QUERY__NODE__NODE_COLUMN_REF;
}

static void look_at_type(const struct look *look, const PgQuery__AlterTableCmd *command, const struct table *table)
{
	const PgQuery__RangeVar *name = look_altered(look);
	const struct column *column = table ? table_column(table, command->name) : NULL;
	const PgQuery__ColumnDef *to;
	const char *type;

	if (!name || command->subtype != PG_QUERY__ALTER_TABLE_TYPE__AT_AlterColumnType)
		return;
	to = command->def->column_def;
	type = type_text(&look->check->arena, to->type_name);
	if (column && column->type && !to->coll_clause && is_column(to->raw_default) && is_free(column->type, type))
		return;
	complain(look, to->type_name->location,
		 column && column->type
			 ? "%s from %s to %s copies %s and its indexes under a lock that reads wait for, too"
			 : "%s from %s to %s may copy %s and its indexes under a lock that reads wait for, too",
		 command->name, column && column->type ? column->type : "a type not known here", type, look_name(name));
}

const struct rule rules_locks_columns[] = {
	{ .name = "column-volatile-default",
	  .category = "locks",
	  .summary = "a column is added with a default that is the same for every row",
	  .safe = "ADD COLUMN without it; ALTER COLUMN … SET DEFAULT for new rows; a backfill for the old ones",
	  .constraint = look_at_default },
	{ .name = "column-generated",
	  .category = "locks",
	  .summary = "no serial, identity or generated column is added to a table in use",
	  .safe = "ADD COLUMN plain and nullable, written by the code or a trigger; a backfill for the old rows",
	  .command = look_at_generated },
	{ .name = "column-type-change",
	  .category = "locks",
	  .summary = "a column's type changes only where PostgreSQL stores it in the same way",
	  .safe = "a new column of the new type, both written; a backfill; readers moved; the old one dropped in a "
		  "contract",
	  .command = look_at_type },
	{ 0 },
};
