/* Faults in services as they are run: guarded, audited, calling each other. */
#include <stdio.h>

#include "front/v1/front.hm.h"
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"
#include "tests/cli.h"
#include "tests/fixture.h"

static const struct hm_service *const chain[] = { &front_service, &middle_service, &notes_service, NULL };
static const Front__PassRequest at_once = { FRONT_PASS_REQUEST_BASE, HM_SET(seconds, 0) };

static int64_t entries(const struct fixture *f, const char *outcome)
{
	char sql[200];

	snprintf(sql, sizeof sql, "SELECT count(*) FROM notes.audit_log WHERE details->>'outcome' = '%s'", outcome);
	return test_sql(f->dsn, sql);
}

Test(faults, an_aborted_call_has_its_entry_and_the_next_is_done)
{
	struct fixture f;
	struct hm_context *ana;
	Front__PassReply *reply;

	fixture_do_wrong("abort=INTERNAL notes.* count=1");
	f = fixture_serving_all(chain, NULL);
	ana = fixture_user(&f, "loop", "ana");
	refuses(INTERNAL, front_pass(f.channel, ana, &at_once, &reply));
	cr_assert_eq(entries(&f, "INTERNAL"), 1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log"), 1);
	must(front_pass(f.channel, ana, &at_once, &reply));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log"), 2);
}

Test(faults, what_a_call_asks_for_travels_with_the_calls_it_causes)
{
	struct fixture f;
	struct hm_context *ana;
	Front__PassReply *reply;

	fixture_do_wrong("");
	f = fixture_serving_all(chain, NULL);
	ana = fixture_user(&f, "loop", "ana");
	ana->fault = "abort=ABORTED notes.*";
	refuses(ABORTED, front_pass(f.channel, ana, &at_once, &reply));
	cr_assert_eq(entries(&f, "ABORTED"), 1);
	ana->fault = NULL;
	must(front_pass(f.channel, ana, &at_once, &reply));
}

Test(faults, a_service_hears_that_another_is_away_which_was_never_called)
{
	struct fixture f;
	struct hm_context *ana;
	Front__PassReply *reply;

	fixture_do_wrong("abort=INTERNAL notes.* at=caller count=1");
	f = fixture_serving_all(chain, NULL);
	ana = fixture_user(&f, "loop", "ana");
	refuses(INTERNAL, front_pass(f.channel, ana, &at_once, &reply));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log"), 0);
	must(front_pass(f.channel, ana, &at_once, &reply));
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log"), 1);
}

Test(faults, a_service_is_not_answered_by_another_that_has_done_its_work)
{
	struct fixture f;
	struct hm_context *ana;
	Front__PassReply *reply;

	fixture_do_wrong("drop notes.* at=caller");
	f = fixture_serving_all(chain, NULL);
	ana = fixture_user(&f, "loop", "ana");
	hm_context_set_timeout(ana, 1000);
	refuses(DEADLINE_EXCEEDED, front_pass(f.channel, ana, &at_once, &reply));
	cr_assert_eq(entries(&f, "OK"), 1);
}

Test(faults, a_call_that_goes_wrong_at_the_terminal_never_leaves_it)
{
	struct fixture f = cli_serving_all();
	struct child_result r;

	cli_token("loop", fixture_user(&f, "loop", "ana"), "ana");
	r = hallmark("call", "accounting.v1.Ledger/TrialBalance", "--brand", "loop", "--as", "ana", "--faults",
		     cli_file("faults", "abort=ABORTED"), NULL);
	ends(r, 1);
	shows(r.err.data, "rule 1 is for a server, and this process calls: write at=caller");
	r = hallmark("call", "accounting.v1.Ledger/TrialBalance", "--brand", "loop", "--as", "ana", "--faults",
		     cli_file("faults", "abort=ABORTED at=caller"), NULL);
	ends(r, 1);
	shows(r.err.data, "aborted before it left, as the fault rules say; the call was not processed");
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM accounting.audit_log"), 0);
}

Test(faults, the_command_line_tells_how_often_a_call_was_tried)
{
	struct fixture f = cli_serving_all();
	struct child_result r;

	cli_token("loop", fixture_user(&f, "loop", "ana"), "ana");
	r = hallmark("call", "accounting.v1.Ledger/TrialBalance", "--brand", "loop", "--as", "ana", "--faults",
		     cli_file("faults", "abort=UNAVAILABLE at=caller count=1"), NULL);
	ends(r, 0);
	shows(r.err.data, "2 attempts   request ");
	r = hallmark("call", "accounting.v1.Ledger/TrialBalance", "--brand", "loop", "--as", "ana", "--faults",
		     cli_file("faults", "abort=UNAVAILABLE at=caller"), "--json", NULL);
	ends(r, 1);
	shows(r.out.data, "\"attempts\":4,\"requestId\":");
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM accounting.audit_log"), 1);
}

Test(faults, the_command_line_asks_for_them_and_checks_them_first)
{
	struct fixture f = cli_serving_all();
	struct child_result r;

	cli_token("loop", fixture_user(&f, "loop", "ana"), "ana");
	r = hallmark("call", "accounting.v1.Ledger/TrialBalance", "--brand", "loop", "--as", "ana", "--fault",
		     "explode", NULL);
	ends(r, 1);
	shows(r.err.data, "no fault explode; there are delay=");
	/* This server was not started with faults, so it does no wrong. */
	r = hallmark("call", "accounting.v1.Ledger/TrialBalance", "--brand", "loop", "--as", "ana", "--fault",
		     "abort=ABORTED", NULL);
	ends(r, 0);
}
