/*
 * Lease: what a process knows of brands and revocations, and for how long it may believe it.
 *
 * Platform publishes which brands are active, identity which tokens, sessions and users are revoked; every process
 * fetches both, again and again (struct hm_service's feed_lease), and watches a file of the other revoked tokens. Without news for the lease's time the knowledge is
 * void and calls fail closed. Thread-safe.
 */
#pragma once
#include <stdbool.h>
#include <stdint.h>

#include "base/scoped.h"
#include "base/status.h"
#include "server/call.h"

struct hm_lease;

/* Revocations are of users' tokens, the third kind of those without a brand, operators' and services'. */
enum hm_lease_kind { HM_LEASE_BRANDS, HM_LEASE_REVOCATIONS, HM_LEASE_TOKENS, HM_LEASE_KINDS };

/* The reserved brand: system rows, operators' and services' own calls, denied calls whose brand is unknown. */
#define HM_SYSTEM_BRAND "system"

/* hm_lease_open makes an empty, expired lease. ttl_ms: how long news of each kind holds; 0: 5000. */
hm_status hm_lease_open(uint32_t ttl_ms, struct hm_lease **ret_lease);
void hm_lease_close(struct hm_lease *lease);
HM_SCOPED(hm_lease, hm_lease_close)

/* hm_lease_put_brand records a brand's state. A name that no call could carry (HM_BRAND_BYTES) is passed over. */
void hm_lease_put_brand(struct hm_lease *lease, const char *brand, bool active);

/* hm_lease_put_revocation records that a token id, a session id or a user id of a brand (NULL: the tokens that have none) is void
 * for tokens issued before before_us (wall); forgotten after until_us (wall), when every such token has expired by itself. */
void hm_lease_put_revocation(struct hm_lease *lease, const char *brand, const char *id, int64_t before_us,
			     int64_t until_us);

/* hm_lease_renew says that everything known of this kind at asked_us (monotonic: before the question was asked, not when the
 * answer came) has been put. */
void hm_lease_renew(struct hm_lease *lease, enum hm_lease_kind kind, int64_t asked_us);

/* hm_lease_is_current says whether news of this kind is younger than the lease's time. */
bool hm_lease_is_current(struct hm_lease *lease, enum hm_lease_kind kind);

/* A brand as a lease knows it; lives as long as the lease, so a caller may keep what it found. */
struct hm_brand;

/* hm_lease_find_brand returns a brand that was ever put, in whatever state, or NULL. */
const struct hm_brand *hm_lease_find_brand(struct hm_lease *lease, const char *name);

/* hm_lease_check_brand: OK for an active brand (NULL: an unknown one). PERMISSION_DENIED with reason BRAND_UNKNOWN or
 * BRAND_SUSPENDED; UNAVAILABLE with reason LEASE_EXPIRED when nothing was heard in time. now_us: monotonic. Takes no lock. */
hm_status hm_lease_check_brand(const struct hm_lease *lease, const struct hm_brand *brand, int64_t now_us);

/* What of a token may have been revoked. */
struct hm_lease_token {
	const char *brand; /* NULL: none */
	const char *id, *session, *user; /* session and user may be NULL */
	int64_t issued_at_us; /* wall */
};

/* hm_lease_check_token: UNAUTHENTICATED with reason TOKEN_REVOKED if the token, its session or its user was revoked after it
 * was issued; UNAVAILABLE as above. */
hm_status hm_lease_check_token(struct hm_lease *lease, const struct hm_lease_token *token, int64_t now_us);
