/* Ledger load: the posting threads, and the counting. */
#include "tests/ledger_load.h"

#include <libpq-fe.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "accounting/v1/accounting.hm.h"

enum { THREADS = 6, READY_S = 30, PATIENCE_S = 60 };

struct poster {
	struct ledger_load *load;
	struct hm_context *context;
	struct hm_buffer acknowledged, refused; /* "id,id,…,": what was done, and what surely was not */
	pthread_t thread;
	char surprise[HM_MESSAGE_BYTES]; /* an error that no failure around the service explains */
};

struct ledger_load {
	struct hm_channel *channel;
	_Atomic uint64_t acknowledged;
	_Atomic bool is_over;
	struct poster posters[THREADS];
};

static int64_t seconds_from_now_us(int seconds)
{
	return hm_clock_mono_us() + (int64_t)seconds * HM_US_PER_S;
}

/* Nobody knows the brands here: the system's needs no lease. */
static struct hm_context *open_operator(void)
{
	return fixture_operator(NULL, NULL);
}

static void open_account(struct hm_channel *channel, const char *code)
{
	const Accounting__OpenAccountRequest request = { ACCOUNTING_OPEN_ACCOUNT_REQUEST_BASE, .code = code,
							 .name = code, HM_SET(type, ACCOUNTING__ACCOUNT_TYPE__ASSET),
							 .currency = "EUR" };
	struct hm_context *operator= open_operator();
	int64_t until_us = seconds_from_now_us(READY_S);
	Accounting__Account *account;
	hm_status status;

	while ((status = accounting_open_account(channel, operator, & request, &account)) == HM_UNAVAILABLE &&
	       hm_clock_mono_us() < until_us)
		hm_context_reset(operator);
	must(status);
}

void load_prepare(struct hm_channel *channel)
{
	open_account(channel, "cash");
	open_account(channel, "sales");
}

static hm_status post(struct poster *poster, const char *id)
{
	Accounting__NewEntry debit = { ACCOUNTING_NEW_ENTRY_BASE, .account = "cash", HM_SET(amount, 5) };
	Accounting__NewEntry credit = { ACCOUNTING_NEW_ENTRY_BASE, .account = "sales", HM_SET(amount, -5) };
	Accounting__NewEntry *entries[] = { &debit, &credit };
	const Accounting__PostTransactionRequest request = { ACCOUNTING_POST_TRANSACTION_REQUEST_BASE, .id = id,
							     .description = "load", .n_entries = 2,
							     .entries = entries };
	Accounting__Transaction *transaction;

	return accounting_post_transaction(poster->load->channel, poster->context, &request, &transaction);
}

/* A service or a database that is gone. PostgreSQL recovers for longer than a call has when the machine is busy. */
static bool is_outage(hm_status status)
{
	return status == HM_UNAVAILABLE || status == HM_UNKNOWN || status == HM_DEADLINE_EXCEEDED;
}

static void note_surprise(struct poster *poster, hm_status status)
{
	snprintf(poster->surprise, sizeof poster->surprise, "%s: %.400s", hm_status_name(status),
		 hm_error_get()->message);
}

/* Nobody said what became of a transaction: asked as its caller would, until there is an answer. */
static hm_status find_out(struct poster *poster, const char *id)
{
	const Accounting__GetTransactionRequest request = { ACCOUNTING_GET_TRANSACTION_REQUEST_BASE, .id = id };
	Accounting__Transaction *transaction;
	hm_status status;

	do {
		hm_context_reset(poster->context);
		status = accounting_get_transaction(poster->load->channel, poster->context, &request, &transaction);
	} while (is_outage(status) && !atomic_load(&poster->load->is_over));
	return status == HM_NOT_FOUND ? HM_UNAVAILABLE : status; /* nothing has come of it */
}

static void *post_until_over(void *user)
{
	struct poster *poster = user;

	while (!atomic_load(&poster->load->is_over)) {
		struct hm_id id = hm_id_new();
		char text[HM_ID_TEXT_BYTES];
		hm_status status;

		hm_id_format(&id, text);
		hm_context_reset(poster->context);
		status = post(poster, text);
		if (is_outage(status) && hm_error_get()->maybe_processed)
			status = find_out(poster, text);
		else if (is_outage(status))
			hm_buffer_printf(&poster->refused, "%s,", text);
		if (status == HM_OK) {
			hm_buffer_printf(&poster->acknowledged, "%s,", text);
			atomic_fetch_add(&poster->load->acknowledged, 1);
		} else if (!is_outage(status)) {
			note_surprise(poster, status);
		}
	}
	return NULL;
}

struct ledger_load *load_begin(struct hm_channel *channel)
{
	struct ledger_load *load = calloc(1, sizeof *load);

	cr_assert(load);
	load->channel = channel;
	for (size_t i = 0; i < THREADS; i++) {
		load->posters[i].load = load;
		load->posters[i].context = open_operator();
		cr_assert_eq(pthread_create(&load->posters[i].thread, NULL, post_until_over, &load->posters[i]), 0);
	}
	return load;
}

void load_end(struct ledger_load *load)
{
	atomic_store(&load->is_over, true);
	for (size_t i = 0; i < THREADS; i++)
		pthread_join(load->posters[i].thread, NULL);
	for (size_t i = 0; i < THREADS; i++)
		cr_assert_str_empty(load->posters[i].surprise, "%s", load->posters[i].surprise);
}

uint64_t load_acknowledged(const struct ledger_load *load)
{
	return atomic_load(&load->acknowledged);
}

