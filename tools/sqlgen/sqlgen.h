/*
 * sqlgen, inside: a queries.sql on its way to C.
 *
 *     file --source_split--> statements --statement_rewrite--> $n and names --statement_check--> --emit--> .h, .c
 *
 * Everything lives in the source's arena. Stages report what is wrong at its place in the file and go on, so that one
 * run shows every error; nothing is written if there was one.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "base/arena.h"
#include "store/query.h"

struct source {
	const char *path; /* as given; reports and generated tables quote it */
	const char *text;
	size_t size;
	FILE *errors; /* NULL: count only */
	unsigned n_errors;
	struct hm_arena arena;
	struct statement *statements; /* a list in the file's order */
};

/* One place where `@name` became `$n`: what lies behind it is shifted. */
struct patch {
	size_t from; /* of '@', in the body */
	size_t to; /* of '$', in sql */
};

struct statement {
	struct statement *next;
	/* from the header */
	const char *name; /* "relation", or "ListFollowers" */
	const char *symbol; /* "relation", "list_followers" */
	const char *note; /* the header's free text; "" if none */
	enum hm_rows rows;
	bool is_rpc, is_system;
	size_t header_at; /* offset in the file */
	/* what follows the header, to the next one */
	const char *body; /* NUL-terminated copy */
	size_t body_at; /* its offset in the file */
	/* from statement_rewrite */
	const char *comment; /* lines of comment above the statement, without their dashes; "" if none */
	const char *sql; /* with $1 … */
	const char **parameters; /* NULL-terminated */
	size_t n_parameters;
	size_t sql_at; /* where sql begins in the body */
	struct patch *patches;
	size_t n_patches;
};

/* source_split finds the headers and makes source->statements. The text must stay. */
void source_split(struct source *source);

/* source_report prints "path:line:column: …" for an offset of the file, and counts it. */
void source_report(struct source *source, size_t offset, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* source_line returns the line (from 1) of an offset; ret_column (may be NULL) the column in bytes, from 1. */
int source_line(const struct source *source, size_t offset, int *ret_column);

/* statement_rewrite fills sql and parameters; false (reported) if it cannot. */
bool statement_rewrite(struct source *source, struct statement *statement);

/* statement_origin maps an offset in sql to the file's. */
size_t statement_origin(const struct statement *statement, size_t sql_offset);

/* statement_check parses sql and reports a syntax error, or whatever queries may not do. */
void statement_check(struct source *source, const struct statement *statement);

/* character_offset turns PostgreSQL's error position (characters, from 1) into bytes. */
size_t character_offset(const char *text, int position);

/* emit_header and emit_source write the generated files. */
void emit_header(FILE *file, const char *service, const struct source *source);
void emit_source(FILE *file, const char *service, const struct source *source);
