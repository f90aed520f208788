/* Host: what it refuses to open. */
#include "host/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/fixture.h"
#include "tests/services.h"

static hm_status open_at(const char *run, const struct hm_service *const *services)
{
	static const struct hm_service *const nobody[] = { NULL };
	const struct hm_host_config config = {
		.services = services, .known = nobody, .keys = test_keys_folder(), .run = run
	};
	SCOPED(hm_host) host = NULL;

	return hm_host_open(&config, &host);
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
