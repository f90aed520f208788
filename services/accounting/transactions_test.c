/* Transactions: posting once, balanced, within limits; reversing once; reading. */
#include <string.h>

#include "testing.h"

Test(accounting, posts_a_transaction_and_moves_the_balances)
{
	struct book b = book_open();
	Accounting__Transaction *posted, *read;

	must(accounting_post_transaction(b.f.channel, b.ana,
					 POST(.id = ID_1, .description = "Top-up", .reference = "charge:7",
					      ENTRIES(ENTRY("cash", 500), ENTRY("wallet", -500))),
					 &posted));
	must(accounting_get_transaction(b.f.channel, b.ana, GET_TRANSACTION(ID_1), &read));
	cr_assert_str_eq(posted->id, ID_1);
	cr_assert_str_eq(posted->reference, "charge:7");
	cr_assert(posted->posted_at && !posted->effective_at && !posted->reverses_id && !posted->hold_id);
	cr_assert_eq(posted->n_entries, 2);
	cr_assert_eq(read->n_entries, 2);
	for (size_t i = 0; i < 2; i++) {
		cr_assert_str_eq(posted->entries[i]->id, read->entries[i]->id);
		cr_assert_str_eq(posted->entries[i]->account_id, read->entries[i]->account_id);
		cr_assert_str_eq(posted->entries[i]->account_code, read->entries[i]->account_code);
		cr_assert_str_eq(posted->entries[i]->currency, "USD");
		cr_assert_eq(posted->entries[i]->amount, read->entries[i]->amount);
	}
	cr_assert_eq(book_balance(&b, "cash")->balance, 500);
	cr_assert_eq(book_balance(&b, "wallet")->balance, -500);
	refuses(NOT_FOUND, accounting_get_transaction(b.f.channel, b.ana, GET_TRANSACTION(NOBODY), &read));
	book_is_sound(&b);
}

Test(accounting, refuses_entries_that_do_not_sum_to_zero)
{
	struct book b = book_open();
	Accounting__Transaction *posted;

	book_add(&b, "bank", ACCOUNTING__ACCOUNT_TYPE__ASSET, "EUR", false);
	refuses(INVALID_ARGUMENT,
		accounting_post_transaction(
			b.f.channel, b.ana,
			POST(.description = "x", ENTRIES(ENTRY("cash", 500), ENTRY("wallet", -499))), &posted));
	cr_assert(strstr(hm_error_get()->message, "USD sum to 1,"), "%s", hm_error_get()->message);
	refuses(INVALID_ARGUMENT, /* a dollar is not a euro */
		accounting_post_transaction(b.f.channel, b.ana,
					    POST(.description = "x", ENTRIES(ENTRY("cash", 500), ENTRY("bank", -500))),
					    &posted));
	refuses(INVALID_ARGUMENT,
		accounting_post_transaction(b.f.channel, b.ana,
					    POST(.description = "x", ENTRIES(ENTRY("cash", 0), ENTRY("wallet", 0))),
					    &posted));
	refuses(INVALID_ARGUMENT,
		accounting_post_transaction(b.f.channel, b.ana, POST(.description = "x", ENTRIES(ENTRY("cash", 500))),
					    &posted));
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.transactions"), 0);
}

Test(accounting, a_transaction_may_balance_in_several_currencies_at_once)
{
	struct book b = book_open();
	Accounting__Transaction *posted;

	book_add(&b, "bank", ACCOUNTING__ACCOUNT_TYPE__ASSET, "EUR", false);
	book_add(&b, "exchange:usd", ACCOUNTING__ACCOUNT_TYPE__EQUITY, "USD", false);
	book_add(&b, "exchange:eur", ACCOUNTING__ACCOUNT_TYPE__EQUITY, "EUR", false);
	must(accounting_post_transaction(
		b.f.channel, b.ana,
		POST(.description = "Dollars for euros", ENTRIES(ENTRY("cash", -1086), ENTRY("exchange:usd", 1086),
								 ENTRY("bank", 1000), ENTRY("exchange:eur", -1000))),
		&posted));
	cr_assert_str_eq(posted->entries[2]->currency, "EUR");
	cr_assert_eq(book_balance(&b, "bank")->balance, 1000);
	book_is_sound(&b);
}

