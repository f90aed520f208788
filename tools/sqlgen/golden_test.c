/*
 * Golden files: what sqlgen makes of tests/golden/sqlgen/good/NAME.sql must be NAME.sql.{h,c}.golden beside it,
 * and what it says of bad/NAME.sql must be NAME.stderr. Runs in the repository's root, with build/tools/sqlgen built.
 * After an intended change:  for f in tests/golden/sqlgen/bad/x.sql; do build/tools/sqlgen x $f /tmp 2> ${f%.sql}.stderr; done
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"

static struct hm_buffer drain(FILE *file, const char *name)
{
	struct hm_buffer text = { 0 };
	size_t got;

	cr_assert(file, "%s cannot be opened", name);
	do {
		got = fread(hm_buffer_reserve(&text, BUFSIZ), 1, BUFSIZ, file);
		hm_buffer_advance(&text, got);
	} while (got);
	return text;
}

static struct hm_buffer read_file(const char *directory, const char *name)
{
	struct hm_buffer path = { 0 }, text;
	FILE *file;

	hm_buffer_printf(&path, "%s/%s", directory, name);
	file = fopen(path.data, "rb");
	text = drain(file, path.data);
	fclose(file);
	hm_buffer_fini(&path);
	return text;
}

/* Runs sqlgen on a golden source; what it printed on stderr is the result. */
static struct hm_buffer run_sqlgen(const char *kind, const char *name, const char *directory, int *ret_exit)
{
	struct hm_buffer command = { 0 }, output;
	FILE *pipe;

	hm_buffer_printf(&command, "build/tools/sqlgen %s tests/golden/sqlgen/%s/%s.sql %s 2>&1", name, kind, name,
			 directory);
	pipe = popen(command.data, "re");
	output = drain(pipe, command.data);
	*ret_exit = WEXITSTATUS(pclose(pipe));
	hm_buffer_fini(&command);
	return output;
}

static void expect_file(const char *directory, const char *name)
{
	struct hm_buffer made = read_file(directory, name), wanted, golden = { 0 };

	hm_buffer_printf(&golden, "%s.golden", name);
	wanted = read_file("tests/golden/sqlgen/good", golden.data);
	cr_expect_str_eq(made.data, wanted.data, "%s differs from its golden file", name);
	hm_buffer_fini(&golden);
	hm_buffer_fini(&made);
	hm_buffer_fini(&wanted);
}

static void remove_outputs(const char *directory, const char *name)
{
	static const char *const suffixes[] = { "h", "c" };
	struct hm_buffer path = { 0 };

	for (size_t i = 0; i < 2; i++) {
		hm_buffer_reset(&path);
		hm_buffer_printf(&path, "%s/%s.sql.%s", directory, name, suffixes[i]);
		unlink(path.data);
	}
	hm_buffer_fini(&path);
	rmdir(directory);
}

Test(sqlgen, makes_the_golden_tables_of_good_queries)
{
	char directory[] = "/tmp/hm-sqlgen-XXXXXX";
	struct hm_buffer output;
	int exit_status;

	cr_assert(mkdtemp(directory));
	output = run_sqlgen("good", "follows", directory, &exit_status);
	cr_expect_eq(exit_status, 0);
	cr_expect_eq(output.size, 0, "%s", output.data);
	expect_file(directory, "follows.sql.h");
	expect_file(directory, "follows.sql.c");
	remove_outputs(directory, "follows");
	hm_buffer_fini(&output);
}

static void expect_refusal(const char *name)
{
	char directory[] = "/tmp/hm-sqlgen-XXXXXX", file_name[64];
	struct hm_buffer output, wanted;
	int exit_status;

	cr_assert(mkdtemp(directory));
	output = run_sqlgen("bad", name, directory, &exit_status);
	snprintf(file_name, sizeof file_name, "%s.stderr", name);
	wanted = read_file("tests/golden/sqlgen/bad", file_name);
	cr_expect_eq(exit_status, 1);
	cr_expect_str_eq(output.data, wanted.data, "what is said of %s.sql differs from its golden file", name);
	cr_expect_eq(rmdir(directory), 0, "something was written in spite of the errors");
	hm_buffer_fini(&output);
	hm_buffer_fini(&wanted);
}

Test(sqlgen, refuses_what_only_looks_like_a_parameter)
{
	expect_refusal("parameters");
}

Test(sqlgen, refuses_statements_that_are_not_plain_queries)
{
	expect_refusal("statements");
}

Test(sqlgen, refuses_headers_it_cannot_read)
{
	expect_refusal("headers");
}
