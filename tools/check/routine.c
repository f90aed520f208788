/*
 * Routine: the statements inside DO blocks and function bodies, so that what is hidden in them is looked at like all the rest. PL/pgSQL comes
 * from libpg_query as JSON: every {"query": …} in it is a statement or an expression. What EXECUTE is given is read, too, where it is a
 * constant (a string, pieces joined by ||, format() of constants); where it is not, rule dynamic-sql speaks.
 */
#include <jansson.h>
#include <pg_query.h>
#include <string.h>

#include "plpgsql.h"
#include "tree.h"

enum { DEPTH_MAX = 200 };

struct opening {
	struct check *check;
	struct statement *outer;
	struct statement **tail;
	const char *body; /* in the file's text; NULL: it came out of EXECUTE, or has escapes in it */
	size_t body_size;
	const char *text; /* of the body, as PostgreSQL reads it */
	enum place place;
	unsigned line; /* of the PL/pgSQL statement at hand, in the body */
};

/* ---- Where a body is -------------------------------------------------------------------------------------------- */

/* A string token's content, from its opening quote on. */
static bool find_content(const struct statement *statement, size_t at, size_t *ret_begin, size_t *ret_end)
{
	const char *text = statement->file->text, *open = text + at, *close;
	size_t quote;

	if (*open == '$') {
		const char *second = memchr(open + 1, '$', statement->end - at - 1);

		if (!second)
			return false;
		quote = (size_t)(second - open) + 1;
		close = memmem(open + quote, statement->end - at - quote, open, quote);
	} else {
		quote = 1;
		close = memrchr(open, '\'', statement->end - at);
	}
	if (!close || close < open + quote)
		return false;
	*ret_begin = at + quote;
	*ret_end = (size_t)(close - text);
	return true;
}

/* `AS` is the place PostgreSQL gives for a function's body; for DO it is the string itself. A body that stands there in other letters
 * than PostgreSQL reads it in (escapes) has no places of its own. */
static void find_body(struct opening *opening, const PgQuery__DefElem *as)
{
	const struct statement *statement = opening->outer;
	size_t at = statement->base + (size_t)(as->location > 0 ? as->location : 0), begin, end;
	const char *text = statement->file->text;

	while (at < statement->end && text[at] != '$' && text[at] != '\'')
		at++;
	if (statement->is_dynamic || at >= statement->end || !find_content(statement, at, &begin, &end) ||
	    strlen(opening->text) != end - begin || memcmp(opening->text, text + begin, end - begin))
		return;
	opening->body = text + begin;
	opening->body_size = end - begin;
}

static const char *body_text(const PgQuery__DefElem *as)
{
	const PgQuery__Node *value = as->arg;

	if (value && value->node_case == PG_QUERY__NODE__NODE_LIST && value->list->n_items)
		value = value->list->items[0];
	return node_string(value);
}

/* ---- One piece of SQL in a body --------------------------------------------------------------------------------- */

/* The place of a query in the file: behind the line PL/pgSQL names, the first place that begins like it. */
static void place_query(const struct opening *opening, const char *query, struct statement *ret_like)
{
	const char *at = opening->body, *end = at ? at + opening->body_size : NULL, *found;
	size_t head = strcspn(query, " \t\n");

	for (unsigned line = 1; line < opening->line && at; line++) {
		at = memchr(at, '\n', (size_t)(end - at));
		at = at ? at + 1 : NULL;
	}
	if (!at)
		return;
	found = head ? memmem(at, (size_t)(end - at), query, head) : NULL;
	found = found ? found : at + strspn(at, " \t");
	ret_like->begin = ret_like->base = (size_t)(found - opening->outer->file->text);
	ret_like->size = strlen(query);
	ret_like->end = ret_like->begin + ret_like->size;
	if (ret_like->end > opening->outer->end)
		ret_like->end = opening->outer->end;
}

static void append(struct opening *opening, struct statement *first)
{
	*opening->tail = first;
	for (struct statement *one = first; one; one = one->next_inner)
		opening->tail = &one->next_inner;
}

static void open_inner(struct opening *opening, struct statement *first)
{
	for (struct statement *one = first, *next; one; one = next) {
		next = one->next_inner;
		one->next_inner = NULL;
		append(opening, one);
		statement_open(opening->check, one);
		append(opening, one->first_inner);
		one->first_inner = NULL;
	}
}

/* The operand of EXECUTE, parsed as an expression: SELECT <expression>. */
static const PgQuery__Node *operand(const struct statement *statement)
{
	const PgQuery__SelectStmt *select = statement && statement->node->node_case == PG_QUERY__NODE__NODE_SELECT_STMT
						    ? statement->node->select_stmt
						    : NULL;
	const PgQuery__Node *target = select && select->n_target_list ? select->target_list[0] : NULL;

	return target && target->node_case == PG_QUERY__NODE__NODE_RES_TARGET ? target->res_target->val : NULL;
}

