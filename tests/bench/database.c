/* Database: an embedded cluster with fsync on, as `hallmark up` starts one. */
#include "tests/bench/database.h"

#include <libpq-fe.h>
#include <stdio.h>
#include <string.h>

#include "store/migrate.h"
#include "tests/bench/folder.h"
#include "tests/bench/server.h"

/* In the brand of the calls, by numbers: pgbench can compute the same ids. */
static const char fill[] = "INSERT INTO notes.notes (brand_id, id, title, body, amount) "
			   "SELECT '" BENCH_BRAND "', lpad(n::text, 32, '0')::uuid, '" DATABASE_NOTE_TITLE
			   "', '" DATABASE_NOTE_BODY "', n FROM generate_series(1, %d) n; "
			   "ANALYZE notes.notes; CHECKPOINT";

void database_note_id(unsigned number, char ret_id[HM_ID_TEXT_BYTES])
{
	snprintf(ret_id, HM_ID_TEXT_BYTES, "00000000-0000-0000-0000-%012u", number);
}

static hm_status run(const char *dsn, const char *sql)
{
	PGconn *connection = PQconnectdb(dsn);
	PGresult *result = PQexec(connection, sql);
	ExecStatusType kind = PQresultStatus(result);
	hm_status status = HM_OK;

	if (kind != PGRES_COMMAND_OK && kind != PGRES_TUPLES_OK)
		status = hm_raise(INTERNAL, "%s: %s", sql, PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return status;
}

static hm_status prepare(const struct hm_cluster *cluster)
{
	static const struct {
		const char *service, *directory;
	} schemas[] = {
		{ "notes", "tests/services/notes/migrations" },
		{ "platform", "services/platform/migrations" },
		{ "identity", "services/identity/migrations" },
	};
	char sql[sizeof fill + 16];

	for (size_t i = 0; i < sizeof schemas / sizeof *schemas; i++) {
		TRY(hm_cluster_admit(cluster, schemas[i].service));
		TRY(hm_migrate(&(struct hm_migrate_config){ .admin_dsn = hm_cluster_admin_dsn(cluster),
							    .dsn = hm_cluster_dsn(cluster),
							    .service = schemas[i].service,
							    .directory = schemas[i].directory }));
	}
	snprintf(sql, sizeof sql, fill, DATABASE_NOTES);
	return run(hm_cluster_admin_dsn(cluster), sql);
}

hm_status database_start(const char *folder, struct database *ret_database)
{
	char directory[DATABASE_PATH_BYTES];

	snprintf(directory, sizeof directory, "%s/pg", folder);
	TRY(hm_cluster_start(&(struct hm_cluster_config){ .directory = directory, .durable = true },
			     &ret_database->cluster));
	snprintf(ret_database->directory, sizeof ret_database->directory, "%s",
		 hm_cluster_directory(ret_database->cluster));
	return prepare(ret_database->cluster);
}

void database_stop(struct database *database)
{
	if (!database->cluster)
		return;
	hm_cluster_stop(database->cluster);
	folder_remove(database->directory);
	*database = (struct database){ 0 };
}
