/*
 * Principal: on whose behalf a connection's calls are made: the brand it claims and the actor its token proves. Made once
 * a BIND, used by every call that names the slot; immutable, so many calls read it at once. (guard's own header)
 */
#pragma once
#include "base/arena.h"
#include "crypto/token.h"
#include "guard/lease.h"
#include "rpc/method.h"
#include "server/call.h"

struct hm_principal {
	struct hm_arena arena;
	struct hm_lease *lease;
	const char *claimed_brand; /* "" where none was claimed */
	const char *brand_name; /* the brand its calls are of, if they are admitted; "": none */
	const struct hm_brand *brand; /* what the lease knows of it; NULL: nothing when the principal was made */
	char *token; /* NULL: none */
	struct hm_actor actor;
	int64_t issued_at_us, expires_at_us; /* wall */
	const struct hm_keyring *keys;
	const char *key; /* the id of the one that signed the token */
	uint64_t generation; /* of the keys, when the token was verified */
	enum {
		HM_SERVICE_PROVEN,
		HM_SERVICE_UNPROVEN,
		HM_SERVICE_ANOTHER
	} proof; /* of a service's token, or one delegated to a service, by its connection */
	struct hm_error *failure; /* why the token is not believed; NULL: it is, or there is none */
};

/* hm_principal_open never fails: a token that is not believed makes a principal whose calls are all refused, each with its
 * audit entry. */
struct hm_principal *hm_principal_open(const struct hm_keyring *keys, struct hm_lease *lease, const char *brand,
				       const char *token);

/* hm_principal_prove says which services the connection has proven to be (NULL: none), right after open. A service's token is believed
 * if its service is among them; on a connection that is another's never; on one that proves nothing unless keys are required. A token
 * that was delegated to a service is believed if one of them may carry it (guard/carrier.h), else never. */
void hm_principal_prove(struct hm_principal *principal, const char *const *services, bool is_required,
			const struct hm_service_table *const *known);
void hm_principal_close(struct hm_principal *principal);

/* hm_principal_share says whose share of a server its calls take: the brand's of a user's token; the one that an operator or a service
 * names, if the lease knew it when they bound. NULL: nobody's, where every name is that was claimed alone. */
const char *hm_principal_share(const struct hm_principal *principal);

/* hm_principal_admit decides whether the call may run and completes its actor and brand, which stay useful for the audit
 * entry when it may not. Permissions open a method to users and operators; to a service, which signs its own tokens, the
 * contract's callers alone do. UNAUTHENTICATED, PERMISSION_DENIED, or UNAVAILABLE (the lease ran out). */
hm_status hm_principal_admit(const struct hm_principal *principal, struct hm_call *call);
