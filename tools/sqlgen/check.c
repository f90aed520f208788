/*
 * Check: what PostgreSQL's parser says of a statement, and what a query may not do here. The parse tree is walked by
 * its descriptors, so a construct is found wherever PostgreSQL allows it; the rules are the table at the end.
 */
#include <fnmatch.h>
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <string.h>

#include "sqlgen.h"

struct walk {
	struct source *source;
	const struct statement *statement;
	int location; /* of the nearest node that has one, in sql */
};

static void refuse(const struct walk *walk, const char *what, const char *name)
{
	size_t at = statement_origin(walk->statement, walk->location > 0 ? (size_t)walk->location : 0);

	source_report(walk->source, at, what, name);
}

static void check_star(const struct walk *walk, const ProtobufCMessage *node)
{
	(void)node;
	refuse(walk, "name the columns: a new column must not change what this query returns%s", "");
}

static void check_table(const struct walk *walk, const ProtobufCMessage *node)
{
	const PgQuery__RangeVar *table = (const PgQuery__RangeVar *)node;

	if (*table->schemaname || *table->catalogname)
		refuse(walk, "%s: a query names no schema; it sees its own service's alone", table->relname);
	if (!strcmp(table->relname, "pg_settings"))
		refuse(walk, "%s: settings belong to the runtime", table->relname);
}

/* What a query may not call: it would leave the transaction, or run SQL that nobody has checked. Patterns of fnmatch. */
static const struct {
	const char *pattern, *why;
} functions[] = {
	{ "set_config", "%s: settings (the brand among them) belong to the runtime" },
	{ "query_to_xml*", "%s runs SQL out of a text, which nobody has checked" },
	{ "ts_stat", "%s runs SQL out of a text, which nobody has checked" },
	{ "dblink*", "%s runs SQL out of a text, which nobody has checked" },
	{ "pg_advisory_lock*", "%s outlives the transaction, on a connection that others get: pg_advisory_xact_lock" },
	{ "pg_try_advisory_lock*",
	  "%s outlives the transaction, on a connection that others get: pg_try_advisory_xact_lock" },
	{ "pg_terminate_backend", "%s ends other calls" },
	{ "pg_cancel_backend", "%s ends other calls" },
};

static void check_function(const struct walk *walk, const ProtobufCMessage *node)
{
	const PgQuery__FuncCall *call = (const PgQuery__FuncCall *)node;
	const PgQuery__Node *last = call->n_funcname ? call->funcname[call->n_funcname - 1] : NULL;

	if (!last || last->node_case != PG_QUERY__NODE__NODE_STRING)
		return;
	for (size_t i = 0; i < sizeof functions / sizeof *functions; i++)
		if (!fnmatch(functions[i].pattern, last->string->sval, 0))
			refuse(walk, functions[i].why, last->string->sval);
}

/* A row put there by a query would be an entry of no call. */
static void check_insert(const struct walk *walk, const ProtobufCMessage *node)
{
	const PgQuery__InsertStmt *insert = (const PgQuery__InsertStmt *)node;

	if (insert->relation && !strcmp(insert->relation->relname, "audit_log"))
		refuse(walk, "%s is the runtime's to write: a call's entry goes with its rows", "audit_log");
}

static void check_into(const struct walk *walk, const ProtobufCMessage *node)
{
	(void)node;
	refuse(walk, "SELECT INTO makes a table: that is a migration's work%s", "");
}

static const struct {
	const ProtobufCMessageDescriptor *type;
	void (*check)(const struct walk *walk, const ProtobufCMessage *node);
} rules[] = {
	{ &pg_query__a__star__descriptor, check_star },       { &pg_query__range_var__descriptor, check_table },
	{ &pg_query__func_call__descriptor, check_function }, { &pg_query__insert_stmt__descriptor, check_insert },
	{ &pg_query__into_clause__descriptor, check_into },
};

static const PgQuery__Node__NodeCase allowed[] = {
	PG_QUERY__NODE__NODE_SELECT_STMT, PG_QUERY__NODE__NODE_INSERT_STMT, PG_QUERY__NODE__NODE_UPDATE_STMT,
	PG_QUERY__NODE__NODE_DELETE_STMT, PG_QUERY__NODE__NODE_MERGE_STMT,
};

static void walk_message(struct walk walk, const ProtobufCMessage *message);

static void walk_field(const struct walk *walk, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field)
{
	const void *member = (const char *)message + field->offset;
	const void *quantifier = (const char *)message + field->quantifier_offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		const ProtobufCMessage *const *elements = *(const ProtobufCMessage *const *const *)member;

		for (size_t i = 0; i < *(const size_t *)quantifier; i++)
			walk_message(*walk, elements[i]);
		return;
	}
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)quantifier != field->id)
		return;
	if (*(const ProtobufCMessage *const *)member)
		walk_message(*walk, *(const ProtobufCMessage *const *)member);
}

static void walk_message(struct walk walk, const ProtobufCMessage *message)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const ProtobufCFieldDescriptor *location = protobuf_c_message_descriptor_get_field_by_name(type, "location");

	if (location && location->type == PROTOBUF_C_TYPE_INT32)
		walk.location = *(const int32_t *)(const void *)((const char *)message + location->offset);
	for (size_t i = 0; i < sizeof rules / sizeof *rules; i++)
		if (rules[i].type == type)
			rules[i].check(&walk, message);
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			walk_field(&walk, message, &type->fields[i]);
}

static bool is_allowed(const PgQuery__Node *node)
{
	for (size_t i = 0; i < sizeof allowed / sizeof *allowed; i++)
		if (node->node_case == allowed[i])
			return true;
	return false;
}

static void check_tree(struct source *source, const struct statement *statement, const PgQuery__ParseResult *tree)
{
	struct walk walk = { .source = source, .statement = statement };

	if (tree->n_stmts != 1 || !is_allowed(tree->stmts[0]->stmt)) {
		refuse(&walk,
		       "a query is one SELECT, INSERT, UPDATE, DELETE or MERGE; tables are made by migrations, "
		       "transactions and settings by the runtime%s",
		       "");
		return;
	}
	walk_message(walk, &tree->base);
}

void statement_check(struct source *source, const struct statement *statement)
{
	PgQueryProtobufParseResult result = pg_query_parse_protobuf(statement->sql);
	PgQuery__ParseResult *tree;

	if (result.error) {
		size_t at = character_offset(statement->sql, result.error->cursorpos);

		source_report(source, statement_origin(statement, at), "%.*s",
			      (int)strcspn(result.error->message, "\n"), result.error->message);
		pg_query_free_protobuf_parse_result(result);
		return;
	}
	tree = pg_query__parse_result__unpack(NULL, result.parse_tree.len, (const uint8_t *)result.parse_tree.data);
	if (tree) {
		check_tree(source, statement, tree);
		pg_query__parse_result__free_unpacked(tree, NULL);
	} else {
		source_report(source, statement->header_at, "the parse tree of %s cannot be read", statement->name);
	}
	pg_query_free_protobuf_parse_result(result);
}