Test(accounting, an_account_may_stand_in_a_transaction_twice)
{
	struct book b = book_open();
	Accounting__Transaction *posted;

	must(accounting_post_transaction(
		b.f.channel, b.ana,
		POST(.description = "Split", ENTRIES(ENTRY("wallet", 300), ENTRY("cash", 200), ENTRY("wallet", -500))),
		&posted));
	cr_assert_eq(book_balance(&b, "wallet")->debits_posted, 300);
	cr_assert_eq(book_balance(&b, "wallet")->credits_posted, 500);
	book_is_sound(&b);
}

static bool same_bytes(const Accounting__Transaction *a, const Accounting__Transaction *b)
{
	uint8_t bytes_a[1024], bytes_b[1024];
	size_t size = accounting__transaction__get_packed_size(a);

	cr_assert_leq(size, sizeof bytes_a);
	if (accounting__transaction__get_packed_size(b) != size)
		return false;
	accounting__transaction__pack(a, bytes_a);
	accounting__transaction__pack(b, bytes_b);
	return !memcmp(bytes_a, bytes_b, size);
}

Test(accounting, the_same_id_and_words_answer_alike_and_post_once)
{
	struct book b = book_open();
	Google__Protobuf__Timestamp effective = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	const Accounting__PostTransactionRequest *request =
		POST(.id = ID_1, .description = "Top-up", .reference = "charge:7", .effective_at = &effective,
		     ENTRIES(ENTRY("cash", 500), ENTRY("wallet", -500)));
	Accounting__Transaction *first, *again;

	effective.seconds = 1764000000;
	effective.nanos = 123456789;
	must(accounting_post_transaction(b.f.channel, b.ana, request, &first));
	must(accounting_reverse_transaction(b.f.channel, b.ana,
					    REVERSE(.transaction_id = ID_1, .description = "undone"), &again));
	must(accounting_post_transaction(b.f.channel, b.ana, request, &again));
	cr_assert_null(again->reversed_by_id);
	cr_assert(same_bytes(first, again));
	cr_assert_eq(test_sql(b.f.dsn, "SELECT count(*) FROM accounting.transactions"), 2);
}

Test(accounting, the_same_id_with_other_words_is_refused_naming_the_field)
{
	struct book b = book_open();
	Google__Protobuf__Timestamp then = GOOGLE__PROTOBUF__TIMESTAMP__INIT;
	const struct {
		const char *field;
		const Accounting__PostTransactionRequest *request;
	} rows[] = {
		{ "description", POST(.id = ID_1, .description = "y", ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))) },
		{ "reference", POST(.id = ID_1, .description = "x", .reference = "r",
				    ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))) },
		{ "effectiveAt", POST(.id = ID_1, .description = "x", .effective_at = &then,
				      ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))) },
		{ "entries", POST(.id = ID_1, .description = "x",
				  ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -4), ENTRY("wallet", -1))) },
		{ "entries[0].account",
		  POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("wallet", 5), ENTRY("cash", -5))) },
		{ "entries[0].amount",
		  POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("cash", 6), ENTRY("wallet", -6))) },
		{ "entries[0].account",
		  POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("no", 5), ENTRY("such", -5))) },
	};
	Accounting__Transaction *posted;

	must(accounting_post_transaction(
		b.f.channel, b.ana,
		POST(.id = ID_1, .description = "x", ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))), &posted));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		refuses(ALREADY_EXISTS, accounting_post_transaction(b.f.channel, b.ana, rows[i].request, &posted));
		cr_assert_str_eq(hm_error_get()->violations[0].field, rows[i].field);
	}
	cr_assert_eq(book_balance(&b, "cash")->balance, 5);
}

