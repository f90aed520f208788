/*
 * The ledger's own: its handlers, and what they share. A write goes
 *
 *     accounts' names --ledger_lock--> locked accounts --checks, in the caller's words--> insert --triggers--> balances
 *
 * What the checks here say kindly, the schema enforces anyway (migrations/0001_init.sql).
 */
#pragma once
#include "accounting/v1/accounting.hm.h"
#include "accounting/v1/rows.hm.h"

/* ledger_exponent returns the decimal digits of an ISO 4217 currency's minor unit, or -1 if there is no such currency. */
int ledger_exponent(const char *currency);

/* ledger_is_account says whether a caller's name for an account, id or code, means this one. */
bool ledger_is_account(const char *name, const char *id, const char *code);

/* ledger_find_account runs an :optional query about one account by id or code. NOT_FOUND: no such account. */
hm_status ledger_find_account(struct hm_call *call, const struct hm_query *query, const char *name, void *reply);

/* ledger_lock locks the accounts named, in the order of their ids, and releases the holds on them that have expired. It is
 * the first thing done by whoever changes balances. Names that mean no account have no row in ret_accounts.
 * transaction_id: the transaction this is for, or NULL; is_posted of each row says whether there is one already. */
hm_status ledger_lock(struct hm_call *call, const char *transaction_id, const char *const *names, size_t n_names,
		      Accounting__LockedAccounts *ret_accounts);

/* ledger_find_open finds a locked account by name. NOT_FOUND; FAILED_PRECONDITION: it is closed. */
hm_status ledger_find_open(struct hm_call *call, const Accounting__LockedAccounts *accounts, const char *name,
			   const Accounting__LockedAccount **ret_account);

/* ledger_new_id makes the id of a row whose caller chose none. */
const char *ledger_new_id(struct hm_call *call);

/* ledger_check_same ends a call that repeats another one's id: OK if `same`, else ALREADY_EXISTS naming the field that
 * differs ("entries[1].amount") and the kind of thing that has the id ("transaction"). */
hm_status ledger_check_same(struct hm_call *call, bool same, const char *kind, const char *id, const char *field);

/* ledger_same_text: both absent, or both the same. */
bool ledger_same_text(const char *a, const char *b);

/* ledger_same_time compares to the microsecond, which is what is stored. */
bool ledger_same_time(const Google__Protobuf__Timestamp *a, const Google__Protobuf__Timestamp *b);

/* A transaction about to be posted. */
struct ledger_draft {
	const char *id; /* NULL: the ledger makes one */
	const char *description, *reference, *reverses_id, *hold_id;
	const Google__Protobuf__Timestamp *effective_at;
	size_t n_entries;
	const char **names; /* of accounts, by id or code */
	int64_t *amounts;
	Accounting__LockedAccounts accounts; /* filled by ledger_begin */
};

/* ledger_draft_init makes room for entries in the call's arena. */
void ledger_draft_init(struct hm_call *call, size_t n_entries, struct ledger_draft *ret_draft);

/* ledger_begin locks the draft's accounts. If its id is taken already, by the same words, that transaction is in reply and
 * *ret_done is true; ALREADY_EXISTS if by others. */
hm_status ledger_begin(struct hm_call *call, struct ledger_draft *draft, Accounting__Transaction *reply,
		       bool *ret_done);

/* ledger_post posts a draft that was begun. Errors: those of PostTransaction. */
hm_status ledger_post(struct hm_call *call, const struct ledger_draft *draft, Accounting__Transaction *reply);

/* ledger_attach_entries reads the entries of all these transactions, by one query. */
hm_status ledger_attach_entries(struct hm_call *call, Accounting__Transaction *const *transactions,
				size_t n_transactions);

/* The handlers. */
hm_status ledger_open_account(struct hm_call *call, const Accounting__OpenAccountRequest *request,
			      Accounting__Account *reply);
hm_status ledger_get_account(struct hm_call *call, const Accounting__GetAccountRequest *request,
			     Accounting__Account *reply);
hm_status ledger_close_account(struct hm_call *call, const Accounting__CloseAccountRequest *request,
			       Accounting__Account *reply);
hm_status ledger_get_balance(struct hm_call *call, const Accounting__GetBalanceRequest *request,
			     Accounting__Balance *reply);
hm_status ledger_list_entries(struct hm_call *call, const Accounting__ListEntriesRequest *request,
			      Accounting__ListEntriesReply *reply);
hm_status ledger_post_transaction(struct hm_call *call, const Accounting__PostTransactionRequest *request,
				  Accounting__Transaction *reply);
hm_status ledger_reverse_transaction(struct hm_call *call, const Accounting__ReverseTransactionRequest *request,
				     Accounting__Transaction *reply);
hm_status ledger_get_transaction(struct hm_call *call, const Accounting__GetTransactionRequest *request,
				 Accounting__Transaction *reply);
hm_status ledger_list_transactions(struct hm_call *call, const Accounting__ListTransactionsRequest *request,
				   Accounting__ListTransactionsReply *reply);
hm_status ledger_stream_transactions(struct hm_call *call, const Accounting__StreamTransactionsRequest *request);
hm_status ledger_hold_funds(struct hm_call *call, const Accounting__HoldFundsRequest *request, Accounting__Hold *reply);
hm_status ledger_get_hold(struct hm_call *call, const Accounting__GetHoldRequest *request, Accounting__Hold *reply);
hm_status ledger_post_hold(struct hm_call *call, const Accounting__PostHoldRequest *request,
			   Accounting__Transaction *reply);
hm_status ledger_void_hold(struct hm_call *call, const Accounting__VoidHoldRequest *request, Accounting__Hold *reply);
