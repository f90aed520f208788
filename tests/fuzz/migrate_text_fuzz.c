/* Migration text under any bytes: statements follow each other, none is empty, and places stay inside. */
#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "store/migrate_text.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

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
	assert(text_offset(text, size ? data[0] : 0) <= length);
	free(text);
	return 0;
}
