/*
 * Golden files: what the generator makes of tests/golden/protoc-gen-hallmark/good/NAME.proto must be
 * NAME.hm.{h,c}.golden beside it (a fake's: radio's alone, which has every kind of method), and what protoc prints of bad/NAME.proto must be NAME.err. A new bad contract is a
 * new test by being there. Runs in the repository's root, with build/tools/protoc-gen-hallmark built. After an
 * intended change: protoc as below, with --hallmark_out=/tmp/x or 2>NAME.err, then copy, and read what git diff
 * says.
 */
#include <criterion/criterion.h>
#include <glob.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"

#define GOLDEN "tests/golden/protoc-gen-hallmark"
#define PROTOC "protoc -Iproto -I/usr/include --plugin=build/tools/protoc-gen-hallmark"
#define STRICT "-Wall -Wextra -Wshadow -Wcast-qual -Wstrict-prototypes -Wmissing-prototypes -Werror"

/* run runs a shell command and returns what it printed, on either stream. */
__attribute__((format(printf, 2, 3))) static struct hm_buffer run(int *ret_exit, const char *format, ...)
{
	struct hm_buffer output = { 0 };
	char command[2048];
	va_list arguments;
	FILE *pipe;
	size_t got;

	va_start(arguments, format);
	cr_assert_lt(vsnprintf(command, sizeof(command), format, arguments), (int)sizeof(command));
	va_end(arguments);
	pipe = popen(command, "re");
	cr_assert(pipe, "%s", command);
	do {
		got = fread(hm_buffer_reserve(&output, BUFSIZ), 1, BUFSIZ, pipe);
		hm_buffer_advance(&output, got);
	} while (got);
	*ret_exit = WEXITSTATUS(pclose(pipe));
	return output;
}

/* expect_silence runs a command that prints what is wrong, if anything is. */
#define expect_silence(...)                                             \
	do {                                                            \
		int exit_;                                              \
		struct hm_buffer output_ = run(&exit_, __VA_ARGS__);    \
		cr_expect(!exit_ && !output_.size, "%s", output_.data); \
		hm_buffer_fini(&output_);                               \
	} while (0)

static char *make_directory(char *template)
{
	cr_assert(mkdtemp(template), "no folder %s", template);
	return template;
}

Test(protoc_gen_hallmark, makes_the_golden_code_of_good_contracts)
{
	char directory[] = "/tmp/hm-golden-XXXXXX";

	make_directory(directory);
	expect_silence(PROTOC " -I" GOLDEN "/good --hallmark_opt=root=good --hallmark_out=%s library/v1/library.proto "
			      "shelf/v1/shelf.proto radio/v1/radio.proto 2>&1",
		       directory);
	for (const char *const *name =
		     (const char *const[]){ "library/v1/library", "shelf/v1/shelf", "radio/v1/radio", NULL };
	     *name; name++) {
		expect_silence("diff -u " GOLDEN "/good/%s.hm.h.golden %s/%s.hm.h", *name, directory, *name);
		expect_silence("diff -u " GOLDEN "/good/%s.hm.c.golden %s/%s.hm.c", *name, directory, *name);
	}
	for (const char *const *end = (const char *const[]){ "h", "c", NULL }; *end; end++)
		expect_silence("diff -u " GOLDEN "/good/radio/v1/radio.fake.%s.golden %s/radio/v1/radio.fake.%s", *end,
			       directory, *end);
	expect_silence("test ! -e %s/shelf/v1/shelf.fake.h 2>&1 || echo a fake of no service", directory);
	expect_silence("rm -r %s 2>&1", directory);
}

/* Names must be protoc-c's own, macros must be initialisers: the compiler judges, through what an author writes. */
Test(protoc_gen_hallmark, makes_code_that_fits_protoc_c_and_an_authors_hand)
{
	char directory[] = "/tmp/hm-golden-XXXXXX";

	make_directory(directory);
	expect_silence(PROTOC " -I" GOLDEN "/good --hallmark_out=%s --c_out=%s library/v1/library.proto "
			      "shelf/v1/shelf.proto radio/v1/radio.proto 2>&1",
		       directory, directory);
	for (const char *const *name = (const char *const[]){ "library", "radio", NULL }; *name; name++) {
		expect_silence("echo 'extern const struct hm_query_table %s_queries;' >%s/%s/%s.sql.h", *name,
			       directory, *name, *name);
		expect_silence("echo '1, 2, 3' >%s/%s/v1/%s.set.h", directory, *name, *name);
	}
	expect_silence("gcc -std=gnu2x " STRICT " -D_GNU_SOURCE -Iruntime -Igen -I%s -fsyntax-only " GOLDEN
		       "/good/author.c %s/library/v1/library.hm.c %s/shelf/v1/shelf.hm.c "
		       "%s/radio/v1/radio.hm.c %s/radio/v1/radio.fake.c %s/library/v1/library.fake.c 2>&1",
		       directory, directory, directory, directory, directory, directory);
	expect_silence("rm -r %s 2>&1", directory);
}

Test(protoc_gen_hallmark, refuses_bad_contracts_with_file_line_and_reason)
{
	char directory[] = "/tmp/hm-golden-XXXXXX";
	glob_t bad;

	make_directory(directory);
	cr_assert_eq(glob(GOLDEN "/bad/*.proto", 0, NULL, &bad), 0);
	for (size_t i = 0; i < bad.gl_pathc; i++) {
		const char *path = bad.gl_pathv[i];

		expect_silence(PROTOC " -I" GOLDEN "/bad --hallmark_opt=root=bad --hallmark_out=%s %s 2>&1 | "
				      "diff -u %.*s.err - 2>&1",
			       directory, path, (int)(strlen(path) - strlen(".proto")), path);
	}
	globfree(&bad);
	cr_expect_eq(rmdir(directory), 0, "something was generated in spite of the errors");
}

Test(protoc_gen_hallmark, names_the_cycle_of_services_that_call_each_other)
{
	expect_silence(PROTOC " -I" GOLDEN "/calls --hallmark_opt=root=calls --hallmark_opt=calls --hallmark_out=/tmp "
			      "a.proto b.proto c.proto 2>&1 | diff -u " GOLDEN "/calls/cycle.err - 2>&1");
}

Test(protoc_gen_hallmark, lets_calls_without_a_cycle_pass)
{
	expect_silence(PROTOC " -I" GOLDEN "/calls --hallmark_opt=calls --hallmark_out=/tmp leaf.proto "
			      "branch.proto root.proto 2>&1");
}
