/* The hallmark program as its users meet it: what it prints where, what it says when something is wrong, how it ends. */
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/password.h"
#include "tests/cli.h"
#include "tests/identity.h"

#define BRAND "platform.v1.Platform/"
#define CREATE BRAND "CreateBrand"
#define LIST BRAND "ListBrands"

/* Everything that was read as JSON, an array; freed with the test. */
static json_t *read_values;

static void free_values(void)
{
	json_decref(read_values);
}

/* The nth line of a text as JSON. */
static json_t *json_line(const char *text, size_t n)
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

static const char *text_of(const json_t *object, const char *key)
{
	const char *text = json_string_value(json_object_get(object, key));

	cr_assert(text, "no text %s", key);
	return text;
}

static size_t count_lines(const char *text)
{
	size_t n = 0;

	for (; (text = strchr(text, '\n')); text++)
		n++;
	return n;
}

/* ---- Calls --------------------------------------------------------------------------------------------------------- */

Test(cli, a_reply_is_one_line_of_json_and_how_it_went_goes_to_stderr)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", CREATE, "{\"id\":\"coda\",\"name\":\"Coda\"}", "--as", "operator", NULL);
	ends(r, 0);
	cr_assert_eq(count_lines(r.out.data), 1);
	cr_assert_str_eq(text_of(json_line(r.out.data, 0), "status"), "active");
	shows(r.err.data, "OK ");
	shows(r.err.data, "request ");
	shows(r.err.data, "audit ");
}

Test(cli, with_json_stderr_is_silent_and_errors_are_json_on_stdout)
{
	const char *request = "{\"id\":\"coda\",\"name\":\"Coda\"}";
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", CREATE, request, "--as", "operator", "--json", NULL);
	ends(r, 0);
	cr_assert_eq(r.err.size, 0);
	r = hallmark("call", CREATE, request, "--as", "operator", "--json", NULL);
	ends(r, 1);
	cr_assert_eq(r.err.size, 0);
	cr_assert_str_eq(text_of(json_line(r.out.data, 0), "code"), "ALREADY_EXISTS");
}

Test(cli, a_request_may_be_left_out_or_come_from_standard_input)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark_with("{\"id\":\"coda\",\n \"name\":\"Coda\"}\n", "call", CREATE, "-", "--as", "operator", NULL);
	ends(r, 0);
	r = hallmark("call", LIST, "--as", "operator", NULL);
	ends(r, 0);
	shows(r.out.data, "\"coda\"");
}

Test(cli, a_misspelt_method_is_answered_with_the_nearest)
{
	struct child_result r = hallmark("call", BRAND "GetBrnd", "{}", NULL);

	ends(r, 1);
	shows(r.err.data, "UNIMPLEMENTED");
	shows(r.err.data, "did you mean platform.v1.Platform/GetBrand?");
}

Test(cli, a_wrong_field_is_answered_with_the_nearest_and_a_wrong_type_with_the_right_one)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", BRAND "GetBrand", "{\"idd\":\"loop\"}", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "INVALID_ARGUMENT: idd: no such field");
	shows(r.err.data, "did you mean id?");
	r = hallmark("call", BRAND "GetBrand", "{\"id\":7}", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "id: expected a string, found the number 7");
	r = hallmark("call", BRAND "GetBrand", "[]", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "expected a JSON object, found an array");
	r = hallmark("call", BRAND "GetBrand", "{\"id\":", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "INVALID_ARGUMENT");
}

Test(cli, every_wrong_field_of_a_request_is_named)
{
	struct child_result r;
	json_t *error;

	cli_serving_all();
	r = hallmark("call", CREATE, "{\"id\":\"Not A Brand\"}", "--as", "operator", "--json", NULL);
	ends(r, 1);
	error = json_line(r.out.data, 0);
	cr_assert_str_eq(text_of(error, "code"), "INVALID_ARGUMENT");
	cr_assert_eq(json_array_size(json_object_get(error, "violations")), 2);
}

Test(cli, who_has_no_token_is_told_how_to_get_one)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", LIST, "{}", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "hallmark token login --brand loop --as ana");
}

