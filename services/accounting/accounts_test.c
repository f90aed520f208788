/* Accounts: opening, closing, finding, listing; their balances and entries. */
#include <stdio.h>
#include <string.h>

#include "testing.h"

#define ASSET ACCOUNTING__ACCOUNT_TYPE__ASSET
#define REVENUE ACCOUNTING__ACCOUNT_TYPE__REVENUE

Test(accounting, finds_an_account_by_its_id_and_by_its_code)
{
	struct book b = book_open();
	Accounting__Account *by_code, *by_id;

	must(accounting_get_account(b.f.channel, b.ana, GET_ACCOUNT("wallet"), &by_code));
	must(accounting_get_account(b.f.channel, b.ana, GET_ACCOUNT(by_code->id), &by_id));
	cr_assert_str_eq(by_id->code, "wallet");
	cr_assert_str_eq(by_id->currency, "USD");
	cr_assert_eq(by_id->type, ACCOUNTING__ACCOUNT_TYPE__LIABILITY);
	cr_assert(by_id->debits_must_not_exceed_credits && !by_id->credits_must_not_exceed_debits);
	cr_assert(by_id->opened_at && !by_id->closed_at);
	refuses(NOT_FOUND, accounting_get_account(b.f.channel, b.ana, GET_ACCOUNT("nothing"), &by_code));
	refuses(NOT_FOUND, accounting_get_account(b.f.channel, b.ana, GET_ACCOUNT(NOBODY), &by_code));
	refuses(NOT_FOUND, accounting_get_account(b.f.channel, fixture_user(&b.f, "nova", "eve"), GET_ACCOUNT("wallet"),
						  &by_code));
}

Test(accounting, knows_each_currencys_own_minor_unit)
{
	static const struct {
		const char *currency;
		int exponent;
	} rows[] = { { "USD", 2 }, { "JPY", 0 }, { "BHD", 3 }, { "CLF", 4 }, { "VUV", 0 }, { "ZWG", 2 } };
	struct book b = book_open();
	Accounting__Account *account;
	char code[16];

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		snprintf(code, sizeof code, "c%zu", i);
		must(accounting_open_account(
			b.f.channel, b.ana,
			OPEN(.code = code, .name = "x", HM_SET(type, ASSET), .currency = rows[i].currency), &account));
		cr_assert_eq(account->exponent, rows[i].exponent, "%s has %d", rows[i].currency, account->exponent);
	}
}

Test(accounting, opens_no_account_in_a_currency_that_does_not_exist)
{
	struct book b = book_open();
	Accounting__Account *account;

	refuses(INVALID_ARGUMENT,
		accounting_open_account(b.f.channel, b.ana,
					OPEN(.code = "x", .name = "x", HM_SET(type, ASSET), .currency = "XTS"),
					&account));
	refuses(INVALID_ARGUMENT,
		accounting_open_account(b.f.channel, b.ana,
					OPEN(.code = "x", .name = "x", HM_SET(type, ASSET), .currency = "usd"),
					&account));
}

Test(accounting, an_account_has_one_limit_at_most)
{
	struct book b = book_open();
	Accounting__Account *account;

	refuses(INVALID_ARGUMENT,
		accounting_open_account(b.f.channel, b.ana,
					OPEN(.code = "x", .name = "x", HM_SET(type, ASSET), .currency = "USD",
					     HM_SET(debits_must_not_exceed_credits, true),
					     HM_SET(credits_must_not_exceed_debits, true)),
					&account));
}

Test(accounting, a_code_never_looks_like_an_id)
{
	static const char *const codes[] = { "",        "Cash", "1cash",
					     "cash:",   "a b",  "abcdef01-0000-7000-8000-000000000001",
					     "cash/usd" };
	struct book b = book_open();
	Accounting__Account *account;

	for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
		refuses(INVALID_ARGUMENT,
			accounting_open_account(
				b.f.channel, b.ana,
				OPEN(.code = codes[i], .name = "x", HM_SET(type, ASSET), .currency = "USD"), &account));
}

