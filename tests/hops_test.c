/*
 * Hops: who gives up at the beginning of a chain of calls ends the query at its end. The caller calls front, front middle, middle
 * notes, and notes sleeps in PostgreSQL.
 */
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock_manual.h"
#include "front/v1/front.hm.h"
#include "middle/v1/middle.hm.h"
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"
#include "tests/raw_peer.h"

static const Front__PassRequest slowly = { FRONT_PASS_REQUEST_BASE, HM_SET(seconds, 300) };

static struct fixture serve_chain(void)
{
	static const struct hm_service *const chain[] = { &front_service, &middle_service, &notes_service, NULL };

	return fixture_serving_all(chain, NULL);
}

#define ASLEEP                                                                                \
	"SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND state " \
	"= 'active' AND wait_event = 'PgSleep'"

static void wait_for(const struct fixture *f, const char *sql, int64_t value)
{
	while (test_sql(f->dsn, sql) != value)
		sched_yield();
}

/* The query is gone, its connection is not, and the one entry says how it ended. */
static void is_over(const struct fixture *f, const char *outcomes)
{
	char sql[300];

	wait_for(f, ASLEEP, 0);
	snprintf(
		sql, sizeof sql,
		"SELECT count(*) FROM notes.audit_log WHERE event_type = 'call.failed' AND details->>'outcome' IN (%s)",
		outcomes);
	wait_for(f, sql, 1);
	cr_expect_eq(test_sql(f->dsn, "SELECT count(*) FROM notes.audit_log"), 1);
	cr_expect_eq(test_sql(f->dsn, "SELECT count(*) FROM notes.notes"), 0);
	cr_expect_geq(test_sql(f->dsn, "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND "
				       "usename = 'notes_app' AND state = 'idle'"),
		      1);
}

struct caller {
	struct fixture *f;
	struct hm_context *context;
	hm_status status;
};

static void *call(void *user)
{
	struct caller *caller = user;
	Front__PassReply *reply;

	caller->status = front_pass(caller->f->channel, caller->context, &slowly, &reply);
	return NULL;
}

Test(hops, cancelling_at_the_caller_ends_the_query_at_the_end, .timeout = 60)
{
	struct fixture f = serve_chain();
	struct caller caller = { .f = &f, .context = fixture_user(&f, "loop", "ana") };
	pthread_t thread;

	cr_assert_eq(pthread_create(&thread, NULL, call, &caller), 0);
	wait_for(&f, ASLEEP, 1);
	hm_context_cancel(caller.context);
	pthread_join(thread, NULL);
	cr_expect_eq(caller.status, HM_CANCELLED, "%s", hm_status_name(caller.status));
	is_over(&f, "'CANCELLED'");
}

/* At the end of the chain the time-out and the cancellation of who waits less long meet. */
Test(hops, the_remaining_time_travels_to_the_end, .timeout = 60, .init = hm_clock_hold)
{
	struct fixture f = serve_chain();
	struct caller caller = { .f = &f, .context = fixture_user(&f, "loop", "ana") };
	pthread_t thread;

	hm_context_set_timeout(caller.context, 60000);
	cr_assert_eq(pthread_create(&thread, NULL, call, &caller), 0);
	wait_for(&f, ASLEEP, 1);
	hm_clock_advance_ms(60000);
	pthread_join(thread, NULL);
	cr_expect_eq(caller.status, HM_DEADLINE_EXCEEDED, "%s", hm_status_name(caller.status));
	is_over(&f, "'CANCELLED', 'DEADLINE_EXCEEDED'");
}

/* What the other process needs to know; it is started first, while there is one thread. */
struct letter {
	char url[128], token[HM_TOKEN_BYTES];
};

/* By hand: nng does not outlive a fork. */
static void be_client(int letters)
{
	struct hm_buffer packet = { 0 };
	struct letter letter;
	struct raw_peer server;
	uint8_t body[16];

	if (read(letters, &letter, sizeof letter) != sizeof letter)
		_exit(1);
	server = raw_greet(letter.url);
	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_bind(&packet, 0, "loop", letter.token);
	raw_call(&packet, &(struct raw_call){ .method = hm_method_find(front_service.table, "Pass"),
					      .body = body,
					      .body_bytes = front__pass_request__pack(&slowly, body) });
	raw_send(&server, &packet);
	_exit(raw_answer(&server, 0));
}

static pid_t start_client(int *ret_letters)
{
	int letters[2];
	pid_t pid;

	cr_assert_eq(pipe(letters), 0);
	pid = fork();
	if (!pid)
		be_client(letters[0]);
	close(letters[0]);
	*ret_letters = letters[1];
	return pid;
}

Test(hops, a_client_that_is_killed_ends_the_query_at_the_end, .timeout = 60)
{
	struct letter letter = { "", "" };
	int letters, how;
	pid_t client = start_client(&letters);
	struct fixture f = serve_chain();

	snprintf(letter.url, sizeof letter.url, "ipc://%s/front.sock", fixture_run_folder());
	snprintf(letter.token, sizeof letter.token, "%s", fixture_user(&f, "loop", "ana")->token);
	cr_assert_eq(write(letters, &letter, sizeof letter), (ssize_t)sizeof letter);
	wait_for(&f, ASLEEP, 1);
	cr_assert_eq(kill(client, SIGKILL), 0);
	is_over(&f, "'CANCELLED'");
	cr_assert_eq(waitpid(client, &how, 0), client);
	close(letters);
}
