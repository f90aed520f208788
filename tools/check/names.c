/*
 * Names: one walk over a statement that knows where the parse tree keeps names, and which constants PostgreSQL reads as names. A column's
 * name is passed over: what it could be a column of is named beside it.
 */
#include "names.h"

#include <string.h>

static const char space[] = " \t\n\r\f\v";

struct search {
	const struct look *look;
	void (*judge)(const struct look *look, const char *schema, const char *name, int location);
};

/* The document's services (in the order in which it has them). */
static const char *const services[] = {
	"platform",     "identity",  "accounting", "payments", "commerce",  "clinical",      "affiliates", "membership",
	"comms",        "community", "follows",    "content",  "analytics", "patient_graph", "webhooks",   "events",
	"entitlements", "cash",      "booking",    "ai",       "capri",     "integrations",  "jobs",
};

bool name_is_service(const char *schema)
{
	for (size_t i = 0; i < sizeof services / sizeof *services; i++)
		if (!strcmp(services[i], schema))
			return true;
	return false;
}

bool name_is_system(const char *schema)
{
	return !strncmp(schema, "pg_", 3) || !strcmp(schema, "information_schema");
}

bool name_is_role(const char *role, const char *service, const char *suffix)
{
	size_t size = strlen(role), tail = strlen(suffix);

	return size > tail && !strcmp(role + size - tail, suffix) &&
	       (!service || (strlen(service) == size - tail && !memcmp(role, service, size - tail)));
}

static void tell(const struct search *search, const char *schema, const char *name, int location)
{
	if (schema && *schema)
		search->judge(search->look, schema,
			      name ? hm_arena_printf(&search->look->check->arena, "%s.%s", schema, name) : schema,
			      location);
}

static void tell_list(const struct search *search, size_t n, PgQuery__Node *const *names, int location)
{
	tell(search, list_qualifier(n, names), list_last(n, names), location);
}

/* schema.name in a constant, as regclass and its like read it: space around the names is none of theirs. */
static void tell_text(const struct search *search, const PgQuery__Node *node, int location)
{
	const char *text = constant_text(&search->look->check->arena, node), *dot;
	size_t quote, size;
	char *schema;

	text = text ? text + strspn(text, space) : NULL;
	dot = text ? strchr(text, '.') : NULL;
	size = dot ? (size_t)(dot - text) : 0;
	while (size && strchr(space, text[size - 1]))
		size--;
	quote = size && *text == '"';
	if (size <= 2 * quote || strcspn(text, " \t\n\r\f\v('") < size)
		return;
	schema = hm_arena_dup(&search->look->check->arena, text + quote, size - 2 * quote);
	tell(search, schema, dot + 1, location);
}

/* ---- Calls -------------------------------------------------------------------------------------------------------- */

/* Functions whose first argument is a name, a schema, or a statement that they run. */
static const struct {
	const char *name;
	enum { TAKES_NAME, TAKES_SCHEMA, TAKES_SQL } takes;
} functions[] = {
	{ "nextval", TAKES_NAME },
	{ "currval", TAKES_NAME },
	{ "setval", TAKES_NAME },
	{ "to_regclass", TAKES_NAME },
	{ "to_regtype", TAKES_NAME },
	{ "to_regproc", TAKES_NAME },
	{ "to_regprocedure", TAKES_NAME },
	{ "to_regoper", TAKES_NAME },
	{ "to_regoperator", TAKES_NAME },
	{ "to_regnamespace", TAKES_SCHEMA },
	{ "pg_get_serial_sequence", TAKES_NAME },
	{ "table_to_xml", TAKES_NAME },
	{ "schema_to_xml", TAKES_SCHEMA },
	{ "query_to_xml", TAKES_SQL },
	{ "query_to_xmlschema", TAKES_SQL },
	{ "query_to_xml_and_xmlschema", TAKES_SQL },
	{ "ts_stat", TAKES_SQL },
	{ "crosstab", TAKES_SQL },
};

static bool visit(void *user, const ProtobufCMessage *message, int location);

static void tell_sql(const struct search *search, const PgQuery__Node *node)
{
	const char *text = constant_text(&search->look->check->arena, node);
	const struct statement *inner =
		text ? statement_parse(search->look->check, text, search->look->statement) : NULL;
	struct search copy = *search;

	for (; inner; inner = inner->next_inner)
		tree_walk(node_message(inner->node), visit, &copy);
}

static void tell_call(const struct search *search, const PgQuery__FuncCall *call)
{
	const char *name = list_last(call->n_funcname, call->funcname);

	tell_list(search, call->n_funcname, call->funcname, call->location);
	for (size_t i = 0; call->n_args && i < sizeof functions / sizeof *functions; i++) {
		if (strcmp(functions[i].name, name))
			continue;
		if (functions[i].takes == TAKES_NAME)
			tell_text(search, call->args[0], call->location);
		else if (functions[i].takes == TAKES_SQL)
			tell_sql(search, call->args[0]);
		else
			tell(search, constant_text(&search->look->check->arena, call->args[0]), NULL, call->location);
	}
}

