/*
 * The book itself: what the schema holds against the service's own role, whatever code runs under it; and what holds when
 * many write at once.
 */
#include <pthread.h>
#include <stdio.h>

#include "store/store.h"
#include "testing.h"

/* ---- Against the application's role -------------------------------------------------------------------------------- */

/* A connection prepares a query once and knows it by its address, so each statement gets one of its own. */
static const struct hm_query *make_query(const char *sql)
{
	static const char *const no_parameters[] = { NULL };
	static struct hm_query queries[64];
	static size_t n_queries;
	struct hm_query *query = &queries[n_queries++];

	cr_assert_leq(n_queries, sizeof queries / sizeof *queries);
	*query = (struct hm_query){ .name = "test",
				    .sql = sql,
				    .rows = HM_ROWS_NONE,
				    .parameters = no_parameters,
				    .file = __FILE__,
				    .line = __LINE__ };
	return query;
}

static hm_status run_as_app(struct hm_store *store, const char *const *statements, size_t n_statements)
{
	const struct hm_tx_options options = { .role = HM_ROLE_APP, .brand = "loop" };
	struct hm_arena arena = { 0 };
	hm_status status = HM_OK;
	struct hm_tx *tx;

	must(hm_tx_open(store, &arena, &options, &tx));
	for (size_t i = 0; i < n_statements && status == HM_OK; i++)
		status = hm_tx_query(tx, make_query(statements[i]), NULL, NULL, NULL, NULL);
	if (status == HM_OK)
		status = hm_tx_commit(tx);
	hm_tx_rollback(tx);
	hm_arena_fini(&arena);
	return status;
}

#define RUN(store, ...)                                         \
	run_as_app(store, (const char *const[]){ __VA_ARGS__ }, \
		   sizeof((const char *[]){ __VA_ARGS__ }) / sizeof(char *))

/* "cash" and "wallet" have ids of the ledger's choice; SQL finds them by code. */
#define HEADER(id, n) "INSERT INTO transactions (id, description, entry_count) VALUES ('" id "', 'x', " n ")"
#define LINE(id, at, code, amount)                                                                                     \
	"SELECT '" id "'::uuid, " at ", gen_random_uuid(), id, " amount ", currency FROM accounts WHERE code = '" code \
	"'"
#define LINES "INSERT INTO entries (transaction_id, position, id, account_id, amount, currency) "

Test(accounting, its_role_cannot_commit_what_does_not_balance)
{
	struct book b = book_open();
	SCOPED(hm_store) store = NULL;

	must(hm_store_open(&(struct hm_store_config){ .service = "accounting", .dsn = b.f.dsn }, &store));
	refuses(INVALID_ARGUMENT,
		RUN(store, HEADER(ID_1, "2"),
		    LINES LINE(ID_1, "1", "cash", "5") " UNION ALL " LINE(ID_1, "2", "wallet", "-4")));
	refuses(INVALID_ARGUMENT, RUN(store, HEADER(ID_1, "2")));
	refuses(INVALID_ARGUMENT, RUN(store, HEADER(ID_1, "2"), LINES LINE(ID_1, "1", "cash", "5")));
	refuses(INVALID_ARGUMENT, /* entries and header are of a brand that is not looked at when the commit comes */
		RUN(store, HEADER(ID_1, "2"),
		    LINES LINE(ID_1, "1", "cash", "5") " UNION ALL " LINE(ID_1, "2", "wallet", "-4"),
		    "SELECT set_config('hallmark.brand_id', 'nova', true)"));
	must(RUN(store, HEADER(ID_1, "2"),
		 LINES LINE(ID_1, "1", "cash", "5") " UNION ALL " LINE(ID_1, "2", "wallet", "-5")));
	cr_assert_eq(book_balance(&b, "cash")->balance, 5);
	book_is_sound(&b);
}

Test(accounting, its_role_cannot_touch_what_was_posted)
{
	struct book b = book_open();
	SCOPED(hm_store) store = NULL;

	must(hm_store_open(&(struct hm_store_config){ .service = "accounting", .dsn = b.f.dsn }, &store));
	must(RUN(store, HEADER(ID_1, "2"),
		 LINES LINE(ID_1, "1", "cash", "5") " UNION ALL " LINE(ID_1, "2", "wallet", "-5")));
	refuses(INVALID_ARGUMENT,
		RUN(store, LINES LINE(ID_1, "3", "cash", "5") " UNION ALL " LINE(ID_1, "4", "wallet", "-5")));
	refuses(ALREADY_EXISTS,
		RUN(store, LINES LINE(ID_1, "1", "cash", "5") " UNION ALL " LINE(ID_1, "2", "wallet", "-5")));
	refuses(INTERNAL, RUN(store, "UPDATE entries SET amount = 6"));
	refuses(INTERNAL, RUN(store, "DELETE FROM entries"));
	refuses(INTERNAL, RUN(store, "TRUNCATE entries"));
	refuses(INTERNAL, RUN(store, "UPDATE transactions SET description = 'y'"));
	refuses(INTERNAL, RUN(store, "DELETE FROM transactions"));
	refuses(INTERNAL, RUN(store, "TRUNCATE transactions CASCADE"));
	refuses(FAILED_PRECONDITION, RUN(store, "UPDATE accounts SET debits_posted = 6"));
	refuses(FAILED_PRECONDITION, RUN(store, "UPDATE accounts SET debits_must_not_exceed_credits = false"));
	refuses(FAILED_PRECONDITION, RUN(store, "DELETE FROM accounts"));
	refuses(INTERNAL, RUN(store, "SET session_replication_role = replica"));
	refuses(INTERNAL, RUN(store, "ALTER TABLE entries DISABLE TRIGGER ALL"));
	book_is_sound(&b);
}

