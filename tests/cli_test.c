/* The hallmark program as its users meet it: calls, files of calls, the audit log; what it prints where, and how it ends. */
#include <stdio.h>
#include <string.h>

#include "tests/cli.h"

#define BRAND "platform.v1.Platform/"
#define CREATE BRAND "CreateBrand"
#define LIST BRAND "ListBrands"

/* ---- Calls --------------------------------------------------------------------------------------------------------- */

Test(cli, a_reply_is_one_line_of_json_and_how_it_went_goes_to_stderr)
{
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", CREATE, "{\"id\":\"coda\",\"name\":\"Coda\"}", "--as", "operator", NULL);
	ends(r, 0);
	cr_assert_eq(cli_lines(r.out.data), 1);
	cr_assert_str_eq(cli_text(cli_json(r.out.data, 0), "status"), "active");
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
	cr_assert_str_eq(cli_text(cli_json(r.out.data, 0), "code"), "ALREADY_EXISTS");
}

Test(cli, a_call_made_twice_with_a_key_is_done_once)
{
	const char *request = "{\"id\":\"coda\",\"name\":\"Coda\"}";
	struct child_result first, second;

	cli_serving_all();
	first = hallmark("call", CREATE, request, "--as", "operator", "--idempotency-key", "k", NULL);
	ends(first, 0);
	second = hallmark("call", CREATE, request, "--as", "operator", "--idempotency-key", "k", NULL);
	ends(second, 0);
	cr_assert_str_eq(second.out.data, first.out.data);
	second = hallmark("call", CREATE, "{\"id\":\"coda2\",\"name\":\"Coda\"}", "--as", "operator",
			  "--idempotency-key", "k", NULL);
	ends(second, 1);
	shows(second.err.data, "FAILED_PRECONDITION");
	ends(hallmark("call", CREATE, request, "--as", "operator", "--idempotency-key", "", NULL), 1);
	ends(hallmark("call", CREATE, "-f", "-", "--as", "operator", "--idempotency-key", "k", NULL), 2);
}

/* How many entries the log has of the call that an error tells of. */
static int64_t count_told(struct fixture *f, const json_t *error)
{
	char sql[300];

	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM platform.audit_log WHERE id = '%s' AND request_id = '%s' AND event_type <> "
		 "'brand.read'",
		 cli_text(error, "auditId"), cli_text(error, "requestId"));
	return test_sql(f->dsn, sql);
}

Test(cli, a_failed_call_says_how_to_find_it_in_the_log)
{
	static const char lines[] = "{\"id\":\"nobody\"}\n{\"idd\":\"nobody\"}\n";
	const char *id = "0198c2a0-0000-7000-8000-00000000beef";
	struct fixture f = cli_serving_all();
	struct child_result r;

	r = hallmark("call", BRAND "GetBrand", "{\"id\":\"nobody\"}", "--as", "operator", "--request", id, NULL);
	ends(r, 1);
	shows(r.err.data, "NOT_FOUND");
	shows(r.err.data, "request 0198c2a0-0000-7000-8000-00000000beef   audit 0");
	r = hallmark("call", BRAND "GetBrand", "{\"id\":\"nobody\"}", "--as", "operator", "--json", NULL);
	ends(r, 1);
	cr_assert_eq(count_told(&f, cli_json(r.out.data, 0)), 1);
	r = hallmark_with(lines, "call", BRAND "GetBrand", "-f", "-", "--as", "operator", "--json", NULL);
	ends(r, 1);
	cr_assert_eq(count_told(&f, cli_json(r.out.data, 0)), 1);
	cr_assert_null(json_object_get(cli_json(r.out.data, 1), "requestId"), "no call was made of that line");
}

