/* Split: sqlgen's code at work for the checks. Its names for things are others than here, so nothing else is included. */
#include <stdlib.h>
#include <string.h>

#include "queries.h"
#include "tools/sqlgen/sqlgen.h"

static struct query *make_query(struct source *source, const struct statement *from, bool is_rewritten)
{
	struct query *query = hm_arena_zalloc(&source->arena, sizeof *query);

	query->origin = from;
	query->begin = from->header_at;
	query->end = from->next ? from->next->header_at : source->size;
	query->table = (struct hm_query){
		.name = from->name,
		.sql = is_rewritten ? from->sql : NULL,
		.rows = from->rows,
		.is_rpc = from->is_rpc,
		.is_system = from->is_system,
		.parameters = (const char *const *)from->parameters,
		.file = source->path,
		.line = source_line(source, from->header_at, NULL),
	};
	return query;
}

/* What sqlgen makes lives as long as the queries: it is lent the arena they are in. */
struct query *queries_split(struct hm_arena *arena, const char *path, const char *text, size_t size,
			    struct hm_buffer *refusals)
{
	char *words = NULL;
	size_t n_words = 0;
	struct source source = { .path = path, .text = text, .size = size, .arena = *arena };
	struct query *first = NULL, **tail = &first;

	source.errors = open_memstream(&words, &n_words);
	if (!source.errors)
		abort();
	source_split(&source);
	for (struct statement *one = source.statements; one; one = one->next) {
		bool is_rewritten = statement_rewrite(&source, one);

		if (is_rewritten)
			statement_check(&source, one);
		*tail = make_query(&source, one, is_rewritten);
		tail = &(*tail)->next;
	}
	fclose(source.errors);
	hm_buffer_add(refusals, words, n_words);
	free(words);
	*arena = source.arena;
	return first;
}

size_t query_origin(const struct query *query, size_t offset)
{
	return statement_origin(query->origin, offset);
}
