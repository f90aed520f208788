/*
 * Lease: two trees of names under one reader-writer lock. A brand's record stays where it is while the lease lives, so whoever
 * found it once reads its state, and the age of the news, without a lock. Revocations come and go: they are looked up
 * under the lock, shared.
 */
#include "guard/lease.h"

#include <pthread.h>
#include <search.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

enum { DEFAULT_TTL_MS = 5000 };

struct hm_brand {
	const char *name; /* first in both records: the trees compare it */
	atomic_bool active;
};

struct revocation {
	const char *id; /* first: see free_record */
	char *brand; /* "": of no brand */
	int64_t before_us, until_us;
	struct revocation *next; /* all of them, for forgetting */
};

struct hm_lease {
	pthread_rwlock_t lock;
	int64_t ttl_us;
	_Atomic int64_t renewed_us[HM_LEASE_KINDS]; /* monotonic; 0: never */
	void *brands, *revocations;
	struct revocation *all_revocations;
};

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static int compare_revocations(const void *a, const void *b)
{
	const struct revocation *left = a, *right = b;
	int order = strcmp(left->id, right->id);

	return order ? order : strcmp(left->brand, right->brand);
}

hm_status hm_lease_open(uint32_t ttl_ms, struct hm_lease **ret_lease)
{
	struct hm_lease *lease = calloc(1, sizeof *lease);

	if (!lease)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for a lease");
	pthread_rwlock_init(&lease->lock, NULL);
	lease->ttl_us = (int64_t)(ttl_ms ? ttl_ms : DEFAULT_TTL_MS) * HM_US_PER_MS;
	*ret_lease = lease;
	return HM_OK;
}

static void free_record(void *record)
{
	free(*(char **)record);
	free(record);
}

static void free_revocation(void *record)
{
	free(((struct revocation *)record)->brand);
	free_record(record);
}

void hm_lease_close(struct hm_lease *lease)
{
	if (!lease)
		return;
	tdestroy(lease->brands, free_record);
	tdestroy(lease->revocations, free_revocation);
	pthread_rwlock_destroy(&lease->lock);
	free(lease);
}

static struct hm_brand *find_or_add_brand(struct hm_lease *lease, const char *name)
{
	struct hm_brand *const *node = tfind(&name, &lease->brands, compare_names), *brand;

	if (node)
		return *node;
	brand = calloc(1, sizeof *brand);
	if (!brand || !(brand->name = strdup(name)) || !tsearch(brand, &lease->brands, compare_names))
		abort();
	return brand;
}

/* A key that is looked for is not written to. */
static struct revocation *find_revocation(const struct hm_lease *lease, const char *brand, const char *id)
{
	const struct revocation wanted = { .id = id, .brand = (char *)(uintptr_t)(brand ? brand : "") };
	struct revocation *const *node = tfind(&wanted, &lease->revocations, compare_revocations);

	return node ? *node : NULL;
}

static struct revocation *add_revocation(struct hm_lease *lease, const char *brand, const char *id)
{
	struct revocation *record = calloc(1, sizeof *record);

	if (!record || !(record->id = strdup(id)) || !(record->brand = strdup(brand ? brand : "")) ||
	    !tsearch(record, &lease->revocations, compare_revocations))
		abort();
	record->next = lease->all_revocations;
	lease->all_revocations = record;
	return record;
}

void hm_lease_put_brand(struct hm_lease *lease, const char *brand, bool active)
{
	if (strlen(brand) >= HM_BRAND_BYTES)
		return;
	pthread_rwlock_wrlock(&lease->lock);
	find_or_add_brand(lease, brand)->active = active;
	pthread_rwlock_unlock(&lease->lock);
}

void hm_lease_put_revocation(struct hm_lease *lease, const char *brand, const char *id, int64_t before_us,
			     int64_t until_us)
{
	struct revocation *record;

	pthread_rwlock_wrlock(&lease->lock);
	record = find_revocation(lease, brand, id);
	if (!record)
		record = add_revocation(lease, brand, id);
	if (before_us > record->before_us)
		record->before_us = before_us;
	if (until_us > record->until_us)
		record->until_us = until_us;
	pthread_rwlock_unlock(&lease->lock);
}

