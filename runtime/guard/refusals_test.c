/* Refusals: floods of calls that are refused, and that the audit log accounts for every single one. */
#include "guard/refusals.h"

#include <sched.h>
#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/log.h"
#include "guard/ward.h"
#include "notes/v1/notes.hm.h"
#include "tests/fixture.h"

enum { FLOOD = 1000, BRANDS = 900, PATIENCE_S = 20 };

/* Refused calls as the audit log has them: own entries, and what grouped ones stand for. */
static int64_t count_denied(const char *dsn, const char *condition)
{
	char sql[400];

	snprintf(sql, sizeof sql,
		 "SELECT sum(coalesce((details->>'calls')::bigint, 1)) FROM notes.audit_log "
		 "WHERE event_type IN ('call.denied', 'calls.denied') AND %s",
		 condition);
	return test_sql(dsn, sql);
}

static void wait_for_denied(const char *dsn, const char *condition, int64_t wanted)
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)PATIENCE_S * HM_US_PER_S, denied;

	while ((denied = count_denied(dsn, condition)) < wanted && hm_clock_mono_us() < until_us)
		sched_yield();
	cr_assert_eq(denied, wanted, "%s: %lld of %lld", condition, (long long)denied, (long long)wanted);
}

static hm_status list(struct fixture *f, struct hm_context *context)
{
	Notes__ListNotesReply *reply;
	hm_status status = notes_list_notes(f->channel, context,
					    &(Notes__ListNotesRequest){ NOTES_LIST_NOTES_REQUEST_BASE }, &reply);

	hm_context_reset(context);
	return status;
}

/* A channel that makes no refused call again and keeps none back: what is counted here are single calls. */
static struct hm_channel *open_once(void)
{
	struct hm_channel *channel;
	char target[256];

	snprintf(target, sizeof target, "ipc://%s/notes.sock;attempts=1;throttle=off", fixture_run_folder());
	must(hm_channel_open_url(target, &channel));
	return channel;
}

static int64_t count_grouped(const char *dsn)
{
	return test_sql(dsn, "SELECT count(*) FROM notes.audit_log WHERE event_type = 'calls.denied'");
}

Test(refusals, a_flood_over_its_quota_is_accounted_for_to_the_call, .timeout = 120)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *ana = fixture_user(&f, "loop", "ana"), *nora = fixture_user(&f, "nova", "nora");
	int64_t refused = 0;

	f.channel = open_once();
	must(hm_server_set_quota(hm_host_server(f.host), "loop", 1, 0));
	for (int i = 0; i < FLOOD; i++) {
		hm_status status = list(&f, ana);

		refused += status == HM_RESOURCE_EXHAUSTED;
		cr_assert(status == HM_OK || status == HM_RESOURCE_EXHAUSTED);
	}
	must(list(&f, nora));
	wait_for_denied(f.dsn, "brand_id = 'loop' AND details->>'reason' = 'QUOTA_EXCEEDED'", refused);
	cr_expect_gt(count_grouped(f.dsn), 0);
	cr_expect_eq(count_denied(f.dsn, "brand_id <> 'loop'"), 0);
	cr_expect_eq(test_sql(f.dsn, "SELECT count(*) FROM notes.audit_log WHERE event_type = 'calls.denied' AND "
				     "(actor_type, actor_id, details->>'method', details->>'outcome') <> "
				     "('service', 'notes', 'notes.v1.Notes/ListNotes', 'RESOURCE_EXHAUSTED')"),
		     0);
	hm_channel_close(f.channel);
}

Test(refusals, calls_without_a_token_are_no_flood_of_entries, .timeout = 120)
{
	struct fixture f = fixture_serving(&notes_service);
	struct hm_context *anybody = fixture_anonymous(&f, "loop");

	for (int i = 0; i < FLOOD; i++)
		refuses(UNAUTHENTICATED, list(&f, anybody));
	wait_for_denied(f.dsn, "details->>'outcome' = 'UNAUTHENTICATED'", FLOOD);
	cr_expect_gt(count_grouped(f.dsn), 0);
}

/* What a test without a server counts: calls of made-up brands. */
struct counting {
	struct fixture f;
	struct hm_store *store;
	struct hm_audit_writer *writer;
	struct hm_refusals *refusals;
};

