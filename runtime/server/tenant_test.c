/* Tenant and quota: what a brand may, by a clock that the test turns. */
#include "server/tenant.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

enum { S = 1000000 };

static unsigned take_some(struct hm_quota *quota, int64_t now_us, unsigned n)
{
	unsigned taken = 0;

	while (n--)
		taken += hm_quota_take(quota, now_us, NULL);
	return taken;
}

Test(tenant, a_quota_allows_a_seconds_worth_at_once_and_then_its_rate)
{
	struct hm_quota quota = { 0 };
	uint32_t wait_ms;

	cr_expect_eq(take_some(&quota, S, 1000), 1000, "none is set");
	hm_quota_set(&quota, 100);
	cr_expect_eq(take_some(&quota, S, 1000), 100);
	cr_assert_not(hm_quota_take(&quota, S, &wait_ms));
	cr_expect(wait_ms >= 10 && wait_ms <= 11, "%u", wait_ms);
	cr_expect_eq(take_some(&quota, S + 11000, 10), 1);
	for (int64_t now_us = 2 * S; now_us < 12 * S; now_us += S / 10)
		cr_expect_leq(take_some(&quota, now_us, 1000), now_us == 2 * S ? 100 : 10);
	cr_expect_eq(take_some(&quota, 1000LL * S, 1000), 100, "what was not used for long is not saved");
}

Test(tenant, a_quota_keeps_its_rate_from_one_to_the_most)
{
	static const uint32_t rates[] = { 1, 3, 7, 1000, 999999, HM_QUOTA_RATE_MAX };

	for (size_t i = 0; i < sizeof rates / sizeof *rates; i++) {
		struct hm_quota quota = { 0 };
		uint64_t taken = 0;

		hm_quota_set(&quota, rates[i]);
		(void)take_some(&quota, S, rates[i] + 1);
		for (int64_t step = 1; step <= 1000; step++)
			taken += take_some(&quota, S + step * S / 100, rates[i] / 50 + 2);
		cr_expect(taken >= rates[i] * 9ULL && taken <= rates[i] * 10ULL + rates[i] / 1000 + 1,
			  "%u a second: %llu in ten", rates[i], (unsigned long long)taken);
	}
}

Test(tenant, brands_have_quotas_of_their_own_or_the_one_for_all)
{
	struct hm_tenants *tenants = hm_tenants_open();
	struct hm_tenant *loop = hm_tenants_get(tenants, "loop"), *nobody = hm_tenants_get(tenants, NULL);

	cr_expect_eq(hm_tenants_get(tenants, ""), nobody);
	cr_expect_eq(hm_tenants_get(tenants, "loop"), loop);
	cr_expect_neq(loop->number, nobody->number);
	cr_assert_eq(hm_tenants_set(tenants, "nova", 2, 1), HM_OK);
	cr_assert_eq(hm_tenants_set(tenants, "*", 1, 0), HM_OK);
	cr_expect_eq(hm_tenant_admit(loop, S), HM_OK);
	cr_expect_eq(hm_tenant_admit(loop, S), HM_RESOURCE_EXHAUSTED);
	cr_expect_str_eq(hm_error_get()->reason, "QUOTA_EXCEEDED");
	cr_expect_geq(hm_error_get()->retry_after_ms, 1000);
	cr_expect_eq(hm_tenant_admit(hm_tenants_get(tenants, "nova"), S), HM_OK);
	cr_expect_eq(hm_tenant_admit(hm_tenants_get(tenants, "nova"), S), HM_OK);
	cr_expect_eq(hm_tenant_admit(hm_tenants_get(tenants, "later"), S), HM_OK);
	cr_expect_eq(hm_tenant_admit(hm_tenants_get(tenants, "later"), S), HM_RESOURCE_EXHAUSTED);
	cr_expect_eq(hm_tenant_admit(nobody, S), HM_OK);
	cr_expect_eq(hm_tenant_admit(nobody, S), HM_OK, "nobody is no brand");
	hm_tenants_close(tenants);
}

Test(tenant, no_more_calls_are_under_way_than_a_brand_may_have)
{
	struct hm_tenants *tenants = hm_tenants_open();
	struct hm_tenant *loop = hm_tenants_get(tenants, "loop");

	cr_assert_eq(hm_tenants_set(tenants, "loop", 0, 2), HM_OK);
	cr_expect_eq(hm_tenant_enter(loop), HM_OK);
	cr_expect_eq(hm_tenant_enter(loop), HM_OK);
	cr_expect_eq(hm_tenant_enter(loop), HM_RESOURCE_EXHAUSTED);
	cr_expect_str_eq(hm_error_get()->reason, "QUOTA_EXCEEDED");
	hm_tenant_leave(loop);
	cr_expect_eq(hm_tenant_enter(loop), HM_OK);
	hm_tenants_close(tenants);
}

/* Their names are signed, but a program may sign many. */
Test(tenant, brands_beyond_the_most_are_nobodys)
{
	struct hm_tenants *tenants = hm_tenants_open();
	const struct hm_tenant *nobody = hm_tenants_get(tenants, NULL);
	char brand[16];

	for (int i = 0; i < HM_TENANTS_MAX + 10; i++) {
		snprintf(brand, sizeof brand, "b%d", i);
		cr_assert_eq(hm_tenants_get(tenants, brand) == nobody, i >= HM_TENANTS_MAX - 1, "%s", brand);
	}
	cr_expect_neq(hm_tenants_get(tenants, "b17"), nobody);
	cr_expect_eq(hm_tenants_set(tenants, "one-more", 1, 1), HM_RESOURCE_EXHAUSTED);
	cr_expect_eq(hm_tenants_set(tenants, "b17", 1, 1), HM_OK);
	hm_tenants_close(tenants);
}
