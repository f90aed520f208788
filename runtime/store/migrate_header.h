/*
 * Migration headers: what a file's first comment lines say about how it is to be run. Needs no database: the migrator
 * and the static checks read them by this one parser.
 *
 *     -- notransaction                                  outside any transaction: exactly one statement (migrate_alone.h)
 *     -- statement_timeout: 30s                         ms, s, min, h, up to 24h; or none
 *     -- contract: expands=0007                         takes away what nothing needs since 0007 was rolled out
 *     -- backfill: table=accounts batch=1000 pause=50ms in many small transactions; batch 1000, pause 0ms if not given
 *     -- remaining: currency_code IS NULL               which rows of that table are still to do
 *
 * Headers stand in the leading block: the lines before the first that is neither empty nor begins with "--". Any other
 * comment may stand among them. A header is written just so, "-- word: value", each once. What is nearly one (another
 * case, a letter wrong, no space, no colon, a key that is not known), and one that stands further down, is refused: a
 * header that is silently a comment would run the file in another way than it says.
 *
 * What goes together: `remaining` and `backfill` need each other; a backfill is neither contract nor notransaction.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

enum { HM_MIGRATION_TABLE_BYTES = 64, HM_MIGRATION_REMAINING_BYTES = 512, HM_MIGRATION_TIMEOUT_DEFAULT = -1 };

struct hm_migration_backfill {
	char table[HM_MIGRATION_TABLE_BYTES]; /* "": the file is no backfill */
	uint32_t batch; /* rows a transaction, 1 to 100000 */
	uint32_t pause_ms; /* between two of them, at least */
	char remaining[HM_MIGRATION_REMAINING_BYTES]; /* a condition over the table's rows */
};

struct hm_migration_header {
	bool notransaction;
	int64_t statement_timeout_ms; /* 0: none; HM_MIGRATION_TIMEOUT_DEFAULT: not said */
	unsigned expands; /* of a contract: the version it names; 0: the file is none */
	struct hm_migration_backfill backfill;
};

/* hm_migration_header_read reads a file's text (NUL-terminated); path is for the messages. Whether the version that a
 * contract names is there is not looked at. INVALID_ARGUMENT: path, line, what is wrong and how it is written. */
hm_status hm_migration_header_read(const char *path, const char *text, struct hm_migration_header *ret_header);

/* hm_migration_duration_read reads "30s" as milliseconds, of which there may be max_ms; false if it is none. */
bool hm_migration_duration_read(const char *text, uint64_t max_ms, uint64_t *ret_ms);