void load_wait(struct ledger_load *load, uint64_t acknowledged)
{
	int64_t until_us = seconds_from_now_us(PATIENCE_S);

	while (atomic_load(&load->acknowledged) < acknowledged && hm_clock_mono_us() < until_us)
		sched_yield();
	cr_assert_geq(atomic_load(&load->acknowledged), acknowledged);
}

/* Runs a query that gives one number; false if PostgreSQL was not there for it, with its words in ret_why. */
static bool try_count(const char *admin_dsn, const char *sql, int64_t *ret_value, char ret_why[256])
{
	PGconn *connection = PQconnectdb(admin_dsn);
	PGresult *result = PQexec(connection, sql);
	bool ok = PQresultStatus(result) == PGRES_TUPLES_OK;

	if (ok)
		*ret_value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	else
		snprintf(ret_why, 256, "%s", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return ok;
}

/* PostgreSQL notices a killed session some time after its neighbours have gone on, and restarts then: it is waited for. */
int64_t load_count(const char *admin_dsn, const char *sql)
{
	int64_t until_us = seconds_from_now_us(PATIENCE_S), value = 0;
	char why[256] = "";
	bool counted;

	while (!(counted = try_count(admin_dsn, sql, &value, why)) && hm_clock_mono_us() < until_us)
		sched_yield();
	cr_assert(counted, "%.100s: %s", sql, why);
	return value;
}

static void wait_for_sessions(const char *admin_dsn)
{
	int64_t until_us = seconds_from_now_us(PATIENCE_S);
	int64_t sessions;

	do
		sessions = load_count(admin_dsn,
				      "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
				      "AND usename LIKE 'accounting_%'");
	while (sessions && hm_clock_mono_us() < until_us);
	cr_assert_eq(sessions, 0);
}

/* Entries of calls that went well; and the transactions, each with its number of these. */
#define POSTED                                                                                                         \
	"(SELECT entity_id FROM accounting.audit_log WHERE event_type = 'transaction.posted' AND details->>'outcome' " \
	"= 'OK')"
#define AUDITED "(SELECT count(*) FROM " POSTED " p WHERE p.entity_id = t.id::text)"

static const struct {
	const char *what, *sql;
} broken[] = {
	{ "transactions that have not exactly one entry that says OK",
	  "SELECT count(*) FROM accounting.transactions t WHERE " AUDITED " <> 1" },
	{ "entries that say OK of no transaction", "SELECT count(*) FROM " POSTED " p WHERE NOT EXISTS (SELECT FROM "
						   "accounting.transactions t WHERE t.id::text = p.entity_id)" },
	{ "transactions that are not whole",
	  "SELECT count(*) FROM accounting.transactions t WHERE (SELECT count(*) FROM "
	  "accounting.entries e WHERE e.transaction_id = t.id AND abs(amount) = 5) <> 2" },
	{ "accounts whose balance is not the sum of their entries",
	  "SELECT count(*) FROM accounting.accounts a WHERE debits_posted + credits_posted <> "
	  "(SELECT coalesce(sum(abs(amount)), 0) FROM accounting.entries e WHERE e.account_id = a.id)" },
	{ "attempts with two entries", /* reads are made again by the channel, and are one request then */
	  "SELECT count(*) FROM (SELECT FROM accounting.audit_log GROUP BY request_id, details->>'attempt' "
	  "HAVING count(*) > 1) AS twice" },
	{ "requests that posted, or tried to, twice",
	  "SELECT count(*) FROM (SELECT FROM accounting.audit_log WHERE details->>'method' = "
	  "'accounting.v1.Ledger/PostTransaction' AND event_type <> 'call.denied' GROUP BY request_id "
	  "HAVING count(*) > 1) AS twice" },
};

/* Those of the transactions named ("id,id,…,") of which the condition holds. */
static int64_t count_transactions(const char *admin_dsn, const struct hm_buffer *ids, const char *condition)
{
	struct hm_buffer sql = { 0 };
	int64_t found;

	hm_buffer_add_text(&sql, "SELECT count(*) FROM accounting.transactions t WHERE id IN (SELECT id::uuid FROM "
				 "string_to_table(rtrim('");
	hm_buffer_add(&sql, ids->data, ids->size);
	hm_buffer_printf(&sql, "', ','), ',') AS id) AND %s", condition);
	found = load_count(admin_dsn, sql.data);
	hm_buffer_fini(&sql);
	return found;
}

static void check_poster(struct poster *poster, const char *admin_dsn, int64_t *found)
{
	*found += count_transactions(admin_dsn, &poster->acknowledged, AUDITED " = 1");
	cr_assert_eq(count_transactions(admin_dsn, &poster->refused, "true"), 0,
		     "transactions that were said not to be");
	hm_buffer_fini(&poster->acknowledged);
	hm_buffer_fini(&poster->refused);
}

void load_is_exact(struct ledger_load *load, const char *admin_dsn, bool sessions_end)
{
	int64_t found = 0;

	if (sessions_end)
		wait_for_sessions(admin_dsn);
	for (size_t i = 0; i < THREADS; i++)
		check_poster(&load->posters[i], admin_dsn, &found);
	cr_assert_eq(found, (int64_t)load_acknowledged(load));
	for (size_t i = 0; i < sizeof broken / sizeof *broken; i++)
		cr_assert_eq(load_count(admin_dsn, broken[i].sql), 0, "%s", broken[i].what);
	free(load);
}