/* 'x.y'::regclass and its like. */
static void tell_cast(const struct search *search, const PgQuery__TypeCast *cast)
{
	static const char *const types[] = {
		"regclass", "regtype", "regproc", "regprocedure", "regoper", "regoperator"
	};
	const char *type = cast->type_name ? type_base(cast->type_name) : "";

	for (size_t i = 0; i < sizeof types / sizeof *types; i++)
		if (!strcmp(type, types[i]))
			tell_text(search, cast->arg, cast->location);
	if (!strcmp(type, "regnamespace"))
		tell(search, constant_text(&search->look->check->arena, cast->arg), NULL, cast->location);
}

/* ---- The walk ----------------------------------------------------------------------------------------------------- */

/* Where the parse tree keeps a name as a list of strings. RangeVar and FuncCall are read apart. */
#define FIELD(type, descriptor, field)                                                       \
	{                                                                                    \
		&pg_query__##descriptor##__descriptor, offsetof(PgQuery__##type, n_##field), \
			offsetof(PgQuery__##type, field)                                     \
	}
static const struct {
	const ProtobufCMessageDescriptor *type;
	size_t n, names;
} fields[] = {
	FIELD(AExpr, a__expr, name),
	FIELD(SubLink, sub_link, oper_name),
	FIELD(SortBy, sort_by, use_op),
	FIELD(TypeName, type_name, names),
	FIELD(CollateClause, collate_clause, collname),
	FIELD(IndexElem, index_elem, opclass),
	FIELD(IndexElem, index_elem, collation),
	FIELD(ObjectWithArgs, object_with_args, objname),
	FIELD(CreateFunctionStmt, create_function_stmt, funcname),
	FIELD(CreateTrigStmt, create_trig_stmt, funcname),
	FIELD(CreateEventTrigStmt, create_event_trig_stmt, funcname),
	FIELD(CreateEnumStmt, create_enum_stmt, type_name),
	FIELD(CreateRangeStmt, create_range_stmt, type_name),
	FIELD(AlterEnumStmt, alter_enum_stmt, type_name),
	FIELD(AlterTypeStmt, alter_type_stmt, type_name),
	FIELD(AlterDomainStmt, alter_domain_stmt, type_name),
	FIELD(CreateDomainStmt, create_domain_stmt, domainname),
	FIELD(DefineStmt, define_stmt, defnames),
	FIELD(CreateStatsStmt, create_stats_stmt, defnames),
	FIELD(CreateOpClassStmt, create_op_class_stmt, opclassname),
};
#undef FIELD

static void tell_fields(const struct search *search, const ProtobufCMessage *message, int location)
{
	const char *base = (const char *)message;

	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++)
		if (message->descriptor == fields[i].type)
			tell_list(search, *(const size_t *)(const void *)(base + fields[i].n),
				  *(PgQuery__Node *const *const *)(const void *)(base + fields[i].names), location);
}

/* Objects of DROP, COMMENT, ALTER … OWNER and their like: a list of names, with what the object is a part of before its own. */
static bool is_part(PgQuery__ObjectType type)
{
	return type == PG_QUERY__OBJECT_TYPE__OBJECT_TRIGGER || type == PG_QUERY__OBJECT_TYPE__OBJECT_POLICY ||
	       type == PG_QUERY__OBJECT_TYPE__OBJECT_RULE || type == PG_QUERY__OBJECT_TYPE__OBJECT_COLUMN ||
	       type == PG_QUERY__OBJECT_TYPE__OBJECT_TABCONSTRAINT;
}

static void tell_object(const struct search *search, PgQuery__ObjectType type, const PgQuery__Node *object)
{
	if (!object)
		return;
	if (object->node_case == PG_QUERY__NODE__NODE_LIST)
		tell_list(search, object->list->n_items - (is_part(type) && object->list->n_items), object->list->items,
			  -1);
	else if (type == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA)
		tell(search, node_string(object), NULL, -1);
}

