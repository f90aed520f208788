/*
 * Tokens: claims in a v4.public token. Nothing in a token is believed, nor parsed as JSON, before its signature holds; up to
 * then only the key id is read, from a footer of one fixed form:
 *
 *     {"kid":"<11 characters>"}      21 bytes, 28 characters of base64url
 */
#include "crypto/token.h"

#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "crypto/crypto.h"

#define FOOTER_FORM "{\"kid\":\"%s\"}"
enum {
	FOOTER_KID_AT = 8,
	FOOTER_BYTES = FOOTER_KID_AT + HM_KEY_ID_BYTES - 1 + 2,
	FOOTER_TEXT_BYTES = FOOTER_BYTES / 3 * 4,
	ISSUED_SKEW_US = 60 * HM_US_PER_S,
	HASHED_BYTES = 16,
};
static const int64_t last_time_us = INT64_C(253402300799) * HM_US_PER_S; /* the year 9999's end, as RFC 3339 has it */

HM_SCOPED(json_t, json_decref)

/* Which key may sign which type of token. */
static const struct {
	const char *type, *signer;
	bool signer_is_subject; /* "service-" and the subject, not one key for all */
	bool needs_brand, may_be_delegated;
} rules[] = {
	{ .type = "user", .signer = "identity", .needs_brand = true, .may_be_delegated = true },
	{ .type = "operator", .signer = "operator" },
	{ .type = "service", .signer = "service-", .signer_is_subject = true },
};

/* The claims that are plain text, and where they are kept. */
static const struct {
	const char *name;
	size_t offset;
	bool required;
} texts[] = {
	{ .name = "iss", .offset = offsetof(struct hm_claims, issuer) },
	{ .name = "sub", .offset = offsetof(struct hm_claims, subject), .required = true },
	{ .name = "typ", .offset = offsetof(struct hm_claims, type), .required = true },
	{ .name = "brand", .offset = offsetof(struct hm_claims, brand) },
	{ .name = "sid", .offset = offsetof(struct hm_claims, session) },
	{ .name = "azp", .offset = offsetof(struct hm_claims, delegate) },
	{ .name = "jti", .offset = offsetof(struct hm_claims, id), .required = true },
};
enum { N_RULES = sizeof rules / sizeof *rules, N_TEXTS = sizeof texts / sizeof *texts };

static const char **text_at(struct hm_claims *claims, int index)
{
	return (const char **)((char *)claims + texts[index].offset);
}

/* Why the key of this name may not sign these claims; NULL: it may. */
static const char *find_objection(const char *key_name, const struct hm_claims *claims)
{
	for (int i = 0; i < N_RULES; i++) {
		size_t signer_size = strlen(rules[i].signer);

		if (strcmp(claims->type, rules[i].type) != 0)
			continue;
		if (strncmp(key_name, rules[i].signer, signer_size) != 0 ||
		    strcmp(key_name + signer_size, rules[i].signer_is_subject ? claims->subject : "") != 0)
			return "a key that may not sign its type, or not for its subject";
		if (claims->delegate && (!rules[i].may_be_delegated || claims->session))
			return "a claim azp, which only a user's token of no session may have";
		return rules[i].needs_brand && !claims->brand ? "no brand, which its type must have" : NULL;
	}
	return "a type that does not exist";
}

/* ---- Signing */

static json_t *permissions_json(const char *const *permissions)
{
	json_t *array = json_array();

	for (; permissions && *permissions; permissions++)
		if (json_array_append_new(array, **permissions ? json_string(*permissions) : NULL)) {
			json_decref(array);
			return NULL;
		}
	return array;
}

/* Claims with issuer and type known to be good, as JSON; NULL if a text is empty or no UTF-8. */
static json_t *claims_json(const struct hm_claims *claims)
{
	SCOPED(json_t) root = json_object();
	char issued[HM_TIME_BYTES], expires[HM_TIME_BYTES];
	struct hm_claims copy = *claims;

	for (int i = 0; i < N_TEXTS; i++) {
		const char *text = *text_at(&copy, i);

		if (text && (!*text || json_object_set_new(root, texts[i].name, json_string(text))))
			return NULL;
	}
	hm_time_format(claims->issued_at_us, issued);
	hm_time_format(claims->expires_at_us, expires);
	if (json_object_set_new(root, "perms", permissions_json(claims->permissions)) ||
	    json_object_set_new(root, "iat", json_string(issued)) ||
	    json_object_set_new(root, "exp", json_string(expires)))
		return NULL;
	return take(&root);
}

