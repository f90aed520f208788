/* Owners of accounts: identity's users, asked for under the caller's own context. */
#include <stdio.h>

#include "crypto/password.h"
#include "identity/v1/identity.fake.h"
#include "testing.h"

enum { CHEAP_HASH_BYTES = 64 << 10 };

static const struct hm_service *const both[] = { &accounting_service, &identity_service, NULL };

Test(accounting, an_owner_is_a_user_of_identity_and_both_calls_are_one_request)
{
	struct fixture f;
	struct hm_context *ana;
	struct hm_channel *identity;
	Identity__User *owner;
	Accounting__Account *account;
	char request_id[HM_ID_TEXT_BYTES], sql[512];

	hm_password_set_cost(CHEAP_HASH_BYTES, 1, 1);
	f = fixture_serving_all(both, NULL);
	ana = fixture_user(&f, "loop", "ana");
	must(hm_channel_open("identity", &identity));
	must(identity_register_user(identity, ana,
				    &(Identity__RegisterUserRequest){ IDENTITY_REGISTER_USER_REQUEST_BASE,
								      .username = "ben", .password = "correct horse" },
				    &owner));
	must(accounting_open_account(f.channel, ana,
				     OPEN(.code = "wallet:ben", .name = "Ben's wallet",
					  HM_SET(type, ACCOUNTING__ACCOUNT_TYPE__LIABILITY), .currency = "USD",
					  .owner_id = owner->id),
				     &account));
	cr_assert_str_eq(account->owner_id, owner->id);
	refuses(NOT_FOUND, accounting_open_account(f.channel, ana,
						   OPEN(.code = "wallet:nobody", .name = "x",
							HM_SET(type, ACCOUNTING__ACCOUNT_TYPE__LIABILITY),
							.currency = "USD", .owner_id = NOBODY),
						   &account));
	hm_id_format(&ana->request_id, request_id);
	snprintf(sql, sizeof sql,
		 "SELECT count(*) FROM accounting.audit_log a JOIN identity.audit_log i USING (request_id) "
		 "WHERE request_id = '%s' AND a.event_type = 'account.opened' AND i.event_type = 'user.read' "
		 "AND i.details->>'parent' = a.details->>'span'",
		 request_id);
	cr_assert_eq(test_sql(f.dsn, sql), 1);
	hm_channel_close(identity);
}

static hm_status open_wallet(struct fixture *f, struct hm_context *context)
{
	Accounting__Account *account;

	return accounting_open_account(f->channel, context,
				       OPEN(.code = "wallet:ben", .name = "Ben's wallet",
					    HM_SET(type, ACCOUNTING__ACCOUNT_TYPE__LIABILITY), .currency = "USD",
					    .owner_id = ID_1),
				       &account);
}

Test(accounting, an_account_is_not_opened_while_its_owner_cannot_be_asked_for)
{
	static const struct {
		hm_status status;
		const char *message;
	} failures[] = {
		{ HM_UNAVAILABLE, "identity is being moved" },
		{ HM_PERMISSION_DENIED, "not yours to know" },
		{ HM_RESOURCE_EXHAUSTED, "too many ask" },
	};
	SCOPED(identity_fake) identity = NULL;
	struct fixture f;
	struct hm_context *ana;

	must(identity_fake_open(&identity));
	f = fixture_serving(&accounting_service);
	ana = fixture_user(&f, "loop", "ana");
	for (size_t i = 0; i < sizeof failures / sizeof *failures; i++) {
		identity_fake_get_user_fails(identity, failures[i].status, failures[i].message);
		cr_assert_eq(open_wallet(&f, ana), failures[i].status);
		cr_assert(strstr(hm_error_get()->message, failures[i].message), "%s", hm_error_get()->message);
		hm_context_reset(ana);
	}
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM accounting.accounts"), 0);
	identity_fake_get_user_replies(identity, &(Identity__User){ IDENTITY_USER_BASE, .id = ID_1 });
	must(open_wallet(&f, ana));
	cr_assert_str_eq(identity_fake_get_user_request(identity)->id, ID_1);
	cr_assert_eq(test_sql(f.dsn, "SELECT count(*) FROM accounting.accounts"), 1);
}
