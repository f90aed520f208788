/* Storetest: tables and short cuts for the store's tests. */
#include "tests/storetest.h"

#include <stdio.h>

#include "base/clock.h"
#include "base/id.h"

static const char schema[] =
	"SET ROLE notes_owner; SET search_path = notes;"
	"CREATE TABLE rows (brand_id text NOT NULL DEFAULT current_setting('hallmark.brand_id'), id uuid, flag boolean,"
	"  small smallint CHECK (small < 1000), whole integer, big bigint, single real, number double precision, words "
	"text,"
	"  short_words varchar(5), raw bytea, at timestamptz, day date, doc jsonb, plain json, kind text,"
	"  kind_number integer, names text[], numbers bigint[], ids uuid[], times timestamptz[], large bigint,"
	"  left_side text, right_side bigint, PRIMARY KEY (brand_id, id), UNIQUE (brand_id, words));"
	"CREATE TABLE children (brand_id text NOT NULL DEFAULT current_setting('hallmark.brand_id'), id uuid,"
	"  parent_id uuid, PRIMARY KEY (brand_id, id), FOREIGN KEY (brand_id, parent_id) REFERENCES rows (brand_id, "
	"id));"
	"CREATE TABLE refusing (brand_id text NOT NULL DEFAULT current_setting('hallmark.brand_id'), code text, words "
	"text);"
	"CREATE TABLE deferring (brand_id text NOT NULL DEFAULT current_setting('hallmark.brand_id'), words text,"
	"  CONSTRAINT deferring_words UNIQUE (brand_id, words) DEFERRABLE INITIALLY DEFERRED);"
	"CREATE TABLE dying (brand_id text NOT NULL DEFAULT current_setting('hallmark.brand_id'), words text);"
	"CREATE TABLE dozing (brand_id text NOT NULL DEFAULT current_setting('hallmark.brand_id'), words text);"
	"CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$"
	"  BEGIN RAISE EXCEPTION '%', NEW.words USING ERRCODE = NEW.code, HINT = 'BY_TRIGGER'; END $$;"
	"CREATE TRIGGER refuse BEFORE INSERT ON refusing FOR EACH ROW EXECUTE FUNCTION refuse();"
	"CREATE FUNCTION die() RETURNS trigger LANGUAGE plpgsql AS $$"
	"  BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;"
	"CREATE CONSTRAINT TRIGGER die AFTER INSERT ON dying DEFERRABLE INITIALLY DEFERRED"
	"  FOR EACH ROW EXECUTE FUNCTION die();"
	"CREATE FUNCTION doze() RETURNS trigger LANGUAGE plpgsql AS $$"
	"  BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;"
	"CREATE CONSTRAINT TRIGGER doze AFTER INSERT ON dozing DEFERRABLE INITIALLY DEFERRED"
	"  FOR EACH ROW EXECUTE FUNCTION doze();"
	"DO $$ DECLARE name text; BEGIN"
	"  FOREACH name IN ARRAY ARRAY['rows', 'children', 'refusing', 'deferring', 'dying', 'dozing'] LOOP"
	"    EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY; ALTER TABLE %1$I FORCE ROW LEVEL SECURITY;"
	"      CREATE POLICY brand ON %1$I TO notes_app"
	"        USING (brand_id = (SELECT nullif(current_setting(''hallmark.brand_id'', true), '''')));"
	"      GRANT SELECT, INSERT, UPDATE ON %1$I TO notes_app', name);"
	"  END LOOP; END $$;"
	"CREATE POLICY every_brand ON rows FOR SELECT TO notes_system USING (true);"
	"GRANT SELECT ON rows TO notes_system;"
	"CREATE TABLE locked_away (brand_id text NOT NULL);";

struct storetest storetest_open(unsigned connections_max)
{
	struct storetest test = { .store = NULL };

	test_database(test.dsn);
	(void)test_sql(test.dsn, schema);
	must(hm_store_open(
		&(struct hm_store_config){ .service = "notes", .dsn = test.dsn, .connections_max = connections_max },
		&test.store));
	return test;
}

void storetest_close(struct storetest *test)
{
	hm_store_close(test->store);
	hm_arena_fini(&test->arena);
}

struct hm_tx *storetest_tx(struct storetest *test, const char *brand, bool read_only, unsigned timeout_ms)
{
	const struct hm_tx_options options = {
		.brand = brand,
		.read_only = read_only,
		.deadline_us = timeout_ms ? hm_clock_mono_us() + (int64_t)timeout_ms * HM_US_PER_MS : 0,
	};
	struct hm_tx *tx;

	must(hm_tx_open(test->store, &test->arena, &options, &tx));
	return tx;
}

/* What a row with these words takes, its id made here. */
struct new_row {
	Storetest__Row row;
	char id[HM_ID_TEXT_BYTES];
	struct hm_builtin builtins[2];
};

static void make_row(struct new_row *made, const char *words)
{
	struct hm_id id = hm_id_new();

	*made = (struct new_row){ .row = STORETEST__ROW__INIT, .builtins = { { "new_id", made->id } } };
	hm_id_format(&id, made->id);
	made->row.words = words;
}

hm_status storetest_write(struct hm_tx *tx, const char *words)
{
	struct new_row made;

	make_row(&made, words);
	return hm_tx_query(tx, &storetest_sql_put_words, &made.row.base, made.builtins, NULL, NULL);
}

hm_status storetest_append(struct hm_tx *tx, const char *words)
{
	struct new_row made;

	make_row(&made, words);
	return hm_tx_append(tx, &storetest_sql_put_words, &made.row.base, made.builtins);
}

const char *storetest_put(struct storetest *test, const char *brand, const char *words)
{
	struct hm_tx *tx = storetest_tx(test, brand, false, 0);
	struct new_row made;

	make_row(&made, words);
	must(hm_tx_query(tx, &storetest_sql_put_words, &made.row.base, made.builtins, NULL, NULL));
	must(hm_tx_commit(tx));
	return hm_arena_strdup(&test->arena, made.id);
}

int64_t storetest_count(const struct storetest *test, const char *brand, const char *words)
{
	char sql[256];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM notes.rows WHERE brand_id = '%s' AND words = '%s'", brand,
		 words);
	return test_sql(test->dsn, sql);
}

void storetest_kill(const struct storetest *test)
{
	(void)test_sql(test->dsn, "SELECT count(pg_terminate_backend(pid, 10000)) FROM pg_stat_activity"
				  " WHERE usename = 'notes_app' AND datname = current_database()");
}
