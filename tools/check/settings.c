/* Settings: one walk over a statement, whose judge is told of each parameter that is set. */
#include "settings.h"

#include <ctype.h>
#include <string.h>

struct search {
	const struct look *look;
	void (*judge)(const struct look *look, const struct setting *setting);
	enum setting_kind kind;
};

static const char *lower(const struct look *look, const char *name)
{
	char *copy = hm_arena_strdup(&look->check->arena, name);

	for (char *p = copy; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return copy;
}

static void tell_of_set(const struct search *search, const PgQuery__VariableSetStmt *set, int location)
{
	bool is_set = set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_VALUE ||
		      set->kind == PG_QUERY__VARIABLE_SET_KIND__VAR_SET_CURRENT;
	const struct setting setting = { .name = lower(search->look, set->name),
					 .kind = is_set ? search->kind : SETTING_RESET,
					 .n_values = set->n_args,
					 .values = set->args,
					 .location = location };

	if (set->kind != PG_QUERY__VARIABLE_SET_KIND__VAR_SET_MULTI)
		search->judge(search->look, &setting);
}

static void tell_of_call(const struct search *search, const PgQuery__FuncCall *call)
{
	const char *name;

	if (call->n_args < 2 || strcmp(list_last(call->n_funcname, call->funcname), "set_config"))
		return;
	name = constant_text(&search->look->check->arena, call->args[0]);
	if (name)
		search->judge(search->look, &(const struct setting){ .name = lower(search->look, name),
								     .kind = SETTING_SESSION,
								     .n_values = 1,
								     .values = call->args + 1,
								     .location = call->location });
}

static bool visit(void *user, const ProtobufCMessage *message, int location)
{
	const struct search *search = user;

	if (message->descriptor == &pg_query__variable_set_stmt__descriptor)
		tell_of_set(search, (const PgQuery__VariableSetStmt *)(const void *)message, location);
	else if (message->descriptor == &pg_query__func_call__descriptor)
		tell_of_call(search, (const PgQuery__FuncCall *)(const void *)message);
	return true;
}

static enum setting_kind kind_of(const PgQuery__Node *node)
{
	static const struct {
		PgQuery__Node__NodeCase node;
		enum setting_kind kind;
	} kinds[] = {
		{ PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT, SETTING_ROUTINE },
		{ PG_QUERY__NODE__NODE_ALTER_FUNCTION_STMT, SETTING_ROUTINE },
		{ PG_QUERY__NODE__NODE_ALTER_ROLE_SET_STMT, SETTING_STORED },
		{ PG_QUERY__NODE__NODE_ALTER_DATABASE_SET_STMT, SETTING_STORED },
		{ PG_QUERY__NODE__NODE_ALTER_SYSTEM_STMT, SETTING_STORED },
	};

	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (node->node_case == kinds[i].node)
			return kinds[i].kind;
	return SETTING_SESSION;
}

void settings_each(const struct look *look, void (*judge)(const struct look *look, const struct setting *setting))
{
	struct search search = { look, judge, kind_of(look->statement->node) };

	tree_walk(node_message(look->statement->node), visit, &search);
}

/* A name in a list may stand in double quotes. */
static const char *trimmed(const struct look *look, const char *text, size_t size)
{
	while (size && strchr(" \t\n\"", *text))
		text++, size--;
	while (size && strchr(" \t\n\"", text[size - 1]))
		size--;
	return hm_arena_dup(&look->check->arena, text, size);
}

const char *setting_value(const struct look *look, const struct setting *setting, size_t n)
{
	for (size_t i = 0; i < setting->n_values; i++) {
		const char *text = constant_text(&look->check->arena, setting->values[i]);

		while (text) {
			size_t size = strcspn(text, ",");

			if (n-- == 0)
				return trimmed(look, text, size);
			text = text[size] ? text + size + 1 : NULL;
		}
	}
	return NULL;
}

bool setting_has(const struct look *look, const struct setting *setting, const char *name)
{
	const char *value;

	for (size_t i = 0; (value = setting_value(look, setting, i)); i++)
		if (!strcmp(value, name))
			return true;
	return false;
}
