/* Tree: PostgreSQL's parse tree, walked by its descriptors, and the small questions everybody asks of it. */
#pragma once
#include "check.h"

/* tree_walk calls visit for the message and all below it, with the nearest location (-1: none so far). false from visit: what is below
 * is passed over. */
void tree_walk(const ProtobufCMessage *message,
	       bool (*visit)(void *user, const ProtobufCMessage *message, int location), void *user);

/* tree_has_text says whether a string constant of just this text stands in an expression. */
bool tree_has_text(const PgQuery__Node *node, const char *text);

/* node_message is the message a node stands for; NULL: none. */
const ProtobufCMessage *node_message(const PgQuery__Node *node);

/* node_string is the text of a String node; "" if it is none. */
const char *node_string(const PgQuery__Node *node);

/* list_last is the text of a name's last part, list_qualifier of the one before it; NULL: there is none. */
const char *list_last(size_t n, PgQuery__Node *const *names);
const char *list_qualifier(size_t n, PgQuery__Node *const *names);

/* list_names copies the strings of a list, NULL-terminated. */
const char *const *list_names(struct hm_arena *arena, size_t n, PgQuery__Node *const *names);

/* option_find finds a DefElem by name; NULL: none. option_text is its value as text ("true" for one without a value). */
const PgQuery__DefElem *option_find(size_t n, PgQuery__Node *const *options, const char *name);
const char *option_text(const PgQuery__DefElem *option);
bool option_is_true(const PgQuery__DefElem *option);

/* type_text is a type as a person writes it, without pg_catalog: "int8", "numeric(10,2)", "text[]". type_base is without its modifiers. */
const char *type_text(struct hm_arena *arena, const PgQuery__TypeName *type);
const char *type_base(const PgQuery__TypeName *type);

/* type_of_serial is the integer that a serial type stands for; NULL: it is no serial. */
const char *type_of_serial(const char *type);

/* constant_text folds an expression of string constants, || and format() with constants alone; NULL: it is not constant. */
const char *constant_text(struct hm_arena *arena, const PgQuery__Node *node);
