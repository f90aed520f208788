/* Migration trial: files one by one, rows in between, and what each statement wrote. */
#include "tests/migration_trial.h"

#include <dirent.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "tests/fixture.h"
#include "tests/vault.h"

static char offences[1024];

/* ---- Files and rows ---------------------------------------------------------------------------------------------- */

static struct hm_buffer read_file(const char *path)
{
	struct hm_buffer text = { 0 };
	FILE *file = fopen(path, "r");
	size_t n;

	hm_buffer_add_text(&text, "");
	while (file && (n = fread(hm_buffer_reserve(&text, 4096), 1, 4096, file)) > 0)
		hm_buffer_advance(&text, n);
	hm_buffer_add(&text, "", 1);
	if (file)
		fclose(file);
	return text;
}

static int is_sql(const struct dirent *entry)
{
	const char *dot = strrchr(entry->d_name, '.');

	return dot && !strcmp(dot, ".sql");
}

static void copy_file(const struct vault *vault, const char *directory, const char *name)
{
	char path[512];
	struct hm_buffer text;

	snprintf(path, sizeof path, "%s/%s", directory, name);
	text = read_file(path);
	vault_write(vault, name, text.data);
	hm_buffer_fini(&text);
}

/* As the superuser, with the service's schema as search_path. */
static void run_sql(const struct vault *vault, const char *service, const char *path)
{
	struct hm_buffer text = read_file(path);
	char dsn[TEST_DSN_BYTES + 100];
	PGconn *connection;
	PGresult *result;

	snprintf(dsn, sizeof dsn, "%s options='-c search_path=%s,public -c client_min_messages=error'",
		 vault->admin_dsn, service);
	connection = PQconnectdb(dsn);
	result = PQexec(connection, text.data);
	cr_assert_neq(PQresultStatus(result), PGRES_FATAL_ERROR, "%s: %s: %s", service, path,
		      PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	hm_buffer_fini(&text);
}

/* ---- What was written -------------------------------------------------------------------------------------------- */

static void note(const char *file, const char *what)
{
	size_t used = strlen(offences);

	snprintf(offences + used, sizeof offences - used, "%s: %s\n", file, what);
}

static void on_step(void *user, const char *service, const char *what)
{
	(void)user, (void)service, (void)what;
}

static void on_wrote(void *user, const char *file, const char *statement, size_t bytes, uint64_t rows)
{
	static const char *const writing[] = { "update", "delete", "insert", "merge", "with" };
	char what[200];

	(void)user;
	for (size_t i = 0; i < sizeof writing / sizeof *writing; i++) {
		if (rows || strncasecmp(statement, writing[i], strlen(writing[i])))
			continue;
		snprintf(what, sizeof what, "touched no row: %.*s", (int)(bytes < 120 ? bytes : 120), statement);
		note(file, what);
	}
}

static void check_backfill(const struct vault *vault, const char *service, const char *file, size_t version)
{
	char sql[200];

	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM %s.hallmark_progress JOIN %s.hallmark_migration USING (version) "
		 "WHERE version = %zu AND last_key IS NOT NULL AND rows_changed = 0",
		 service, service, version);
	if (strcmp(vault_ask(vault, "", NULL, sql), "0"))
		note(file, "the backfill touched no row");
}

/* ---- File by file ------------------------------------------------------------------------------------------------ */

static void try_file(const char *service, const char *directory, const char *rows_path, struct dirent **files, size_t n)
{
	static const struct hm_migrate_progress progress = { .step = on_step, .wrote = on_wrote };
	struct vault vault = vault_open();
	struct hm_migrate_config config = {
		.admin_dsn = vault.admin_dsn, .dsn = vault.dsn, .service = service, .directory = vault.folder
	};
	char sql[100];

	snprintf(sql, sizeof sql, "DROP SCHEMA IF EXISTS %s CASCADE", service);
	vault_ask(&vault, "", NULL, sql);
	for (size_t i = 0; i < n; i++)
		copy_file(&vault, directory, files[i]->d_name);
	must(hm_migrate(&config));
	run_sql(&vault, service, rows_path);
	run_sql(&vault, service, "tests/populate.sql");
	copy_file(&vault, directory, files[n]->d_name);
	config.progress = &progress;
	config.contract_gap_s = HM_CONTRACT_GAP_NONE;
	if (hm_migrate(&config) != HM_OK)
		note(files[n]->d_name, hm_error_get()->message);
	check_backfill(&vault, service, files[n]->d_name, n + 1);
}

const char *migration_trial(const char *service, const char *directory, const char *rows_path)
{
	struct dirent **files;
	int n = scandir(directory, &files, is_sql, alphasort);

	cr_assert_gt(n, 0, "%s", directory);
	*offences = '\0';
	for (int i = 1; i < n; i++)
		try_file(service, directory, rows_path, files, (size_t)i);
	for (int i = 0; i < n; i++)
		free(files[i]);
	free(files);
	return offences;
}