Test(cli, a_call_that_reached_nobody_has_an_id_and_no_entry)
{
	struct child_result r =
		hallmark("call", LIST, "{}", "--connect", "platform=ipc:///tmp/hallmark-nobody.sock", NULL);

	ends(r, 1);
	shows(r.err.data, "audit none");
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
	const json_t *error;

	cli_serving_all();
	r = hallmark("call", CREATE, "{\"id\":\"Not A Brand\"}", "--as", "operator", "--json", NULL);
	ends(r, 1);
	error = cli_json(r.out.data, 0);
	cr_assert_str_eq(cli_text(error, "code"), "INVALID_ARGUMENT");
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
	cr_assert_eq(cli_lines(r.out.data), 3);
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
	cr_assert_eq(cli_lines(r.out.data), 6);
	for (size_t i = 0; i < 6; i++) {
		const json_t *value = cli_json(r.out.data, i);

		if (codes[i])
			cr_assert_str_eq(cli_text(value, "code"), codes[i]);
		else
			cr_assert_str_eq(cli_text(value, "status"), "active");
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
		cr_assert_str_eq(cli_text(cli_json(r.out.data, i), "id"), id);
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

/* ---- The audit log ------------------------------------------------------------------------------------------------- */

Test(cli, audit_show_finds_a_call_by_its_request)
{
	const char *id = "0198c2a0-0000-7000-8000-00000000beef";
	struct child_result r;

	cli_serving_all();
	ends(hallmark("call", LIST, "{}", "--as", "operator", "--request", id, NULL), 0);
	r = hallmark("audit", "show", id, "--as", "operator", NULL);
	ends(r, 0);
	cr_assert_eq(cli_lines(r.out.data), 1);
	shows(r.out.data, LIST);
	shows(r.out.data, "brand.listed");
	r = hallmark("audit", "show", id, "--as", "operator", "--json", NULL);
	ends(r, 0);
	cr_assert_str_eq(cli_text(cli_json(r.out.data, 0), "requestId"), id);
}

/* Who calls chooses the request's id and the parent, so neither many calls nor deep ones may push others out of sight. */
Test(cli, audit_show_shows_every_entry_however_many_and_deep)
{
	const char *id = "0198c2a0-0000-7000-8000-00000000beef";
	struct fixture f = cli_serving_all();
	struct child_result r;

	test_sql(f.dsn,
		 "INSERT INTO platform.audit_log (id, occurred_at, actor_type, actor_id, event_type, brand_id, "
		 "request_id, details) SELECT gen_random_uuid(), now(), 'user', 'ana', 'a.b', 'system', "
		 "'0198c2a0-0000-7000-8000-00000000beef', jsonb_build_object('method', 'm' || i || '.', 'outcome', "
		 "'OK', 'span', i::text, 'parent', (i - 1)::text) FROM generate_series(1, 1100) i");
	r = hallmark("audit", "show", id, "--as", "operator", NULL);
	ends(r, 0);
	cr_expect_eq(cli_lines(r.out.data), 1100, "%zu lines", cli_lines(r.out.data));
	shows(r.out.data, "m1. ");
	shows(r.out.data, "m1100. ");
}

Test(cli, a_call_goes_on_with_a_trace_from_outside)
{
	struct child_result r;

	cli_serving_all();
	ends(hallmark("call", LIST, "{}", "--as", "operator", "--request",
		      "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", NULL),
	     0);
	r = hallmark("audit", "show", "0af76519-16cd-43dd-8448-eb211c80319c", "--as", "operator", "--json", NULL);
	ends(r, 0);
	shows(r.out.data, "b7ad6b7169203331");
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
	shows(r.err.data, "--request beef: neither a UUID nor a traceparent");
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

Test(cli, no_message_of_a_server_steers_the_terminal)
{
	const char *request = "{\"key\":\"\\u001b[2J\\u009b2J\\nOK é\"}";
	struct child_result r;

	cli_serving_all();
	r = hallmark("call", BRAND "GetSetting", request, "--brand", "loop", "--as", "operator", NULL);
	ends(r, 1);
	shows(r.err.data, "NOT_FOUND: no setting ?[2J?2J?OK é\n");
	r = hallmark("call", BRAND "GetSetting", request, "--brand", "loop", "--as", "operator", "--json", NULL);
	ends(r, 1);
	shows(r.out.data, "no setting \\u001b[2J\\u009b2J\\nOK é\"");
}

Test(cli, audit_tail_lets_no_entry_steer_the_terminal)
{
	struct child_result r;

	cli_serving_all();
	ends(hallmark("call", BRAND "RecordAudit",
		      "{\"event\":\"door.opened\",\"entityType\":\"door\",\"entityId\":\"\\u001b["
		      "2J\\u009b2Jé\\u202eana\\u2066\"}",
		      "--brand", "loop", "--as", "operator", NULL),
	     0);
	r = hallmark("audit", "tail", "--brand", "loop", "--as", "operator", NULL);
	ends(r, 0);
	shows(r.out.data, "/?[2J?2Jé?ana?  ");
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

Test(cli, a_call_that_may_have_been_carried_out_may_have_an_entry)
{
	struct child_result r;

	fixture_do_wrong("");
	(void)cli_serving_all();
	r = hallmark("call", LIST, "{}", "--as", "operator", "--fault", "drop", "--timeout", "300", NULL);
	ends(r, 1);
	shows(r.err.data, "audit not known (hallmark audit show REQUEST)");
}
