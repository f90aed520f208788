/* Rules of enum types: a value can be added and never taken away, and not be used by who adds it. */
#include <string.h>

#include "rules.h"

static void look_at_enum(const struct look *look)
{
	const PgQuery__CreateEnumStmt *create = look->statement->node->create_enum_stmt;

	if (look->statement->node->node_case == PG_QUERY__NODE__NODE_CREATE_ENUM_STMT)
		complain(look, -1, "the enum %s can never lose a value again, and gains one in a migration of its own",
			 list_last(create->n_type_name, create->type_name));
}

static const PgQuery__AlterEnumStmt *added_value(const struct statement *statement)
{
	const PgQuery__AlterEnumStmt *alter = statement->node->alter_enum_stmt;

	if (statement->node->node_case != PG_QUERY__NODE__NODE_ALTER_ENUM_STMT || *alter->old_val)
		return NULL;
	return alter;
}

static void look_at_order(const struct look *look)
{
	const PgQuery__AlterEnumStmt *alter = added_value(look->statement);

	if (alter && !*alter->new_val_neighbor)
		complain(look, -1, "'%s' is sorted behind all others, whatever it means", alter->new_val);
}

struct use {
	const char *value;
	bool is_found;
};

static bool find_value(void *user, const ProtobufCMessage *message, int location)
{
	struct use *use = user;
	const PgQuery__AConst *constant = (const PgQuery__AConst *)message;

	(void)location;
	if (message->descriptor == &pg_query__a__const__descriptor &&
	    constant->val_case == PG_QUERY__A__CONST__VAL_SVAL && !strcmp(constant->sval->sval, use->value))
		use->is_found = true;
	return !use->is_found;
}

/* The first later statement that has the value in it. */
static void look_at_use(const struct look *look)
{
	const PgQuery__AlterEnumStmt *alter = added_value(look->statement);
	const struct statement *one = alter ? statement_next(look->statement) : NULL;
	struct use use = { .value = alter ? alter->new_val : "" };

	for (; one; one = statement_next(one)) {
		tree_walk(node_message(one->node), find_value, &use);
		if (use.is_found) {
			complain_of(look, one,
				    "'%s' was added in this transaction, and cannot be used before it is committed",
				    alter->new_val);
			return;
		}
	}
}

const struct rule rules_types_enums[] = {
	{ .name = "type-enum",
	  .category = "types",
	  .summary = "a set of words is text with a CHECK, not an enum type",
	  .safe = "text NOT NULL CHECK (state IN ('OPEN', 'CLOSED')), or a table of the words",
	  .statement = look_at_enum },
	{ .name = "enum-value-order",
	  .category = "types",
	  .summary = "a value is added to an enum BEFORE or AFTER another",
	  .safe = "ALTER TYPE t ADD VALUE 'x' AFTER 'y'",
	  .statement = look_at_order },
	{ .name = "enum-value-used",
	  .category = "types",
	  .summary = "an enum's new value is used in a later file",
	  .safe = "what uses it in the next file",
	  .statement = look_at_use },
	{ 0 },
};
