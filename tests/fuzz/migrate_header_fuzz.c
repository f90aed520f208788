/* Migration headers under any bytes: what is read is within its bounds, and says what goes together. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "store/migrate_header.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct hm_migration_header *header)
{
	const struct hm_migration_backfill *backfill = &header->backfill;
	bool is_backfill = *backfill->table;

	assert(memchr(backfill->table, 0, sizeof backfill->table));
	assert(memchr(backfill->remaining, 0, sizeof backfill->remaining));
	assert(is_backfill == (*backfill->remaining != '\0'));
	assert(!is_backfill || (backfill->batch >= 1 && backfill->batch <= 100000 && backfill->pause_ms <= 60000));
	assert(!is_backfill || !(header->notransaction || header->expands));
	assert(header->expands <= 9999);
	assert(header->statement_timeout_ms >= -1 && header->statement_timeout_ms <= 86400000);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct hm_migration_header header;
	char *text = malloc(size + 1);

	memcpy(text, data, size);
	text[size] = 0;
	if (hm_migration_header_read("x.sql", text, &header) == HM_OK)
		check(&header);
	free(text);
	return 0;
}
