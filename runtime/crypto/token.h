/*
 * Tokens: PASETO v4.public (Ed25519), as paseto.io has it, letter for letter; the footer is {"kid":"<key id>"}, just so.
 *
 * Claims (JSON): iss key name, sub actor id, typ "user" | "operator" | "service", brand (users), perms [..], sid session,
 * azp the service that alone may begin calls with it (a delegated token: a user's, of no session), jti, iat, exp (RFC 3339).
 * Unknown claims are kept out; a missing exp, sub, typ or jti is refused, and so is an empty text.
 * Thread-safe: keys and rings are immutable.
 */
#pragma once
#include "base/arena.h"
#include "base/status.h"
#include "crypto/key.h"

enum { HM_TOKEN_BYTES = 4096 }; /* no token, with its NUL, is longer */

struct hm_claims {
	const char *issuer; /* the signing key's name; set from the key ring by verify, never from the payload */
	const char *key; /* the signing key's id; likewise */
	const char *subject;
	const char *type;
	const char *brand; /* NULL: none */
	const char *session; /* NULL: none */
	const char *delegate; /* azp; NULL: whoever bears it */
	const char *id; /* jti */
	const char *const *permissions; /* NULL-terminated; may be empty */
	int64_t issued_at_us, expires_at_us; /* wall */
};

/* hm_token_sign makes "v4.public.…" in the arena; the issuer is the key, whatever the claims say. INVALID_ARGUMENT for
 * what verify would refuse whenever it looked (a type the key may not sign, a claim missing, too long a token). */
hm_status hm_token_sign(const struct hm_secret_key *key, const struct hm_claims *claims, struct hm_arena *arena,
			char **ret_token);

/* hm_token_verify checks form, length (HM_TOKEN_BYTES), key, signature, expiry at now_wall_us (60 s of skew for iat),
 * and that the key may sign this type: identity → user (with a brand), operator → operator, service-x → service with
 * subject x. Claims are made in the arena. UNAUTHENTICATED says which check failed, never the token's text. */
hm_status hm_token_verify(const struct hm_keyring *ring, const char *token, size_t length, int64_t now_wall_us,
			  struct hm_arena *arena, struct hm_claims *ret_claims);

/* hm_token_hash is for tables of tokens: of the end of the signature, which is as random as any hash of the whole, and not of the footer,
 * which all tokens of a key have. Of any other text it takes the end. */
uint64_t hm_token_hash(const char *token);

/* The bare format, for test vectors and other payloads: sign/open payload and footer with an implicit
 * assertion (both may be NULL: empty). Opened payload and footer (no NUL inside) lie in the arena and end in a NUL.
 * UNAUTHENTICATED for any token that is not exactly what the key's holder signed. */
hm_status hm_paseto_sign(const struct hm_secret_key *key, const char *payload, size_t payload_size, const char *footer,
			 const char *implicit, struct hm_arena *arena, char **ret_token);
hm_status hm_paseto_open(const uint8_t public_key[static HM_PUBLIC_KEY_BYTES], const char *token, size_t length,
			 const char *implicit, struct hm_arena *arena, char **ret_payload, size_t *ret_payload_size,
			 char **ret_footer);
