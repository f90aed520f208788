/* Admin: operators see what a host does, nobody else does; and the program shows it to them. */
#include "hallmark/admin.hm.h"

#include <string.h>

#include "crypto/token.h"
#include "tests/cli.h"
#include "tests/handled.h"
#include "tests/rpc_world.h"

enum { TOKEN_S = 60 };

static _Atomic unsigned entered, ended;
static _Atomic bool is_open;

/* It has used the database, so its transaction has a connection. */
static hm_status stand(struct hm_call *call, const Notes__AddNoteRequest *request, Notes__Note *reply)
{
	TRY(handled_insert(call, request, reply));
	entered++;
	while (!is_open && !hm_call_cancelled(call))
		sched_yield();
	return HM_OK;
}

static void count_end(void *user, hm_status status, const Notes__Note *reply)
{
	(void)user;
	(void)reply;
	ended += status == HM_OK;
}

static void start_standing(struct fixture *f, struct hm_context *context, unsigned count)
{
	const Notes__AddNoteRequest request = { NOTES_ADD_NOTE_REQUEST_BASE, .title = "a note" };

	must(notes_fail_after_write_start(f->channel, context, &request, count_end, NULL));
	rpc_wait_for(entered == count);
}

static const Admin__StatusReply *ask(struct fixture *f, struct hm_context *context)
{
	const Admin__StatusRequest request = { ADMIN_STATUS_REQUEST_BASE };
	Admin__StatusReply *reply;

	must(admin_status(f->channel, context, &request, &reply));
	return reply;
}

static void check_call(const Admin__Call *call, const char *method, const char *brand, const struct hm_context *context)
{
	char request[HM_ID_TEXT_BYTES];

	hm_id_format(&context->request_id, request);
	cr_expect_str_eq(call->method, method);
	cr_expect_str_eq(call->brand, brand);
	cr_expect_str_eq(call->request_id, request);
	cr_expect_str_eq(call->peer, "inproc");
	cr_expect_not(call->streams);
}

static void check_database(const Admin__StatusReply *reply)
{
	cr_assert_eq(reply->n_databases, HM_ROLE_COUNT);
	cr_expect_str_eq(reply->databases[0]->service, "notes");
	cr_expect_str_eq(reply->databases[0]->role, "app");
	cr_expect_eq(reply->databases[0]->used, 2);
	cr_expect_eq(reply->databases[0]->waiting, 0);
	cr_expect_eq(reply->databases[1]->used, 0);
}

static void check_process(const Admin__Process *process)
{
	cr_expect_eq(process->pid, (uint32_t)getpid());
	cr_expect(process->serving);
	cr_expect_geq(strlen(process->build), 16);
}

Test(admin, shows_operators_the_calls_that_stand, .timeout = 60)
{
	struct fixture f = handled_serving(stand, NULL);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *ben = fixture_user(&f, "nova", "ben");
	struct hm_context *operator= fixture_operator(&f, NULL);
	const Admin__StatusReply *reply;

	start_standing(&f, ana, 1);
	start_standing(&f, ben, 2);
	reply = ask(&f, operator);
	cr_assert_eq(reply->n_calls, 3);
	cr_expect_eq(reply->calls_in_flight, 3);
	check_call(reply->calls[0], "notes.v1.Notes/FailAfterWrite", "loop", ana);
	check_call(reply->calls[1], "notes.v1.Notes/FailAfterWrite", "nova", ben);
	check_call(reply->calls[2], "admin.v1.Admin/Status", "system", operator); /* itself */
	cr_assert_eq(reply->n_services, 2);
	cr_expect_str_eq(reply->services[0]->name, "notes.v1.Notes");
	cr_expect_eq(reply->services[0]->running, 2);
	cr_expect_str_eq(reply->services[1]->name, "admin.v1.Admin");
	cr_expect_eq(reply->services[1]->running, 1);
	check_database(reply);
	check_process(reply->process);
	is_open = true;
	rpc_wait_for(ended == 2);
	cr_expect_eq(ask(&f, operator)->calls_in_flight, 1);
}