static bool in_range(int64_t wall_us)
{
	return wall_us >= 0 && wall_us <= last_time_us;
}

static hm_status check_claims(const struct hm_claims *claims, const char *key_name)
{
	const char *objection;

	if (!claims->subject || !claims->type || !claims->id)
		return hm_raise(INVALID_ARGUMENT, "a token needs a subject, a type and an id");
	if (!in_range(claims->issued_at_us) || !in_range(claims->expires_at_us))
		return hm_raise(INVALID_ARGUMENT, "a token's times must lie in the years 1970 to 9999");
	objection = find_objection(key_name, claims);
	if (objection)
		return hm_raise(INVALID_ARGUMENT, "the key \"%s\" will not sign a token of %s: it would have %s",
				key_name, claims->type, objection);
	return HM_OK;
}

hm_status hm_token_sign(const struct hm_secret_key *key, const struct hm_claims *claims, struct hm_arena *arena,
			char **ret_token)
{
	const struct hm_public_key *public = hm_secret_key_public(key);
	struct hm_claims issued = *claims;
	SCOPED(json_t) json = NULL;
	char *payload, *token;
	hm_status status;

	issued.issuer = public->name;
	TRY(check_claims(&issued, public->name));
	json = claims_json(&issued);
	payload = json ? json_dumps(json, JSON_COMPACT) : NULL;
	if (!payload)
		return hm_raise(INVALID_ARGUMENT, "a token's claims must be UTF-8, and absent rather than empty");
	status = hm_paseto_sign(key, payload, strlen(payload), hm_arena_printf(arena, FOOTER_FORM, public->id), NULL,
				arena, &token);
	free(payload);
	TRY(status);
	if (strlen(token) >= HM_TOKEN_BYTES)
		return hm_raise(INVALID_ARGUMENT, "the claims make a token of %zu bytes; %d is the most", strlen(token),
				HM_TOKEN_BYTES - 1);
	*ret_token = token;
	return HM_OK;
}

/* ---- Verifying */

static bool read_key_id(const char *token, size_t length, char ret_id[HM_KEY_ID_BYTES])
{
	char footer[FOOTER_BYTES], expected[FOOTER_BYTES + 1] = { 0 };
	size_t size;

	if (length <= FOOTER_TEXT_BYTES || token[length - FOOTER_TEXT_BYTES - 1] != '.' ||
	    !hm_base64url_decode(token + length - FOOTER_TEXT_BYTES, FOOTER_TEXT_BYTES, footer, sizeof footer, &size))
		return false;
	memcpy(ret_id, footer + FOOTER_KID_AT, HM_KEY_ID_BYTES - 1);
	ret_id[HM_KEY_ID_BYTES - 1] = '\0';
	snprintf(expected, sizeof expected, FOOTER_FORM, ret_id);
	return !memcmp(footer, expected, sizeof footer);
}

static hm_status read_texts(json_t *root, struct hm_arena *arena, struct hm_claims *claims)
{
	for (int i = 0; i < N_TEXTS; i++) {
		json_t *value = json_object_get(root, texts[i].name);
		size_t size = json_string_length(value); /* 0 for what is no string */

		if (!value && !texts[i].required)
			continue;
		if (!size)
			return hm_raise(UNAUTHENTICATED, "the token's claim \"%s\" is %s", texts[i].name,
					value ? "not a text" : "missing");
		*text_at(claims, i) = hm_arena_dup(arena, json_string_value(value), size);
	}
	return HM_OK;
}

static hm_status read_time(json_t *root, const char *name, int64_t *ret_us)
{
	json_t *value = json_object_get(root, name);

	if (!json_is_string(value) || !hm_time_parse(json_string_value(value), json_string_length(value), ret_us))
		return hm_raise(UNAUTHENTICATED, "the token's claim \"%s\" is %s", name,
				value ? "not a time in RFC 3339" : "missing");
	return HM_OK;
}

