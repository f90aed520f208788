/* Holds: reserving, posting at most once, releasing, expiring. */
#include <string.h>

#include "base/clock.h"
#include "testing.h"

/* A wallet of 500 cents, with a hold of `amount` on it that ends at expires_at (NULL: not by itself). */
static const Accounting__Hold *place(const struct book *b, int64_t amount, Google__Protobuf__Timestamp *expires_at)
{
	Accounting__Hold *hold;

	must(book_post(b, "cash", "wallet", 500));
	must(accounting_hold_funds(b->f.channel, b->ana,
				   HOLD(.debit_account = "wallet", .credit_account = "cash", HM_SET(amount, amount),
					.description = "Order 7", .reference = "order:7", .expires_at = expires_at),
				   &hold));
	return hold;
}

/* A hold long past its time, as if nobody had touched its accounts since; returns its id. */
static const char *place_lapsed(const struct book *b, int64_t amount)
{
	Google__Protobuf__Timestamp later = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	const Accounting__Hold *hold;

	later.seconds = hm_clock_wall_us() / HM_US_PER_S + 3600;
	hold = place(b, amount, &later);
	test_sql(b->f.dsn,
		 "SET session_replication_role = replica; ALTER TABLE accounting.holds DISABLE TRIGGER guard, "
		 "DISABLE TRIGGER count; UPDATE accounting.holds SET placed_at = placed_at - interval '2 hours', "
		 "expires_at = expires_at - interval '2 hours'; ALTER TABLE accounting.holds "
		 "ENABLE ALWAYS TRIGGER guard, ENABLE ALWAYS TRIGGER count");
	return hold->id;
}

Test(accounting, a_hold_counts_against_the_limit_at_once)
{
	struct book b = book_open();
	const Accounting__Hold *hold = place(&b, 300, NULL);
	const Accounting__Balance *wallet = book_balance(&b, "wallet"), *cash = book_balance(&b, "cash");
	Accounting__Hold *more;

	cr_assert_eq(hold->state, ACCOUNTING__HOLD_STATE__PENDING);
	cr_assert_str_eq(hold->debit_account_code, "wallet");
	cr_assert_eq(wallet->debits_pending, 300);
	cr_assert_eq(wallet->available, 200);
	cr_assert_eq(wallet->balance, -500);
	cr_assert_eq(cash->credits_pending, 300);
	refuses(FAILED_PRECONDITION, book_post(&b, "wallet", "cash", 201));
	refuses(FAILED_PRECONDITION, accounting_hold_funds(b.f.channel, b.ana,
							   HOLD(.debit_account = "wallet", .credit_account = "cash",
								HM_SET(amount, 201), .description = "x"),
							   &more));
	must(book_post(&b, "wallet", "cash", 200));
	book_is_sound(&b);
}

