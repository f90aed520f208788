/* Text: eight ASCII bytes at a time where the text allows it, one character at a time where not. */
#include "base/text.h"

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

enum { WORD_MAX = 64 };

static bool is_tail(char byte)
{
	return ((uint8_t)byte & 0xc0) == 0x80;
}

/* The well-formed ranges of RFC 3629, section 4: what the first byte is decides what the second may be. */
static const struct {
	uint8_t first, last, low, high, length;
} sequences[] = {
	{ 0x00, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 }, { 0xe0, 0xe0, 0xa0, 0xbf, 3 },
	{ 0xe1, 0xec, 0x80, 0xbf, 3 }, { 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
	{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 }, { 0xf4, 0xf4, 0x80, 0x8f, 4 },
};

size_t hm_utf8_next(const char *text, size_t size)
{
	uint8_t first, second;

	if (!size)
		return 0;
	first = (uint8_t)text[0];
	for (size_t i = 0; i < sizeof sequences / sizeof *sequences; i++) {
		if (first < sequences[i].first || first > sequences[i].last)
			continue;
		if (sequences[i].length == 1)
			return 1;
		if (size < sequences[i].length)
			return 0;
		second = (uint8_t)text[1];
		if (second < sequences[i].low || second > sequences[i].high)
			return 0;
		for (size_t tail = 2; tail < sequences[i].length; tail++)
			if (!is_tail(text[tail]))
				return 0;
		return sequences[i].length;
	}
	return 0;
}

size_t hm_utf8_span(const char *text, size_t size)
{
	const uint64_t ones = 0x0101010101010101, tops = 0x8080808080808080;
	size_t at = 0, length;
	uint64_t word;

	for (;;) {
		while (size - at >= sizeof word) {
			memcpy(&word, text + at, sizeof word);
			/* A byte over 0x7f has its top bit set, and a zero gets it by the borrow. */
			if (((word - ones) | word) & tops)
				break;
			at += sizeof word;
		}
		if (at == size || !text[at])
			return at;
		length = hm_utf8_next(text + at, size - at);
		if (!length)
			return at;
		at += length;
	}
}

size_t hm_utf8_count(const char *text, size_t size)
{
	size_t count = 0;

	for (size_t i = 0; i < size; i++)
		count += !is_tail(text[i]);
	return count;
}

/* What a byte becomes within a JSON string, if not itself; control characters without a short form are \u00XX. */
static const char *const escapes[256] = {
	['"'] = "\\\"", ['\\'] = "\\\\", ['\n'] = "\\n", ['\r'] = "\\r",
	['\t'] = "\\t", ['\b'] = "\\b",  ['\f'] = "\\f", [0x7f] = "\\u007f",
};

static void write_special(struct hm_buffer *buffer, uint8_t byte)
{
	if (escapes[byte])
		hm_buffer_add_text(buffer, escapes[byte]);
	else if (byte < 0x20)
		hm_buffer_printf(buffer, "\\u%04x", (unsigned)byte);
	else
		hm_buffer_add_text(buffer, "\xef\xbf\xbd");
}

void hm_json_write_text(struct hm_buffer *buffer, const char *text, size_t size)
{
	size_t start = 0, at = 0;

	hm_buffer_add(buffer, "\"", 1);
	while (at < size) {
		uint8_t byte = (uint8_t)text[at];
		size_t length = byte < 0x80 ? byte >= 0x20 && !escapes[byte] : hm_utf8_next(text + at, size - at);

		if (length && !(length == 2 && hm_utf8_is_c1(text + at))) {
			at += length;
			continue;
		}
		hm_buffer_add(buffer, text + start, at - start);
		if (length)
			hm_buffer_printf(buffer, "\\u%04x", (uint8_t)text[at + 1]);
		else
			write_special(buffer, byte);
		start = at += length ? length : 1;
	}
	hm_buffer_add(buffer, text + start, at - start);
	hm_buffer_add(buffer, "\"", 1);
}

static char lower(char letter)
{
	return letter >= 'A' && letter <= 'Z' ? (char)(letter | 0x20) : letter;
}

static size_t least(size_t a, size_t b, size_t c)
{
	size_t ab = a < b ? a : b;

	return ab < c ? ab : c;
}

/* Levenshtein's distance, one row of his table at a time. */
size_t hm_text_distance(const char *a, const char *b)
{
	size_t length_a = strlen(a), length_b = strlen(b), row[WORD_MAX];

	if (length_a >= WORD_MAX || length_b >= WORD_MAX)
		return length_a + length_b;
	for (size_t j = 0; j <= length_b; j++)
		row[j] = j;
	for (size_t i = 1; i <= length_a; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t j = 1; j <= length_b; j++) {
			size_t above = row[j];

			row[j] = least(above + 1, row[j - 1] + 1, diagonal + (lower(a[i - 1]) != lower(b[j - 1])));
			diagonal = above;
		}
	}
	return row[length_b];
}
