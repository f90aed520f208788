/* Host: what it refuses to open. */
#include "host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "echo/v1/echo.hm.h"
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"
#include "tests/services.h"

static hm_status open_on(const char *dsn, const char *run, const struct hm_service *const *services)
{
	static const struct hm_service *const nobody[] = { NULL };
	const struct hm_host_config config = {
		.services = services, .known = nobody, .dsn = dsn, .keys = test_keys_folder(), .run = run
	};
	SCOPED(hm_host) host = NULL;

	return hm_host_open(&config, &host);
}

static hm_status open_at(const char *run, const struct hm_service *const *services)
{
	return open_on(NULL, run, services);
}

/* Notes, with one of its queries written otherwise. Once a test. */
static const struct hm_service *notes_with(const char *name, const char *sql)
{
	static const struct hm_query *queries[64];
	static struct hm_query_table table;
	static struct hm_service service;
	static struct hm_query query;

	service = notes_service;
	table = *service.queries;
	cr_assert_leq(table.n_queries, sizeof queries / sizeof *queries);
	for (size_t i = 0; i < table.n_queries; i++)
		queries[i] = table.queries[i];
	for (size_t i = 0; i < table.n_queries; i++)
		if (!strcmp(queries[i]->name, name)) {
			query = *queries[i];
			query.sql = sql;
			queries[i] = &query;
		}
	table.queries = queries;
	service.queries = &table;
	return &service;
}

Test(host, refuses_a_service_whose_query_does_not_fit_its_contract)
{
	const struct hm_service *const services[] = {
		notes_with("GetNote", "SELECT id, title, amount AS body FROM notes WHERE id = $1"), &echo_service, NULL
	};
	char dsn[TEST_DSN_BYTES];

	must(hm_crypto_init());
	test_database(dsn);
	refuses(INTERNAL, open_on(dsn, "/tmp/hallmark-never-made", services));
	cr_assert(strstr(hm_error_get()->message, "GetNote: column body (bigint) does not fit for its field"), "%s",
		  hm_error_get()->message);
	cr_assert(strstr(hm_error_get()->message, "tests/services/notes/queries.sql:"), "%s", hm_error_get()->message);
}

Test(host, refuses_a_run_folder_that_others_may_write_into)
{
	const struct hm_service *const services[] = { test_services[0], NULL };
	char folder[] = "/tmp/hallmark-run-XXXXXX", link_path[sizeof folder + 2];

	cr_assert(mkdtemp(folder));
	snprintf(link_path, sizeof link_path, "%s.l", folder);
	cr_assert_eq(symlink(folder, link_path), 0);
	refuses(FAILED_PRECONDITION, open_at(link_path, services));
	cr_assert_eq(chmod(folder, 0777), 0);
	refuses(FAILED_PRECONDITION, open_at(folder, services));
	cr_assert_eq(chmod(folder, 0700), 0);
	must(open_at(folder, services));
	cr_assert_eq(unlink(link_path), 0);
	cr_assert_eq(rmdir(folder), 0);
}

Test(host, refuses_to_serve_nothing)
{
	const struct hm_service *const nothing[] = { NULL };

	refuses(INVALID_ARGUMENT, open_at("/tmp/hallmark-never-made", nothing));
}
