/*
 * Database: one throw-away PostgreSQL cluster for the whole test run, one database of its own for each test.
 *
 * The runner starts the cluster before the first test (Criterion's PRE_ALL), migrates every service into a template, and stops
 * it after the last. Tests run in processes of their own and find it through the environment.
 */
#pragma once
#include <stdint.h>

enum { TEST_DSN_BYTES = 512 };

/* test_database makes a database, a copy of the template with every schema migrated and secured, and writes its conninfo
 * without user. Fails the test if it cannot. */
void test_database(char ret_dsn[TEST_DSN_BYTES]);

/* test_admin_dsn writes the superuser's conninfo for the same database. */
void test_admin_dsn(const char *dsn, char ret_dsn[TEST_DSN_BYTES]);

/* test_sql runs SQL as the superuser and returns the last result's first value as a number, 0 if there is none. Rows of all
 * brands are seen. */
int64_t test_sql(const char *dsn, const char *sql);

/* test_keys_folder is the folder of the run's keys: operator, identity, service-<name> of each. */
const char *test_keys_folder(void);

/* test_keys_own gives this test a copy of them under /tmp, to change as it likes; before anything reads keys. Removed when the
 * test's process ends. */
void test_keys_own(void);
