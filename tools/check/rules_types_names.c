/* Rules of names: what a migration calls things can be written as it is, everywhere, and is not cut. */
#include <pg_query.h>
#include <string.h>

#include "rules.h"

enum { NAME_BYTES_MAX = 63, KEYWORD_BYTES_MAX = 20 };

/* ---- Names that a statement gives ------------------------------------------------------------------------------------ */

struct naming {
	const struct look *look;
	void (*visit)(const struct look *look, const char *name, int location);
};

static void give(const struct naming *naming, const char *name, int location)
{
	if (name && *name)
		naming->visit(naming->look, name, location);
}

static void give_constraint(const struct naming *naming, const PgQuery__Node *node)
{
	if (node->node_case == PG_QUERY__NODE__NODE_CONSTRAINT)
		give(naming, node->constraint->conname, node->constraint->location);
}

static void give_column(const struct naming *naming, const PgQuery__ColumnDef *column)
{
	give(naming, column->colname, column->location);
	for (size_t i = 0; i < column->n_constraints; i++)
		give_constraint(naming, column->constraints[i]);
}

static void give_relation(const struct naming *naming, const PgQuery__RangeVar *relation)
{
	if (relation)
		give(naming, relation->relname, relation->location);
}

static void give_created(const struct naming *naming, const PgQuery__CreateStmt *create)
{
	give_relation(naming, create->relation);
	for (size_t i = 0; i < create->n_table_elts; i++) {
		give_constraint(naming, create->table_elts[i]);
		if (create->table_elts[i]->node_case == PG_QUERY__NODE__NODE_COLUMN_DEF)
			give_column(naming, create->table_elts[i]->column_def);
	}
}

static void give_altered(const struct naming *naming, const PgQuery__AlterTableStmt *alter)
{
	for (size_t i = 0; i < alter->n_cmds; i++) {
		const PgQuery__AlterTableCmd *command = alter->cmds[i]->alter_table_cmd;

		if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddColumn)
			give_column(naming, command->def->column_def);
		if (command->subtype == PG_QUERY__ALTER_TABLE_TYPE__AT_AddConstraint)
			give_constraint(naming, command->def);
	}
}

static void give_names(const struct naming *naming)
{
	const PgQuery__Node *node = naming->look->statement->node;

	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_STMT:
		give_created(naming, node->create_stmt);
		break;
	case PG_QUERY__NODE__NODE_ALTER_TABLE_STMT:
		give_altered(naming, node->alter_table_stmt);
		break;
	case PG_QUERY__NODE__NODE_INDEX_STMT:
		give(naming, node->index_stmt->idxname, -1);
		break;
	case PG_QUERY__NODE__NODE_RENAME_STMT:
		give(naming, node->rename_stmt->newname, -1);
		break;
	case PG_QUERY__NODE__NODE_VIEW_STMT:
		give_relation(naming, node->view_stmt->view);
		break;
	case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
		give_relation(naming, node->create_seq_stmt->sequence);
		break;
	default:
		break;
	}
}

/* ---- name-needs-quotes -------------------------------------------------------------------------------------------------- */

static bool is_plain(const char *name)
{
	bool begins_well = (*name >= 'a' && *name <= 'z') || *name == '_' || (unsigned char)*name >= 0x80;

	for (const char *at = name; *at; at++)
		if (!((*at >= 'a' && *at <= 'z') || (*at >= '0' && *at <= '9') || *at == '_' ||
		      (unsigned char)*at >= 0x80))
			return false;
	return begins_well;
}

/* PostgreSQL's scanner knows its own words. */
static bool is_reserved(const char *name)
{
	PgQueryScanResult result;
	PgQuery__ScanResult *scan;
	bool reserved = false;

	if (strlen(name) > KEYWORD_BYTES_MAX)
		return false;
	result = pg_query_scan(name);
	scan = result.error ? NULL
			    : pg_query__scan_result__unpack(NULL, result.pbuf.len, (const uint8_t *)result.pbuf.data);
	if (scan && scan->n_tokens == 1)
		reserved = scan->tokens[0]->keyword_kind == PG_QUERY__KEYWORD_KIND__RESERVED_KEYWORD ||
			   scan->tokens[0]->keyword_kind == PG_QUERY__KEYWORD_KIND__TYPE_FUNC_NAME_KEYWORD;
	if (scan)
		pg_query__scan_result__free_unpacked(scan, NULL);
	pg_query_free_scan_result(result);
	return reserved;
}

static void check_quotes(const struct look *look, const char *name, int location)
{
	if (!is_plain(name))
		complain(look, location,
			 "\"%s\" has to be quoted wherever it is written: small letters, digits and _ need not", name);
	else if (is_reserved(name))
		complain(look, location, "%s is a word of SQL's own, and has to be quoted wherever it is written",
			 name);
}

static void look_at_quotes(const struct look *look)
{
	give_names(&(struct naming){ look, check_quotes });
}

/* ---- name-too-long -------------------------------------------------------------------------------------------------------- */

/* The parser has cut them already, so they are looked for among the tokens. */
static void look_for_long_tokens(const struct look *look)
{
	for (size_t i = 0; look->file->scan && i < look->file->scan->n_tokens; i++) {
		const PgQuery__ScanToken *token = look->file->scan->tokens[i];
		size_t size = (size_t)(token->end - token->start);
		const char *text = look->file->text + token->start;

		if (token->token == PG_QUERY__TOKEN__IDENT && size - (*text == '"' ? 2 : 0) > NAME_BYTES_MAX)
			finding_add(look->check, look->rule->name, look->file, (size_t)token->start, (size_t)token->end,
				    hm_arena_printf(&look->check->arena,
						    "a name of %zu bytes, which PostgreSQL cuts to %d without an error",
						    size - (*text == '"' ? 2 : 0), NAME_BYTES_MAX));
	}
}

const struct rule rules_types_names[] = {
	{ .name = "name-needs-quotes",
	  .category = "types",
	  .summary = "a name need not be quoted",
	  .safe = "small letters, digits and underscores, and no word of SQL's own",
	  .statement = look_at_quotes },
	{ .name = "name-too-long",
	  .category = "types",
	  .summary = "a name has at most 63 bytes",
	  .safe = "a shorter name",
	  .file = look_for_long_tokens },
	{ 0 },
};