/* A statement, or an expression; of an assignment, a := b, what is assigned. */
static struct statement *parse_either(struct opening *opening, const char *query, const struct statement *like)
{
	struct statement *parsed = statement_parse(opening->check, query, like);
	const char *value = strstr(query, ":=");

	if (parsed)
		return parsed;
	parsed = statement_parse(opening->check,
				 hm_arena_printf(&opening->check->arena, "SELECT %s", value ? value + 2 : query), like);
	if (parsed)
		parsed->size = 0; /* its locations are no file's */
	return parsed;
}

/* What EXECUTE will run, where that is known; else the SELECT that makes its text. */
static struct statement *parse_executed(struct opening *opening, const char *query, const struct statement *like)
{
	struct hm_arena *arena = &opening->check->arena;
	struct statement *made,
		*maker = statement_parse(opening->check, hm_arena_printf(arena, "SELECT %s", query), like);
	const char *text = maker ? constant_text(arena, operand(maker)) : NULL;

	made = text ? statement_parse(opening->check, text, like) : NULL;
	made = made ? made : maker;
	for (struct statement *one = made; one; one = one->next_inner) {
		one->size = 0;
		one->is_dynamic = true;
		one->is_unread = made == maker;
	}
	return made;
}

static void add_query(struct opening *opening, const char *query, bool is_executed)
{
	const struct statement *outer = opening->outer;
	struct statement like = { .file = outer->file,
				  .outer = outer,
				  .place = opening->place,
				  .begin = outer->begin,
				  .end = outer->end,
				  .base = outer->begin };

	place_query(opening, query, &like);
	open_inner(opening, is_executed ? parse_executed(opening, query, &like) : parse_either(opening, query, &like));
}

/* ---- PL/pgSQL ---------------------------------------------------------------------------------------------------- */

static void read_json(struct opening *opening, const char *key, const json_t *value, bool executes, unsigned depth);

/* These have the text of a statement to come under "query"; elsewhere "query" is the statement itself. */
static bool is_executing(const char *key)
{
	return !strcmp(key, "PLpgSQL_stmt_dynexecute") || !strcmp(key, "PLpgSQL_stmt_dynfors") ||
	       !strcmp(key, "dynquery");
}

/* What a variable's type names is read like a query that names it: other.t%ROWTYPE, other.t.c%TYPE, other.type. */
static void add_type(struct opening *opening, const char *type)
{
	struct hm_arena *arena = &opening->check->arena;
	char *name = hm_arena_strdup(arena, type), *percent = strchr(name, '%'), *dot;
	bool is_column = percent && !strncasecmp(percent, "%type", strlen("%type"));

	if (percent)
		*percent = '\0';
	dot = strrchr(name, '.');
	if (is_column && dot) {
		*dot = '\0';
		dot = strrchr(name, '.');
	}
	if (dot)
		add_query(opening, hm_arena_printf(arena, percent ? "SELECT FROM %s" : "SELECT NULL::%s", name), false);
}

/* What is no query and says something all the same. */
static void read_word(struct opening *opening, const char *key, const json_t *object)
{
	if (!strcmp(key, "PLpgSQL_stmt_commit"))
		add_query(opening, "COMMIT", false);
	else if (!strcmp(key, "PLpgSQL_stmt_rollback"))
		add_query(opening, "ROLLBACK", false);
	else if (!strcmp(key, "PLpgSQL_type") && json_string_value(json_object_get(object, "typname")))
		add_type(opening, json_string_value(json_object_get(object, "typname")));
}

static void read_object(struct opening *opening, const char *key, const json_t *object, bool executes, unsigned depth)
{
	const json_t *query = json_object_get(object, "query"), *line = json_object_get(object, "lineno");
	const char *name;
	json_t *value;

	if (json_is_integer(line))
		opening->line = (unsigned)json_integer_value(line);
	if (json_is_string(query))
		add_query(opening, json_string_value(query), executes);
	read_word(opening, key, object);
	json_object_foreach((json_t *)(uintptr_t)object, name, value)
	{
		bool is_operand = is_executing(key) && (!strcmp(name, "query") || !strcmp(name, "PLpgSQL_expr"));

		read_json(opening, name, value, is_operand || (executes && !strcmp(name, "PLpgSQL_expr")), depth + 1);
	}
}