static hm_status read_permissions(json_t *root, struct hm_arena *arena, struct hm_claims *claims)
{
	json_t *array = json_object_get(root, "perms"), *value;
	size_t n = json_array_size(array), i; /* 0 for what is no array */
	const char **permissions = hm_arena_alloc(arena, (n + 1) * sizeof *permissions);

	if (array && !json_is_array(array))
		return hm_raise(UNAUTHENTICATED, "the token's claim \"perms\" is not a list");
	json_array_foreach(array, i, value)
	{
		if (!json_string_length(value))
			return hm_raise(UNAUTHENTICATED, "the token's permission %zu is not a text", i);
		permissions[i] = hm_arena_dup(arena, json_string_value(value), json_string_length(value));
	}
	permissions[n] = NULL;
	claims->permissions = permissions;
	return HM_OK;
}

static hm_status read_claims(const char *payload, size_t size, struct hm_arena *arena, struct hm_claims *ret_claims)
{
	SCOPED(json_t) root = json_loadb(payload, size, JSON_REJECT_DUPLICATES, NULL);

	if (!json_is_object(root))
		return hm_raise(UNAUTHENTICATED, "the token's payload is not one JSON object, each claim once");
	TRY(read_texts(root, arena, ret_claims));
	TRY(read_permissions(root, arena, ret_claims));
	if (json_object_get(root, "iat"))
		TRY(read_time(root, "iat", &ret_claims->issued_at_us));
	return read_time(root, "exp", &ret_claims->expires_at_us);
}

/* What the claims say, against the time and the key that signed them. */
static hm_status judge_claims(const struct hm_claims *claims, const char *key_name, int64_t now_wall_us)
{
	const char *objection = find_objection(key_name, claims);

	if (now_wall_us >= claims->expires_at_us)
		return hm_raise(UNAUTHENTICATED, "the token has expired");
	if (claims->issued_at_us - ISSUED_SKEW_US > now_wall_us)
		return hm_raise(UNAUTHENTICATED, "the token is issued in the future; are the clocks right?");
	if (claims->issuer && strcmp(claims->issuer, key_name) != 0)
		return hm_raise(UNAUTHENTICATED, "the token names another issuer than the key that signed it");
	if (objection)
		return hm_raise(UNAUTHENTICATED, "the token has %s", objection);
	return HM_OK;
}

hm_status hm_token_verify(const struct hm_keyring *ring, const char *token, size_t length, int64_t now_wall_us,
			  struct hm_arena *arena, struct hm_claims *ret_claims)
{
	struct hm_claims claims = { 0 };
	const struct hm_public_key *key;
	char id[HM_KEY_ID_BYTES], *payload, *footer;
	size_t size;

	if (length >= HM_TOKEN_BYTES)
		return hm_raise(UNAUTHENTICATED, "the token is longer than %d bytes", HM_TOKEN_BYTES - 1);
	if (!read_key_id(token, length, id))
		return hm_raise(UNAUTHENTICATED, "the token's footer names no key");
	key = hm_keyring_find(ring, id);
	if (!key)
		return hm_raise(UNAUTHENTICATED, "the token is signed by a key that is not trusted here");
	TRY(hm_paseto_open(key->bytes, token, length, NULL, arena, &payload, &size, &footer));
	TRY(read_claims(payload, size, arena, &claims));
	TRY(judge_claims(&claims, key->name, now_wall_us));
	claims.issuer = hm_arena_strdup(arena, key->name);
	claims.key = key->id;
	*ret_claims = claims;
	return HM_OK;
}

uint64_t hm_token_hash(const char *token)
{
	const size_t bytes = strlen(token), footer = FOOTER_TEXT_BYTES + 1;
	const size_t end = bytes > footer && token[bytes - footer] == '.' ? bytes - footer : bytes;
	uint64_t hash = bytes;

	for (size_t i = end < HASHED_BYTES ? 0 : end - HASHED_BYTES; i < end; i++)
		hash = hash * 31 + (unsigned char)token[i];
	return hash * UINT64_C(0x9e3779b97f4a7c15);
}
