/*
 * Vault: a service of no more than a schema, whose migrations a test writes as it goes, in the test's own database.
 *
 *     struct vault v = vault_open();
 *     vault_write(&v, "0001_init.sql", VAULT_AUDIT_LOG "CREATE TABLE …");
 *     must(vault_migrate(&v));
 *     cr_expect_str_eq(vault_ask(&v, "app", "loop", "SELECT count(*) FROM things"), "0");
 */
#pragma once
#include "store/migrate.h"
#include "tests/database.h"

struct vault {
	char dsn[TEST_DSN_BYTES], admin_dsn[TEST_DSN_BYTES];
	char folder[64]; /* of its migrations; removed when the test's process ends */
};

/* Line 1 of a file that begins with it, all of it. */
#define VAULT_AUDIT_LOG                                                                                             \
	"CREATE TABLE audit_log (id uuid PRIMARY KEY, occurred_at timestamptz NOT NULL, actor_type text NOT NULL, " \
	"actor_id text NOT NULL, actor_brand_id text, event_type text NOT NULL, entity_type text, entity_id text, " \
	"brand_id text NOT NULL, request_id text, details jsonb);\n"
#define VAULT_THINGS \
	"CREATE TABLE things (brand_id text NOT NULL, id int NOT NULL, name text, PRIMARY KEY (brand_id, id));\n"

struct vault vault_open(void);
void vault_write(const struct vault *vault, const char *name, const char *text);
hm_status vault_migrate(const struct vault *vault);

/* vault_ask runs one statement in a transaction of a role ("app", "system", "migrator", "owner", or "" for the superuser)
 * with a brand (NULL: none), and returns its first value as text, "" if there is none, "!" and SQLSTATE if it fails. The
 * answer is overwritten by the next. */
const char *vault_ask(const struct vault *vault, const char *role, const char *brand, const char *sql);
