/*
 * Rolling restarts: every process of an installation is replaced in turn, twice, while clients write and read. No call fails; each
 * acknowledged write is there once, and the audit log has an entry of every call.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>

#include "accounting/v1/accounting.hm.h"
#include "client/balance.h"
#include "tests/fleet.h"
#include "tests/ledger_load.h"

enum { CALLERS = 6, TURNS = 2, CALLS_BETWEEN = 300, PATIENCE_S = 60 };

struct caller {
	struct hm_channel *channel;
	struct hm_context *context;
	pthread_t thread;
	int64_t writes;
	char failure[HM_MESSAGE_BYTES];
};

static struct caller callers[CALLERS];
static _Atomic int64_t calls, failed;
static atomic_bool is_over;

static hm_status write_once(struct caller *caller, const char *key)
{
	Accounting__NewEntry debit = { ACCOUNTING_NEW_ENTRY_BASE, .account = "cash", HM_SET(amount, 5) };
	Accounting__NewEntry credit = { ACCOUNTING_NEW_ENTRY_BASE, .account = "sales", HM_SET(amount, -5) };
	Accounting__NewEntry *entries[] = { &debit, &credit };
	const Accounting__PostTransactionRequest request = { ACCOUNTING_POST_TRANSACTION_REQUEST_BASE,
							     .description = key, .n_entries = 2, .entries = entries };
	Accounting__Transaction *transaction;

	caller->context->idempotency_key = key;
	return accounting_post_transaction(caller->channel, caller->context, &request, &transaction);
}

static hm_status read_once(struct caller *caller)
{
	const Accounting__GetBalanceRequest request = { ACCOUNTING_GET_BALANCE_REQUEST_BASE, .account = "cash" };
	Accounting__Balance *balance;

	return accounting_get_balance(caller->channel, caller->context, &request, &balance);
}

static void *call_until_over(void *user)
{
	struct caller *caller = user;

	for (unsigned n = 0; !atomic_load(&is_over); n++) {
		struct hm_id id = hm_id_new();
		char key[HM_ID_TEXT_BYTES];
		hm_status status;

		hm_id_format(&id, key);
		hm_context_reset(caller->context);
		status = n % 2 ? read_once(caller) : write_once(caller, key);
		caller->writes += status == HM_OK && n % 2 == 0;
		atomic_fetch_add(&calls, 1);
		if (status == HM_OK)
			continue;
		atomic_fetch_add(&failed, 1);
		snprintf(caller->failure, sizeof caller->failure, "%s: %.400s", hm_status_name(status),
			 hm_error_get()->message);
	}
	return NULL;
}

static void wait_for_calls(int64_t more)
{
	int64_t until_us = hm_clock_mono_us() + PATIENCE_S * HM_US_PER_S, wanted = atomic_load(&calls) + more;

	while (atomic_load(&calls) < wanted && hm_clock_mono_us() < until_us)
		sched_yield();
	cr_assert_geq(atomic_load(&calls), wanted);
}

/* Some know one ledger alone, by its socket; the others know both. */
static void begin(struct hm_channel *one, struct hm_channel *both)
{
	load_prepare(both);
	atomic_store(&calls, 2);
	for (size_t i = 0; i < CALLERS; i++) {
		callers[i] = (struct caller){ .channel = i % 2 ? one : both, .context = fixture_operator(NULL, NULL) };
		cr_assert_eq(pthread_create(&callers[i].thread, NULL, call_until_over, &callers[i]), 0);
	}
}

static void end_and_count(const char *dsn)
{
	char admin_dsn[TEST_DSN_BYTES];
	int64_t writes = 0;

	wait_for_calls(CALLS_BETWEEN);
	atomic_store(&is_over, true);
	for (size_t i = 0; i < CALLERS; i++) {
		pthread_join(callers[i].thread, NULL);
		cr_expect_str_empty(callers[i].failure, "%s", callers[i].failure);
		writes += callers[i].writes;
	}
	cr_expect_eq(atomic_load(&failed), 0, "%lld calls failed", (long long)atomic_load(&failed));
	test_admin_dsn(dsn, admin_dsn);
	cr_expect_eq(load_count(admin_dsn, "SELECT count(*) FROM accounting.transactions"), writes);
	cr_expect_eq(load_count(admin_dsn, "SELECT count(DISTINCT description) FROM accounting.transactions"), writes);
	cr_expect_eq(load_count(admin_dsn, "SELECT count(*) FROM accounting.audit_log"), atomic_load(&calls));
}

Test(rolling_restart, who_is_taken_over_while_it_serves_loses_no_call, .timeout = 120)
{
	char dsn[TEST_DSN_BYTES], targets[300];
	SCOPED(hm_channel) one = NULL;
	SCOPED(hm_channel) both = NULL;

	test_database(dsn);
	fleet_begin(dsn, false);
	snprintf(targets, sizeof targets, "%s,%s", fleet_ipc(FLEET_LEDGER_A), fleet_ipc(FLEET_LEDGER_B));
	must(hm_channel_open_url(fleet_ipc(FLEET_LEDGER_A), &one));
	must(hm_channel_open_url(targets, &both));
	begin(one, both);
	for (int turn = 0; turn < TURNS; turn++)
		for (enum fleet_place place = 0; place < FLEET_PLACES; place++) {
			wait_for_calls(CALLS_BETWEEN);
			fleet_take_over(place);
		}
	end_and_count(dsn);
	fleet_end();
}

static void wait_for_members(struct hm_channel *channel, unsigned members)
{
	unsigned now;

	do {
		pthread_mutex_lock(&channel->lock);
		now = channel->picker.n_members;
		pthread_mutex_unlock(&channel->lock);
		sched_yield();
	} while (now != members);
}

/* A port cannot be taken over: the other replica has all calls until the new process is found. */
Test(rolling_restart, who_stops_and_starts_again_leaves_its_calls_to_the_other, .timeout = 120)
{
	char dsn[TEST_DSN_BYTES], targets[300];
	SCOPED(hm_channel) channel = NULL;

	test_database(dsn);
	fleet_begin(dsn, true);
	snprintf(targets, sizeof targets, "%s,%s", fleet_tcp(FLEET_LEDGER_A), fleet_tcp(FLEET_LEDGER_B));
	must(hm_channel_open_url(targets, &channel));
	begin(channel, channel);
	for (int turn = 0; turn < TURNS; turn++)
		for (enum fleet_place place = FLEET_LEDGER_A; place < FLEET_PLACES; place++) {
			wait_for_members(channel, 2);
			wait_for_calls(CALLS_BETWEEN);
			fleet_restart(place);
		}
	end_and_count(dsn);
	fleet_end();
}
