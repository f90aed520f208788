/*
 * What the ledger's tests share: requests as literals, and a book with a few accounts.
 *
 *     struct book b = book_open();                    cash (no limit), wallet (its debits must not exceed its credits)
 *     must(book_post(&b, "wallet", "cash", 500));     debits wallet, credits cash
 */
#pragma once
#include "accounting/v1/accounting.hm.h"
#include "tests/fixture.h"

#define OPEN(...) (&(Accounting__OpenAccountRequest){ ACCOUNTING_OPEN_ACCOUNT_REQUEST_BASE, __VA_ARGS__ })
#define GET_ACCOUNT(name) (&(Accounting__GetAccountRequest){ ACCOUNTING_GET_ACCOUNT_REQUEST_BASE, .account = name })
#define CLOSE(name) (&(Accounting__CloseAccountRequest){ ACCOUNTING_CLOSE_ACCOUNT_REQUEST_BASE, .account = name })
#define BALANCE(name) (&(Accounting__GetBalanceRequest){ ACCOUNTING_GET_BALANCE_REQUEST_BASE, .account = name })
#define ENTRY(name, minor_units) \
	(&(Accounting__NewEntry){ ACCOUNTING_NEW_ENTRY_BASE, .account = name, HM_SET(amount, minor_units) })
#define ENTRIES(...)                                          \
	.entries = (Accounting__NewEntry *[]){ __VA_ARGS__ }, \
	.n_entries = sizeof((Accounting__NewEntry *[]){ __VA_ARGS__ }) / sizeof(Accounting__NewEntry *)
#define POST(...) (&(Accounting__PostTransactionRequest){ ACCOUNTING_POST_TRANSACTION_REQUEST_BASE, __VA_ARGS__ })
#define REVERSE(...) \
	(&(Accounting__ReverseTransactionRequest){ ACCOUNTING_REVERSE_TRANSACTION_REQUEST_BASE, __VA_ARGS__ })
#define GET_TRANSACTION(which) \
	(&(Accounting__GetTransactionRequest){ ACCOUNTING_GET_TRANSACTION_REQUEST_BASE, .id = which })
#define HOLD(...) (&(Accounting__HoldFundsRequest){ ACCOUNTING_HOLD_FUNDS_REQUEST_BASE, __VA_ARGS__ })
#define GET_HOLD(which) (&(Accounting__GetHoldRequest){ ACCOUNTING_GET_HOLD_REQUEST_BASE, .id = which })
#define POST_HOLD(...) (&(Accounting__PostHoldRequest){ ACCOUNTING_POST_HOLD_REQUEST_BASE, __VA_ARGS__ })
#define VOID_HOLD(which) (&(Accounting__VoidHoldRequest){ ACCOUNTING_VOID_HOLD_REQUEST_BASE, .id = which })

/* An id nobody has, and one of the tests' own. */
#define NOBODY "99999999-9999-7999-8999-999999999999"
#define ID_1 "0198c2a0-0000-7000-8000-000000000001"

struct book {
	struct fixture f;
	struct hm_context *ana;
};

static inline void book_add(struct book *book, const char *code, Accounting__AccountType type, const char *currency,
			    bool debits_limited)
{
	Accounting__Account *account;

	must(accounting_open_account(book->f.channel, book->ana,
				     OPEN(.code = code, .name = code, HM_SET(type, type), .currency = currency,
					  HM_SET(debits_must_not_exceed_credits, debits_limited)),
				     &account));
}

static inline struct book book_open(void)
{
	struct book book = { .f = fixture_serving(&accounting_service) };

	book.ana = fixture_user(&book.f, "loop", "ana");
	book_add(&book, "cash", ACCOUNTING__ACCOUNT_TYPE__ASSET, "USD", false);
	book_add(&book, "wallet", ACCOUNTING__ACCOUNT_TYPE__LIABILITY, "USD", true);
	return book;
}

static inline hm_status book_post_as(const struct book *book, struct hm_context *context, const char *debit,
				     const char *credit, int64_t amount)
{
	Accounting__Transaction *transaction;

	return accounting_post_transaction(
		book->f.channel, context,
		POST(.description = "a test", ENTRIES(ENTRY(debit, amount), ENTRY(credit, -amount))), &transaction);
}

static inline hm_status book_post(const struct book *book, const char *debit, const char *credit, int64_t amount)
{
	return book_post_as(book, book->ana, debit, credit, amount);
}

static inline const Accounting__Balance *book_balance(const struct book *book, const char *account)
{
	Accounting__Balance *balance;

	must(accounting_get_balance(book->f.channel, book->ana, BALANCE(account), &balance));
	return balance;
}

/* A sound book: in every currency debits are credits, and no account says what its entries do not. */
static inline void book_is_sound(const struct book *book)
{
	Accounting__TrialBalanceReply *reply;

	must(accounting_trial_balance(book->f.channel, book->ana,
				      &(Accounting__TrialBalanceRequest){ ACCOUNTING_TRIAL_BALANCE_REQUEST_BASE },
				      &reply));
	cr_assert_gt(reply->n_lines, 0);
	for (size_t i = 0; i < reply->n_lines; i++) {
		cr_assert_eq(reply->lines[i]->difference, 0);
		cr_assert_eq(reply->lines[i]->debits, reply->lines[i]->credits);
		cr_assert_eq(reply->lines[i]->drifted_accounts, 0);
	}
}