Test(accounting, a_hold_is_between_two_open_accounts_of_one_currency)
{
	struct book b = book_open();
	Google__Protobuf__Timestamp past = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Google__Protobuf__Timestamp never = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Accounting__Account *closed;
	Accounting__Hold *hold;

	past.seconds = 1764000000;
	never.seconds = INT64_MAX;
	book_add(&b, "bank", ACCOUNTING__ACCOUNT_TYPE__ASSET, "EUR", false);
	book_add(&b, "old", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	must(accounting_close_account(b.f.channel, b.ana, CLOSE("old"), &closed));
	refuses(INVALID_ARGUMENT, accounting_hold_funds(b.f.channel, b.ana,
							HOLD(.debit_account = "cash", .credit_account = "cash",
							     HM_SET(amount, 1), .description = "x"),
							&hold));
	refuses(INVALID_ARGUMENT, accounting_hold_funds(b.f.channel, b.ana,
							HOLD(.debit_account = "cash", .credit_account = "bank",
							     HM_SET(amount, 1), .description = "x"),
							&hold));
	refuses(INVALID_ARGUMENT,
		accounting_hold_funds(b.f.channel, b.ana,
				      HOLD(.debit_account = "cash", .credit_account = "wallet", HM_SET(amount, 1),
					   .description = "x", .expires_at = &past),
				      &hold));
	refuses(INVALID_ARGUMENT,
		accounting_hold_funds(b.f.channel, b.ana,
				      HOLD(.debit_account = "cash", .credit_account = "wallet", HM_SET(amount, 1),
					   .description = "x", .expires_at = &never),
				      &hold));
	refuses(FAILED_PRECONDITION, accounting_hold_funds(b.f.channel, b.ana,
							   HOLD(.debit_account = "cash", .credit_account = "old",
								HM_SET(amount, 1), .description = "x"),
							   &hold));
	refuses(NOT_FOUND, accounting_hold_funds(b.f.channel, b.ana,
						 HOLD(.debit_account = "cash", .credit_account = "nothing",
						      HM_SET(amount, 1), .description = "x"),
						 &hold));
}

Test(accounting, a_hold_is_posted_at_most_once_and_the_rest_of_it_released)
{
	struct book b = book_open();
	const Accounting__Hold *placed = place(&b, 300, NULL);
	Accounting__Hold *hold;
	Accounting__Transaction *posted, *again;

	refuses(OUT_OF_RANGE, accounting_post_hold(b.f.channel, b.ana,
						   POST_HOLD(.hold_id = placed->id, HM_SET(amount, 301)), &posted));
	must(accounting_post_hold(b.f.channel, b.ana,
				  POST_HOLD(.hold_id = placed->id, HM_SET(amount, 250), .transaction_id = ID_1),
				  &posted));
	cr_assert_str_eq(posted->hold_id, placed->id);
	cr_assert_str_eq(posted->description, "Order 7");
	cr_assert_str_eq(posted->reference, "order:7");
	cr_assert_eq(posted->entries[0]->amount, 250);
	cr_assert_eq(book_balance(&b, "wallet")->balance, -250);
	cr_assert_eq(book_balance(&b, "wallet")->debits_pending, 0);
	must(accounting_post_hold(b.f.channel, b.ana,
				  POST_HOLD(.hold_id = placed->id, HM_SET(amount, 250), .transaction_id = ID_1),
				  &again));
	cr_assert_str_eq(again->entries[0]->id, posted->entries[0]->id);
	refuses(FAILED_PRECONDITION,
		accounting_post_hold(b.f.channel, b.ana, POST_HOLD(.hold_id = placed->id), &again));
	refuses(FAILED_PRECONDITION, accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(placed->id), &hold));
	must(accounting_get_hold(b.f.channel, b.ana, GET_HOLD(placed->id), &hold));
	cr_assert_eq(hold->state, ACCOUNTING__HOLD_STATE__POSTED);
	cr_assert_str_eq(hold->transaction_id, ID_1);
	cr_assert_eq(hold->posted_amount, 250);
	book_is_sound(&b);
}

Test(accounting, all_of_a_full_wallet_can_be_held_and_posted)
{
	struct book b = book_open();
	const Accounting__Hold *placed = place(&b, 500, NULL);
	Accounting__Transaction *posted;

	must(accounting_post_hold(b.f.channel, b.ana, POST_HOLD(.hold_id = placed->id), &posted));
	cr_assert_eq(book_balance(&b, "wallet")->balance, 0);
	book_is_sound(&b);
}

Test(accounting, a_hold_is_not_posted_under_an_id_that_is_taken)
{
	struct book b = book_open();
	const Accounting__Hold *placed = place(&b, 300, NULL);
	Accounting__Transaction *posted;

	must(accounting_post_transaction(
		b.f.channel, b.ana,
		POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("cash", 1), ENTRY("wallet", -1))), &posted));
	refuses(ALREADY_EXISTS,
		accounting_post_hold(b.f.channel, b.ana, POST_HOLD(.hold_id = placed->id, .transaction_id = ID_1),
				     &posted));
	refuses(NOT_FOUND, accounting_post_hold(b.f.channel, b.ana, POST_HOLD(.hold_id = NOBODY), &posted));
	cr_assert_eq(book_balance(&b, "wallet")->debits_pending, 300);
}

Test(accounting, a_voided_hold_is_released_for_good)
{
	struct book b = book_open();
	const Accounting__Hold *placed = place(&b, 500, NULL);
	Accounting__Hold *voided, *again;
	Accounting__Transaction *posted;

	must(accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(placed->id), &voided));
	cr_assert_eq(voided->state, ACCOUNTING__HOLD_STATE__VOIDED);
	must(accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(placed->id), &again));
	cr_assert_eq(again->ended_at->nanos, voided->ended_at->nanos);
	refuses(FAILED_PRECONDITION,
		accounting_post_hold(b.f.channel, b.ana, POST_HOLD(.hold_id = placed->id), &posted));
	refuses(NOT_FOUND, accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(NOBODY), &again));
	refuses(NOT_FOUND, accounting_get_hold(b.f.channel, b.ana, GET_HOLD(NOBODY), &again));
	must(book_post(&b, "wallet", "cash", 500));
	book_is_sound(&b);
}

