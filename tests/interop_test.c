/* Other languages: a Python program that knows nng and the contract, and nothing else of Hallmark, makes calls (tests/interop). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "notes/v1/notes.hm.h"
#include "tests/child.h"
#include "tests/fixture.h"
#include "tests/rpc_world.h"
#include "tests/services.h"

#define ECHO_CONTRACT "tests/proto/echo/v1/echo.proto"
#define NOTES_CONTRACT "tests/proto/notes/v1/notes.proto"

static struct child_result python_calls(const char *url, const char *contract, const char *method, const char *json,
					const char *brand, const char *token_file)
{
	const char *argv[] = {
		"/usr/bin/python3", "tests/interop/call.py", url, contract, method, json, brand, token_file, NULL
	};
	struct child_result result;

	must(child_run(argv, NULL, &result));
	return result;
}

static void check_echo(const char *kind)
{
	struct child_result answered, failed;
	struct rpc_world world;

	rpc_world_open(&world, kind);
	answered = python_calls(world.url, ECHO_CONTRACT, "echo.v1.Echo/Echo", "{\"text\": \"grüezi\"}", NULL, NULL);
	cr_assert_eq(answered.exit_code, 0, "%s: %s", kind, answered.err.data);
	cr_assert_str_eq(answered.out.data, "{\"text\": \"gr\\u00fcezi\"}\n");
	failed = python_calls(world.url, ECHO_CONTRACT, "echo.v1.Echo/Fail", "{\"code\": 5, \"message\": \"no such\"}",
			      NULL, NULL);
	cr_assert_eq(failed.exit_code, 1);
	cr_assert_str_eq(failed.err.data, "status 5: no such\n");
	child_fini(&answered);
	child_fini(&failed);
	rpc_world_close(&world);
}

Test(interop, python_gets_replies_and_failures)
{
	check_echo("ipc");
	check_echo("tcp");
}

/* Not on a command line, where every user of the machine could read it. */
static void write_token(const char *token, char path[static 64])
{
	int file;

	strcpy(path, "/tmp/hallmark-token-XXXXXX");
	file = mkstemp(path);
	cr_assert_geq(file, 0);
	cr_assert_eq(write(file, token, strlen(token)), (ssize_t)strlen(token));
	close(file);
}

Test(interop, python_makes_an_audited_call_as_a_user)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana");
	char url[256], token_file[64];
	struct child_result written, denied;

	snprintf(url, sizeof url, "ipc://%s/notes.sock", fixture_run_folder());
	write_token(ana->token, token_file);
	written = python_calls(url, NOTES_CONTRACT, "notes.v1.Notes/AddNote", "{\"title\": \"from Python\"}", "loop",
			       token_file);
	denied = python_calls(url, NOTES_CONTRACT, "notes.v1.Notes/AddNote", "{\"title\": \"from nobody\"}", "loop",
			      "/dev/null");
	unlink(token_file);
	cr_assert_eq(written.exit_code, 0, "%s", written.err.data);
	cr_assert(strstr(written.out.data, "\"title\": \"from Python\""), "%s", written.out.data);
	cr_assert(strstr(written.out.data, "\naudit "), "%s", written.out.data);
	cr_assert_eq(denied.exit_code, 1);
	cr_assert(strstr(denied.err.data, "status 16: "), "%s", denied.err.data);
	child_fini(&written);
	child_fini(&denied);
}
