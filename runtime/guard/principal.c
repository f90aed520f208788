/*
 * Principal: authentication, brand and authorisation, in that order. The brand comes from the token wherever the token has
 * one; what the peer claims alone decides nothing but where an anonymous call (Login) or an operator's crossing goes.
 */
#include "guard/principal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "guard/carrier.h"
#include "guard/permission.h"

static const struct {
	const char *name;
	enum hm_actor_type type;
} actor_types[] = {
	{ "user", HM_ACTOR_USER },
	{ "operator", HM_ACTOR_OPERATOR },
	{ "service", HM_ACTOR_SERVICE },
};

static enum hm_actor_type find_actor_type(const char *name)
{
	for (size_t i = 0; i < sizeof actor_types / sizeof *actor_types; i++)
		if (!strcmp(actor_types[i].name, name))
			return actor_types[i].type;
	return HM_ACTOR_ANONYMOUS;
}

static void read_token(struct hm_principal *principal, const struct hm_keyring *keys, const char *token)
{
	struct hm_claims claims;

	principal->token = hm_arena_strdup(&principal->arena, token);
	principal->keys = keys;
	principal->generation =
		hm_keyring_generation(keys); /* before it is verified: younger keys are looked at again */
	if (hm_token_verify(keys, token, strlen(token), hm_clock_wall_us(), &principal->arena, &claims) != HM_OK) {
		principal->failure = hm_arena_alloc(&principal->arena, sizeof *principal->failure);
		*principal->failure = *hm_error_get();
		return;
	}
	principal->key = claims.key;
	principal->issued_at_us = claims.issued_at_us;
	principal->expires_at_us = claims.expires_at_us;
	principal->actor = (struct hm_actor){
		.type = find_actor_type(claims.type),
		.id = claims.subject,
		.brand = claims.brand,
		.session = claims.session,
		.token_id = claims.id,
		.delegate = claims.delegate,
		.permissions = claims.permissions,
	};
}

/* Whose brand is it? A user's token has one and only one. An operator may cross to the brand claimed, which the audit
 * entry shows. A service by itself acts for no brand but the system's, unless the contract lists it as a caller. */
static const char *find_brand(const struct hm_principal *principal)
{
	const struct hm_actor *actor = &principal->actor;

	if (actor->type == HM_ACTOR_USER)
		return actor->brand;
	if (!*principal->claimed_brand && actor->type != HM_ACTOR_ANONYMOUS)
		return HM_SYSTEM_BRAND;
	return principal->claimed_brand;
}

struct hm_principal *hm_principal_open(const struct hm_keyring *keys, struct hm_lease *lease, const char *brand,
				       const char *token)
{
	static const char *const nothing[] = { NULL };
	struct hm_principal *principal = calloc(1, sizeof *principal);

	if (!principal)
		abort();
	principal->lease = lease;
	principal->claimed_brand = hm_arena_strdup(&principal->arena, brand ? brand : "");
	principal->actor = (struct hm_actor){ .id = "anonymous", .permissions = nothing };
	if (token && *token)
		read_token(principal, keys, token);
	principal->brand_name = find_brand(principal);
	principal->brand = hm_lease_find_brand(lease, principal->brand_name);
	return principal;
}

/* Whether a connection that is this service's may bring the token, which is a service's own or delegated to one. */
static bool is_proven_by(const struct hm_actor *actor, const char *service, const struct hm_service_table *const *known)
{
	return actor->delegate ? hm_may_carry(known, actor->delegate, service) : !strcmp(service, actor->id);
}

void hm_principal_prove(struct hm_principal *principal, const char *const *services, bool is_required,
			const struct hm_service_table *const *known)
{
	const struct hm_actor *actor = &principal->actor;

	if (actor->type != HM_ACTOR_SERVICE && !actor->delegate)
		return;
	principal->proof = is_required || actor->delegate ? HM_SERVICE_UNPROVEN : HM_SERVICE_PROVEN;
	for (; services && *services; services++) {
		principal->proof = HM_SERVICE_ANOTHER;
		if (!is_proven_by(actor, *services, known))
			continue;
		principal->proof = HM_SERVICE_PROVEN;
		return;
	}
}

const char *hm_principal_share(const struct hm_principal *principal)
{
	const struct hm_actor *actor = &principal->actor;
	bool is_known = principal->brand || !strcmp(principal->brand_name, HM_SYSTEM_BRAND);

	if (actor->type == HM_ACTOR_ANONYMOUS || principal->proof != HM_SERVICE_PROVEN)
		return NULL;
	return actor->type == HM_ACTOR_USER || is_known ? principal->brand_name : NULL;
}

void hm_principal_close(struct hm_principal *principal)
{
	if (!principal)
		return;
	if (principal->token)
		explicit_bzero(principal->token, strlen(principal->token));
	hm_arena_fini(&principal->arena);
	free(principal);
}

static hm_status deny(hm_status status, const char *reason)
{
	hm_error_set_reason(reason);
	return status;
}

static hm_status check_proof(const struct hm_principal *principal)
{
	const struct hm_actor *actor = &principal->actor;
	const char *service = actor->delegate ? actor->delegate : actor->id;
	const char *of = actor->delegate ? "delegated to" : "of";

	switch (principal->proof) {
	case HM_SERVICE_UNPROVEN:
		return deny(hm_raise(UNAUTHENTICATED,
				     "a token %s service %s, on a connection that does not prove it with its key", of,
				     service),
			    "SERVICE_UNPROVEN");
	case HM_SERVICE_ANOTHER:
		return deny(hm_raise(UNAUTHENTICATED, "a token %s service %s, on a connection of another", of, service),
			    "SERVICE_MISMATCH");
	default:
		return HM_OK;
	}
}