static struct counting begin(void)
{
	struct counting counting = { .f = fixture_serving(&notes_service) };

	must(hm_store_open(&(struct hm_store_config){ .service = "notes", .dsn = counting.f.dsn }, &counting.store));
	must(hm_audit_writer_open(counting.store, &counting.writer));
	counting.refusals = hm_refusals_open(&notes_table, counting.writer);
	return counting;
}

static void end(struct counting *counting)
{
	hm_refusals_close(counting->refusals);
	hm_audit_writer_close(counting->writer);
	hm_store_close(counting->store);
}

static void count(struct counting *counting, const char *brand, size_t method, hm_status status, const char *reason)
{
	struct hm_call call = { .method = &notes_table.methods[method], .started_wall_us = hm_clock_wall_us() };
	struct hm_error error = { .code = status };

	snprintf(call.context.brand, sizeof call.context.brand, "%s", brand);
	snprintf(error.reason, sizeof error.reason, "%s", reason);
	(void)hm_error_set(&error);
	hm_refusals_count(counting->refusals, &call);
}

Test(refusals, more_brands_than_there_are_counters_are_the_systems_and_none_is_lost, .timeout = 120)
{
	struct counting counting = begin();
	char brand[16];

	for (int round = 0; round < 3; round++)
		for (int i = 0; i < BRANDS; i++) {
			snprintf(brand, sizeof brand, "b%d", i);
			count(&counting, brand, (size_t)i % 2, HM_RESOURCE_EXHAUSTED, "QUEUE_FULL");
		}
	end(&counting); /* writes what is left */
	wait_for_denied(counting.f.dsn, "true", 3LL * BRANDS);
	cr_expect_gt(count_denied(counting.f.dsn, "brand_id = 'system'"), 0);
	cr_expect_geq(count_denied(counting.f.dsn, "brand_id = 'b0'"), 3);
	cr_expect_eq(count_denied(counting.f.dsn, "details->>'method' = 'notes.v1.Notes/AddNote'"), 3LL * BRANDS / 2);
}

/* The first tries fail; what they were to write is written later, once, and what came meanwhile too. */
Test(refusals, what_cannot_be_written_is_kept_until_it_can, .timeout = 120)
{
	struct counting counting = begin();
	int64_t failures;

	hm_log_set_level(HM_LOG_OFF);
	test_sql(counting.f.dsn,
		 "CREATE SEQUENCE notes.tries; GRANT ALL ON SEQUENCE notes.tries TO PUBLIC;"
		 "CREATE FUNCTION notes.fail() RETURNS trigger LANGUAGE plpgsql AS $$"
		 "BEGIN PERFORM nextval('notes.tries'); RAISE EXCEPTION 'not now'; END $$;"
		 "CREATE TRIGGER fail BEFORE INSERT ON notes.audit_log FOR EACH ROW EXECUTE FUNCTION notes.fail()");
	for (int i = 0; i < 10; i++)
		count(&counting, "loop", 0, HM_RESOURCE_EXHAUSTED, "QUEUE_FULL");
	do {
		failures = test_sql(counting.f.dsn, "SELECT last_value FROM notes.tries WHERE is_called");
		sched_yield();
	} while (failures < 2);
	for (int i = 0; i < 5; i++)
		count(&counting, "loop", 0, HM_RESOURCE_EXHAUSTED, "QUEUE_FULL");
	cr_expect_eq(count_denied(counting.f.dsn, "true"), 0);
	test_sql(counting.f.dsn, "DROP TRIGGER fail ON notes.audit_log");
	wait_for_denied(counting.f.dsn, "true", 15);
	end(&counting);
	cr_expect_eq(count_denied(counting.f.dsn, "true"), 15);
	cr_expect_eq(count_grouped(counting.f.dsn), 2);
}

Test(refusals, a_second_brings_128_entries_of_their_own_and_no_more)
{
	struct counting counting = begin();
	unsigned own = 0;
	int64_t from_us = hm_clock_mono_us(), passed_us;

	for (int i = 0; i < 10000; i++)
		own += hm_refusals_has_room(counting.refusals);
	passed_us = hm_clock_mono_us() - from_us;
	cr_expect_geq(own, 128);
	cr_expect_leq(own, 128 + passed_us * 128 / HM_US_PER_S + 1);
	end(&counting);
}
