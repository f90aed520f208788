/*
 * Tree: what every rule asks of PostgreSQL's parse tree. The tree is protobuf-c's, so it is walked by descriptors: a construct is found
 * wherever PostgreSQL allows it, without a case for each kind of node.
 */
#include "tree.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"

struct walk {
	bool (*visit)(void *user, const ProtobufCMessage *message, int location);
	void *user;
};

static void walk_message(const struct walk *walk, const ProtobufCMessage *message, int location);

static void walk_field(const struct walk *walk, const ProtobufCMessage *message, const ProtobufCFieldDescriptor *field,
		       int location)
{
	const void *member = (const char *)message + field->offset;
	const void *quantifier = (const char *)message + field->quantifier_offset;

	if (field->label == PROTOBUF_C_LABEL_REPEATED) {
		const ProtobufCMessage *const *elements = *(const ProtobufCMessage *const *const *)member;

		for (size_t i = 0; i < *(const size_t *)quantifier; i++)
			walk_message(walk, elements[i], location);
		return;
	}
	if ((field->flags & PROTOBUF_C_FIELD_FLAG_ONEOF) && *(const uint32_t *)quantifier != field->id)
		return;
	if (*(const ProtobufCMessage *const *)member)
		walk_message(walk, *(const ProtobufCMessage *const *)member, location);
}

static void walk_message(const struct walk *walk, const ProtobufCMessage *message, int location)
{
	const ProtobufCMessageDescriptor *type = message->descriptor;
	const ProtobufCFieldDescriptor *field = protobuf_c_message_descriptor_get_field_by_name(type, "location");

	if (field && field->type == PROTOBUF_C_TYPE_INT32) {
		int own = *(const int32_t *)(const void *)((const char *)message + field->offset);

		location = own > 0 ? own : location;
	}
	if (!walk->visit(walk->user, message, location))
		return;
	for (unsigned i = 0; i < type->n_fields; i++)
		if (type->fields[i].type == PROTOBUF_C_TYPE_MESSAGE)
			walk_field(walk, message, &type->fields[i], location);
}

void tree_walk(const ProtobufCMessage *message,
	       bool (*visit)(void *user, const ProtobufCMessage *message, int location), void *user)
{
	if (message)
		walk_message(&(struct walk){ visit, user }, message, -1);
}

const ProtobufCMessage *node_message(const PgQuery__Node *node)
{
	/* every member of the union is a pointer to a message */
	return node && node->node_case != PG_QUERY__NODE__NODE__NOT_SET ? (const ProtobufCMessage *)node->alias : NULL;
}

const char *node_string(const PgQuery__Node *node)
{
	return node && node->node_case == PG_QUERY__NODE__NODE_STRING ? node->string->sval : "";
}

const char *list_last(size_t n, PgQuery__Node *const *names)
{
	return n ? node_string(names[n - 1]) : NULL;
}

const char *list_qualifier(size_t n, PgQuery__Node *const *names)
{
	return n > 1 ? node_string(names[n - 2]) : NULL;
}

const char *const *list_names(struct hm_arena *arena, size_t n, PgQuery__Node *const *names)
{
	const char **copy = hm_arena_zalloc(arena, (n + 1) * sizeof *copy);

	for (size_t i = 0; i < n; i++)
		copy[i] = node_string(names[i]);
	return copy;
}

const PgQuery__DefElem *option_find(size_t n, PgQuery__Node *const *options, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (options[i]->node_case == PG_QUERY__NODE__NODE_DEF_ELEM &&
		    !strcmp(options[i]->def_elem->defname, name))
			return options[i]->def_elem;
	return NULL;
}

const char *option_text(const PgQuery__DefElem *option)
{
	const PgQuery__Node *value = option->arg;

	if (!value)
		return "true";
	if (value->node_case == PG_QUERY__NODE__NODE_TYPE_NAME)
		return type_base(value->type_name);
	if (value->node_case == PG_QUERY__NODE__NODE_BOOLEAN)
		return value->boolean->boolval ? "true" : "false";
	if (value->node_case == PG_QUERY__NODE__NODE_INTEGER)
		return value->integer->ival ? "1" : "0";
	if (value->node_case == PG_QUERY__NODE__NODE_A_CONST &&
	    value->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL)
		return value->a_const->sval->sval;
	return node_string(value);
}

bool option_is_true(const PgQuery__DefElem *option)
{
	static const char *const words[] = { "true", "on", "1" };

	for (size_t i = 0; i < sizeof words / sizeof *words; i++)
		if (!strcmp(option_text(option), words[i]))
			return true;
	return false;
}

/* ---- Types ------------------------------------------------------------------------------------------------------- */

const char *type_base(const PgQuery__TypeName *type)
{
	return type->n_names ? node_string(type->names[type->n_names - 1]) : "";
}

static void add_modifier(struct hm_buffer *text, const PgQuery__Node *modifier, bool is_first)
{
	if (modifier->node_case == PG_QUERY__NODE__NODE_A_CONST &&
	    modifier->a_const->val_case == PG_QUERY__A__CONST__VAL_IVAL)
		hm_buffer_printf(text, "%s%d", is_first ? "(" : ",", modifier->a_const->ival->ival);
	else
		hm_buffer_printf(text, "%s?", is_first ? "(" : ",");
}

