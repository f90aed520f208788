/* Cli: the program beside the test program, its --var folder, its runs. */
#include "tests/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/services.h"

enum { PATH_MAX_BYTES = 400, ARGUMENTS_MAX = 32, RESULTS_MAX = 64 };

static char var[64], program[PATH_MAX_BYTES];
static struct child_result results[RESULTS_MAX];
static size_t n_results;

static void clean(void)
{
	const char *const argv[] = { "/bin/rm", "-rf", var, NULL };
	struct child_result removed;

	while (n_results)
		child_fini(&results[--n_results]);
	if (*var && child_run(argv, NULL, &removed) == HM_OK)
		child_fini(&removed);
}

/* build/release/tests/run has its program in build/bin, build/asan/tests/run in build/asan/bin. */
static void find_program(void)
{
	char self[256];
	ssize_t length = readlink("/proc/self/exe", self, sizeof self - 1);

	cr_assert_gt(length, 0);
	self[length] = '\0';
	for (int up = 0; up < 2; up++)
		*strrchr(self, '/') = '\0';
	snprintf(program, sizeof program, "%s%s/bin/hallmark", self, strstr(self, "/release") ? "/.." : "");
}

const char *cli_program(void)
{
	find_program();
	return program;
}

static void link_to(const char *target, const char *name)
{
	char path[PATH_MAX_BYTES];

	snprintf(path, sizeof path, "%s/%s", var, name);
	cr_assert_eq(symlink(target, path), 0, "%s", path);
}

static void make_var(void)
{
	char run[64];

	find_program();
	snprintf(var, sizeof var, "/tmp/hallmark-cli-XXXXXX");
	cr_assert(mkdtemp(var));
	atexit(clean);
	snprintf(run, sizeof run, "/tmp/hallmark-test-%ld", (long)getpid());
	setenv("HALLMARK_VAR", var, 1);
	link_to(test_keys_folder(), "keys");
	link_to(run, "run");
}

struct fixture cli_serving_all(void)
{
	make_var();
	return fixture_serving_all(hm_services, NULL);
}

const char *cli_file(const char *name, const char *text)
{
	static char path[PATH_MAX_BYTES];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s", var, name);
	file = fopen(path, "w");
	cr_assert(file, "%s", path);
	fputs(text, file);
	cr_assert_eq(fclose(file), 0);
	return path;
}

void cli_token(const char *brand, const struct hm_context *context, const char *name)
{
	char path[PATH_MAX_BYTES];

	snprintf(path, sizeof path, "%s/tokens", var);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "%s/tokens/%s", var, brand);
	mkdir(path, 0700);
	snprintf(path, sizeof path, "tokens/%s/%s", brand, name);
	cli_file(path, context->token);
}

static struct child_result run(const char *input, const char *command, va_list more)
{
	const char *argv[ARGUMENTS_MAX] = { program, command };
	size_t n = 2;

	if (!*var)
		make_var();
	while (n < ARGUMENTS_MAX - 1 && (argv[n] = va_arg(more, const char *)))
		n++;
	cr_assert_lt(n_results, RESULTS_MAX);
	must(child_run(argv, input, &results[n_results]));
	return results[n_results++];
}

struct child_result hallmark(const char *command, ...)
{
	struct child_result result;
	va_list more;

	va_start(more, command);
	result = run(NULL, command, more);
	va_end(more);
	return result;
}

struct child_result hallmark_with(const char *input, const char *command, ...)
{
	struct child_result result;
	va_list more;

	va_start(more, command);
	result = run(input, command, more);
	va_end(more);
	return result;
}

/* Everything that was read as JSON, an array; freed with the test. */
static json_t *read_values;

static void free_values(void)
{
	json_decref(read_values);
}

const json_t *cli_json(const char *text, size_t n)
{
	json_t *value;

	if (!read_values) {
		read_values = json_array();
		atexit(free_values);
	}
	while (n--) {
		text = strchr(text, '\n');
		cr_assert(text, "too few lines");
		text++;
	}
	value = json_loads(text, JSON_DISABLE_EOF_CHECK, NULL);
	cr_assert(value, "not JSON: %s", text);
	cr_assert_eq(json_array_append_new(read_values, value), 0);
	return value;
}

const char *cli_text(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	cr_assert(text, "no text %s", key);
	return text;
}

size_t cli_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}