/* Operators' tokens carry permissions, too. */
static struct hm_context *operator_with(struct fixture *f, const char *permission)
{
	const char *const permissions[] = { permission, NULL };
	SCOPED(hm_secret_key) key = NULL;
	struct hm_context *context;
	struct hm_arena arena = { 0 };
	int64_t now_us = hm_clock_wall_us();
	char *token;

	must(hm_secret_key_open(test_keys_folder(), "operator", &key));
	must(hm_token_sign(key,
			   &(struct hm_claims){ .subject = "olga",
						.type = "operator",
						.id = "01890000-0000-7000-8000-000000000001",
						.permissions = permissions,
						.issued_at_us = now_us,
						.expires_at_us = now_us + (int64_t)TOKEN_S * HM_US_PER_S },
			   &arena, &token));
	context = fixture_bearer(f, NULL, token);
	hm_arena_fini(&arena);
	return context;
}

Test(admin, is_for_operators_with_the_permission_and_for_nobody_else, .timeout = 60)
{
	struct fixture f = handled_serving(stand, NULL);
	const Admin__StatusRequest request = { ADMIN_STATUS_REQUEST_BASE };
	Admin__StatusReply *reply;

	refuses(PERMISSION_DENIED,
		admin_status(f.channel, fixture_user_with(&f, "loop", "ana", "notes.write", NULL), &request, &reply));
	refuses(PERMISSION_DENIED,
		admin_status(f.channel, fixture_user(&f, "loop", "ana"), &request, &reply)); /* with "*" */
	refuses(PERMISSION_DENIED, admin_status(f.channel, fixture_operator(&f, "loop"), &request, &reply));
	refuses(PERMISSION_DENIED, admin_status(f.channel, fixture_service(&f, "notes"), &request, &reply));
	refuses(PERMISSION_DENIED, admin_status(f.channel, fixture_anonymous(&f, "loop"), &request, &reply));
	refuses(PERMISSION_DENIED, admin_status(f.channel, operator_with(&f, "notes.read"), &request, &reply));
	must(admin_status(f.channel, operator_with(&f, "admin.read"), &request, &reply));
}

Test(admin, refuses_limits_out_of_bounds, .timeout = 60)
{
	struct fixture f = handled_serving(stand, NULL);
	Admin__StatusRequest request = { ADMIN_STATUS_REQUEST_BASE, HM_SET(limit, 1) };
	struct hm_context *operator= fixture_operator(&f, NULL);
	Admin__StatusReply *reply;

	must(admin_status(f.channel, operator, & request, &reply));
	cr_expect_eq(reply->n_calls, 1);
	request.limit = 0;
	refuses(INVALID_ARGUMENT, admin_status(f.channel, operator, & request, &reply));
	request.limit = 1001;
	refuses(INVALID_ARGUMENT, admin_status(f.channel, operator, & request, &reply));
}

Test(admin, the_program_shows_it_to_people_and_as_json, .timeout = 60)
{
	struct child_result r;
	char url[128];

	(void)cli_serving_all();
	r = hallmark("status", NULL);
	ends(r, 0);
	shows(r.out.data, ") serving, up");
	shows(r.out.data, "calls in flight: 1\n");
	shows(r.out.data, " admin.v1.Admin/Status ");
	snprintf(url, sizeof url, "ipc://%s/accounting.sock", fixture_run_folder());
	r = hallmark("status", url, "--json", NULL);
	ends(r, 0);
	cr_expect_eq(cli_lines(r.out.data), 1);
	cr_expect_str_eq(cli_text(json_array_get(json_object_get(cli_json(r.out.data, 0), "calls"), 0), "method"),
			 "admin.v1.Admin/Status");
	r = hallmark("status", "--var", "/nonexistent", NULL);
	ends(r, 1);
	shows(r.err.data, "no service has its socket under /nonexistent/run");
}
