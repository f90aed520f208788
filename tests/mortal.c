/* Mortal: a child process and its folder. */
#include "tests/mortal.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/child.h"
#include "tests/cli.h"

/* The --var folder of the served program: keys are those of the test run. */
static char var[64], link_path[80], url[128];

static void remove_var(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", var);
	if (system(command))
		fprintf(stderr, "tests: %s is left behind\n", var);
}

const char *mortal_var(void)
{
	return var;
}

const char *mortal_url(void)
{
	return url;
}

void mortal_init(void)
{
	must(hm_crypto_init());
	snprintf(var, sizeof var, "/tmp/hallmark-crash-XXXXXX");
	cr_assert(mkdtemp(var));
	cr_assert_eq(chmod(var, 0711), 0); /* PostgreSQL's own account has to pass, or puts its data elsewhere */
	atexit(remove_var);
	snprintf(link_path, sizeof link_path, "%s/keys", var);
	cr_assert_eq(symlink(test_keys_folder(), link_path), 0);
	snprintf(url, sizeof url, "ipc://%s/run/accounting.sock", var);
}

pid_t mortal_serve(const char *dsn)
{
	char errors[100];
	const char *const argv[] = { cli_program(), "serve", "accounting", "--dsn", dsn, "--var", var, NULL };
	pid_t pid;
	int out;

	snprintf(errors, sizeof errors, "%s/errors", var);
	must(child_start(argv, errors, &pid, &out));
	close(out);
	return pid;
}

void mortal_kill(pid_t pid)
{
	int how;

	cr_assert_eq(kill(pid, SIGKILL), 0);
	cr_assert_eq(waitpid(pid, &how, 0), pid);
	cr_assert(WIFSIGNALED(how) && WTERMSIG(how) == SIGKILL, "it had ended before it was killed");
}
