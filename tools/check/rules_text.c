/* Rules of files: that they can be read, in what order they come, and how they are run. */
#include <string.h>

#include "rules.h"

/* What EXECUTE runs cannot be checked unless its text is constant. */
static void look_for_dynamic_sql(const struct look *look)
{
	if (look->statement->is_unread)
		complain(look, -1, "what this EXECUTE runs is put together at run time, so nobody has checked it");
}

/* What a routine would do to the schema, whenever somebody calls it. Temporary tables are a session's own. */
static const PgQuery__Node__NodeCase changes[] = {
	PG_QUERY__NODE__NODE_CREATE_STMT,
	PG_QUERY__NODE__NODE_CREATE_FOREIGN_TABLE_STMT,
	PG_QUERY__NODE__NODE_ALTER_TABLE_STMT,
	PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT,
	PG_QUERY__NODE__NODE_RENAME_STMT,
	PG_QUERY__NODE__NODE_DROP_STMT,
	PG_QUERY__NODE__NODE_INDEX_STMT,
	PG_QUERY__NODE__NODE_VIEW_STMT,
	PG_QUERY__NODE__NODE_GRANT_STMT,
	PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT,
	PG_QUERY__NODE__NODE_CREATE_TRIG_STMT,
	PG_QUERY__NODE__NODE_CREATE_POLICY_STMT,
	PG_QUERY__NODE__NODE_ALTER_POLICY_STMT,
	PG_QUERY__NODE__NODE_ALTER_OBJECT_SCHEMA_STMT,
	PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT,
	PG_QUERY__NODE__NODE_ALTER_OWNER_STMT,
	PG_QUERY__NODE__NODE_ALTER_DEFAULT_PRIVILEGES_STMT,
	PG_QUERY__NODE__NODE_GRANT_ROLE_STMT,
	PG_QUERY__NODE__NODE_CREATE_ROLE_STMT,
	PG_QUERY__NODE__NODE_ALTER_ROLE_STMT,
	PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT,
	PG_QUERY__NODE__NODE_RULE_STMT,
	PG_QUERY__NODE__NODE_COMMENT_STMT,
	PG_QUERY__NODE__NODE_CREATE_SEQ_STMT,
	PG_QUERY__NODE__NODE_ALTER_SEQ_STMT,
	PG_QUERY__NODE__NODE_CREATE_ENUM_STMT,
	PG_QUERY__NODE__NODE_ALTER_ENUM_STMT,
	PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT,
	PG_QUERY__NODE__NODE_ALTER_DOMAIN_STMT,
	PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT,
	PG_QUERY__NODE__NODE_DEFINE_STMT,
};

static bool is_temporary(const PgQuery__Node *node)
{
	const PgQuery__RangeVar *made = NULL;

	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_STMT)
		made = node->create_stmt->relation;
	if (node->node_case == PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT)
		made = node->create_table_as_stmt->into->rel;
	return made && (*made->relpersistence == 't' || !strcmp(made->schemaname, "pg_temp"));
}

static void look_for_changes(const struct look *look)
{
	const PgQuery__Node *node = look->statement->node;

	for (size_t i = 0; look->statement->place == PLACE_ROUTINE && i < sizeof changes / sizeof *changes; i++)
		if (node->node_case == changes[i] && !is_temporary(node))
			complain(look, -1,
				 "this routine changes the schema when it is called, past the migrator and its rules");
}

/* Found by the parser; the row gives it a name and a page. */
static const char syntax_safe[] = "PostgreSQL 15's own parser reads these files; \\commands of psql are not SQL";

const struct rule rules_text[] = {
	{ .name = "sql-syntax",
	  .category = "files",
	  .summary = "a statement that PostgreSQL's parser refuses",
	  .safe = syntax_safe },
	{ .name = "allow-says-why",
	  .category = "files",
	  .summary = "an exception names a rule, gives a reason, and is needed",
	  .safe = "-- hallmark:allow RULE because …, above the statement it is for" },
	{ .name = "dynamic-sql",
	  .category = "files",
	  .summary = "SQL that is put together at run time cannot be checked",
	  .safe = "write the statements out; a loop over tables becomes a statement for each",
	  .anywhere = look_for_dynamic_sql },
	{ .name = "ddl-in-routine",
	  .category = "files",
	  .summary = "the schema is changed by migrations, not by routines that somebody calls",
	  .safe = "put the statement into the migration itself; a routine may make TEMPORARY tables",
	  .anywhere = look_for_changes },
	{ 0 },
};
