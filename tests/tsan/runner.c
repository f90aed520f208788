/*
 * Runner: what runs the tests under ThreadSanitizer, where Criterion's own does not start: it wants memory at an address that the sanitizer
 * keeps for itself. One test after the other, each in a process of its own, as there; the program's main, and what the
 * tests' macros call in a test's process, are here in the place of Criterion's.
 *
 *     run [--list] [--filter PATTERN]
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/redirect.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOWER = 10 /* than without the sanitizer */, TIMEOUT_S = 60, NAME_BYTES = 256 };

/* What the macros leave in the program; the linker names the ends. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[], *__stop_cr_sts[];
extern f_report_hook __start_cr_pra[], __stop_cr_pra[], __start_cr_poa[], __stop_cr_poa[];

/* ---- In a test's process --------------------------------------------------------------------------------------------- */

static struct {
	const struct criterion_test *test;
	const struct criterion_test_extra_data *suite; /* NULL: it has no options of its own */
	jmp_buf end;
	bool failed;
	FILE *captured; /* standard error, where a test asks for it */
} running;

static const struct criterion_test_extra_data *suite_of(const struct criterion_test *test)
{
	for (struct criterion_suite **suite = __start_cr_sts; suite < __stop_cr_sts; suite++)
		if (!strcmp((*suite)->name, test->category))
			return (*suite)->data;
	return NULL;
}

static void call(void (*function)(void))
{
	if (function)
		function();
}

void criterion_internal_test_setup(void)
{
	call(running.suite ? running.suite->init : NULL);
	call(running.test->data->init);
}

void criterion_internal_test_main(void (*function)(void))
{
	if (!setjmp(running.end))
		function();
}

void criterion_internal_test_teardown(void)
{
	call(running.test->data->fini);
	call(running.suite ? running.suite->fini : NULL);
}

void criterion_send_assert(struct criterion_assert_stats *stats)
{
	if (stats->passed)
		return;
	running.failed = true;
	fprintf(stderr, "%s:%u: %s\n", stats->file, stats->line, stats->message ? stats->message : "failed");
}

void criterion_abort_test(void)
{
	longjmp(running.end, 1);
}

void cr_redirect_stderr(void)
{
	int ends[2];

	if (pipe(ends) || dup2(ends[1], STDERR_FILENO) < 0)
		abort();
	close(ends[1]);
	running.captured = fdopen(ends[0], "r");
}

FILE *cr_get_redirected_stderr(void)
{
	close(STDERR_FILENO);
	return running.captured;
}

static int run_here(const struct criterion_test *test)
{
	running.test = test;
	running.suite = suite_of(test);
	test->test();
	return running.failed;
}

/* ---- In the process that starts them --------------------------------------------------------------------------------- */

static int run_apart(const char *program, size_t number, double timeout_s)
{
	char text[24];
	int status;
	pid_t pid;

	snprintf(text, sizeof text, "%zu", number);
	pid = fork();
	if (pid < 0)
		return -1;
	if (!pid) {
		alarm((unsigned)(SLOWER * (timeout_s > 0 ? timeout_s : TIMEOUT_S)));
		execl("/proc/self/exe", program, "--run", text, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid ? status : -1;
}

/* Whether it ended as it was to; the sanitizer has a test in which it found something end with a status of its own. */
static bool is_good(const struct criterion_test_extra_data *options, int status)
{
	if (options->signal)
		return WIFSIGNALED(status) && WTERMSIG(status) == options->signal;
	return WIFEXITED(status) && WEXITSTATUS(status) == options->exit_code;
}

static double timeout_of(const struct criterion_test *test)
{
	const struct criterion_test_extra_data *suite = suite_of(test);

	return test->data->timeout > 0 || !suite ? test->data->timeout : suite->timeout;
}

static void call_hooks(f_report_hook *hook, f_report_hook *end)
{
	for (; hook < end; hook++)
		(*hook)(NULL);
}

static int run_all(const char *program, const char *pattern)
{
	size_t n_tests = (size_t)(__stop_cr_tst - __start_cr_tst), n_tested = 0, n_failing = 0;

	call_hooks(__start_cr_pra, __stop_cr_pra);
	for (size_t i = 0; i < n_tests; i++) {
		const struct criterion_test *test = __start_cr_tst[i];
		char name[NAME_BYTES];
		int status;

		snprintf(name, sizeof name, "%s/%s", test->category, test->name);
		if (fnmatch(pattern, name, 0))
			continue;
		n_tested++;
		status = run_apart(program, i, timeout_of(test));
		if (!is_good(test->data, status)) {
			n_failing++;
			printf("[FAIL] %s (wait status %#x)\n", name, (unsigned)status);
		} else if (isatty(STDOUT_FILENO)) {
			printf("\r%zu of at most %zu\r", n_tested, n_tests);
		}
		fflush(stdout);
	}
	call_hooks(__start_cr_poa, __stop_cr_poa);
	printf("Tested: %zu | Passing: %zu | Failing: %zu\n", n_tested, n_tested - n_failing, n_failing);
	return n_failing || !n_tested;
}

static int list(void)
{
	for (struct criterion_test **test = __start_cr_tst; test < __stop_cr_tst; test++)
		printf("%s: %s\n", (*test)->category, (*test)->name);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "--list"))
		return list();
	if (argc == 3 && !strcmp(argv[1], "--run"))
		return run_here(__start_cr_tst[atoi(argv[2])]);
	if (argc == 3 && !strcmp(argv[1], "--filter"))
		return run_all(argv[0], argv[2]);
	if (argc == 1)
		return run_all(argv[0], "*");
	fprintf(stderr, "usage: %s [--list] [--filter PATTERN]\n", argv[0]);
	return 2;
}
