/* Transactions: posting, reversing, reading. */
#include <string.h>

#include "ledger.h"

/* They come grouped by transaction, each group in the order it was posted. */
hm_status ledger_attach_entries(struct hm_call *call, Accounting__Transaction *const *transactions,
				size_t n_transactions)
{
	Accounting__TransactionIds wanted = {
		ACCOUNTING_TRANSACTION_IDS_BASE,
		.ids = hm_arena_alloc(hm_query_arena(call), n_transactions * sizeof(char *)),
		.n_ids = n_transactions,
	};
	Accounting__Entries found = ACCOUNTING__ENTRIES__INIT;
	size_t first = 0;

	for (size_t i = 0; i < n_transactions; i++)
		wanted.ids[i] = transactions[i]->id;
	TRY(hm_query_many(call, &accounting_sql_entries_of, &wanted, &found));
	while (first < found.n_entries) {
		const char *id = found.entries[first]->transaction_id;
		size_t end = first, at = 0;

		while (end < found.n_entries && !strcmp(found.entries[end]->transaction_id, id))
			end++;
		while (strcmp(transactions[at]->id, id))
			at++; /* it is there: only entries of these were asked for */
		transactions[at]->entries = &found.entries[first];
		transactions[at]->n_entries = end - first;
		first = end;
	}
	return HM_OK;
}

hm_status ledger_post_transaction(struct hm_call *call, const Accounting__PostTransactionRequest *request,
				  Accounting__Transaction *reply)
{
	struct ledger_draft draft;
	bool done;

	ledger_draft_init(call, request->n_entries, &draft);
	draft.id = request->id;
	draft.description = request->description;
	draft.reference = request->reference;
	draft.effective_at = request->effective_at;
	for (size_t i = 0; i < request->n_entries; i++) {
		if (!request->entries[i]->amount)
			return hm_fail(call, INVALID_ARGUMENT, "entries[%zu].amount: zero posts nothing", i);
		draft.names[i] = request->entries[i]->account;
		draft.amounts[i] = request->entries[i]->amount;
	}
	TRY(ledger_begin(call, &draft, reply, &done));
	return done ? HM_OK : ledger_post(call, &draft, reply);
}

/* What is to be undone is read twice: first for the accounts to lock, and under those locks for whether it was undone. */
hm_status ledger_reverse_transaction(struct hm_call *call, const Accounting__ReverseTransactionRequest *request,
				     Accounting__Transaction *reply)
{
	const Accounting__GetTransactionRequest wanted = {
		ACCOUNTING_GET_TRANSACTION_REQUEST_BASE,
		.id = request->transaction_id,
	};
	Accounting__Transaction original = ACCOUNTING__TRANSACTION__INIT;
	struct ledger_draft draft;
	bool done, found;

	TRY(ledger_get_transaction(call, &wanted, &original));
	ledger_draft_init(call, original.n_entries, &draft);
	draft.id = request->id;
	draft.description = request->description;
	draft.reference = original.reference;
	draft.reverses_id = original.id;
	for (size_t i = 0; i < original.n_entries; i++) {
		draft.names[i] = original.entries[i]->account_id;
		draft.amounts[i] = -original.entries[i]->amount;
	}
	TRY(ledger_begin(call, &draft, reply, &done));
	if (done)
		return HM_OK;
	TRY(hm_query_optional(call, &accounting_sql_find_transaction, &wanted, &original, &found));
	if (original.reversed_by_id)
		return hm_fail(call, FAILED_PRECONDITION, "transaction %s is reversed already, by %s", original.id,
			       original.reversed_by_id);
	return ledger_post(call, &draft, reply);
}

hm_status ledger_get_transaction(struct hm_call *call, const Accounting__GetTransactionRequest *request,
				 Accounting__Transaction *reply)
{
	bool found;

	TRY(hm_query_optional(call, &accounting_sql_find_transaction, request, reply, &found));
	if (!found)
		return hm_fail(call, NOT_FOUND, "no transaction %s", request->id);
	return ledger_attach_entries(call, &reply, 1);
}

/* A query each, so that each has its index. */
hm_status ledger_list_transactions(struct hm_call *call, const Accounting__ListTransactionsRequest *request,
				   Accounting__ListTransactionsReply *reply)
{
	const struct hm_query *query =
		request->reference ? &accounting_sql_list_transactions_by_reference : &accounting_sql_list_transactions;

	TRY(hm_query_many(call, query, request, reply));
	return ledger_attach_entries(call, reply->transactions, reply->n_transactions);
}
