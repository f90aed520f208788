/*
 * Runner: what runs the tests under ThreadSanitizer, where Criterion's own does not start: it wants memory at an address that the sanitizer
 * keeps for itself. As many at a time as there are processors, each in a process of its own, as there; the program's main, and what the
 * tests' macros call in a test's process, are here in the place of Criterion's.
 *
 *     run [--list] [--filter PATTERN]
 */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/logging.h>
#include <criterion/redirect.h>
#include <errno.h>
#include <fnmatch.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { SLOWER = 10 /* than without the sanitizer */, TIMEOUT_S = 60, JOBS_MAX = 64, NAME_BYTES = 256 };

/* What the macros leave in the program; the linker names the ends. */
extern struct criterion_test *__start_cr_tst[], *__stop_cr_tst[];
extern struct criterion_suite *__start_cr_sts[], *__stop_cr_sts[];
extern f_report_hook __start_cr_pra[], __stop_cr_pra[], __start_cr_poa[], __stop_cr_poa[];

/* ---- In a test's process --------------------------------------------------------------------------------------------- */

static struct {
	const struct criterion_test *test;
	const struct criterion_test_extra_data *suite; /* NULL: it has no options of its own */
	jmp_buf end;
	bool is_in_main; /* and not before or after it: then there is nowhere to go */
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
	running.is_in_main = true;
	if (!setjmp(running.end))
		function();
	running.is_in_main = false;
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

void cr_log(enum criterion_severity severity, const char *format, ...)
{
	va_list arguments;

	(void)severity;
	va_start(arguments, format);
	vfprintf(stderr, format, arguments);
	va_end(arguments);
	fputc('\n', stderr);
}

void criterion_abort_test(void)
{
	if (!running.is_in_main)
		exit(1);
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

/* Those that run now. */
static struct {
	struct {
		pid_t pid;
		const struct criterion_test *test;
	} jobs[JOBS_MAX];
	size_t n_jobs;
	size_t n_tested, n_failing;
} started;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double timeout_of(const struct criterion_test *test)
{
	const struct criterion_test_extra_data *suite = suite_of(test);
	double timeout_s = test->data->timeout > 0 || !suite ? test->data->timeout : suite->timeout;

	return timeout_s > 0 ? timeout_s : TIMEOUT_S;
}

static void start(const char *program, size_t number)
{
	const struct criterion_test *test = __start_cr_tst[number];
	char text[24];
	pid_t pid;

	snprintf(text, sizeof text, "%zu", number);
	pid = fork();
	if (pid < 0)
		fail("fork");
	if (!pid) {
		alarm((unsigned)(SLOWER * timeout_of(test)));
		execl("/proc/self/exe", program, "--run", text, (char *)NULL);
		_exit(127);
	}
	started.jobs[started.n_jobs].pid = pid;
	started.jobs[started.n_jobs++].test = test;
}

/* Whether it ended as it was to; the sanitizer has a test in which it found something end with a status of its own. */
static bool is_good(const struct criterion_test_extra_data *options, int status)
{
	if (options->signal)
		return WIFSIGNALED(status) && WTERMSIG(status) == options->signal;
	return WIFEXITED(status) && WEXITSTATUS(status) == options->exit_code;
}

static void judge(const struct criterion_test *test, int status)
{
	started.n_tested++;
	if (is_good(test->data, status))
		return;
	started.n_failing++;
	printf("[FAIL] %s/%s (wait status %#x)\n", test->category, test->name, (unsigned)status);
	fflush(stdout);
}

/* Waits for one to end. */
static void finish(void)
{
	int status;
	pid_t pid = wait(&status);

	if (pid < 0 && errno != EINTR)
		fail("wait");
	for (size_t i = 0; i < started.n_jobs; i++)
		if (started.jobs[i].pid == pid) {
			judge(started.jobs[i].test, status);
			started.jobs[i] = started.jobs[--started.n_jobs];
			return;
		}
}

static void call_hooks(f_report_hook *hook, f_report_hook *end)
{
	for (; hook < end; hook++)
		(*hook)(NULL);
}

static bool fits(const struct criterion_test *test, const char *pattern)
{
	char name[NAME_BYTES];

	snprintf(name, sizeof name, "%s/%s", test->category, test->name);
	return !fnmatch(pattern, name, 0);
}

static int run_all(const char *program, const char *pattern)
{
	size_t n_tests = (size_t)(__stop_cr_tst - __start_cr_tst);
	long n_processors = sysconf(_SC_NPROCESSORS_ONLN);

	call_hooks(__start_cr_pra, __stop_cr_pra);
	for (size_t i = 0; i < n_tests; i++) {
		if (!fits(__start_cr_tst[i], pattern))
			continue;
		while (started.n_jobs == JOBS_MAX || started.n_jobs >= (size_t)n_processors)
			finish();
		start(program, i);
	}
	while (started.n_jobs)
		finish();
	call_hooks(__start_cr_poa, __stop_cr_poa);
	printf("Tested: %zu | Passing: %zu | Failing: %zu\n", started.n_tested, started.n_tested - started.n_failing,
	       started.n_failing);
	return started.n_failing || !started.n_tested;
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