Test(cli, a_service_that_is_not_there_is_reported_as_such)
{
	struct child_result r = hallmark("call", LIST, "{}", "--as", "operator", "--connect",
					 "platform=ipc:///tmp/hallmark-nobody.sock", NULL);

	ends(r, 1);
	shows(r.err.data, "UNAVAILABLE");
	shows(r.err.data, "not processed");
	shows(r.err.data, "hallmark up");
}

Test(cli, a_name_cannot_lead_out_of_the_tokens)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", LIST, "{}", "--brand", "loop", "--as", "../../keys/operator.key", NULL);
	ends(r, 1);
	shows(r.err.data, "not names");
}

/* ---- Files of calls ------------------------------------------------------------------------------------------------ */

static const char some_bad[] = "{\"id\":\"b-one\",\"name\":\"One\"}\n"
			       "{\"id\":\"b-two\",\"name\":2}\n"
			       "\n"
			       "{\"id\":\"b-four\",\"name\":\"Four\"}\n"
			       "nonsense\n"
			       "{\"id\":\"b-one\",\"name\":\"One again\"}\n"
			       "{\"id\":\"b-seven\",\"name\":\"Seven\"}";

Test(cli, bad_lines_of_a_file_are_told_by_number_and_the_others_done)
{
	struct fixture f = cli_serving_all();
	struct child_result r =
		hallmark("call", CREATE, "-f", cli_file("brands.jsonl", some_bad), "--as", "operator", NULL);

	ends(r, 1);
	cr_assert_eq(count_lines(r.out.data), 3);
	shows(r.err.data, "brands.jsonl:2: hallmark: INVALID_ARGUMENT: name");
	shows(r.err.data, "brands.jsonl:5: hallmark: INVALID_ARGUMENT");
	shows(r.err.data, "brands.jsonl:6: hallmark: ALREADY_EXISTS");
	shows(r.err.data, "3 OK, 3 failed");
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM platform.brands WHERE id LIKE 'b-%'"), 3);
}

Test(cli, with_json_each_line_of_a_file_has_its_line_of_output)
{
	static const char *const codes[] = {
		NULL, "INVALID_ARGUMENT", NULL, "INVALID_ARGUMENT", "ALREADY_EXISTS", NULL
	};
	struct child_result r;

	cli_serving_all();
	r = hallmark_with(some_bad, "call", CREATE, "-f", "-", "--as", "operator", "--json", NULL);
	ends(r, 1);
	cr_assert_eq(r.err.size, 0);
	cr_assert_eq(count_lines(r.out.data), 6);
	for (size_t i = 0; i < 6; i++) {
		const json_t *value = json_line(r.out.data, i);

		if (codes[i])
			cr_assert_str_eq(text_of(value, "code"), codes[i]);
		else
			cr_assert_str_eq(text_of(value, "status"), "active");
	}
}

Test(cli, many_jobs_answer_in_the_order_of_the_file)
{
	struct hm_buffer lines = { 0 };
	struct child_result r;

	cli_serving_all();
	for (int i = 0; i < 200; i++)
		hm_buffer_printf(&lines, "{\"id\":\"b-%03d\",\"name\":\"%d\"}\n", i, i);
	r = hallmark("call", CREATE, "-f", cli_file("brands.jsonl", lines.data), "--jobs", "16", "--as", "operator",
		     "--json", NULL);
	ends(r, 0);
	for (size_t i = 0; i < 200; i++) {
		char id[16];

		snprintf(id, sizeof id, "b-%03zu", i);
		cr_assert_str_eq(text_of(json_line(r.out.data, i), "id"), id);
	}
	hm_buffer_fini(&lines);
}

Test(cli, a_file_that_is_not_there_is_reported)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", CREATE, "-f", "/tmp/hallmark-no-such-file", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "cannot read /tmp/hallmark-no-such-file: No such file");
}

/* ---- Contracts ----------------------------------------------------------------------------------------------------- */

