/* PEM: what is wrong with a certificate or key is said by name, before anything listens. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "net/tls_own.h"
#include "tests/certificates.h"

enum { PATH_BYTES = 256 };

static char folder[PATH_BYTES];

/* A folder of one's own with good files in it, and then a command run there. */
static hm_status configure_after(const char *command)
{
	char line[4 * PATH_BYTES];

	snprintf(folder, sizeof folder, "/tmp/hallmark-pem-XXXXXX");
	cr_assert(mkdtemp(folder));
	snprintf(line, sizeof line, "C=%s; cp $C/one/*.pem %s && cd %s && { %s; } 2> /dev/null", test_certificates(),
		 folder, folder, command);
	cr_assert_eq(system(line), 0, "%s", line);
	return hm_tls_configure_folder(folder);
}

static void remove_folder(void)
{
	char line[2 * PATH_BYTES];

	snprintf(line, sizeof line, "rm -rf %s", folder);
	cr_assert_eq(system(line), 0);
}

static const struct {
	const char *command, *says[2];
	hm_status status;
} mistakes[] = {
	{ "rm ca.pem", { "/ca.pem", "make-certificates" }, HM_NOT_FOUND },
	{ "rm key.pem", { "no file", "/key.pem" }, HM_NOT_FOUND },
	{ "chmod 640 key.pem", { "key.pem has mode 640", "chmod 600" }, HM_FAILED_PRECONDITION },
	{ "chmod 666 ca.pem", { "ca.pem has mode 666", "chmod 644" }, HM_FAILED_PRECONDITION },
	{ "cp $C/two/key.pem .", { "key.pem is not the key of the certificate", "/cert.pem" }, HM_FAILED_PRECONDITION },
	{ "cp $C/old/*.pem .", { "/cert.pem expired on", "new one" }, HM_FAILED_PRECONDITION },
	{ "cp cert.pem ca.pem", { "/ca.pem is no authority's", "CA:TRUE" }, HM_FAILED_PRECONDITION },
	{ "cp key.pem cert.pem", { "/cert.pem", "no certificate in PEM form" }, HM_FAILED_PRECONDITION },
	{ "cp cert.pem key.pem", { "/key.pem", "no private key in PEM form" }, HM_FAILED_PRECONDITION },
	{ ": > cert.pem", { "/cert.pem", "no certificate" }, HM_FAILED_PRECONDITION },
	{ "head -c 300 cert.pem > c; mv c cert.pem", { "/cert.pem", "no certificate" }, HM_FAILED_PRECONDITION },
	{ "openssl pkey -in key.pem -aes128 -passout pass:x -out k; mv k key.pem; chmod 600 key.pem",
	  { "key.pem is encrypted", "openssl pkey" },
	  HM_FAILED_PRECONDITION },
	{ "rm key.pem; mkdir key.pem", { "/key.pem", "no PEM file" }, HM_FAILED_PRECONDITION },
	{ "rm key.pem; mkfifo key.pem; chmod 600 key.pem", { "/key.pem", "no PEM file" }, HM_FAILED_PRECONDITION },
};

Test(pem, says_which_file_is_wrong_and_what_to_do)
{
	for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++) {
		cr_expect_eq(configure_after(mistakes[i].command), mistakes[i].status, "%s", mistakes[i].command);
		for (size_t j = 0; j < 2; j++)
			cr_expect(strstr(hm_error_get()->message, mistakes[i].says[j]), "%s: %s", mistakes[i].command,
				  hm_error_get()->message);
		remove_folder();
	}
}

Test(pem, a_mistake_leaves_what_was_configured)
{
	static const char url[] = "tls+tcp://localhost:1";

	cr_expect_eq(hm_tls_check(url), HM_FAILED_PRECONDITION);
	test_tls("one");
	cr_expect_eq(hm_tls_configure_folder("/nowhere"), HM_NOT_FOUND);
	cr_expect_eq(hm_tls_check(url), HM_OK);
	cr_expect_eq(hm_tls_configure(NULL), HM_OK);
	cr_expect_eq(hm_tls_check(url), HM_FAILED_PRECONDITION);
}