Test(accounting, opening_again_answers_with_the_same_account)
{
	struct book b = book_open();
	const Accounting__OpenAccountRequest request = { ACCOUNTING_OPEN_ACCOUNT_REQUEST_BASE, .code = "fees",
							 .name = "Fees", HM_SET(type, ASSET), .currency = "USD" };
	Accounting__OpenAccountRequest others[] = { request, request, request, request, request };
	static const char *const fields[] = { "name", "type", "currency", "debitsMustNotExceedCredits",
					      "creditsMustNotExceedDebits" };
	Accounting__Account *first, *again;

	others[0].name = "Others";
	others[1].type = REVENUE;
	others[2].currency = "EUR";
	others[3].has_debits_must_not_exceed_credits = others[3].debits_must_not_exceed_credits = true;
	others[4].has_credits_must_not_exceed_debits = others[4].credits_must_not_exceed_debits = true;
	must(accounting_open_account(b.f.channel, b.ana, &request, &first));
	must(accounting_open_account(b.f.channel, b.ana, &request, &again));
	cr_assert_str_eq(first->id, again->id);
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		refuses(ALREADY_EXISTS, accounting_open_account(b.f.channel, b.ana, &others[i], &again));
		cr_assert_str_eq(hm_error_get()->violations[0].field, fields[i]);
	}
}

Test(accounting, the_same_code_is_another_account_in_another_brand)
{
	struct book b = book_open();
	Accounting__Account *ours, *theirs;

	must(accounting_get_account(b.f.channel, b.ana, GET_ACCOUNT("cash"), &ours));
	must(accounting_open_account(b.f.channel, fixture_user(&b.f, "nova", "eve"),
				     OPEN(.code = "cash", .name = "Bargeld", HM_SET(type, ASSET), .currency = "EUR"),
				     &theirs));
	cr_assert_str_neq(ours->id, theirs->id);
}

Test(accounting, closes_an_account_once_it_is_empty)
{
	struct book b = book_open();
	Accounting__Account *account, *again;

	must(book_post(&b, "cash", "wallet", 500));
	refuses(FAILED_PRECONDITION, accounting_close_account(b.f.channel, b.ana, CLOSE("wallet"), &account));
	must(book_post(&b, "wallet", "cash", 500));
	must(accounting_close_account(b.f.channel, b.ana, CLOSE("wallet"), &account));
	must(accounting_close_account(b.f.channel, b.ana, CLOSE(account->id), &again));
	cr_assert(account->closed_at);
	cr_assert_eq(account->closed_at->seconds, again->closed_at->seconds);
	cr_assert_eq(account->closed_at->nanos, again->closed_at->nanos);
	refuses(NOT_FOUND, accounting_close_account(b.f.channel, b.ana, CLOSE("nothing"), &account));
}

Test(accounting, does_not_close_an_account_with_a_pending_hold)
{
	struct book b = book_open();
	Accounting__Account *account;
	Accounting__Hold *hold;

	must(book_post(&b, "cash", "wallet", 500));
	must(accounting_hold_funds(
		b.f.channel, b.ana,
		HOLD(.debit_account = "wallet", .credit_account = "cash", HM_SET(amount, 500), .description = "rest"),
		&hold));
	must(accounting_open_account(b.f.channel, b.ana,
				     OPEN(.code = "other", .name = "x", HM_SET(type, ASSET), .currency = "USD"),
				     &account));
	must(accounting_hold_funds(
		b.f.channel, b.ana,
		HOLD(.debit_account = "other", .credit_account = "cash", HM_SET(amount, 1), .description = "rest"),
		&hold));
	refuses(FAILED_PRECONDITION, accounting_close_account(b.f.channel, b.ana, CLOSE("other"), &account));
	must(accounting_void_hold(b.f.channel, b.ana, VOID_HOLD(hold->id), &hold));
	must(accounting_close_account(b.f.channel, b.ana, CLOSE("other"), &account));
}