Test(cli, ls_lists_every_method_with_what_it_asks_for)
{
	struct child_result r = hallmark("ls", NULL);

	ends(r, 0);
	shows(r.out.data, "platform.v1.Platform\n");
	shows(r.out.data, "platform.brands.write");
	r = hallmark("ls", "platform", "--json", NULL);
	ends(r, 0);
	cr_assert_str_eq(text_of(json_line(r.out.data, 0), "method"), CREATE);
	cr_assert_str_eq(text_of(json_line(r.out.data, 0), "effect"), "write");
	r = hallmark("ls", "platfrom", NULL);
	ends(r, 1);
	shows(r.err.data, "there is no service platfrom; there are");
}

Test(cli, describe_shows_a_method_and_all_of_a_service)
{
	struct child_result r = hallmark("describe", CREATE, NULL);

	ends(r, 0);
	shows(r.out.data, "CreateBrand makes a brand, active at once.");
	shows(r.out.data, "string required");
	r = hallmark("describe", "platform.v1.Platform", NULL);
	ends(r, 0);
	shows(r.out.data, LIST);
	r = hallmark("describe", CREATE, "--json", NULL);
	ends(r, 0);
	cr_assert_str_eq(text_of(json_line(r.out.data, 0), "event"), "brand.created");
	cr_assert_eq(json_array_size(json_object_get(json_line(r.out.data, 0), "request")), 2);
}

/* ---- The audit log ------------------------------------------------------------------------------------------------- */

Test(cli, audit_show_finds_a_call_by_its_request)
{
	const char *id = "0198c2a0-0000-7000-8000-00000000beef";
	struct child_result r;

	cli_serving_all();
	ends(hallmark("call", LIST, "{}", "--as", "operator", "--request", id, NULL), 0);
	r = hallmark("audit", "show", id, "--as", "operator", NULL);
	ends(r, 0);
	cr_assert_eq(count_lines(r.out.data), 1);
	shows(r.out.data, LIST);
	shows(r.out.data, "brand.listed");
	r = hallmark("audit", "show", id, "--as", "operator", "--json", NULL);
	ends(r, 0);
	cr_assert_str_eq(text_of(json_line(r.out.data, 0), "requestId"), id);
}

Test(cli, an_unknown_request_is_not_found)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("audit", "show", "0198c2a0-0000-7000-8000-000000000bad", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "NOT_FOUND");
	r = hallmark("call", LIST, "{}", "--as", "operator", "--request", "beef", NULL);
	ends(r, 1);
	shows(r.err.data, "--request beef: not a UUID");
}

Test(cli, audit_tail_shows_who_did_what_and_what_was_refused)
{
	struct fixture f = cli_serving_all();
	struct child_result r;

	cli_token("loop", fixture_user_with(&f, "loop", "ana", "platform.brands.read", NULL), "ana");
	ends(hallmark("call", LIST, "{}", "--brand", "loop", "--as", "ana", NULL), 0);
	r = hallmark("call", BRAND "PutSetting", "{\"key\":\"a\",\"value\":\"1\"}", "--brand", "loop", "--as", "ana",
		     NULL);
	ends(r, 1);
	shows(r.err.data, "PERMISSION_DENIED");
	r = hallmark("audit", "tail", "--brand", "loop", "--as", "operator", NULL);
	ends(r, 0);
	shows(r.out.data, "brand.listed");
	shows(r.out.data, "call.denied");
	shows(r.out.data, "PERMISSION_DENIED");
	shows(r.out.data, "ana@loop");
}

Test(cli, audit_tail_lets_no_entry_steer_the_terminal)
{
	struct child_result r;

	cli_serving_all();
	ends(hallmark("call", BRAND "RecordAudit",
		      "{\"event\":\"door.opened\",\"entityType\":\"door\",\"entityId\":\"\\u001b[2J\\u009b2Jé\"}",
		      "--brand", "loop", "--as", "operator", NULL),
	     0);
	r = hallmark("audit", "tail", "--brand", "loop", "--as", "operator", NULL);
	ends(r, 0);
	shows(r.out.data, "/?[2J?2Jé");
}

