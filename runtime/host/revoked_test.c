/* Revoked tokens of operators and services: the file, and what its readers make of it. */
#include "host/revoked.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/clock.h"
#include "base/log.h"
#include "crypto/crypto.h"
#include "crypto/token.h"
#include "platform/v1/platform.hm.h"
#include "tests/cli.h"
#include "tests/keys.h"

/* What a lease says of an operator's token, after a look at the file in the folder. */
static hm_status look(const char *keys, const char *id)
{
	const struct hm_lease_token token = { .id = id, .issued_at_us = hm_clock_wall_us() };
	SCOPED(hm_lease) lease = NULL;
	SCOPED(hm_revoked) revoked = NULL;

	must(hm_lease_open(0, &lease));
	TRY(hm_revoked_open(keys, lease, &revoked));
	return hm_lease_check_token(lease, &token, hm_clock_mono_us());
}

Test(revoked, what_is_in_the_file_is_void_and_nothing_else)
{
	struct test_keys keys;

	test_keys_init(&keys);
	must(look(keys.directory, "one"));
	must(hm_revoked_add(keys.directory, "one"));
	must(hm_revoked_add(keys.directory, "two"));
	refuses(UNAUTHENTICATED, look(keys.directory, "one"));
	cr_assert_str_eq(hm_error_get()->reason, "TOKEN_REVOKED");
	refuses(UNAUTHENTICATED, look(keys.directory, "two"));
	must(look(keys.directory, "on"));
	test_keys_fini(&keys);
}

Test(revoked, a_file_that_others_may_write_or_with_nonsense_in_it_is_refused)
{
	static const char *const nonsense[] = { "\n", "two\x01words\n", " one\n", "one\ttwo\n" };
	struct test_keys keys;

	test_keys_init(&keys);
	test_keys_write(&keys, "revoked", 0666, "one\n", 4);
	refuses(FAILED_PRECONDITION, look(keys.directory, "one"));
	cr_assert(strstr(hm_error_get()->message, "/revoked"), "%s", hm_error_get()->message);
	test_keys_fini(&keys);
	for (size_t i = 0; i < sizeof nonsense / sizeof *nonsense; i++) {
		test_keys_init(&keys);
		test_keys_write(&keys, "revoked", 0644, nonsense[i], strlen(nonsense[i]));
		refuses(DATA_LOSS, look(keys.directory, "one"));
		test_keys_fini(&keys);
	}
}

Test(revoked, what_is_added_behind_a_line_without_an_end_is_a_line_of_its_own)
{
	struct test_keys keys;

	test_keys_init(&keys);
	test_keys_write(&keys, "revoked", 0644, "one", 3);
	must(hm_revoked_add(keys.directory, "two"));
	refuses(UNAUTHENTICATED, look(keys.directory, "one"));
	refuses(UNAUTHENTICATED, look(keys.directory, "two"));
	test_keys_fini(&keys);
}

Test(revoked, what_is_no_id_is_not_added)
{
	struct test_keys keys;

	test_keys_init(&keys);
	refuses(INVALID_ARGUMENT, hm_revoked_add(keys.directory, ""));
	refuses(INVALID_ARGUMENT, hm_revoked_add(keys.directory, "one\ntwo"));
	refuses(INVALID_ARGUMENT, hm_revoked_add(keys.directory, "v4.public.secret"));
	cr_assert_null(strstr(hm_error_get()->message, "secret"));
	must(look(keys.directory, "one"));
	test_keys_fini(&keys);
}

/* Without news of the file for the lease's time nobody of its kind is admitted, and users are not concerned. */
Test(revoked, a_file_gone_bad_fails_closed)
{
	const struct hm_lease_token operator= { .id = "one" }, user = { .brand = "loop", .id = "one", .user = "ana" };
	struct test_keys keys;
	SCOPED(hm_lease) lease = NULL;
	SCOPED(hm_revoked) revoked = NULL;

	hm_log_set_level(HM_LOG_OFF); /* it would say so */
	test_keys_init(&keys);
	must(hm_lease_open(1000, &lease));
	must(hm_revoked_open(keys.directory, lease, &revoked));
	hm_lease_renew(lease, HM_LEASE_REVOCATIONS, hm_clock_mono_us() + 3600LL * HM_US_PER_S);
	must(hm_lease_check_token(lease, &operator, hm_clock_mono_us()));
	test_keys_write(&keys, "revoked", 0666, "one\n", 4);
	while (hm_lease_check_token(lease, &operator, hm_clock_mono_us()) == HM_OK)
		;
	cr_assert_str_eq(hm_error_get()->reason, "LEASE_EXPIRED");
	must(hm_lease_check_token(lease, &user, hm_clock_mono_us()));
	test_keys_fini(&keys);
}

/* The id of the token that a context carries. */
static void read_id(const struct hm_context *context, char ret_id[HM_ID_TEXT_BYTES])
{
	struct hm_keyring *ring;
	struct hm_arena arena = { 0 };
	struct hm_claims claims;

	must(hm_keyring_open(test_keys_folder(), &ring));
	must(hm_token_verify(ring, context->token, strlen(context->token), hm_clock_wall_us(), &arena, &claims));
	snprintf(ret_id, HM_ID_TEXT_BYTES, "%s", claims.id);
	hm_arena_fini(&arena);
	hm_keyring_close(ring);
}

Test(revoked, a_running_server_refuses_what_the_command_line_revoked)
{
	static const Platform__ListBrandsRequest all = { PLATFORM_LIST_BRANDS_REQUEST_BASE };
	struct fixture f = cli_serving_all();
	struct hm_context *leaked = fixture_operator(&f, NULL), *other = fixture_operator(&f, NULL);
	Platform__ListBrandsReply *reply;
	char id[HM_ID_TEXT_BYTES], sql[200];

	must(hm_channel_open("platform", &f.channel));
	must(platform_list_brands(f.channel, leaked, &all, &reply));
	read_id(leaked, id);
	snprintf(sql, sizeof sql, "SELECT count(*) FROM platform.audit_log WHERE details->>'token' = '%s'", id);
	cr_assert_eq(test_sql(f.dsn, sql), 1);
	ends(hallmark("token", "--revoke", id, NULL), 0);
	while (platform_list_brands(f.channel, leaked, &all, &reply) == HM_OK)
		hm_context_reset(leaked);
	cr_assert_eq(hm_error_get()->code, HM_UNAUTHENTICATED, "%s", hm_error_get()->message);
	cr_assert_str_eq(hm_error_get()->reason, "TOKEN_REVOKED");
	must(platform_list_brands(f.channel, other, &all, &reply));
	hm_channel_close(f.channel);
}
