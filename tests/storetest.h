/*
 * Storetest: a store on a database of the test's own, with the tables that tests/services/storetest/queries.sql speaks of.
 * They lie in the schema of notes and are secured as a migration would: the brand's policy for notes_app alone.
 */
#pragma once
#include <criterion/criterion.h>

#include "store/store.h"
#include "storetest/rows.pb-c.h"
#include "storetest/storetest.sql.h"
#include "tests/database.h"
#include "tests/fixture.h"

struct storetest {
	char dsn[TEST_DSN_BYTES];
	struct hm_store *store;
	struct hm_arena arena;
};

/* storetest_open makes the database and opens a store with so many connections a role (0: the default). */
struct storetest storetest_open(unsigned connections_max);
void storetest_close(struct storetest *test);

/* storetest_tx opens a transaction of notes_app for a brand; timeout_ms 0: no deadline. */
struct hm_tx *storetest_tx(struct storetest *test, const char *brand, bool read_only, unsigned timeout_ms);

/* storetest_write stores a row with these words; storetest_append queues it to be sent with the commit. */
hm_status storetest_write(struct hm_tx *tx, const char *words);
hm_status storetest_append(struct hm_tx *tx, const char *words);

/* storetest_put stores a row with these words in a transaction of its own, and returns its id, in the arena. */
const char *storetest_put(struct storetest *test, const char *brand, const char *words);

/* storetest_count counts a brand's rows that have these words. */
int64_t storetest_count(const struct storetest *test, const char *brand, const char *words);

/* storetest_kill ends every backend of notes_app in this database, and waits until they are gone. */
void storetest_kill(const struct storetest *test);
