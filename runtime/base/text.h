/*
 * Text: UTF-8 (RFC 3629: no surrogates, nothing overlong, nothing past U+10FFFF) and JSON strings. Needed by the log,
 * by messages off the wire and by JSON alike; works on sizes, so a NUL is a byte like any other.
 */
#pragma once
#include <stdbool.h>
#include <stddef.h>

#include "base/buffer.h"

/* hm_utf8_next returns how many bytes the first character of text has, or 0 when it is malformed or size is 0. */
size_t hm_utf8_next(const char *text, size_t size);

/* hm_utf8_span returns how many leading bytes are well-formed UTF-8 and not NUL; size when all are. */
size_t hm_utf8_span(const char *text, size_t size);

/* hm_utf8_is_c1 says whether a well-formed character is one of U+0080 to U+009F, which some terminals obey. */
static inline bool hm_utf8_is_c1(const char *text)
{
	return (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0;
}

/* hm_utf8_count returns the number of characters (code points) of well-formed text. */
size_t hm_utf8_count(const char *text, size_t size);

/* hm_json_write_text appends text as a JSON string, escaped: no control character (C0, DEL, C1) is in it as itself, so that it
 * steers no terminal. Invalid UTF-8 becomes U+FFFD. size: bytes of text. */
void hm_json_write_text(struct hm_buffer *buffer, const char *text, size_t size);

/* hm_text_distance returns how many single-character edits (in ASCII, case counting nothing) turn one word into the other;
 * a value over both lengths when a word has over 63 bytes. For "did you mean". */
size_t hm_text_distance(const char *a, const char *b);
