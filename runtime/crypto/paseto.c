/*
 * PASETO v4.public, after paseto.io ("docs/01-Protocol-Versions/Version4.md"):
 *
 *     token      "v4.public." base64url(payload, signature) [ "." base64url(footer) ]
 *     signed     PAE("v4.public.", payload, footer, implicit assertion)
 *     PAE        le64(number of pieces), then for each piece le64(its size), its bytes
 *
 * Opening decodes straight into the place the payload has in the signed bytes: one arena allocation a token.
 */
#include <sodium.h>
#include <string.h>

#include "crypto/crypto.h"
#include "crypto/token.h"

static const char header[] = "v4.public.";

enum {
	HEADER_BYTES = sizeof header - 1,
	SIGNATURE_BYTES = crypto_sign_BYTES,
	PIECES = 4,
	LE64_BYTES = 8,
	PAE_BYTES = LE64_BYTES * (1 + PIECES) + HEADER_BYTES, /* without payload, footer and implicit assertion */
};

static uint8_t *put_le64(uint8_t *at, uint64_t value)
{
	for (int i = 0; i < LE64_BYTES; i++)
		*at++ = (uint8_t)(value >> (8 * i));
	return at;
}

static uint8_t *put_piece(uint8_t *at, const void *bytes, size_t size)
{
	at = put_le64(at, size);
	if (size)
		memcpy(at, bytes, size);
	return at + size;
}

/* What every signed text begins with; the size of the payload comes next. */
static uint8_t *put_header(uint8_t *at)
{
	return put_piece(put_le64(at, PIECES), header, HEADER_BYTES);
}

static size_t base64url_bytes(size_t size)
{
	return size / 3 * 4 + 4;
}

hm_status hm_paseto_sign(const struct hm_secret_key *key, const char *payload, size_t payload_size, const char *footer,
			 const char *implicit, struct hm_arena *arena, char **ret_token)
{
	size_t footer_size = footer ? strlen(footer) : 0, implicit_size = implicit ? strlen(implicit) : 0;
	uint8_t *body = hm_arena_alloc(arena, payload_size + SIGNATURE_BYTES);
	uint8_t *pae = hm_arena_alloc(arena, PAE_BYTES + payload_size + footer_size + implicit_size), *end;
	size_t room = HEADER_BYTES + base64url_bytes(payload_size + SIGNATURE_BYTES) + 1 + base64url_bytes(footer_size);
	char *token = hm_arena_alloc(arena, room), *at = token;

	end = put_piece(put_header(pae), payload, payload_size);
	end = put_piece(end, footer, footer_size);
	end = put_piece(end, implicit, implicit_size);
	if (payload_size)
		memcpy(body, payload, payload_size);
	hm_secret_key_sign(key, pae, (size_t)(end - pae), body + payload_size);

	memcpy(at, header, HEADER_BYTES);
	at += HEADER_BYTES;
	at += hm_base64url_encode(body, payload_size + SIGNATURE_BYTES, at, room - (size_t)(at - token));
	if (footer_size) {
		*at++ = '.';
		hm_base64url_encode(footer, footer_size, at, room - (size_t)(at - token));
	}
	*ret_token = token;
	return HM_OK;
}

/* A token's parts, still encoded. */
struct parts {
	const char *body, *footer;
	size_t body_size, footer_size;
};

/* A present but empty footer is refused: it would be a second spelling of a token without one. */
static bool split(const char *token, size_t length, struct parts *ret_parts)
{
	const char *body, *dot, *end = token + length;

	if (length <= HEADER_BYTES || memcmp(token, header, HEADER_BYTES) != 0)
		return false;
	body = token + HEADER_BYTES;
	dot = memchr(body, '.', length - HEADER_BYTES);
	*ret_parts = (struct parts){ .body = body, .body_size = (size_t)((dot ? dot : end) - body) };
	if (!dot)
		return true;
	ret_parts->footer = dot + 1;
	ret_parts->footer_size = (size_t)(end - dot - 1);
	return ret_parts->footer_size > 0;
}

/* Decodes a part of the token into its place as a piece of the signed bytes. *at moves behind it. */
static bool put_decoded(uint8_t **at, const char *text, size_t text_size, size_t drop, size_t *ret_size)
{
	uint8_t *bytes = *at + LE64_BYTES;
	size_t size;

	if (!hm_base64url_decode(text, text_size, bytes, text_size, &size) || size < drop)
		return false;
	*ret_size = size - drop;
	put_le64(*at, *ret_size);
	*at = bytes + *ret_size;
	return true;
}

hm_status hm_paseto_open(const uint8_t public_key[static HM_PUBLIC_KEY_BYTES], const char *token, size_t length,
			 const char *implicit, struct hm_arena *arena, char **ret_payload, size_t *ret_payload_size,
			 char **ret_footer)
{
	size_t implicit_size = implicit ? strlen(implicit) : 0, payload_size, footer_size;
	uint8_t *pae, *payload, *footer, *end, signature[SIGNATURE_BYTES];
	struct parts parts;

	if (!split(token, length, &parts))
		return hm_raise(UNAUTHENTICATED, "the token is not of the form v4.public.body[.footer]");
	pae = hm_arena_alloc(arena, PAE_BYTES + parts.body_size + parts.footer_size + implicit_size + 1);
	end = put_header(pae);
	payload = end + LE64_BYTES;
	if (!put_decoded(&end, parts.body, parts.body_size, SIGNATURE_BYTES, &payload_size))
		return hm_raise(UNAUTHENTICATED, "the token's body is not base64url of a signed payload");
	memcpy(signature, end, SIGNATURE_BYTES);
	footer = end + LE64_BYTES;
	if (!put_decoded(&end, parts.footer, parts.footer_size, 0, &footer_size) || memchr(footer, 0, footer_size))
		return hm_raise(UNAUTHENTICATED, "the token's footer is not base64url of a text");
	end = put_piece(end, implicit, implicit_size);
	if (crypto_sign_verify_detached(signature, pae, (size_t)(end - pae), public_key))
		return hm_raise(UNAUTHENTICATED, "the token's signature is not that of its key");

	payload[payload_size] = footer[footer_size] = '\0'; /* over sizes, which have served */
	*ret_payload = (char *)payload;
	*ret_payload_size = payload_size;
	*ret_footer = (char *)footer;
	return HM_OK;
}