static void forget_revocations(struct hm_lease *lease, int64_t now_wall_us)
{
	for (struct revocation **link = &lease->all_revocations; *link;) {
		struct revocation *record = *link;

		if (record->until_us > now_wall_us) {
			link = &record->next;
			continue;
		}
		*link = record->next;
		tdelete(record, &lease->revocations, compare_revocations);
		free_revocation(record);
	}
}

void hm_lease_renew(struct hm_lease *lease, enum hm_lease_kind kind, int64_t asked_us)
{
	pthread_rwlock_wrlock(&lease->lock);
	lease->renewed_us[kind] = asked_us;
	if (kind == HM_LEASE_REVOCATIONS)
		forget_revocations(lease, hm_clock_wall_us());
	pthread_rwlock_unlock(&lease->lock);
}

static bool is_current(const struct hm_lease *lease, enum hm_lease_kind kind, int64_t now_us)
{
	int64_t renewed_us = lease->renewed_us[kind];

	return renewed_us && now_us - renewed_us < lease->ttl_us;
}

bool hm_lease_is_current(struct hm_lease *lease, enum hm_lease_kind kind)
{
	return is_current(lease, kind, hm_clock_mono_us());
}

static hm_status raise_reason(hm_status status, const char *reason)
{
	hm_error_set_reason(reason);
	return status;
}

static hm_status raise_expired(const struct hm_lease *lease, const char *what)
{
	return raise_reason(hm_raise(UNAVAILABLE, "no news of %s for %d ms: calls fail closed until there is", what,
				     (int)(lease->ttl_us / HM_US_PER_MS)),
			    "LEASE_EXPIRED");
}

const struct hm_brand *hm_lease_find_brand(struct hm_lease *lease, const char *name)
{
	const struct hm_brand *const *node;
	const struct hm_brand *brand = NULL;

	pthread_rwlock_rdlock(&lease->lock);
	node = tfind(&name, &lease->brands, compare_names);
	if (node)
		brand = *node;
	pthread_rwlock_unlock(&lease->lock);
	return brand;
}

hm_status hm_lease_check_brand(const struct hm_lease *lease, const struct hm_brand *brand, int64_t now_us)
{
	if (!is_current(lease, HM_LEASE_BRANDS, now_us))
		return raise_expired(lease, "brand status");
	if (!brand)
		return raise_reason(hm_raise(PERMISSION_DENIED, "there is no such brand"), "BRAND_UNKNOWN");
	if (!brand->active)
		return raise_reason(hm_raise(PERMISSION_DENIED, "brand %s is suspended", brand->name),
				    "BRAND_SUSPENDED");
	return HM_OK;
}

static bool is_revoked(const struct hm_lease *lease, const struct hm_lease_token *token, const char *id)
{
	const struct revocation *found = id ? find_revocation(lease, token->brand, id) : NULL;

	return found && token->issued_at_us < found->before_us;
}

hm_status hm_lease_check_token(struct hm_lease *lease, const struct hm_lease_token *token, int64_t now_us)
{
	enum hm_lease_kind kind = token->brand ? HM_LEASE_REVOCATIONS : HM_LEASE_TOKENS;
	bool revoked;

	if (!is_current(lease, kind, now_us))
		return raise_expired(lease, "revocations");
	pthread_rwlock_rdlock(&lease->lock);
	revoked = is_revoked(lease, token, token->id) || is_revoked(lease, token, token->session) ||
		  is_revoked(lease, token, token->user);
	pthread_rwlock_unlock(&lease->lock);
	if (revoked)
		return raise_reason(hm_raise(UNAUTHENTICATED, "the token was revoked: log in again"), "TOKEN_REVOKED");
	return HM_OK;
}
