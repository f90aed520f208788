/*
 * Holds: placing, posting, voiding. A hold changes only while both its accounts are locked, so what is read of it under
 * those locks stays true until the commit. One past its time reads as EXPIRED at once; who next locks its accounts writes
 * that down.
 */
#include <string.h>

#include "base/clock.h"
#include "ledger.h"

static hm_status find_hold(struct hm_call *call, const char *id, Accounting__Hold *ret_hold)
{
	const Accounting__GetHoldRequest request = { ACCOUNTING_GET_HOLD_REQUEST_BASE, .id = id };
	bool found;

	TRY(hm_query_optional(call, &accounting_sql_find_hold, &request, ret_hold, &found));
	return found ? HM_OK : hm_fail(call, NOT_FOUND, "no hold %s", id);
}

hm_status ledger_get_hold(struct hm_call *call, const Accounting__GetHoldRequest *request, Accounting__Hold *reply)
{
	return find_hold(call, request->id, reply);
}

static hm_status check_pending(struct hm_call *call, const Accounting__Hold *hold)
{
	static const char *const ends[] = {
		[ACCOUNTING__HOLD_STATE__POSTED] = "was posted",
		[ACCOUNTING__HOLD_STATE__VOIDED] = "was voided",
		[ACCOUNTING__HOLD_STATE__EXPIRED] = "has expired",
	};

	if (hold->state == ACCOUNTING__HOLD_STATE__PENDING)
		return HM_OK;
	return hm_fail(call, FAILED_PRECONDITION, "hold %s %s", hold->id, ends[hold->state]);
}

/* ---- Placing ----------------------------------------------------------------------------------------------------- */

static const char *find_difference(const Accounting__HoldFundsRequest *request, const Accounting__Hold *hold)
{
	if (!ledger_is_account(request->debit_account, hold->debit_account_id, hold->debit_account_code))
		return "debitAccount";
	if (!ledger_is_account(request->credit_account, hold->credit_account_id, hold->credit_account_code))
		return "creditAccount";
	if (request->amount != hold->amount)
		return "amount";
	if (!ledger_same_text(request->description, hold->description))
		return "description";
	if (!ledger_same_text(request->reference, hold->reference))
		return "reference";
	if (!ledger_same_time(request->expires_at, hold->expires_at))
		return "expiresAt";
	return NULL;
}

/* The first answer again, whatever has become of the hold since. */
static hm_status answer_again(struct hm_call *call, const Accounting__HoldFundsRequest *request,
			      Accounting__Hold *reply)
{
	const char *difference = find_difference(request, reply);

	TRY(ledger_check_same(call, !difference, "hold", reply->id, difference));
	reply->state = ACCOUNTING__HOLD_STATE__PENDING;
	reply->ended_at = NULL;
	reply->transaction_id = NULL;
	reply->has_posted_amount = false;
	return HM_OK;
}

static hm_status check_expiry(struct hm_call *call, const Google__Protobuf__Timestamp *expires_at)
{
	enum { NS_PER_US = 1000 };
	int64_t now_us = hm_clock_wall_us(), now_s = now_us / HM_US_PER_S;

	if (!expires_at)
		return HM_OK;
	/* Of any size, so it is not multiplied: the store says what is no time at all. */
	if (expires_at->seconds < now_s ||
	    (expires_at->seconds == now_s && expires_at->nanos / NS_PER_US <= now_us % HM_US_PER_S))
		return hm_fail(call, INVALID_ARGUMENT, "expiresAt: this time has passed");
	return HM_OK;
}

/* Finds the two accounts under their locks, and that one can be held against the other. */
static hm_status lock_pair(struct hm_call *call, const Accounting__HoldFundsRequest *request,
			   const Accounting__LockedAccount **ret_debit, const Accounting__LockedAccount **ret_credit)
{
	const char *const names[] = { request->debit_account, request->credit_account };
	Accounting__LockedAccounts locked = ACCOUNTING__LOCKED_ACCOUNTS__INIT;
	const Accounting__LockedAccount *debit = NULL, *credit = NULL;

	TRY(ledger_lock(call, NULL, names, 2, &locked));
	TRY(ledger_find_open(call, &locked, names[0], &debit));
	TRY(ledger_find_open(call, &locked, names[1], &credit));
	if (debit == credit)
		return hm_fail(call, INVALID_ARGUMENT, "creditAccount: is the debit account too");
	if (strcmp(debit->currency, credit->currency))
		return hm_fail(call, INVALID_ARGUMENT, "creditAccount: is in %s, the debit account in %s",
			       credit->currency, debit->currency);
	*ret_debit = debit;
	*ret_credit = credit;
	return HM_OK;
}