static void read_json(struct opening *opening, const char *key, const json_t *value, bool executes, unsigned depth)
{
	json_t *element;
	size_t i;

	if (depth > DEPTH_MAX)
		finding_add(opening->check, "sql-syntax", opening->outer->file, opening->outer->begin,
			    opening->outer->end, "this body is nested too deeply to be read");
	else if (json_is_object(value))
		read_object(opening, key, value, executes, depth);
	else if (json_is_array(value))
		json_array_foreach(value, i, element) read_json(opening, key, element, false, depth + 1);
}

static void complain_of_body(const struct opening *opening, const char *what)
{
	const struct statement *outer = opening->outer;

	finding_add(opening->check, "sql-syntax", outer->file, outer->begin, outer->end,
		    hm_arena_printf(&opening->check->arena, "this body cannot be read: %s", what));
}

/* false: it cannot be read. */
static bool read_plpgsql(struct opening *opening, const char *text, const char **ret_error)
{
	PgQueryPlpgsqlParseResult result = pg_query_parse_plpgsql(text);
	json_t *functions;

	if (result.error) {
		*ret_error = hm_arena_strdup(&opening->check->arena, result.error->message);
	} else {
		functions = json_loads(result.plpgsql_funcs, JSON_DISABLE_EOF_CHECK, NULL);
		read_json(opening, "", functions, false, 0);
		json_decref(functions);
		*ret_error = NULL;
	}
	pg_query_free_plpgsql_parse_result(result);
	return !*ret_error;
}

static void open_plpgsql(struct opening *opening)
{
	const struct statement *outer = opening->outer;
	const char *error, *again, *text = outer->text;

	if (!text)
		text = hm_arena_dup(&opening->check->arena, outer->file->text + outer->begin,
				    outer->end - outer->begin);
	if (read_plpgsql(opening, text, &error))
		return;
	again = plpgsql_rewritten(opening->check, text, opening->text);
	if (!again || !read_plpgsql(opening, again, &error))
		complain_of_body(opening, error);
}

/* ---- Openings ---------------------------------------------------------------------------------------------------- */

static void open_sql(struct opening *opening)
{
	const struct statement *outer = opening->outer;
	struct statement *inner, like = *outer;

	like.outer = outer;
	like.place = opening->place;
	like.size = 0;
	if (opening->body) {
		like.base = like.begin = (size_t)(opening->body - outer->file->text);
		like.size = opening->body_size;
		like.end = like.begin + like.size;
	}
	inner = statement_parse(opening->check, opening->text, &like);
	if (!inner && opening->text[strspn(opening->text, " \t\n")])
		complain_of_body(opening, "it is no SQL");
	open_inner(opening, inner);
}

static void open_body(struct check *check, struct statement *outer, size_t n, PgQuery__Node *const *options,
		      const char *otherwise, enum place place)
{
	const PgQuery__DefElem *as = option_find(n, options, "as"), *language = option_find(n, options, "language");
	struct opening opening = {
		.check = check, .outer = outer, .tail = &outer->first_inner, .place = place, .line = 1
	};
	const char *name = language ? option_text(language) : otherwise;

	if (!as)
		return;
	opening.text = body_text(as);
	find_body(&opening, as);
	if (!strcasecmp(name, "plpgsql"))
		open_plpgsql(&opening);
	else if (!strcasecmp(name, "sql"))
		open_sql(&opening);
}

/* CREATE SCHEMA … CREATE TABLE …: what is made with the schema. */
static void open_elements(struct check *check, struct statement *outer)
{
	const PgQuery__CreateSchemaStmt *schema = outer->node->create_schema_stmt;
	struct opening opening = { .check = check, .outer = outer, .tail = &outer->first_inner };

	for (size_t i = 0; i < schema->n_schema_elts; i++) {
		struct statement *one = hm_arena_zalloc(&check->arena, sizeof *one);

		*one = *outer;
		one->next = one->next_inner = one->first_inner = NULL;
		one->outer = outer;
		one->node = schema->schema_elts[i];
		open_inner(&opening, one);
	}
}

void statement_open(struct check *check, struct statement *statement)
{
	const PgQuery__Node *node = statement->node;

	if (node->node_case == PG_QUERY__NODE__NODE_DO_STMT)
		open_body(check, statement, node->do_stmt->n_args, node->do_stmt->args, "plpgsql",
			  statement->place == PLACE_ROUTINE ? PLACE_ROUTINE : PLACE_DO);
	else if (node->node_case == PG_QUERY__NODE__NODE_CREATE_FUNCTION_STMT)
		open_body(check, statement, node->create_function_stmt->n_options, node->create_function_stmt->options,
			  "sql", PLACE_ROUTINE);
	else if (node->node_case == PG_QUERY__NODE__NODE_CREATE_SCHEMA_STMT)
		open_elements(check, statement);
}