/* The owner of everything: a superuser, past grants and policies. */
Test(accounting, even_the_owner_cannot_change_what_was_posted)
{
	struct book b = book_open();
	const char *const statements[] = {
		"UPDATE accounting.entries SET amount = 6",
		"DELETE FROM accounting.entries",
		"TRUNCATE accounting.entries",
		"UPDATE accounting.transactions SET description = 'y'",
		"DELETE FROM accounting.transactions",
		"TRUNCATE accounting.transactions CASCADE",
		"UPDATE accounting.audit_log SET actor_id = 'nobody'",
	};
	char sql[300];

	must(book_post(&b, "cash", "wallet", 5));
	for (size_t i = 0; i < sizeof statements / sizeof *statements; i++) {
		snprintf(sql, sizeof sql,
			 "SET session_replication_role = replica; DO $$ BEGIN BEGIN %s; EXCEPTION WHEN "
			 "SQLSTATE 'HM009' "
			 "THEN RETURN; END; RAISE 'it was done'; END $$",
			 statements[i]);
		test_sql(b.f.dsn, sql);
	}
	book_is_sound(&b);
}

Test(accounting, a_drifted_balance_shows_in_the_trial_balance)
{
	struct book b = book_open();
	Accounting__TrialBalanceReply *reply;

	must(book_post(&b, "cash", "wallet", 5));
	test_sql(b.f.dsn, "ALTER TABLE accounting.accounts DISABLE TRIGGER guard; "
			  "UPDATE accounting.accounts SET debits_posted = 6 WHERE code = 'cash'");
	must(accounting_trial_balance(b.f.channel, b.ana,
				      &(Accounting__TrialBalanceRequest){ ACCOUNTING_TRIAL_BALANCE_REQUEST_BASE },
				      &reply));
	cr_assert_eq(reply->n_lines, 1);
	cr_assert_eq(reply->lines[0]->accounts, 2);
	cr_assert_eq(reply->lines[0]->debits, 5);
	cr_assert_eq(reply->lines[0]->difference, 0);
	cr_assert_eq(reply->lines[0]->drifted_accounts, 1);
}

Test(accounting, shows_its_own_audit_log)
{
	struct book b = book_open();
	Hallmark__ListAuditRequest request = HALLMARK__LIST_AUDIT_REQUEST__INIT;
	Hallmark__ListAuditReply *reply;

	must(book_post(&b, "cash", "wallet", 5));
	request.event_type = "transaction.posted";
	must(accounting_list_audit(b.f.channel, b.ana, &request, &reply));
	cr_assert_eq(reply->n_entries, 1);
	cr_assert_str_eq(reply->entries[0]->actor_id, "ana");
	cr_assert_str_eq(reply->entries[0]->entity_type, "transaction");
	cr_assert(reply->entries[0]->entity_id && reply->entries[0]->details);
}

/* ---- Many at once -------------------------------------------------------------------------------------------------- */

enum { THREADS = 8, ROUNDS = 25 };

struct worker {
	const struct book *book;
	struct hm_context *context;
	size_t number;
	const char *id;
	hm_status (*act)(const struct worker *worker, size_t round);
	size_t rounds, done, refused;
	char odd[200]; /* the first answer that was neither done nor refused by a rule */
};

static void *work(void *argument)
{
	struct worker *worker = argument;

	for (size_t i = 0; i < worker->rounds; i++) {
		hm_status status = worker->act(worker, i);

		worker->done += status == HM_OK;
		worker->refused += status == HM_FAILED_PRECONDITION;
		if (status != HM_OK && status != HM_FAILED_PRECONDITION)
			snprintf(worker->odd, sizeof worker->odd, "%s: %.150s", hm_status_name(status),
				 hm_error_get()->message);
		hm_context_reset(worker->context);
	}
	return NULL;
}