static hm_status place(struct hm_call *call, const Accounting__HoldFundsRequest *request, Accounting__Hold *reply)
{
	const Accounting__LockedAccount *debit = NULL, *credit = NULL;
	Accounting__NewHold hold = {
		ACCOUNTING_NEW_HOLD_BASE,        .id = request->id ? request->id : ledger_new_id(call),
		HM_SET(amount, request->amount), .description = request->description,
		.reference = request->reference, .expires_at = request->expires_at,
	};
	bool placed;

	TRY(check_expiry(call, request->expires_at));
	TRY(lock_pair(call, request, &debit, &credit));
	hold.debit_account_id = debit->id;
	hold.credit_account_id = credit->id;
	hold.currency = debit->currency;
	TRY(hm_query_optional(call, &accounting_sql_insert_hold, &hold, reply, &placed));
	if (!placed) { /* another call took the id meanwhile */
		TRY(find_hold(call, hold.id, reply));
		return answer_again(call, request, reply);
	}
	reply->debit_account_code = debit->code;
	reply->credit_account_code = credit->code;
	return HM_OK;
}

hm_status ledger_hold_funds(struct hm_call *call, const Accounting__HoldFundsRequest *request, Accounting__Hold *reply)
{
	const Accounting__GetHoldRequest same = { ACCOUNTING_GET_HOLD_REQUEST_BASE, .id = request->id };
	bool found = false;

	if (request->id)
		TRY(hm_query_optional(call, &accounting_sql_find_hold, &same, reply, &found));
	return found ? answer_again(call, request, reply) : place(call, request, reply);
}

/* ---- Ending ------------------------------------------------------------------------------------------------------ */

static hm_status end_hold(struct hm_call *call, const char *id, Accounting__HoldState state, int64_t posted_amount)
{
	const Accounting__EndHold end = {
		ACCOUNTING_END_HOLD_BASE,       .id = id, HM_SET(state, state), .has_posted_amount = posted_amount > 0,
		.posted_amount = posted_amount,
	};

	return hm_query_run(call, &accounting_sql_end_hold, &end, NULL);
}

static void draft_hold(struct hm_call *call, const Accounting__PostHoldRequest *request, const Accounting__Hold *hold,
		       struct ledger_draft *ret_draft)
{
	int64_t amount = request->has_amount ? request->amount : hold->amount;

	ledger_draft_init(call, 2, ret_draft);
	ret_draft->id = request->transaction_id;
	ret_draft->description = hold->description;
	ret_draft->reference = hold->reference;
	ret_draft->hold_id = hold->id;
	ret_draft->names[0] = hold->debit_account_id;
	ret_draft->amounts[0] = amount;
	ret_draft->names[1] = hold->credit_account_id;
	ret_draft->amounts[1] = -amount;
}

/* The hold is released before its transaction is posted: both at once would count twice against the accounts' limits. */
hm_status ledger_post_hold(struct hm_call *call, const Accounting__PostHoldRequest *request,
			   Accounting__Transaction *reply)
{
	Accounting__Hold hold = ACCOUNTING__HOLD__INIT;
	struct ledger_draft draft;
	bool done;

	TRY(find_hold(call, request->hold_id, &hold));
	draft_hold(call, request, &hold, &draft);
	TRY(ledger_begin(call, &draft, reply, &done));
	if (done)
		return HM_OK;
	TRY(find_hold(call, request->hold_id, &hold));
	TRY(check_pending(call, &hold));
	if (draft.amounts[0] > hold.amount)
		return hm_fail(call, OUT_OF_RANGE, "amount: hold %s is of %lld, not of %lld", hold.id,
			       (long long)hold.amount, (long long)draft.amounts[0]);
	TRY(end_hold(call, hold.id, ACCOUNTING__HOLD_STATE__POSTED, draft.amounts[0]));
	return ledger_post(call, &draft, reply);
}

hm_status ledger_void_hold(struct hm_call *call, const Accounting__VoidHoldRequest *request, Accounting__Hold *reply)
{
	Accounting__LockedAccounts locked = ACCOUNTING__LOCKED_ACCOUNTS__INIT;

	TRY(find_hold(call, request->id, reply));
	TRY(ledger_lock(call, NULL, (const char *const[]){ reply->debit_account_id, reply->credit_account_id }, 2,
			&locked));
	TRY(find_hold(call, request->id, reply));
	if (reply->state == ACCOUNTING__HOLD_STATE__VOIDED)
		return HM_OK;
	TRY(check_pending(call, reply));
	TRY(end_hold(call, reply->id, ACCOUNTING__HOLD_STATE__VOIDED, 0));
	return find_hold(call, request->id, reply);
}