static void tell_statement(const struct search *search, const ProtobufCMessage *message)
{
	const void *node = message;

	if (message->descriptor == &pg_query__drop_stmt__descriptor) {
		const PgQuery__DropStmt *drop = node;

		for (size_t i = 0; i < drop->n_objects; i++)
			tell_object(search, drop->remove_type, drop->objects[i]);
	} else if (message->descriptor == &pg_query__comment_stmt__descriptor) {
		tell_object(search, ((const PgQuery__CommentStmt *)node)->objtype,
			    ((const PgQuery__CommentStmt *)node)->object);
	} else if (message->descriptor == &pg_query__alter_owner_stmt__descriptor) {
		tell_object(search, ((const PgQuery__AlterOwnerStmt *)node)->object_type,
			    ((const PgQuery__AlterOwnerStmt *)node)->object);
	} else if (message->descriptor == &pg_query__rename_stmt__descriptor) {
		tell_object(search, ((const PgQuery__RenameStmt *)node)->rename_type,
			    ((const PgQuery__RenameStmt *)node)->object);
	} else if (message->descriptor == &pg_query__grant_stmt__descriptor) {
		const PgQuery__GrantStmt *grant = node;
		bool is_schema = grant->targtype == PG_QUERY__GRANT_TARGET_TYPE__ACL_TARGET_ALL_IN_SCHEMA ||
				 grant->objtype == PG_QUERY__OBJECT_TYPE__OBJECT_SCHEMA;

		for (size_t i = 0; is_schema && i < grant->n_objects; i++)
			tell(search, node_string(grant->objects[i]), NULL, -1);
	} else if (message->descriptor == &pg_query__alter_object_schema_stmt__descriptor) {
		tell_object(search, ((const PgQuery__AlterObjectSchemaStmt *)node)->object_type,
			    ((const PgQuery__AlterObjectSchemaStmt *)node)->object);
		tell(search, ((const PgQuery__AlterObjectSchemaStmt *)node)->newschema, NULL, -1);
	}
}

/* OWNED BY other.table.column; IN SCHEMA other of default privileges. */
static void tell_option(const struct search *search, const PgQuery__DefElem *option)
{
	const PgQuery__List *list =
		option->arg && option->arg->node_case == PG_QUERY__NODE__NODE_LIST ? option->arg->list : NULL;

	if (list && !strcmp(option->defname, "owned_by") && list->n_items > 2)
		tell(search, node_string(list->items[0]), node_string(list->items[1]), option->location);
	for (size_t i = 0; list && !strcmp(option->defname, "schemas") && i < list->n_items; i++)
		tell(search, node_string(list->items[i]), NULL, option->location);
}

static bool visit(void *user, const ProtobufCMessage *message, int location)
{
	const struct search *search = user;
	const void *node = message;

	if (message->descriptor == &pg_query__range_var__descriptor) {
		const PgQuery__RangeVar *name = node;

		tell(search, name->schemaname, name->relname, name->location);
	} else if (message->descriptor == &pg_query__func_call__descriptor) {
		tell_call(search, node);
	} else {
		if (message->descriptor == &pg_query__type_cast__descriptor)
			tell_cast(search, node);
		else if (message->descriptor == &pg_query__def_elem__descriptor)
			tell_option(search, node);
		tell_statement(search, message);
		tell_fields(search, message, location);
	}
	return true;
}

void names_each(const struct look *look,
		void (*judge)(const struct look *look, const char *schema, const char *name, int location))
{
	struct search search = { look, judge };

	tree_walk(node_message(look->statement->node), visit, &search);
}

/* ---- What is made -------------------------------------------------------------------------------------------------- */

static struct made of_relation(const PgQuery__RangeVar *name)
{
	if (!name || *name->relpersistence == 't')
		return (struct made){ 0 };
	return (struct made){ name->schemaname, name->relname };
}

static struct made of_list(size_t n, PgQuery__Node *const *names)
{
	const char *schema = list_qualifier(n, names);

	return (struct made){ schema ? schema : "", list_last(n, names) };
}

struct made names_made(const PgQuery__Node *node)
{
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_CREATE_STMT:
		return of_relation(node->create_stmt->relation);
	case PG_QUERY__NODE__NODE_CREATE_TABLE_AS_STMT:
		return of_relation(node->create_table_as_stmt->into->rel);
	case PG_QUERY__NODE__NODE_SELECT_STMT:
		return of_relation(node->select_stmt->into_clause ? node->select_stmt->into_clause->rel : NULL);
	case PG_QUERY__NODE__NODE_VIEW_STMT:
		return of_relation(node->view_stmt->view);
	case PG_QUERY__NODE__NODE_CREATE_SEQ_STMT:
		return of_relation(node->create_seq_stmt->sequence);
	case PG_QUERY__NODE__NODE_COMPOSITE_TYPE_STMT:
		return of_relation(node->composite_type_stmt->typevar);
	case PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT:
		return of_list(node->create_function_stmt->n_funcname, node->create_function_stmt->funcname);
	case PG_QUERY__NODE__NODE_CREATE_ENUM_STMT:
		return of_list(node->create_enum_stmt->n_type_name, node->create_enum_stmt->type_name);
	case PG_QUERY__NODE__NODE_CREATE_RANGE_STMT:
		return of_list(node->create_range_stmt->n_type_name, node->create_range_stmt->type_name);
	case PG_QUERY__NODE__NODE_CREATE_DOMAIN_STMT:
		return of_list(node->create_domain_stmt->n_domainname, node->create_domain_stmt->domainname);
	case PG_QUERY__NODE__NODE_DEFINE_STMT:
		return of_list(node->define_stmt->n_defnames, node->define_stmt->defnames);
	default:
		return (struct made){ 0 };
	}
}
