/* Vault: files in a folder of /tmp, and statements as one of the service's roles. */
#include "tests/vault.h"

#include <criterion/criterion.h>
#include <libpq-fe.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[] = "/tmp/hallmark-vault-XXXXXX"; /* of this process's vaults */
static unsigned n_vaults;

static void remove_root(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", root);
	if (system(command))
		fprintf(stderr, "tests: %s is left behind\n", root);
}

struct vault vault_open(void)
{
	struct vault vault = { 0 };

	if (n_vaults++ == 0) {
		cr_assert(mkdtemp(root) != NULL);
		atexit(remove_root);
	}
	snprintf(vault.folder, sizeof vault.folder, "%s/%u", root, n_vaults);
	cr_assert_eq(mkdir(vault.folder, 0700), 0);
	test_database(vault.dsn);
	test_admin_dsn(vault.dsn, vault.admin_dsn);
	return vault;
}

void vault_write(const struct vault *vault, const char *name, const char *text)
{
	char path[128];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", vault->folder, name);
	file = fopen(path, "w");
	cr_assert(file && fputs(text, file) >= 0 && fclose(file) == 0);
}

hm_status vault_migrate(const struct vault *vault)
{
	return hm_migrate(&(struct hm_migrate_config){
		.admin_dsn = vault->admin_dsn, .dsn = vault->dsn, .service = "vault", .directory = vault->folder });
}

static PGconn *connect_as(const struct vault *vault, const char *role)
{
	char dsn[TEST_DSN_BYTES + 200];
	const char *login = strcmp(role, "owner") ? role : "migrator";

	snprintf(dsn, sizeof dsn, "%s%s%s options='-c search_path=vault,public -c client_min_messages=error%s'",
		 *role ? vault->dsn : vault->admin_dsn, *role ? " user=vault_" : "", login,
		 login == role ? "" : " -c role=vault_owner");
	return PQconnectdb(dsn);
}

static bool succeeded(const PGresult *result)
{
	return PQresultStatus(result) == PGRES_COMMAND_OK || PQresultStatus(result) == PGRES_TUPLES_OK;
}

static void note_answer(const PGresult *result, char *answer, size_t size)
{
	const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);

	if (!succeeded(result))
		snprintf(answer, size, "!%s", sqlstate ? sqlstate : "connection");
	else
		snprintf(answer, size, "%s", PQntuples(result) ? PQgetvalue(result, 0, 0) : "");
}

const char *vault_ask(const struct vault *vault, const char *role, const char *brand, const char *sql)
{
	static char answer[256];
	PGconn *connection = connect_as(vault, role);
	PGresult *result;

	PQclear(PQexec(connection, "BEGIN"));
	if (brand)
		PQclear(PQexecParams(connection, "SELECT set_config('hallmark.brand_id', $1, true)", 1, NULL, &brand,
				     NULL, NULL, 0));
	result = PQexec(connection, sql);
	note_answer(result, answer, sizeof answer);
	PQclear(result);
	result = PQexec(connection, "COMMIT");
	if (!succeeded(result))
		note_answer(result, answer, sizeof answer);
	PQclear(result);
	PQfinish(connection);
	return answer;
}