Test(accounting, the_same_hold_id_answers_alike_or_names_the_field)
{
	struct book b = book_open();
	const Accounting__HoldFundsRequest request =
		*HOLD(.id = ID_1, .debit_account = "wallet", .credit_account = "cash", HM_SET(amount, 100),
		      .description = "x");
	Accounting__HoldFundsRequest others[] = { request, request, request, request, request, request };
	static const char *const fields[] = { "debitAccount", "creditAccount", "amount",
					      "description",  "reference",     "expiresAt" };
	Google__Protobuf__Timestamp later = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	Accounting__Hold *first, *again;

	later.seconds = hm_clock_wall_us() / HM_US_PER_S + 3600;
	others[0].debit_account = "cash";
	others[1].credit_account = "wallet";
	others[2].amount = 101;
	others[3].description = "y";
	others[4].reference = "order:8";
	others[5].expires_at = &later;
	must(book_post(&b, "cash", "wallet", 500));
	must(accounting_hold_funds(b.f.channel, b.ana, &request, &first));
	must(accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(ID_1), &again));
	must(accounting_hold_funds(b.f.channel, b.ana, &request, &again));
	cr_assert_eq(again->state, ACCOUNTING__HOLD_STATE__PENDING);
	cr_assert_eq(again->placed_at->nanos, first->placed_at->nanos);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		refuses(ALREADY_EXISTS, accounting_hold_funds(b.f.channel, b.ana, &others[i], &again));
		cr_assert_str_eq(hm_error_get()->violations[0].field, fields[i]);
	}
}

Test(accounting, a_hold_past_its_time_no_longer_counts)
{
	struct book b = book_open();
	const char *id = place_lapsed(&b, 500);
	const Accounting__Balance *wallet = book_balance(&b, "wallet");
	Accounting__Transaction *posted;
	Accounting__Hold *hold;

	cr_assert_eq(wallet->debits_pending, 0);
	cr_assert_eq(wallet->available, 500);
	must(accounting_get_hold(b.f.channel, b.ana, GET_HOLD(id), &hold));
	cr_assert_eq(hold->state, ACCOUNTING__HOLD_STATE__EXPIRED);
	cr_assert_eq(hold->ended_at->seconds, hold->expires_at->seconds);
	refuses(FAILED_PRECONDITION, accounting_post_hold(b.f.channel, b.ana, POST_HOLD(.hold_id = id), &posted));
	refuses(FAILED_PRECONDITION, accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(id), &hold));
	cr_assert_eq(test_sql(b.f.dsn, "SELECT debits_pending FROM accounting.accounts WHERE code = 'wallet'"), 500);
}

Test(accounting, who_next_posts_releases_what_has_expired)
{
	struct book b = book_open();

	place_lapsed(&b, 500);
	must(book_post(&b, "wallet", "cash", 500));
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.holds WHERE state = 'EXPIRED'"), 1);
	cr_assert_eq(test_sql(b.f.dsn, "SELECT sum(debits_pending + credits_pending) FROM accounting.accounts"), 0);
	book_is_sound(&b);
}

Test(accounting, an_account_whose_holds_have_all_expired_can_be_closed)
{
	struct book b = book_open();
	Accounting__Account *closed;

	place_lapsed(&b, 400);
	must(book_post(&b, "wallet", "cash", 100));
	must(book_post(&b, "wallet", "cash", 400));
	must(accounting_close_account(b.f.channel, b.ana, CLOSE("wallet"), &closed));
}

Test(accounting, a_hold_expires_when_its_time_comes)
{
	struct book b = book_open();
	Google__Protobuf__Timestamp soon = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	int64_t at_us = hm_clock_wall_us() + 300 * HM_US_PER_MS;
	const Accounting__Hold *placed;
	Accounting__Hold *hold;

	soon.seconds = at_us / HM_US_PER_S;
	soon.nanos = (int32_t)(at_us % HM_US_PER_S * 1000);
	placed = place(&b, 500, &soon);
	do
		must(accounting_get_hold(b.f.channel, b.ana, GET_HOLD(placed->id), &hold));
	while (hold->state == ACCOUNTING__HOLD_STATE__PENDING);
	cr_assert_eq(hold->state, ACCOUNTING__HOLD_STATE__EXPIRED);
	must(book_post(&b, "wallet", "cash", 500));
	book_is_sound(&b);
}
