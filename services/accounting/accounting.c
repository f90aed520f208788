/* Accounting: the ledger service. Its handlers stand with what they are about: accounts.c, transactions.c, holds.c. */
#include "ledger.h"

const struct hm_service accounting_service =
	ACCOUNTING_SERVICE(.open_account = ledger_open_account, .get_account = ledger_get_account,
			   .close_account = ledger_close_account, .get_balance = ledger_get_balance,
			   .list_entries = ledger_list_entries, .post_transaction = ledger_post_transaction,
			   .reverse_transaction = ledger_reverse_transaction, .get_transaction = ledger_get_transaction,
			   .list_transactions = ledger_list_transactions,
			   .stream_transactions = ledger_stream_transactions, .hold_funds = ledger_hold_funds,
			   .get_hold = ledger_get_hold, .post_hold = ledger_post_hold, .void_hold = ledger_void_hold);