/* A key that was trusted when the token came may have been taken away since. */
static hm_status check_key(const struct hm_principal *principal)
{
	if (hm_keyring_generation(principal->keys) == principal->generation ||
	    hm_keyring_find(principal->keys, principal->key))
		return HM_OK;
	return deny(hm_raise(UNAUTHENTICATED, "the token is signed by a key that is not trusted here any more"),
		    "KEY_RETIRED");
}

static hm_status authenticate(const struct hm_principal *principal, const struct hm_call *call)
{
	int64_t now_wall_us = call->started_wall_us + (call->now_us - call->started_us);
	const struct hm_actor *actor = &principal->actor;

	if (principal->failure)
		return hm_error_set(principal->failure);
	if (actor->type == HM_ACTOR_ANONYMOUS)
		return HM_OK;
	if (principal->expires_at_us <= now_wall_us)
		return deny(hm_raise(UNAUTHENTICATED, "the token has expired: refresh it or log in again"),
			    "TOKEN_EXPIRED");
	TRY(check_key(principal));
	TRY(check_proof(principal));
	return hm_lease_check_token(principal->lease,
				    &(struct hm_lease_token){ .brand = actor->brand,
							      .id = actor->token_id,
							      .session = actor->session,
							      .user = actor->type == HM_ACTOR_USER ? actor->id : NULL,
							      .issued_at_us = principal->issued_at_us },
				    call->now_us);
}

static bool is_caller(const struct hm_method *method, const char *service)
{
	for (const char *const *caller = method->callers; caller && *caller; caller++)
		if (!strcmp(*caller, service) || !strcmp(*caller, "*"))
			return true;
	return false;
}

static hm_status check_brand(const struct hm_principal *principal, const struct hm_call *call,
			     const struct hm_brand *known)
{
	const struct hm_actor *actor = &principal->actor;
	const char *brand = principal->brand_name, *only = call->method->only_brand;

	if (!*brand)
		return deny(hm_raise(UNAUTHENTICATED, "no brand: give the call a brand, or a token of one"),
			    "BRAND_MISSING");
	if (*principal->claimed_brand && strcmp(principal->claimed_brand, brand))
		return deny(hm_raise(PERMISSION_DENIED, "the token is of brand %s, the call is for another", brand),
			    "BRAND_MISMATCH");
	if (only && strcmp(only, brand))
		return deny(hm_raise(PERMISSION_DENIED, "%s is for brand %s alone", call->method->name, only),
			    "BRAND_MISMATCH");
	if (!strcmp(brand, HM_SYSTEM_BRAND)) {
		if (actor->type == HM_ACTOR_OPERATOR || actor->type == HM_ACTOR_SERVICE)
			return HM_OK;
		return deny(hm_raise(PERMISSION_DENIED, "brand %s is reserved", brand), "BRAND_RESERVED");
	}
	if (actor->type == HM_ACTOR_SERVICE && !is_caller(call->method, actor->id))
		return deny(hm_raise(PERMISSION_DENIED, "service %s may not act for brand %s here", actor->id, brand),
			    "CALLER_DENIED");
	return hm_lease_check_brand(principal->lease, known, call->now_us);
}

static hm_status authorise(const struct hm_call *call)
{
	const struct hm_method *method = call->method;
	const struct hm_actor *actor = &call->actor;

	if (method->is_public)
		return HM_OK;
	if (actor->type == HM_ACTOR_ANONYMOUS)
		return deny(hm_raise(UNAUTHENTICATED, "%s needs a token: log in first", method->name), "TOKEN_MISSING");
	if (method->callers) {
		if (actor->type == HM_ACTOR_SERVICE && is_caller(method, actor->id))
			return HM_OK;
		return deny(
			hm_raise(PERMISSION_DENIED, "%s is for other services, not for %s", method->name, actor->id),
			"CALLER_DENIED");
	}
	/* A service signs its own tokens: the permissions in them are its own word. */
	if (actor->type != HM_ACTOR_SERVICE && hm_permissions_cover(actor->permissions, method->permission))
		return HM_OK;
	return deny(hm_raise(PERMISSION_DENIED, "%s lacks permission %s", actor->id, method->permission),
		    "PERMISSION_MISSING");
}

/* An entry about a brand nobody knows belongs to the system: its name is the peer's invention. */
static void set_brand(struct hm_call *call, const char *brand, const struct hm_brand *known)
{
	if (!known)
		brand = HM_SYSTEM_BRAND;
	memcpy(call->context.brand, brand, strlen(brand) + 1); /* names in a lease fit: see hm_lease_put_brand */
}

hm_status hm_principal_admit(const struct hm_principal *principal, struct hm_call *call)
{
	const struct hm_brand *known = principal->brand;

	if (!known) /* the brand may have been made since */
		known = hm_lease_find_brand(principal->lease, principal->brand_name);
	call->actor = principal->actor;
	call->context.token = principal->token;
	set_brand(call, principal->brand_name, known);
	TRY(authenticate(principal, call));
	TRY(check_brand(principal, call, known));
	return authorise(call);
}
