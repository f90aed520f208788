/* Emit: the generated header and source. SQL stays readable: one C string literal a line of it. */
#include <string.h>

#include "sqlgen.h"

static const char *const rows_names[] = {
	[HM_ROWS_ONE] = "HM_ROWS_ONE",
	[HM_ROWS_OPTIONAL] = "HM_ROWS_OPTIONAL",
	[HM_ROWS_MANY] = "HM_ROWS_MANY",
	[HM_ROWS_NONE] = "HM_ROWS_NONE",
};

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* A comment's text must neither end the C comment nor seem to begin another. */
static void put_comment_text(FILE *file, const char *text, const char *indent)
{
	for (; *text; text++) {
		if (*text == '\n') {
			fprintf(file, "\n%s", text[1] ? indent : "");
			continue;
		}
		fputc(*text, file);
		if ((text[0] == '*' && text[1] == '/') || (text[0] == '/' && text[1] == '*'))
			fputc(' ', file);
	}
}

static void put_comment(FILE *file, const struct source *source, const struct statement *statement)
{
	fprintf(file, "/* %s (%s:%d)", statement->name, base_name(source->path),
		source_line(source, statement->header_at, NULL));
	if (*statement->note)
		fprintf(file, ": ");
	put_comment_text(file, statement->note, " * ");
	fprintf(file, *statement->comment ? "\n * " : " ");
	put_comment_text(file, statement->comment, " * ");
	fprintf(file, *statement->comment ? " */\n" : "*/\n");
}

static void put_char(FILE *file, unsigned char c)
{
	if (c == '"' || c == '\\')
		fprintf(file, "\\%c", c);
	else if (c == '\t')
		fprintf(file, "\\t");
	else if (c < ' ' || c == 0x7f)
		fprintf(file, "\\%03o", c);
	else
		fputc(c, file);
}

/* A new literal begins behind each newline. */
static void put_literal(FILE *file, const char *text)
{
	fputc('"', file);
	for (; *text; text++) {
		if (*text == '\n')
			fprintf(file, "\\n\"\n\t       \"");
		else
			put_char(file, (unsigned char)*text);
	}
	fputc('"', file);
}

static void put_query(FILE *file, const char *service, const struct source *source, const struct statement *statement)
{
	fprintf(file, "static const char *const %s_parameters[] = { ", statement->symbol);
	for (size_t i = 0; i < statement->n_parameters; i++)
		fprintf(file, "\"%s\", ", statement->parameters[i]);
	fprintf(file, "NULL };\n\n");
	put_comment(file, source, statement);
	fprintf(file, "const struct hm_query %s_sql_%s = {\n\t.name = \"%s\",\n\t.sql = ", service, statement->symbol,
		statement->name);
	put_literal(file, statement->sql);
	fprintf(file, ",\n\t.rows = %s,\n\t.is_rpc = %s,\n\t.is_system = %s,\n\t.parameters = %s_parameters,\n",
		rows_names[statement->rows], statement->is_rpc ? "true" : "false",
		statement->is_system ? "true" : "false", statement->symbol);
	fprintf(file, "\t.file = ");
	put_literal(file, source->path);
	fprintf(file, ",\n\t.line = %d,\n};\n\n", source_line(source, statement->header_at, NULL));
}

void emit_header(FILE *file, const char *service, const struct source *source)
{
	fprintf(file,
		"/* The queries of %s, made by sqlgen from %s. Do not edit: change that and build. */\n"
		"#pragma once\n#include \"store/query.h\"\n\n"
		"extern const struct hm_query_table %s_queries;\n",
		service, base_name(source->path), service);
	for (const struct statement *at = source->statements; at; at = at->next) {
		fputc('\n', file);
		put_comment(file, source, at);
		fprintf(file, "extern const struct hm_query %s_sql_%s;\n", service, at->symbol);
	}
}

void emit_source(FILE *file, const char *service, const struct source *source)
{
	size_t n = 0;

	fprintf(file,
		"/* The queries of %s, made by sqlgen from %s. Do not edit: change that and build. */\n"
		"#include \"%s.sql.h\"\n\n",
		service, base_name(source->path), service);
	for (const struct statement *at = source->statements; at; at = at->next)
		put_query(file, service, source, at);
	fprintf(file, "static const struct hm_query *const all[] = {\n");
	for (const struct statement *at = source->statements; at; at = at->next, n++)
		fprintf(file, "\t&%s_sql_%s,\n", service, at->symbol);
	fprintf(file,
		"\tNULL,\n};\n\nconst struct hm_query_table %s_queries = {\n"
		"\t.service = \"%s\",\n\t.queries = all,\n\t.n_queries = %zu,\n};\n",
		service, service, n);
}
