/* Stream: the whole book, or a part of it, to one reader. */
#include "ledger.h"

enum { PAGE = 200 };

static hm_status check_beginning(struct hm_call *call, const char *id)
{
	const Accounting__GetTransactionRequest wanted = { ACCOUNTING_GET_TRANSACTION_REQUEST_BASE, .id = id };
	Accounting__Transaction transaction = ACCOUNTING__TRANSACTION__INIT;
	bool found = true;

	if (id)
		TRY(hm_query_optional(call, &accounting_sql_find_transaction, &wanted, &transaction, &found));
	return found ? HM_OK : hm_fail(call, NOT_FOUND, "no transaction %s", id);
}

/* A page at a time, each in a transaction that ends before the page is sent: a reader may take as long as it likes. */
hm_status ledger_stream_transactions(struct hm_call *call, const Accounting__StreamTransactionsRequest *request)
{
	const struct hm_query *query =
		request->reference ? &accounting_sql_next_transactions_by_reference : &accounting_sql_next_transactions;
	Accounting__ListTransactionsRequest next = { ACCOUNTING_LIST_TRANSACTIONS_REQUEST_BASE,
						     .reference = request->reference,
						     .from = request->from,
						     .until = request->until,
						     .page_token = request->after_id,
						     HM_SET(page_size, PAGE) };

	TRY(check_beginning(call, request->after_id));
	do {
		Accounting__ListTransactionsReply page = ACCOUNTING__LIST_TRANSACTIONS_REPLY__INIT;

		TRY(hm_query_many(call, query, &next, &page));
		TRY(ledger_attach_entries(call, page.transactions, page.n_transactions));
		hm_release(call);
		for (size_t i = 0; i < page.n_transactions; i++)
			TRY(accounting_stream_transactions_write(call, page.transactions[i]));
		next.page_token = page.next_page_token;
	} while (next.page_token);
	return HM_OK;
}
