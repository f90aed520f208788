/* Tenant: a table by hash of the brand, at most half full, that never shrinks. */
#include "server/tenant.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "rpc/method.h"

enum { ROWS = 2 * HM_TENANTS_MAX, RETRY_IN_FLIGHT_MS = 100 };

struct hm_tenants {
	pthread_mutex_t lock;
	struct hm_tenant *rows[ROWS]; /* open addressing; nobody is not among them */
	struct hm_tenant nobody;
	uint32_t count, calls_per_s, in_flight_max; /* of brands that have none of their own */
};

struct hm_tenants *hm_tenants_open(void)
{
	struct hm_tenants *tenants = calloc(1, sizeof *tenants);

	if (!tenants)
		abort();
	tenants->count = 1; /* nobody */
	pthread_mutex_init(&tenants->lock, NULL);
	return tenants;
}

void hm_tenants_close(struct hm_tenants *tenants)
{
	if (!tenants)
		return;
	for (size_t i = 0; i < ROWS; i++)
		free(tenants->rows[i]);
	pthread_mutex_destroy(&tenants->lock);
	free(tenants);
}

static void set(struct hm_tenant *tenant, uint32_t calls_per_s, uint32_t in_flight_max)
{
	hm_quota_set(&tenant->quota, calls_per_s);
	atomic_store(&tenant->in_flight_max, in_flight_max);
}

/* With the lock held. */
static struct hm_tenant *get(struct hm_tenants *tenants, const char *brand)
{
	size_t at = hm_method_id(brand) % ROWS;
	struct hm_tenant *tenant;

	for (; tenants->rows[at]; at = (at + 1) % ROWS)
		if (!strcmp(tenants->rows[at]->brand, brand))
			return tenants->rows[at];
	if (tenants->count == HM_TENANTS_MAX || strlen(brand) >= HM_BRAND_BYTES)
		return &tenants->nobody;
	tenant = calloc(1, sizeof *tenant);
	if (!tenant)
		abort();
	memcpy(tenant->brand, brand, strlen(brand));
	tenant->number = tenants->count++;
	set(tenant, tenants->calls_per_s, tenants->in_flight_max);
	tenants->rows[at] = tenant;
	return tenant;
}

struct hm_tenant *hm_tenants_get(struct hm_tenants *tenants, const char *brand)
{
	struct hm_tenant *tenant;

	if (!brand || !*brand)
		return &tenants->nobody;
	pthread_mutex_lock(&tenants->lock);
	tenant = get(tenants, brand);
	pthread_mutex_unlock(&tenants->lock);
	return tenant;
}

/* With the lock held. */
static void set_all(struct hm_tenants *tenants, uint32_t calls_per_s, uint32_t in_flight_max)
{
	tenants->calls_per_s = calls_per_s;
	tenants->in_flight_max = in_flight_max;
	for (size_t i = 0; i < ROWS; i++)
		if (tenants->rows[i] && !tenants->rows[i]->is_own)
			set(tenants->rows[i], calls_per_s, in_flight_max);
}

hm_status hm_tenants_set(struct hm_tenants *tenants, const char *brand, uint32_t calls_per_s, uint32_t in_flight_max)
{
	bool has_place = true;

	pthread_mutex_lock(&tenants->lock);
	if (!strcmp(brand, "*")) {
		set_all(tenants, calls_per_s, in_flight_max);
	} else {
		const bool is_nobody = !strcmp(brand, "-");
		struct hm_tenant *tenant = is_nobody ? &tenants->nobody : get(tenants, brand);

		has_place = is_nobody || tenant != &tenants->nobody;
		if (has_place) {
			tenant->is_own = true;
			set(tenant, calls_per_s, in_flight_max);
		}
	}
	pthread_mutex_unlock(&tenants->lock);
	if (!has_place)
		return hm_raise(RESOURCE_EXHAUSTED, "no quota for brand %s: a server knows %d brands at most", brand,
				HM_TENANTS_MAX - 1);
	return HM_OK;
}

uint32_t hm_tenants_list(struct hm_tenants *tenants, struct hm_tenant *ret_list[HM_TENANTS_MAX])
{
	uint32_t count;

	pthread_mutex_lock(&tenants->lock);
	ret_list[0] = &tenants->nobody;
	for (size_t i = 0; i < ROWS; i++)
		if (tenants->rows[i])
			ret_list[tenants->rows[i]->number] = tenants->rows[i];
	count = tenants->count;
	pthread_mutex_unlock(&tenants->lock);
	return count;
}

static hm_status raise_exceeded(hm_status status, uint32_t retry_after_ms)
{
	hm_error_set_reason("QUOTA_EXCEEDED");
	hm_error_set_retry(retry_after_ms);
	return status;
}

static const char *name_of(const struct hm_tenant *tenant)
{
	return *tenant->brand ? tenant->brand : "none";
}

hm_status hm_tenant_admit(struct hm_tenant *tenant, int64_t now_us)
{
	uint32_t wait_ms;

	if (hm_quota_take(&tenant->quota, now_us, &wait_ms))
		return HM_OK;
	return raise_exceeded(
		hm_raise(RESOURCE_EXHAUSTED, "brand %s has made all the calls it may in this second", name_of(tenant)),
		wait_ms);
}

hm_status hm_tenant_enter(struct hm_tenant *tenant)
{
	uint32_t max = atomic_load_explicit(&tenant->in_flight_max, memory_order_relaxed);

	if (atomic_fetch_add_explicit(&tenant->in_flight, 1, memory_order_relaxed) < max || !max)
		return HM_OK;
	hm_tenant_leave(tenant);
	return raise_exceeded(hm_raise(RESOURCE_EXHAUSTED, "brand %s has as many calls under way as it may: %u",
				       name_of(tenant), max),
			      RETRY_IN_FLIGHT_MS);
}

void hm_tenant_leave(struct hm_tenant *tenant)
{
	atomic_fetch_sub_explicit(&tenant->in_flight, 1, memory_order_relaxed);
}
