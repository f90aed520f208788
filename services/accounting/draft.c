/* Draft: a transaction on its way into the book; the same way for what is posted, reversed, and made of a hold. */
#include <stdio.h>

#include "ledger.h"

void ledger_draft_init(struct hm_call *call, size_t n_entries, struct ledger_draft *ret_draft)
{
	*ret_draft = (struct ledger_draft){
		.n_entries = n_entries,
		.names = hm_arena_alloc(hm_call_arena(call), n_entries * sizeof(char *)),
		.amounts = hm_arena_alloc(hm_call_arena(call), n_entries * sizeof(int64_t)),
		.accounts = ACCOUNTING__LOCKED_ACCOUNTS__INIT,
	};
}

/* The first field in which the draft is not the transaction, by its JSON name; NULL: there is none. */
static const char *find_difference(struct hm_call *call, const struct ledger_draft *draft,
				   const Accounting__Transaction *posted)
{
	if (!ledger_same_text(draft->reverses_id, posted->reverses_id))
		return "reversesId";
	if (!ledger_same_text(draft->hold_id, posted->hold_id))
		return "holdId";
	if (!ledger_same_text(draft->description, posted->description))
		return "description";
	if (!ledger_same_text(draft->reference, posted->reference))
		return "reference";
	if (!ledger_same_time(draft->effective_at, posted->effective_at))
		return "effectiveAt";
	if (draft->n_entries != posted->n_entries)
		return "entries";
	for (size_t i = 0; i < draft->n_entries; i++) {
		const Accounting__Entry *entry = posted->entries[i];

		if (!ledger_is_account(draft->names[i], entry->account_id, entry->account_code))
			return hm_arena_printf(hm_call_arena(call), "entries[%zu].account", i);
		if (draft->amounts[i] != entry->amount)
			return hm_arena_printf(hm_call_arena(call), "entries[%zu].amount", i);
	}
	return NULL;
}

/* The first answer again: whether it was reversed since is not a part of that. */
static hm_status answer_again(struct hm_call *call, const struct ledger_draft *draft, Accounting__Transaction *reply)
{
	const char *difference;

	TRY(ledger_get_transaction(
		call, &(Accounting__GetTransactionRequest){ ACCOUNTING_GET_TRANSACTION_REQUEST_BASE, .id = draft->id },
		reply));
	reply->reversed_by_id = NULL;
	difference = find_difference(call, draft, reply);
	return ledger_check_same(call, !difference, "transaction", draft->id, difference);
}

static hm_status find_posted(struct hm_call *call, const struct ledger_draft *draft, bool *ret_is_posted)
{
	const Accounting__LockRequest request = { ACCOUNTING_LOCK_REQUEST_BASE, .transaction_id = draft->id };
	Accounting__Flag flag = ACCOUNTING__FLAG__INIT;

	if (draft->accounts.n_accounts) {
		*ret_is_posted = draft->accounts.accounts[0]->is_posted;
		return HM_OK;
	}
	TRY(hm_query_one(call, &accounting_sql_is_posted, &request, &flag));
	*ret_is_posted = flag.is_set;
	return HM_OK;
}

hm_status ledger_begin(struct hm_call *call, struct ledger_draft *draft, Accounting__Transaction *reply, bool *ret_done)
{
	if (!draft->id)
		draft->id = ledger_new_id(call);
	TRY(ledger_lock(call, draft->id, draft->names, draft->n_entries, &draft->accounts));
	TRY(find_posted(call, draft, ret_done));
	return *ret_done ? answer_again(call, draft, reply) : HM_OK;
}

/* The sum may pass 64 bits on its way to zero. It is exact in the message as far as a double is, which is far enough. */
static hm_status check_sums(struct hm_call *call, const Accounting__NewTransaction *made)
{
	for (size_t i = 0; i < made->n_amounts; i++) {
		__int128 sum = 0;

		for (size_t j = 0; j < made->n_amounts; j++)
			if (ledger_same_text(made->currencies[i], made->currencies[j]))
				sum += made->amounts[j];
		if (sum)
			return hm_fail(call, INVALID_ARGUMENT, "entries: those in %s sum to %.0f, not to zero",
				       made->currencies[i], (double)sum);
	}
	return HM_OK;
}

static void make_arrays(struct hm_call *call, const struct ledger_draft *draft, Accounting__NewTransaction *made)
{
	struct hm_arena *arena = hm_call_arena(call);
	size_t n = draft->n_entries;

	made->n_entry_ids = made->n_account_ids = made->n_amounts = made->n_currencies = n;
	made->entry_ids = hm_arena_alloc(arena, n * sizeof(char *));
	made->account_ids = hm_arena_alloc(arena, n * sizeof(char *));
	made->currencies = hm_arena_alloc(arena, n * sizeof(char *));
	made->amounts = draft->amounts;
}

/* Fills the row's arrays and, alike, the reply's entries. */
static hm_status make_entries(struct hm_call *call, const struct ledger_draft *draft, Accounting__NewTransaction *made,
			      Accounting__Transaction *reply)
{
	struct hm_arena *arena = hm_call_arena(call);

	make_arrays(call, draft, made);
	reply->n_entries = draft->n_entries;
	reply->entries = hm_arena_alloc(arena, draft->n_entries * sizeof *reply->entries);
	for (size_t i = 0; i < draft->n_entries; i++) {
		const Accounting__LockedAccount *account = NULL;
		Accounting__Entry *entry = hm_arena_alloc(arena, sizeof *entry);

		TRY(ledger_find_open(call, &draft->accounts, draft->names[i], &account));
		made->entry_ids[i] = ledger_new_id(call);
		made->account_ids[i] = account->id;
		made->currencies[i] = account->currency;
		*entry = (Accounting__Entry){
			ACCOUNTING_ENTRY_BASE,         .id = made->entry_ids[i],      .transaction_id = draft->id,
			.account_id = account->id,     .account_code = account->code, HM_SET(amount, draft->amounts[i]),
			.currency = account->currency,
		};
		reply->entries[i] = entry;
	}
	return HM_OK;
}

hm_status ledger_post(struct hm_call *call, const struct ledger_draft *draft, Accounting__Transaction *reply)
{
	Accounting__NewTransaction made = {
		ACCOUNTING_NEW_TRANSACTION_BASE,   .id = draft->id,
		.description = draft->description, .reference = draft->reference,
		.reverses_id = draft->reverses_id, .hold_id = draft->hold_id,
	};
	Google__Protobuf__Timestamp effective_at;
	bool posted;

	if (draft->effective_at) {
		effective_at = *draft->effective_at;
		made.effective_at = &effective_at;
	}
	TRY(make_entries(call, draft, &made, reply));
	TRY(check_sums(call, &made));
	TRY(hm_query_optional(call, &accounting_sql_insert_transaction, &made, reply, &posted));
	/* Another call took the id between our look and our insert. */
	return posted ? HM_OK : answer_again(call, draft, reply);
}
