/*
 * Tenant: a brand as the server's queues and quotas know it: a small number, what it may, and what it has under way. Calls find
 * theirs when their connection binds a principal. One whose brand is not proven is nobody's, and all those share one tenant, so
 * that names made up by strangers cost nothing.
 *
 * Tenants live as long as the server. Thread-safe. (server's own header)
 */
#pragma once
#include <stdatomic.h>
#include <stdint.h>

#include "base/status.h"
#include "client/context.h"
#include "server/quota.h"

enum { HM_TENANTS_MAX = 4096 }; /* brands beyond it are nobody's too */

struct hm_tenant {
	char brand[HM_BRAND_BYTES]; /* "": nobody */
	uint32_t number; /* below HM_TENANTS_MAX; nobody's is 0 */
	struct hm_quota quota;
	_Atomic uint32_t in_flight_max; /* 0: any number */
	_Atomic uint32_t
		in_flight; /* calls that wait or run, over all services of the server; inline ones do neither */
	_Atomic uint64_t calls_refused; /* before they ran */
	_Atomic bool is_own; /* its quota was set for it, not for all */
};

struct hm_tenants;

struct hm_tenants *hm_tenants_open(void);
void hm_tenants_close(struct hm_tenants *tenants);

/* hm_tenants_get returns the tenant of a brand; NULL or "": nobody's. */
struct hm_tenant *hm_tenants_get(struct hm_tenants *tenants, const char *brand);

/* hm_tenants_set gives a brand its quotas; "*" those of every brand that has none of its own, "-" nobody's. At any
 * time. RESOURCE_EXHAUSTED: HM_TENANTS_MAX brands are known already. */
hm_status hm_tenants_set(struct hm_tenants *tenants, const char *brand, uint32_t calls_per_s, uint32_t in_flight_max);

/* hm_tenants_list lists all that are known, each at its number, and returns how many those are. */
uint32_t hm_tenants_list(struct hm_tenants *tenants, struct hm_tenant *ret_list[HM_TENANTS_MAX]);

/* hm_tenant_admit takes a token for a call. RESOURCE_EXHAUSTED with reason QUOTA_EXCEEDED and the time to retry after. */
hm_status hm_tenant_admit(struct hm_tenant *tenant, int64_t now_us);

/* hm_tenant_enter and hm_tenant_leave count a call that waits or runs. Enter fails as above when in_flight_max are there. */
hm_status hm_tenant_enter(struct hm_tenant *tenant);
void hm_tenant_leave(struct hm_tenant *tenant);
