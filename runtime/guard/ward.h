/*
 * Ward: a service under guard: what its calls need, found and checked once, before the first of them. (guard's own header)
 */
#pragma once
#include "guard/audit.h"
#include "guard/guard.h"
#include "guard/refusals.h"

struct hm_ward_method {
	const struct hm_query *query; /* the one that is all of it, or NULL */
	bool has_brand_id; /* in its request */
};

struct hm_ward {
	const struct hm_service *service;
	struct hm_store *store; /* NULL: no database */
	_Atomic(const struct hm_secret_key *) signing_key; /* NULL: the service signs nothing */
	struct hm_audit_writer *audit; /* NULL: no database */
	struct hm_refusals *refusals; /* NULL: no database */
	uint32_t reply_ttl_s; /* how long idempotent replies are kept */
	struct hm_ward_method *methods; /* by index in the service's table */
};

/* hm_ward_open finds what each method is made of: the service's handler or query of its name, or, where a method replies with
 * hallmark.ListAuditReply and the service has neither, the runtime's. Errors: as hm_guard_open's; close it all the same. */
hm_status hm_ward_open(const struct hm_guarded *guarded, uint32_t reply_ttl_s, struct hm_ward *ret_ward);

/* hm_ward_close frees what is the ward's own. */
void hm_ward_close(struct hm_ward *ward);
