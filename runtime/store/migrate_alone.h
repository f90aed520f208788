/*
 * Migration alone: the one statement of a file that is no transaction (-- notransaction). Needs no database.
 *
 *     CREATE [UNIQUE] INDEX CONCURRENTLY [IF NOT EXISTS] name ON [ONLY] table …
 *     DROP INDEX CONCURRENTLY [IF EXISTS] name
 *     REINDEX [(…)] INDEX | TABLE CONCURRENTLY name
 *     ALTER TABLE parent DETACH PARTITION name CONCURRENTLY
 *
 * Each can be done again after it was interrupted at any moment, which is why there are no others. IF [NOT] EXISTS changes nothing:
 * the migrator takes away an index that a crash left invalid, and refuses another one of that name, before the statement runs.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/status.h"

enum { HM_ALONE_NAME_BYTES = 160 };

enum hm_alone_kind { HM_ALONE_CREATE_INDEX, HM_ALONE_DROP_INDEX, HM_ALONE_REINDEX, HM_ALONE_DETACH };

struct hm_migration_alone {
	enum hm_alone_kind kind;
	char name
		[HM_ALONE_NAME_BYTES]; /* of the index, of the table of a REINDEX TABLE, of the partition; as it is written */
	char table[HM_ALONE_NAME_BYTES]; /* CREATE INDEX: whose; DETACH: the parent; else "" */
	bool is_unique; /* CREATE INDEX */
	size_t rest, end; /* CREATE INDEX: what follows the table, without the semicolon, is text[rest..end) */
};

/* hm_migration_alone_read reads the statement of a notransaction file. INVALID_ARGUMENT: path, line, and what may be there. */
hm_status hm_migration_alone_read(const char *path, const char *text, struct hm_migration_alone *ret_alone);
