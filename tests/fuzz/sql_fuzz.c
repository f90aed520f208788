/*
 * Fuzzes sqlgen's splitter, parameter rewriter and checks. Beyond not crashing: in what was accepted, PostgreSQL's scanner
 * must find every parameter as $1 … $n, and every place must map back into the file.
 */
#include <pg_query.h>
#include <pg_query/pg_query.pb-c.h>
#include <stdlib.h>
#include <string.h>

#include "tools/sqlgen/sqlgen.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_parameters(const struct statement *statement)
{
	PgQueryScanResult result = pg_query_scan(statement->sql);
	PgQuery__ScanResult *scan;
	size_t seen = 0;

	if (result.error)
		abort();
	scan = pg_query__scan_result__unpack(NULL, result.pbuf.len, (const uint8_t *)result.pbuf.data);
	for (size_t i = 0; i < scan->n_tokens; i++) {
		unsigned long number;

		if (scan->tokens[i]->token != PG_QUERY__TOKEN__PARAM)
			continue;
		number = strtoul(statement->sql + scan->tokens[i]->start + 1, NULL, 10);
		if (number < 1 || number > statement->n_parameters)
			abort();
		seen++;
	}
	if (seen != statement->n_patches)
		abort();
	pg_query__scan_result__free_unpacked(scan, NULL);
	pg_query_free_scan_result(result);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = memcpy(calloc(size + 1, 1), data, size);
	struct source source = { .path = "fuzz", .text = text, .size = size };

	source_split(&source);
	for (struct statement *at = source.statements; at; at = at->next) {
		if (!statement_rewrite(&source, at))
			continue;
		check_parameters(at);
		for (size_t i = 0; i <= strlen(at->sql); i++)
			if (statement_origin(at, i) > size)
				abort();
		statement_check(&source, at);
	}
	hm_arena_fini(&source.arena);
	free(text);
	return 0;
}