const char *type_text(struct hm_arena *arena, const PgQuery__TypeName *type)
{
	const char *schema = list_qualifier(type->n_names, type->names);
	struct hm_buffer text = { 0 };
	const char *copy;

	if (schema && strcmp(schema, "pg_catalog"))
		hm_buffer_printf(&text, "%s.", schema);
	hm_buffer_add_text(&text, type_base(type));
	for (size_t i = 0; i < type->n_typmods; i++)
		add_modifier(&text, type->typmods[i], i == 0);
	if (type->n_typmods)
		hm_buffer_add_text(&text, ")");
	for (size_t i = 0; i < type->n_array_bounds; i++)
		hm_buffer_add_text(&text, "[]");
	copy = hm_arena_strdup(arena, text.data);
	hm_buffer_fini(&text);
	return copy;
}

const char *type_of_serial(const char *type)
{
	static const struct {
		const char *written, *stored;
	} serials[] = {
		{ "serial", "int4" },  { "serial4", "int4" },     { "bigserial", "int8" },
		{ "serial8", "int8" }, { "smallserial", "int2" }, { "serial2", "int2" },
	};

	for (size_t i = 0; i < sizeof serials / sizeof *serials; i++)
		if (!strcmp(type, serials[i].written))
			return serials[i].stored;
	return NULL;
}

/* ---- Constant text ----------------------------------------------------------------------------------------------- */

static const char *concatenated(struct hm_arena *arena, const PgQuery__AExpr *expression)
{
	const char *left, *right;

	if (expression->kind != PG_QUERY__A__EXPR__KIND__AEXPR_OP ||
	    strcmp(list_last(expression->n_name, expression->name), "||") || !expression->lexpr)
		return NULL;
	left = constant_text(arena, expression->lexpr);
	right = constant_text(arena, expression->rexpr);
	return left && right ? hm_arena_printf(arena, "%s%s", left, right) : NULL;
}

/* %I is quoted even where PostgreSQL would not need to; %L has its quotes doubled. */
static void add_argument(struct hm_buffer *text, char kind, const char *argument)
{
	char quote = kind == 'I' ? '"' : '\'';

	if (kind == 's') {
		hm_buffer_add_text(text, argument);
		return;
	}
	hm_buffer_add(text, &quote, 1);
	for (; *argument; argument++) {
		hm_buffer_add(text, argument, 1);
		if (*argument == quote)
			hm_buffer_add(text, argument, 1);
	}
	hm_buffer_add(text, &quote, 1);
}

static bool add_formatted(struct hm_arena *arena, struct hm_buffer *text, const char *format,
			  const PgQuery__FuncCall *call)
{
	size_t next = 1;

	for (; *format; format++) {
		const char *argument;

		if (*format != '%') {
			hm_buffer_add(text, format, 1);
			continue;
		}
		format++;
		if (*format == '%') {
			hm_buffer_add(text, format, 1);
			continue;
		}
		argument = next < call->n_args ? constant_text(arena, call->args[next++]) : NULL;
		if (!argument || !*format || !strchr("sIL", *format))
			return false;
		add_argument(text, *format, argument);
	}
	return true;
}

static const char *formatted(struct hm_arena *arena, const PgQuery__FuncCall *call)
{
	struct hm_buffer text = { 0 };
	const char *format, *copy = NULL;

	if (strcmp(list_last(call->n_funcname, call->funcname), "format") || !call->n_args)
		return NULL;
	format = constant_text(arena, call->args[0]);
	hm_buffer_add_text(&text, "");
	if (format && add_formatted(arena, &text, format, call))
		copy = hm_arena_strdup(arena, text.data);
	hm_buffer_fini(&text);
	return copy;
}

/* 'DELETE FROM notes_old'::varchar(17) is another text than it seems. */
static bool cuts(const PgQuery__TypeName *type)
{
	return type->n_typmods || !strcmp(type_base(type), "name") || !strcmp(type_base(type), "char");
}

const char *constant_text(struct hm_arena *arena, const PgQuery__Node *node)
{
	if (!node)
		return NULL;
	switch (node->node_case) {
	case PG_QUERY__NODE__NODE_A_CONST:
		return node->a_const->val_case == PG_QUERY__A__CONST__VAL_SVAL ? node->a_const->sval->sval : NULL;
	case PG_QUERY__NODE__NODE_TYPE_CAST:
		return cuts(node->type_cast->type_name) ? NULL : constant_text(arena, node->type_cast->arg);
	case PG_QUERY__NODE__NODE_A_EXPR:
		return concatenated(arena, node->a_expr);
	case PG_QUERY__NODE__NODE_FUNC_CALL:
		return formatted(arena, node->func_call);
	default:
		return NULL;
	}
}

struct text_search {
	const char *text;
	bool is_found;
};

static bool find_text(void *user, const ProtobufCMessage *message, int location)
{
	struct text_search *search = user;
	const PgQuery__AConst *constant = (const PgQuery__AConst *)(const void *)message;

	(void)location;
	if (message->descriptor == &pg_query__a__const__descriptor &&
	    constant->val_case == PG_QUERY__A__CONST__VAL_SVAL && !strcmp(constant->sval->sval, search->text))
		search->is_found = true;
	return !search->is_found;
}

bool tree_has_text(const PgQuery__Node *node, const char *text)
{
	struct text_search search = { .text = text };

	tree_walk(node_message(node), find_text, &search);
	return search.is_found;
}
