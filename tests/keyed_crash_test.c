/*
 * Crashes of calls with an idempotency key: a serving process is killed, and its callers call again under the same keys until they
 * are answered; or their channel does. Each key has one effect, and the reply to it.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "accounting/v1/accounting.hm.h"
#include "guard/lease.h"
#include "tests/child.h"
#include "tests/ledger_load.h"
#include "tests/mortal.h"
#include "tests/raw_peer.h"

enum { ROUNDS = 3, DONE_A_ROUND = 60, THREADS = 6, REQUEST_BYTES = 512 };

/* Without an id, the ledger posts anew whenever it is asked. */
struct posting {
	Accounting__NewEntry debit, credit;
	Accounting__NewEntry *entries[2];
	Accounting__PostTransactionRequest request;
};

static const Accounting__PostTransactionRequest *make_posting(struct posting *posting, const char *key)
{
	posting->debit = (Accounting__NewEntry){ ACCOUNTING_NEW_ENTRY_BASE, .account = "cash", HM_SET(amount, 5) };
	posting->credit = (Accounting__NewEntry){ ACCOUNTING_NEW_ENTRY_BASE, .account = "sales", HM_SET(amount, -5) };
	posting->entries[0] = &posting->debit;
	posting->entries[1] = &posting->credit;
	posting->request =
		(Accounting__PostTransactionRequest){ ACCOUNTING_POST_TRANSACTION_REQUEST_BASE, .description = key,
						      .n_entries = 2, .entries = posting->entries };
	return &posting->request;
}

static hm_status post(struct hm_channel *channel, struct hm_context *context, const char *key,
		      Accounting__Transaction **ret_transaction)
{
	struct posting posting;

	hm_context_reset(context);
	context->idempotency_key = key;
	return accounting_post_transaction(channel, context, make_posting(&posting, key), ret_transaction);
}

/* Calls again for as long as nobody knows, or somebody is at it; returns how it ended. */
static hm_status post_until_answered(struct hm_channel *channel, struct hm_context *context, const char *key,
				     Accounting__Transaction **ret_transaction)
{
	hm_status status;

	do {
		status = post(channel, context, key, ret_transaction);
		sched_yield();
	} while (status == HM_UNAVAILABLE || status == HM_UNKNOWN || status == HM_ABORTED);
	return status;
}

/* A call whose caller does not listen. */
static struct raw_peer post_and_forget(const char *key)
{
	struct raw_peer peer = raw_greet(mortal_url());
	struct hm_buffer packet = { 0 };
	struct posting posting;
	uint8_t body[REQUEST_BYTES];

	raw_begin(&packet, 0);
	raw_hello(&packet);
	raw_bind(&packet, 0, HM_SYSTEM_BRAND, fixture_operator(NULL, NULL)->token);
	raw_call(&packet, &(struct raw_call){ .method = hm_method_find(accounting_service.table, "PostTransaction"),
					      .key = key,
					      .body = body,
					      .body_bytes = accounting__post_transaction_request__pack(
						      make_posting(&posting, key), body) });
	cr_assert(raw_send(&peer, &packet));
	hm_buffer_fini(&packet);
	return peer;
}

Test(crash, a_reply_that_was_lost_with_its_process_is_given_again, .timeout = 120)
{
	char dsn[TEST_DSN_BYTES], admin_dsn[TEST_DSN_BYTES], sql[200];
	struct hm_context *caller;
	SCOPED(hm_channel) channel = NULL;
	Accounting__Transaction *transaction;
	struct raw_peer peer;
	pid_t pid;

	test_database(dsn);
	test_admin_dsn(dsn, admin_dsn);
	mortal_init();
	must(hm_channel_open_url(mortal_url(), &channel));
	pid = mortal_serve(dsn);
	load_prepare(channel);
	peer = post_and_forget("k");
	while (!load_count(admin_dsn, "SELECT count(*) FROM accounting.transactions"))
		sched_yield();
	mortal_kill(pid);
	raw_close(&peer);
	pid = mortal_serve(dsn);
	caller = fixture_operator(NULL, NULL);
	must(post_until_answered(channel, caller, "k", &transaction));
	snprintf(sql, sizeof sql, "SELECT count(*) FROM accounting.transactions WHERE id = '%s'", transaction->id);
	cr_expect_eq(load_count(admin_dsn, sql), 1, "the reply is of what was committed");
	cr_expect_eq(load_count(admin_dsn, "SELECT count(*) FROM accounting.transactions"), 1);
	cr_expect_eq(load_count(admin_dsn, "SELECT count(*) FROM accounting.audit_log a JOIN accounting.audit_log b "
					   "ON b.details->>'replayed' = a.id::text WHERE a.event_type = "
					   "'transaction.posted'"),
		     1);
	cr_assert_eq(child_end(pid, 10000), 0);
}

struct poster {
	struct hm_channel *channel;
	struct hm_context *context;
	pthread_t thread;
	hm_status status;
};

static _Atomic int64_t done;
static atomic_bool is_over;

static void *post_until_over(void *user)
{
	struct poster *poster = user;
	Accounting__Transaction *transaction;

	while (poster->status == HM_OK && !atomic_load(&is_over)) {
		struct hm_id id = hm_id_new();
		char key[HM_ID_TEXT_BYTES];

		hm_id_format(&id, key);
		poster->status = post(poster->channel, poster->context, key, &transaction);
		atomic_fetch_add(&done, 1);
	}
	return NULL;
}

static void wait_until_done(int64_t wanted)
{
	while (atomic_load(&done) < wanted)
		sched_yield();
}

/* No caller calls twice: the channel makes its calls again, and each is answered. */
Test(crash, each_key_has_one_effect_however_often_its_process_is_killed, .timeout = 120)
{
	char dsn[TEST_DSN_BYTES], admin_dsn[TEST_DSN_BYTES];
	struct poster posters[THREADS] = { 0 };
	SCOPED(hm_channel) channel = NULL;
	pid_t pid;

	test_database(dsn);
	test_admin_dsn(dsn, admin_dsn);
	mortal_init();
	must(hm_channel_open_url(mortal_url(), &channel));
	pid = mortal_serve(dsn);
	load_prepare(channel);
	for (int i = 0; i < THREADS; i++) {
		posters[i] = (struct poster){ .channel = channel, .context = fixture_operator(NULL, NULL) };
		hm_context_set_wait_for_ready(posters[i].context, true);
		cr_assert_eq(pthread_create(&posters[i].thread, NULL, post_until_over, &posters[i]), 0);
	}
	for (int round = 1; round <= ROUNDS; round++) {
		wait_until_done(atomic_load(&done) + DONE_A_ROUND);
		mortal_kill(pid);
		pid = mortal_serve(dsn);
	}
	wait_until_done(atomic_load(&done) + DONE_A_ROUND);
	atomic_store(&is_over, true);
	for (int i = 0; i < THREADS; i++) {
		pthread_join(posters[i].thread, NULL);
		cr_expect_eq(posters[i].status, HM_OK, "%s", hm_status_name(posters[i].status));
	}
	cr_assert_eq(child_end(pid, 10000), 0);
	cr_expect_eq(load_count(admin_dsn, "SELECT count(*) FROM accounting.transactions"), atomic_load(&done));
	cr_expect_eq(load_count(admin_dsn, "SELECT count(DISTINCT description) FROM accounting.transactions"),
		     atomic_load(&done));
	cr_expect_eq(load_count(admin_dsn, "SELECT count(*) FROM accounting.audit_log WHERE event_type = "
					   "'transaction.posted' AND details->>'outcome' = 'OK'"),
		     atomic_load(&done));
}
