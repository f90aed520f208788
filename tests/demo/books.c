/* The acts about money: accounts, the journal, and the trial balance at the end. */
#include <stdio.h>
#include <string.h>

#include "tests/demo/demo.h"

#define OPEN "accounting.v1.Ledger/OpenAccount"
#define POST "accounting.v1.Ledger/PostTransaction"

/* Nova's own small book. */
static const struct {
	const char *code, *name;
	Accounting__AccountType type;
} nova_accounts[] = {
	{ "bank:usd", "Bank account", ACCOUNTING__ACCOUNT_TYPE__ASSET },
	{ "equity:capital", "Paid-in capital", ACCOUNTING__ACCOUNT_TYPE__EQUITY },
	{ "revenue:courses", "Courses sold", ACCOUNTING__ACCOUNT_TYPE__REVENUE },
};
static const int64_t nova_sales[] = { 4900, 12900, 4900, 7900, 4900 };

enum {
	N_NOVA_ACCOUNTS = sizeof nova_accounts / sizeof *nova_accounts,
	N_NOVA_SALES = sizeof nova_sales / sizeof *nova_sales,
};

static hm_status open_nova_accounts(struct demo *demo)
{
	Accounting__Account *account;

	for (size_t i = 0; i < N_NOVA_ACCOUNTS; i++) {
		const Accounting__OpenAccountRequest request = {
			ACCOUNTING_OPEN_ACCOUNT_REQUEST_BASE, .code = nova_accounts[i].code,
			.name = nova_accounts[i].name, HM_SET(type, nova_accounts[i].type), .currency = "USD"
		};

		TRY(tally_call(OPEN, accounting_open_account(demo->accounting, demo->nova.keeper, &request, &account)));
	}
	return HM_OK;
}

/* An account with an owner: the ledger asks identity for the user, in Ana's name and within her request. */
static hm_status open_wallet(struct demo *demo)
{
	struct hm_id id = hm_id_new();
	char json[256];
	const struct shell_call call = {
		.method = OPEN, .json = json, .brand = "loop", .as = "ana", .request = demo->path
	};

	hm_id_format(&id, demo->path);
	snprintf(json, sizeof json,
		 "{\"code\":\"wallet:ben\",\"name\":\"Wallet of Ben\",\"type\":\"LIABILITY\",\"currency\":\"USD\","
		 "\"ownerId\":\"%s\"}",
		 demo->ben_id);
	TRY(shell_call(&demo->stage, &call, NULL));
	tally_add("identity.v1.Identity/GetUser", HM_OK, 1);
	return HM_OK;
}

hm_status demo_books(struct demo *demo)
{
	size_t failed;

	story_act("Their books");
	TRY(shell_file(&demo->stage, OPEN, demo->accounts, "loop", "ana", &demo->n_accounts, &failed));
	story_check(demo->n_accounts && !failed, "Loop has %zu accounts, %zu lines failed", demo->n_accounts, failed);
	TRY(open_wallet(demo));
	demo->n_accounts++;
	TRY(open_nova_accounts(demo));
	story_say("Nova has %d accounts, opened through the generated client", N_NOVA_ACCOUNTS);
	return HM_OK;
}

static hm_status post_nova_sales(struct demo *demo)
{
	Accounting__Transaction *transaction;

	for (size_t i = 0; i < N_NOVA_SALES; i++) {
		Accounting__NewEntry paid = { ACCOUNTING_NEW_ENTRY_BASE, .account = "bank:usd",
					      HM_SET(amount, nova_sales[i]) };
		Accounting__NewEntry sold = { ACCOUNTING_NEW_ENTRY_BASE, .account = "revenue:courses",
					      HM_SET(amount, -nova_sales[i]) };
		Accounting__NewEntry *entries[] = { &paid, &sold };
		const Accounting__PostTransactionRequest request = { ACCOUNTING_POST_TRANSACTION_REQUEST_BASE,
								     .description = "Course sold", .entries = entries,
								     .n_entries = 2 };

		TRY(tally_call(POST, accounting_post_transaction(demo->accounting, demo->nova.keeper, &request,
								 &transaction)));
	}
	return HM_OK;
}

/* How many transactions a brand's keeper sees, page after page; ret_first (may be NULL) is the newest one's id. */
static hm_status count_transactions(struct demo *demo, const struct demo_brand *brand, char *ret_first, size_t *ret_n)
{
	Accounting__ListTransactionsRequest request = { ACCOUNTING_LIST_TRANSACTIONS_REQUEST_BASE,
							HM_SET(page_size, 500) };
	Accounting__ListTransactionsReply *reply;

	*ret_n = 0;
	do {
		TRY(tally_call("accounting.v1.Ledger/ListTransactions",
			       accounting_list_transactions(demo->accounting, brand->keeper, &request, &reply)));
		if (ret_first && !*ret_n && reply->n_transactions)
			snprintf(ret_first, HM_ID_TEXT_BYTES, "%s", reply->transactions[0]->id);
		*ret_n += reply->n_transactions;
		request.page_token = reply->next_page_token;
	} while (request.page_token);
	return HM_OK;
}

static hm_status post_journal(struct demo *demo, const char *how)
{
	int64_t began_us = hm_clock_mono_us();
	size_t ok, failed, n;

	TRY(shell_file(&demo->stage, POST, demo->journal, "loop", "ana", &ok, &failed));
	story_say("%zu OK, %zu failed, %.0f a second, one after the other", ok, failed,
		  (double)(ok + failed) * HM_US_PER_S / (double)(hm_clock_mono_us() - began_us));
	TRY(count_transactions(demo, &demo->loop, demo->transaction, &n));
	if (!demo->n_transactions)
		demo->n_transactions = ok;
	story_check(ok && !failed && ok == n && n == demo->n_transactions, "%s: %zu transactions in Loop's book", how,
		    n);
	return HM_OK;
}

hm_status demo_journal(struct demo *demo)
{
	size_t n;

	story_act("Eight weeks of business");
	TRY(post_journal(demo, "the journal is posted"));
	TRY(post_journal(demo, "posted once more, the same ids change nothing"));
	TRY(post_nova_sales(demo));
	TRY(count_transactions(demo, &demo->nova, NULL, &n));
	story_check(n == N_NOVA_SALES, "Nova sees its own %zu transactions and no other", n);
	return HM_OK;
}

static hm_status balance_brand(struct demo *demo, const struct demo_brand *brand)
{
	const Accounting__TrialBalanceRequest request = { ACCOUNTING_TRIAL_BALANCE_REQUEST_BASE };
	Accounting__TrialBalanceReply *reply;

	TRY(tally_call("accounting.v1.Ledger/TrialBalance",
		       accounting_trial_balance(demo->accounting, brand->keeper, &request, &reply)));
	story_check(reply->n_lines, "%s has a book in %zu %s", brand->id, reply->n_lines,
		    reply->n_lines == 1 ? "currency" : "currencies");
	for (size_t i = 0; i < reply->n_lines; i++) {
		const Accounting__TrialBalanceLine *line = reply->lines[i];

		story_check(!line->difference && line->debits == line->credits && !line->drifted_accounts,
			    "%s %s  debits %lld  credits %lld  difference %lld  (%lld accounts, %lld drifted)",
			    brand->id, line->currency, (long long)line->debits, (long long)line->credits,
			    (long long)line->difference, (long long)line->accounts, (long long)line->drifted_accounts);
	}
	return HM_OK;
}

hm_status demo_balance(struct demo *demo)
{
	story_act("Proof: the books balance");
	TRY(balance_brand(demo, &demo->loop));
	return balance_brand(demo, &demo->nova);
}
