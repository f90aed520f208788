/* Ledger: what all its handlers share: accounts by name, their locks, comparing a call with what an earlier one did. */
#include "ledger.h"

#include <string.h>
#include <strings.h>

static bool is_id(const char *name)
{
	struct hm_id id;

	return hm_id_parse(name, &id);
}

/* A code begins with a letter and has no hyphen in its first word, so none looks like an id. */
bool ledger_is_account(const char *name, const char *id, const char *code)
{
	return !strcmp(name, code) || !strcasecmp(name, id);
}

hm_status ledger_find_account(struct hm_call *call, const struct hm_query *query, const char *name, void *reply)
{
	const Accounting__AccountName by_id = { ACCOUNTING_ACCOUNT_NAME_BASE, .id = name };
	const Accounting__AccountName by_code = { ACCOUNTING_ACCOUNT_NAME_BASE, .code = name };
	bool found;

	TRY(hm_query_optional(call, query, is_id(name) ? &by_id : &by_code, reply, &found));
	if (!found)
		return hm_fail(call, NOT_FOUND, "no account %s", name);
	return HM_OK;
}

/* All the accounts these holds are on are locked, so that releasing them waits for nobody. */
static hm_status release_expired(struct hm_call *call, const Accounting__LockedAccounts *accounts)
{
	const char **ids = hm_arena_alloc(hm_call_arena(call), accounts->n_accounts * sizeof *ids);
	const Accounting__LockRequest locked = {
		ACCOUNTING_LOCK_REQUEST_BASE,
		.account_ids = ids,
		.n_account_ids = accounts->n_accounts,
	};

	for (size_t i = 0; i < accounts->n_accounts; i++)
		ids[i] = accounts->accounts[i]->id;
	return hm_query_run(call, &accounting_sql_expire_holds, &locked, NULL);
}

hm_status ledger_lock(struct hm_call *call, const char *transaction_id, const char *const *names, size_t n_names,
		      Accounting__LockedAccounts *ret_accounts)
{
	Accounting__LockRequest request = {
		ACCOUNTING_LOCK_REQUEST_BASE,
		.transaction_id = transaction_id,
		.account_ids = hm_arena_alloc(hm_call_arena(call), n_names * sizeof(char *)),
		.account_codes = hm_arena_alloc(hm_call_arena(call), n_names * sizeof(char *)),
	};

	for (size_t i = 0; i < n_names; i++) {
		if (is_id(names[i]))
			request.account_ids[request.n_account_ids++] = names[i];
		else
			request.account_codes[request.n_account_codes++] = names[i];
	}
	TRY(hm_query_many(call, &accounting_sql_lock_accounts, &request, ret_accounts));
	if (ret_accounts->n_accounts && ret_accounts->accounts[0]->has_expired_holds)
		return release_expired(call, ret_accounts);
	return HM_OK;
}

hm_status ledger_find_open(struct hm_call *call, const Accounting__LockedAccounts *accounts, const char *name,
			   const Accounting__LockedAccount **ret_account)
{
	for (size_t i = 0; i < accounts->n_accounts; i++) {
		const Accounting__LockedAccount *account = accounts->accounts[i];

		if (!ledger_is_account(name, account->id, account->code))
			continue;
		if (account->is_closed)
			return hm_fail(call, FAILED_PRECONDITION, "account %s is closed", account->code);
		*ret_account = account;
		return HM_OK;
	}
	return hm_fail(call, NOT_FOUND, "no account %s", name);
}

const char *ledger_new_id(struct hm_call *call)
{
	char *text = hm_arena_alloc(hm_call_arena(call), HM_ID_TEXT_BYTES);
	const struct hm_id id = hm_id_new();

	hm_id_format(&id, text);
	return text;
}

hm_status ledger_check_same(struct hm_call *call, bool same, const char *kind, const char *id, const char *field)
{
	hm_status status;

	if (same)
		return HM_OK;
	status = hm_fail(call, ALREADY_EXISTS, "%s %s exists, and its %s is another", kind, id, field);
	hm_error_add_violation(field, "differs from the %s that has this id", kind);
	return status;
}

bool ledger_same_text(const char *a, const char *b)
{
	return a && b ? !strcmp(a, b) : a == b;
}

bool ledger_same_time(const Google__Protobuf__Timestamp *a, const Google__Protobuf__Timestamp *b)
{
	enum { NS_PER_US = 1000 };

	if (!a || !b)
		return a == b;
	return a->seconds == b->seconds && a->nanos / NS_PER_US == b->nanos / NS_PER_US;
}