/* Runs `act` in all threads at once and returns how often it was done; every other time a rule refused it. */
static size_t run_together(struct book *book, size_t rounds, const char *id,
			   hm_status (*act)(const struct worker *worker, size_t round))
{
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	size_t done = 0, refused = 0;

	for (size_t i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .book = book,
					      .context = fixture_user(&book->f, "loop", "many"),
					      .number = i,
					      .id = id,
					      .act = act,
					      .rounds = rounds };
		cr_assert_eq(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (size_t i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		done += workers[i].done;
		refused += workers[i].refused;
		cr_assert_str_empty(workers[i].odd);
	}
	cr_assert_eq(done + refused, THREADS * rounds);
	return done;
}

static hm_status spend(const struct worker *worker, size_t round)
{
	(void)round;
	return book_post_as(worker->book, worker->context, "wallet", "cash", 10);
}

Test(accounting, a_limit_holds_when_many_spend_at_once, .timeout = 60)
{
	struct book b = book_open();

	must(book_post(&b, "cash", "wallet", 1005));
	cr_assert_eq(run_together(&b, ROUNDS, NULL, spend), 100);
	cr_assert_eq(book_balance(&b, "wallet")->available, 5);
	book_is_sound(&b);
}

static hm_status hold(const struct worker *worker, size_t round)
{
	Accounting__Hold *placed;

	(void)round;
	return accounting_hold_funds(
		worker->book->f.channel, worker->context,
		HOLD(.debit_account = "wallet", .credit_account = "cash", HM_SET(amount, 10), .description = "x"),
		&placed);
}

Test(accounting, a_limit_holds_when_many_hold_at_once, .timeout = 60)
{
	struct book b = book_open();

	must(book_post(&b, "cash", "wallet", 1005));
	cr_assert_eq(run_together(&b, ROUNDS, NULL, hold), 100);
	cr_assert_eq(book_balance(&b, "wallet")->debits_pending, 1000);
	book_is_sound(&b);
}

static hm_status post_hold(const struct worker *worker, size_t round)
{
	Accounting__Transaction *posted;
	Accounting__Hold *voided;

	if ((worker->number + round) % 2)
		return accounting_void_hold(worker->book->f.channel, worker->context, VOID_HOLD(worker->id), &voided);
	return accounting_post_hold(worker->book->f.channel, worker->context, POST_HOLD(.hold_id = worker->id),
				    &posted);
}

Test(accounting, a_hold_ends_once_when_many_end_it, .timeout = 60)
{
	struct book b = book_open();
	Accounting__Hold *placed;

	must(book_post(&b, "cash", "wallet", 500));
	must(accounting_hold_funds(b.f.channel, b.ana,
				   HOLD(.id = ID_1, .debit_account = "wallet", .credit_account = "cash",
					HM_SET(amount, 500), .description = "x"),
				   &placed));
	cr_assert_geq(run_together(&b, 2, ID_1, post_hold), 1);
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.transactions WHERE hold_id IS NOT NULL"),
		     test_sql(b.f.dsn, "SELECT count(*) FROM accounting.holds WHERE state = 'POSTED'"));
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.holds WHERE state = 'PENDING'"), 0);
	book_is_sound(&b);
}

static hm_status post_same(const struct worker *worker, size_t round)
{
	Accounting__Transaction *posted;

	(void)round;
	return accounting_post_transaction(
		worker->book->f.channel, worker->context,
		POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))), &posted);
}

Test(accounting, one_id_posts_once_when_many_repeat_it, .timeout = 60)
{
	struct book b = book_open();

	cr_assert_eq(run_together(&b, 3, NULL, post_same), 3 * THREADS);
	cr_assert_eq(book_balance(&b, "cash")->balance, 5);
	book_is_sound(&b);
}

static hm_status reverse(const struct worker *worker, size_t round)
{
	Accounting__Transaction *reversal;

	(void)round;
	return accounting_reverse_transaction(worker->book->f.channel, worker->context,
					      REVERSE(.transaction_id = ID_1, .description = "x"), &reversal);
}

Test(accounting, a_transaction_is_reversed_once_when_many_try, .timeout = 60)
{
	struct book b = book_open();
	Accounting__Transaction *posted;

	must(accounting_post_transaction(
		b.f.channel, b.ana,
		POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))), &posted));
	cr_assert_eq(run_together(&b, 2, NULL, reverse), 1);
	cr_assert_eq(book_balance(&b, "cash")->balance, 0);
	book_is_sound(&b);
}

/* Each thread's next transfer goes another way round the circle. */
static hm_status shift(const struct worker *worker, size_t round)
{
	static const char *const codes[] = { "cash", "north", "south" };
	size_t from = (worker->number + round) % 3, to = (from + 1 + round % 2) % 3;

	return book_post_as(worker->book, worker->context, codes[from], codes[to], (int64_t)(1 + round));
}

Test(accounting, postings_in_a_circle_never_lock_each_other_out, .timeout = 60)
{
	struct book b = book_open();

	book_add(&b, "north", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	book_add(&b, "south", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	cr_assert_eq(run_together(&b, ROUNDS, NULL, shift), THREADS * ROUNDS);
	cr_assert_eq(test_sql(b.f.dsn, "SELECT deadlocks FROM pg_stat_database WHERE datname = current_database()"), 0);
	book_is_sound(&b);
}