Test(cli, a_token_of_one_brand_opens_no_other)
{
	struct fixture f = cli_serving_all();
	struct child_result r;

	cli_token("nova", fixture_user(&f, "loop", "ana"), "ana");
	r = hallmark("call", LIST, "{}", "--brand", "nova", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "PERMISSION_DENIED");
}

/* ---- Tokens -------------------------------------------------------------------------------------------------------- */

static const char right_password[] = "correct horse\n";

/* Serves all, with a user ana of brand loop who may read brands. */
static void serve_with_ana(void)
{
	struct fixture f;
	const char *id;

	hm_password_set_cost(8192, 1, 4);
	f = cli_serving_all();
	must(hm_channel_open("identity", &f.channel));
	id = test_user(&f, "ana");
	test_role(&f, id, "reader", "platform.brands.read");
	hm_channel_close(f.channel);
}

Test(cli, a_login_keeps_a_token_that_calls_are_made_with)
{
	struct child_result r;

	serve_with_ana();
	r = hallmark_with(right_password, "token", "login", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 0);
	cr_assert_eq(r.out.size, 0);
	ends(hallmark("call", LIST, "--brand", "loop", "--as", "ana", NULL), 0);
	r = hallmark("token", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 0);
	cr_assert_eq(strncmp(r.out.data, "v4.public.", 10), 0);
}

Test(cli, a_wrong_password_and_an_unknown_name_are_answered_alike)
{
	struct child_result wrong, unknown;

	serve_with_ana();
	wrong = hallmark_with("guess\n", "token", "login", "--brand", "loop", "--as", "ana", NULL);
	unknown = hallmark_with("guess\n", "token", "login", "--brand", "loop", "--as", "zoe", NULL);
	ends(wrong, 1);
	ends(unknown, 1);
	shows(wrong.err.data, "UNAUTHENTICATED");
	cr_assert_str_eq(wrong.err.data, unknown.err.data);
	ends(hallmark("call", LIST, "--brand", "loop", "--as", "ana", NULL), 1);
}

Test(cli, a_login_without_a_password_is_none)
{
	struct child_result r;

	serve_with_ana();
	r = hallmark("token", "login", "--brand", "loop", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "no password on standard input");
	r = hallmark_with(right_password, "token", "login", "--as", "ana", NULL);
	ends(r, 1);
	shows(r.err.data, "--brand BRAND --as NAME");
}

/* ---- The command line ---------------------------------------------------------------------------------------------- */

Test(cli, a_wrong_command_line_ends_with_2_and_says_what_is_wrong)
{
	static const struct {
		const char *command, *argument, *words;
	} lines[] = {
		{ "cal", NULL, "did you mean call?" },
		{ "call", NULL, "usage: hallmark call" },
		{ "call", "--brand", "--brand needs a value" },
		{ "call", "--follow", "call has no option --follow" },
		{ "call", "--timeout=soon", "--timeout soon: write a number" },
		{ "call", "--jobs=0", "--jobs 0: write a number from 1 to" },
		{ "call", "--connect=nowhere", "--connect nowhere: write SERVICE=URL" },
		{ "describe", NULL, "usage: hallmark describe" },
		{ "audit", "show", "usage: hallmark audit" },
		{ "serve", "platform", "usage: hallmark serve" },
		{ "token", "logout", "usage: hallmark token" },
	};

	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
		struct child_result r = hallmark(lines[i].command, lines[i].argument, NULL);

		ends(r, 2);
		cr_assert_eq(r.out.size, 0);
		shows(r.err.data, lines[i].words);
	}
}

Test(cli, help_names_every_command_and_each_has_its_own)
{
	static const char *const commands[] = { "up",      "serve", "call",   "ls",   "describe",
						"migrate", "audit", "keygen", "token" };
	struct child_result all = hallmark("help", NULL);

	for (size_t i = 0; i < sizeof commands / sizeof *commands; i++) {
		struct child_result r = hallmark(commands[i], "--help", NULL);
		char usage[64];

		snprintf(usage, sizeof usage, "hallmark %s", commands[i]);
		ends(r, 0);
		shows(r.out.data, usage);
		shows(r.out.data, "--json");
		shows(all.out.data, usage);
	}
	ends(all, 0);
}