Test(accounting, an_id_of_one_brand_is_free_in_another)
{
	struct book b = book_open(), theirs = b;
	Accounting__Transaction *posted;

	theirs.ana = fixture_user(&b.f, "nova", "eve");
	book_add(&theirs, "cash", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	book_add(&theirs, "wallet", ACCOUNTING__ACCOUNT_TYPE__LIABILITY, "USD", true);
	for (int i = 0; i < 2; i++)
		must(accounting_post_transaction(b.f.channel, i ? theirs.ana : b.ana,
						 POST(.id = ID_1, .description = i ? "theirs" : "ours",
						      ENTRIES(ENTRY("cash", 5 + i), ENTRY("wallet", -5 - i))),
						 &posted));
	cr_assert_eq(book_balance(&b, "cash")->balance, 5);
	cr_assert_eq(book_balance(&theirs, "cash")->balance, 6);
}

Test(accounting, posts_only_to_accounts_that_are_there_and_open)
{
	struct book b = book_open();
	Accounting__Account *closed;
	Accounting__Transaction *posted;

	refuses(NOT_FOUND, accounting_post_transaction(
				   b.f.channel, b.ana,
				   POST(.description = "x", ENTRIES(ENTRY("cash", 5), ENTRY("nothing", -5))), &posted));
	must(accounting_close_account(b.f.channel, b.ana, CLOSE("wallet"), &closed));
	refuses(FAILED_PRECONDITION,
		accounting_post_transaction(b.f.channel, b.ana,
					    POST(.description = "x", ENTRIES(ENTRY("cash", 5), ENTRY("wallet", -5))),
					    &posted));
}

Test(accounting, an_account_keeps_within_its_limit)
{
	struct book b = book_open();
	Accounting__Account *till;
	Accounting__Transaction *posted;

	must(accounting_open_account(b.f.channel, b.ana,
				     OPEN(.code = "till", .name = "x", HM_SET(type, ACCOUNTING__ACCOUNT_TYPE__ASSET),
					  .currency = "USD", HM_SET(credits_must_not_exceed_debits, true)),
				     &till));
	must(book_post(&b, "cash", "wallet", 500));
	refuses(FAILED_PRECONDITION,
		accounting_post_transaction(
			b.f.channel, b.ana,
			POST(.description = "x", ENTRIES(ENTRY("wallet", 501), ENTRY("cash", -501))), &posted));
	cr_assert(strstr(hm_error_get()->message, "wallet"), "%s", hm_error_get()->message);
	must(book_post(&b, "wallet", "cash", 500));
	refuses(FAILED_PRECONDITION, book_post(&b, "cash", "till", 1));
	must(book_post(&b, "till", "cash", 1));
	must(book_post(&b, "cash", "till", 1));
	book_is_sound(&b);
}

Test(accounting, no_total_passes_what_64_bits_hold)
{
	struct book b = book_open();
	Accounting__Transaction *posted;
	Accounting__Hold *hold;

	must(book_post(&b, "cash", "wallet", INT64_MAX - 1));
	must(book_post(&b, "cash", "wallet", 1));
	cr_assert_eq(book_balance(&b, "cash")->balance, INT64_MAX);
	refuses(OUT_OF_RANGE,
		accounting_post_transaction(b.f.channel, b.ana,
					    POST(.description = "x", ENTRIES(ENTRY("cash", 1), ENTRY("wallet", -1))),
					    &posted));
	refuses(OUT_OF_RANGE, accounting_hold_funds(b.f.channel, b.ana,
						    HOLD(.debit_account = "cash", .credit_account = "wallet",
							 HM_SET(amount, 1), .description = "x"),
						    &hold));
	refuses(INVALID_ARGUMENT, /* the sum is checked beyond 64 bits */
		accounting_post_transaction(
			b.f.channel, b.ana,
			POST(.description = "x",
			     ENTRIES(ENTRY("cash", INT64_MAX), ENTRY("cash", INT64_MAX), ENTRY("wallet", 2))),
			&posted));
	book_is_sound(&b);
}

Test(accounting, reverses_a_transaction_once)
{
	struct book b = book_open();
	Accounting__Transaction *posted, *reversal, *again, *read;

	must(accounting_post_transaction(b.f.channel, b.ana,
					 POST(.description = "Top-up", .reference = "charge:7",
					      ENTRIES(ENTRY("cash", 500), ENTRY("wallet", -500))),
					 &posted));
	must(accounting_reverse_transaction(b.f.channel, b.ana,
					    REVERSE(.transaction_id = posted->id, .id = ID_1, .description = "wrong"),
					    &reversal));
	cr_assert_str_eq(reversal->reverses_id, posted->id);
	cr_assert_str_eq(reversal->reference, "charge:7");
	cr_assert_eq(reversal->entries[0]->amount, -500);
	cr_assert_eq(book_balance(&b, "cash")->balance, 0);
	must(accounting_reverse_transaction(
		b.f.channel, b.ana, REVERSE(.transaction_id = posted->id, .id = ID_1, .description = "wrong"), &again));
	cr_assert_str_eq(again->entries[0]->id, reversal->entries[0]->id);
	must(accounting_get_transaction(b.f.channel, b.ana, GET_TRANSACTION(posted->id), &read));
	cr_assert_str_eq(read->reversed_by_id, ID_1);
	refuses(FAILED_PRECONDITION,
		accounting_reverse_transaction(b.f.channel, b.ana,
					       REVERSE(.transaction_id = posted->id, .description = "wrong"), &again));
	refuses(ALREADY_EXISTS,
		accounting_reverse_transaction(
			b.f.channel, b.ana, REVERSE(.transaction_id = posted->id, .id = ID_1, .description = "other"),
			&again));
	refuses(NOT_FOUND, accounting_reverse_transaction(
				   b.f.channel, b.ana, REVERSE(.transaction_id = NOBODY, .description = "x"), &again));
	book_is_sound(&b);
}

Test(accounting, a_reversal_keeps_within_the_limits_too)
{
	struct book b = book_open();
	Accounting__Transaction *posted, *reversal;

	must(accounting_post_transaction(
		b.f.channel, b.ana, POST(.description = "Top-up", ENTRIES(ENTRY("cash", 500), ENTRY("wallet", -500))),
		&posted));
	must(book_post(&b, "wallet", "cash", 100));
	refuses(FAILED_PRECONDITION,
		accounting_reverse_transaction(b.f.channel, b.ana,
					       REVERSE(.transaction_id = posted->id, .description = "x"), &reversal));
	book_is_sound(&b);
}

Test(accounting, a_reversal_passes_no_total_over_64_bits)
{
	struct book b = book_open();
	Accounting__Transaction *posted, *reversal;

	book_add(&b, "bank", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	must(accounting_post_transaction(
		b.f.channel, b.ana,
		POST(.description = "x", ENTRIES(ENTRY("cash", INT64_MAX - 10), ENTRY("bank", 10 - INT64_MAX))),
		&posted));
	must(book_post(&b, "bank", "cash", 20));
	refuses(OUT_OF_RANGE,
		accounting_reverse_transaction(b.f.channel, b.ana,
					       REVERSE(.transaction_id = posted->id, .description = "x"), &reversal));
	book_is_sound(&b);
}

static size_t count_pages(const struct book *b, Accounting__ListTransactionsRequest *request)
{
	Accounting__ListTransactionsReply *page;
	size_t total = 0;

	do {
		must(accounting_list_transactions(b->f.channel, b->ana, request, &page));
		for (size_t i = 0; i < page->n_transactions; i++)
			cr_assert_eq(page->transactions[i]->n_entries, 2);
		total += page->n_transactions;
		request->page_token = page->next_page_token;
	} while (request->page_token);
	return total;
}

Test(accounting, lists_transactions_the_last_first_and_by_reference)
{
	struct book b = book_open();
	Accounting__ListTransactionsRequest all = { ACCOUNTING_LIST_TRANSACTIONS_REQUEST_BASE, HM_SET(page_size, 3) };
	Accounting__ListTransactionsRequest some = { ACCOUNTING_LIST_TRANSACTIONS_REQUEST_BASE, HM_SET(page_size, 2),
						     .reference = "order:1" };
	Accounting__ListTransactionsRequest none = { ACCOUNTING_LIST_TRANSACTIONS_REQUEST_BASE };
	Accounting__ListTransactionsReply *page;
	Accounting__Transaction *posted;

	for (int64_t i = 1; i <= 7; i++)
		must(accounting_post_transaction(b.f.channel, b.ana,
						 POST(.description = "x", .reference = i % 2 ? "order:1" : NULL,
						      ENTRIES(ENTRY("cash", i), ENTRY("wallet", -i))),
						 &posted));
	must(accounting_list_transactions(b.f.channel, b.ana, &all, &page));
	cr_assert_eq(page->transactions[0]->entries[0]->amount, 7);
	cr_assert_eq(page->transactions[2]->entries[1]->amount, -5);
	cr_assert_eq(count_pages(&b, &all), 7);
	cr_assert_eq(count_pages(&b, &some), 4);
	none.until = posted->posted_at;
	cr_assert_eq(count_pages(&b, &none), 6);
	none.from = posted->posted_at;
	cr_assert_eq(count_pages(&b, &none), 0);
}
