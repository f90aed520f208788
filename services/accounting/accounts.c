/* Accounts: opening, closing, looking up. */
#include <string.h>

#include "identity/v1/identity.hm.h"
#include "ledger.h"

/* An owner is another service's: asked for before anything is written, under the caller's own permissions. */
static hm_status check_owner(struct hm_call *call, const char *owner_id)
{
	struct hm_channel *identity;
	Identity__User *owner;

	if (!owner_id)
		return HM_OK;
	TRY(hm_call_channel(call, "identity", &identity));
	return identity_get_user(identity, hm_call_context(call),
				 &(Identity__GetUserRequest){ IDENTITY_GET_USER_REQUEST_BASE, .id = owner_id }, &owner);
}

static bool is_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

/* What differs between an account and the one asked for; NULL: nothing. */
static const char *find_difference(const Accounting__OpenAccountRequest *request, const Accounting__Account *account)
{
	if (strcmp(request->name, account->name))
		return "name";
	if (request->type != account->type)
		return "type";
	if (strcmp(request->currency, account->currency))
		return "currency";
	if (request->debits_must_not_exceed_credits != account->debits_must_not_exceed_credits)
		return "debitsMustNotExceedCredits";
	if (request->credits_must_not_exceed_debits != account->credits_must_not_exceed_debits)
		return "creditsMustNotExceedDebits";
	if (!is_same_text(request->owner_id, account->owner_id))
		return "ownerId";
	return NULL;
}

static hm_status check_terms(struct hm_call *call, const Accounting__OpenAccountRequest *request)
{
	if (ledger_exponent(request->currency) < 0)
		return hm_fail(call, INVALID_ARGUMENT, "currency: ISO 4217 has no %s", request->currency);
	if (request->debits_must_not_exceed_credits && request->credits_must_not_exceed_debits)
		return hm_fail(call, INVALID_ARGUMENT,
			       "an account has one limit or none: with both it could hold nothing");
	return HM_OK;
}

hm_status ledger_open_account(struct hm_call *call, const Accounting__OpenAccountRequest *request,
			      Accounting__Account *reply)
{
	const Accounting__NewAccount account = {
		ACCOUNTING_NEW_ACCOUNT_BASE,
		.code = request->code,
		.name = request->name,
		HM_SET(type, request->type),
		.currency = request->currency,
		HM_SET(exponent, ledger_exponent(request->currency)),
		HM_SET(debits_must_not_exceed_credits, request->debits_must_not_exceed_credits),
		HM_SET(credits_must_not_exceed_debits, request->credits_must_not_exceed_debits),
		.owner_id = request->owner_id,
	};
	const char *difference;
	bool opened;

	TRY(check_terms(call, request));
	TRY(check_owner(call, request->owner_id));
	TRY(hm_query_optional(call, &accounting_sql_insert_account, &account, reply, &opened));
	if (opened)
		return HM_OK;
	TRY(ledger_find_account(call, &accounting_sql_find_account, request->code, reply));
	difference = find_difference(request, reply);
	return ledger_check_same(call, !difference, "account", request->code, difference);
}

hm_status ledger_get_account(struct hm_call *call, const Accounting__GetAccountRequest *request,
			     Accounting__Account *reply)
{
	return ledger_find_account(call, &accounting_sql_find_account, request->account, reply);
}

/* That the account is empty is for the schema to check. */
hm_status ledger_close_account(struct hm_call *call, const Accounting__CloseAccountRequest *request,
			       Accounting__Account *reply)
{
	Accounting__LockedAccounts locked = ACCOUNTING__LOCKED_ACCOUNTS__INIT;

	TRY(ledger_lock(call, NULL, &request->account, 1, &locked));
	TRY(ledger_find_account(call, &accounting_sql_find_account, request->account, reply));
	if (reply->closed_at)
		return HM_OK;
	return hm_query_one(call, &accounting_sql_close_account,
			    &(Accounting__AccountName){ ACCOUNTING_ACCOUNT_NAME_BASE, .id = reply->id }, reply);
}

hm_status ledger_get_balance(struct hm_call *call, const Accounting__GetBalanceRequest *request,
			     Accounting__Balance *reply)
{
	return ledger_find_account(call, &accounting_sql_find_balance, request->account, reply);
}

hm_status ledger_list_entries(struct hm_call *call, const Accounting__ListEntriesRequest *request,
			      Accounting__ListEntriesReply *reply)
{
	Accounting__EntriesPage page = {
		ACCOUNTING_ENTRIES_PAGE_BASE,
		.has_page_size = request->has_page_size,
		.page_size = request->page_size,
		.page_token = request->page_token,
	};
	Accounting__Account account = ACCOUNTING__ACCOUNT__INIT;

	TRY(ledger_find_account(call, &accounting_sql_find_account, request->account, &account));
	page.account_id = account.id;
	return hm_query_many(call, &accounting_sql_list_entries, &page, reply);
}
