/* Migration text under any bytes: statements and tokens follow each other, none is empty, and places stay inside; so do the parts of a
 * statement that is no transaction. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/migrate_alone.h"
#include "store/migrate_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_tokens(const char *text, size_t length)
{
	size_t begin, end = 0, before = 0;

	while (sql_token_find(text, end, &begin, &end)) {
		assert(before <= begin && begin < end && end <= length);
		before = end;
	}
	assert(begin == end && end == length);
}

static void check_alone(const char *text, size_t length)
{
	struct hm_migration_alone alone;

	if (hm_migration_alone_read("x.sql", text, &alone) != HM_OK)
		return;
	assert(*alone.name && memchr(alone.name, 0, sizeof alone.name) && memchr(alone.table, 0, sizeof alone.table));
	assert(alone.kind != HM_ALONE_CREATE_INDEX || (alone.rest < alone.end && alone.end <= length));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	size_t length, begin, end = 0, before = 0;
	unsigned line, column;

	memcpy(text, data, size);
	text[size] = 0;
	length = strlen(text);
	while (sql_statement_find(text, end, &begin, &end)) {
		assert(before <= begin && begin < end && end <= length);
		text_place(text, begin, &line, &column);
		assert(line >= 1 && column >= 1 && line <= length + 1);
		before = end;
	}
	check_tokens(text, length);
	check_alone(text, length);
	assert(text_offset(text, size ? data[0] : 0) <= length);
	free(text);
	return 0;
}