Test(accounting, lists_accounts_by_code_page_by_page)
{
	static const char *const codes[] = { "revenue:a", "revenue:b", "revenue:c", "revenues" };
	struct book b = book_open();
	Accounting__ListAccountsRequest request = { ACCOUNTING_LIST_ACCOUNTS_REQUEST_BASE,
						    .code_prefix = "revenue:", HM_SET(page_size, 2) };
	Accounting__ListAccountsReply *page, *rest;

	for (size_t i = 0; i < 4; i++)
		book_add(&b, codes[i], REVENUE, i == 1 ? "EUR" : "USD", false);
	must(accounting_list_accounts(b.f.channel, b.ana, &request, &page));
	cr_assert_eq(page->n_accounts, 2);
	cr_assert_str_eq(page->accounts[0]->code, "revenue:a");
	cr_assert_str_eq(page->next_page_token, "revenue:b");
	request.page_token = page->next_page_token;
	must(accounting_list_accounts(b.f.channel, b.ana, &request, &rest));
	cr_assert_eq(rest->n_accounts, 1);
	cr_assert_str_eq(rest->accounts[0]->code, "revenue:c");
	cr_assert_null(rest->next_page_token);
	request = (Accounting__ListAccountsRequest){ ACCOUNTING_LIST_ACCOUNTS_REQUEST_BASE, HM_SET(type, REVENUE),
						     .currency = "EUR" };
	must(accounting_list_accounts(b.f.channel, b.ana, &request, &page));
	cr_assert_eq(page->n_accounts, 1);
	cr_assert_str_eq(page->accounts[0]->code, "revenue:b");
}

Test(accounting, a_balance_tells_what_its_limit_still_allows)
{
	struct book b = book_open();
	const Accounting__Balance *wallet, *cash;
	Accounting__Balance *unknown;

	must(book_post(&b, "cash", "wallet", 500));
	must(book_post(&b, "wallet", "cash", 120));
	wallet = book_balance(&b, "wallet");
	cash = book_balance(&b, "cash");
	cr_assert_eq(wallet->debits_posted, 120);
	cr_assert_eq(wallet->credits_posted, 500);
	cr_assert_eq(wallet->balance, -380);
	cr_assert(wallet->has_available);
	cr_assert_eq(wallet->available, 380);
	cr_assert_eq(cash->balance, 380);
	cr_assert(!cash->has_available);
	refuses(NOT_FOUND, accounting_get_balance(b.f.channel, b.ana, BALANCE("nothing"), &unknown));
}

Test(accounting, lists_an_accounts_entries_the_last_first)
{
	struct book b = book_open();
	Accounting__ListEntriesRequest request = { ACCOUNTING_LIST_ENTRIES_REQUEST_BASE, .account = "wallet",
						   HM_SET(page_size, 2) };
	Accounting__ListEntriesReply *page;
	int64_t expected = 5;

	for (int64_t amount = 1; amount <= 5; amount++)
		must(book_post(&b, "cash", "wallet", amount));
	do {
		must(accounting_list_entries(b.f.channel, b.ana, &request, &page));
		for (size_t i = 0; i < page->n_entries; i++, expected--) {
			cr_assert_eq(page->entries[i]->amount, -expected);
			cr_assert_str_eq(page->entries[i]->account_code, "wallet");
			cr_assert_str_eq(page->entries[i]->description, "a test");
			cr_assert(page->entries[i]->posted_at);
		}
		request.page_token = page->next_page_token;
	} while (request.page_token);
	cr_assert_eq(expected, 0);
	request.account = "nothing";
	refuses(NOT_FOUND, accounting_list_entries(b.f.channel, b.ana, &request, &page));
}
