/*
 * sqlgen SERVICE queries.sql OUTDIR: the statements of a service as C tables, OUTDIR/SERVICE.sql.{h,c}.
 *
 * Every statement has a header line, then comment lines (they go into the generated header), then one SELECT, INSERT,
 * UPDATE, DELETE or MERGE that ends with a semicolon:
 *
 *     -- rpc: ListFollowers [:rows] [[system]] [note]      the whole work of a method; symbol follows_sql_list_followers
 *     -- name: relation :rows [[system]] [note]            for the handlers;           symbol follows_sql_relation
 *
 * :rows is :one (no row is NOT_FOUND), :optional, :many (rows fill the reply's repeated message field) or :none (only
 * how many rows were touched). An rpc that does not say is :many if its name begins with List, else :one. "[system]" (or
 * the bare word, if it ends the line) runs the statement as <service>_system, which may cross brands; all others run as
 * <service>_app. Parameters are @lower_case, and become $1, $2 … (rewrite.c). What a query may not do: check.c.
 *
 * All errors are reported as file:line:column; then the exit status is 1 and nothing is written.
 */
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "sqlgen.h"

static bool read_file(const char *path, struct hm_buffer *ret_text)
{
	FILE *file = fopen(path, "rb");
	size_t got;

	if (!file)
		return false;
	do {
		got = fread(hm_buffer_reserve(ret_text, BUFSIZ), 1, BUFSIZ, file);
		hm_buffer_advance(ret_text, got);
	} while (got);
	got = (size_t)ferror(file);
	fclose(file);
	return !got;
}

static void compile(struct source *source)
{
	source_split(source);
	for (struct statement *at = source->statements; at; at = at->next)
		if (statement_rewrite(source, at))
			statement_check(source, at);
}

static bool write_file(const struct source *source, const char *service, const char *directory, const char *suffix,
		       void (*emit)(FILE *file, const char *service, const struct source *source))
{
	struct hm_buffer path = { 0 };
	bool ok = false;
	FILE *file;

	hm_buffer_printf(&path, "%s/%s.sql.%s", directory, service, suffix);
	file = fopen(path.data, "wb");
	if (file) {
		emit(file, service, source);
		ok = !ferror(file);
		ok = !fclose(file) && ok;
	}
	if (!ok)
		perror(path.data);
	hm_buffer_fini(&path);
	return ok;
}

static bool is_service_name(const char *name)
{
	return *name >= 'a' && *name <= 'z' && strspn(name, "abcdefghijklmnopqrstuvwxyz0123456789_") == strlen(name);
}

int main(int argc, char **argv)
{
	struct hm_buffer text = { 0 };
	struct source source = { .errors = stderr };
	bool ok;

	if (argc != 4 || !is_service_name(argv[1])) {
		fprintf(stderr, "usage: sqlgen SERVICE queries.sql OUTDIR\n");
		return 2;
	}
	if (!read_file(argv[2], &text)) {
		perror(argv[2]);
		return 1;
	}
	source.path = argv[2];
	source.text = text.data;
	source.size = text.size;
	compile(&source);
	ok = !source.n_errors && write_file(&source, argv[1], argv[3], "h", emit_header) &&
	     write_file(&source, argv[1], argv[3], "c", emit_source);
	hm_arena_fini(&source.arena);
	hm_buffer_fini(&text);
	return ok ? 0 : 1;
}
