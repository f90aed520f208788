/* Certificates: the script does it; a run's folder is found again by the tests' processes through the environment. */
#include "tests/certificates.h"

#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/tls.h"

enum { PATH_BYTES = 128, COMMAND_BYTES = 1024 };

static const char env_name[] = "HALLMARK_TEST_CERTIFICATES";

/* $F in the command is the folder. */
static void in_folder(const char *folder, const char *what)
{
	char command[COMMAND_BYTES];

	snprintf(command, sizeof command, "F=%s; %s", folder, what);
	if (system(command)) {
		fprintf(stderr, "tests: failed: %s\n", command);
		exit(1);
	}
}

ReportHook(PRE_ALL)(struct criterion_test_set *set)
{
	char folder[PATH_BYTES];

	(void)set;
	snprintf(folder, sizeof folder, "/tmp/hallmark-certificates-%ld", (long)getpid());
	in_folder(
		folder,
		"tools/make-certificates $F one two && HOSTS=elsewhere.example tools/make-certificates $F elsewhere && "
		"DAYS=-1 tools/make-certificates $F old && tools/make-certificates $F/other stranger && "
		"mv $F/other/stranger $F");
	setenv(env_name, folder, 1);
}

ReportHook(POST_ALL)(struct criterion_global_stats *stats)
{
	(void)stats;
	in_folder(getenv(env_name), "rm -rf $F");
}

const char *test_certificates(void)
{
	return getenv(env_name);
}

void test_tls(const char *who)
{
	char folder[PATH_BYTES + 32];

	snprintf(folder, sizeof folder, "%s/%s", test_certificates(), who);
	cr_assert_eq(hm_tls_configure_folder(folder), HM_OK, "%s", hm_error_get()->message);
}
