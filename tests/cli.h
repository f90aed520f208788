/*
 * Cli: the hallmark program as a user runs it, against services that the test's own process serves.
 *
 *     struct fixture f = cli_serving_all();                      every service, their lease filled by hand
 *     cli_token("loop", fixture_user(&f, "loop", "ana"), "ana"); as after hallmark token login
 *     struct child_result r = hallmark("ls", "--json", NULL);
 */
#pragma once
#include <jansson.h>

#include "tests/child.h"
#include "tests/fixture.h"

/* cli_serving_all serves all services and makes the --var folder the program is given. Both go with the test. */
struct fixture cli_serving_all(void);

/* cli_token keeps the context's token as `name` of the brand. */
void cli_token(const char *brand, const struct hm_context *context, const char *name);

/* cli_file writes a text into a file under --var and returns its path, valid until the next call. */
const char *cli_file(const char *name, const char *text);

/* hallmark runs the program: its arguments, then NULL. hallmark_with has a standard input. The result is freed with the test. */
struct child_result hallmark(const char *command, ...) __attribute__((sentinel));
struct child_result hallmark_with(const char *input, const char *command, ...) __attribute__((sentinel));

/* cli_program is the path of the hallmark program that belongs to this test program. */
const char *cli_program(void);

/* cli_json reads the nth line of a text; freed with the test. cli_text is a text member of an object. Both must be there. */
const json_t *cli_json(const char *text, size_t n);
const char *cli_text(const json_t *object, const char *key);

/* cli_lines counts a text's lines. */
size_t cli_lines(const char *text);

/* shows fails the test unless the text has the words. */
#define shows(text, words) cr_assert(strstr(text, words), "not shown: %s\nbut: %s", words, text)

/* ends fails the test unless the program ended so. */
#define ends(result, code)                                                                                    \
	cr_assert_eq((result).exit_code, code, "exit status %d\n%s%s", (result).exit_code, (result).out.data, \
		     (result).err.data)
