/* Tests of text: UTF-8, JSON strings, distances between words. */
#include "base/text.h"

#include <criterion/criterion.h>
#include <stdint.h>
#include <string.h>

/* Encodes any number as UTF-8 would, allowed or not. */
static size_t encode(uint32_t point, char *text)
{
	if (point < 0x80)
		return (size_t)(text[0] = (char)point, 1);
	if (point < 0x800) {
		text[0] = (char)(0xc0 | point >> 6);
		text[1] = (char)(0x80 | (point & 0x3f));
		return 2;
	}
	if (point < 0x10000) {
		text[0] = (char)(0xe0 | point >> 12);
		text[1] = (char)(0x80 | (point >> 6 & 0x3f));
		text[2] = (char)(0x80 | (point & 0x3f));
		return 3;
	}
	text[0] = (char)(0xf0 | point >> 18);
	text[1] = (char)(0x80 | (point >> 12 & 0x3f));
	text[2] = (char)(0x80 | (point >> 6 & 0x3f));
	text[3] = (char)(0x80 | (point & 0x3f));
	return 4;
}

Test(text, every_character_is_well_formed_and_nothing_else_is)
{
	for (uint32_t point = 0; point < 0x120000; point++) {
		bool is_character = point < 0x110000 && (point < 0xd800 || point > 0xdfff);
		char text[4];
		size_t size = encode(point, text);

		cr_assert_eq(hm_utf8_next(text, size), is_character ? size : 0, "U+%04X", (unsigned)point);
		cr_assert_eq(hm_utf8_next(text, size - 1), 0, "U+%04X cut", (unsigned)point);
	}
}

Test(text, overlong_forms_and_stray_bytes_are_malformed)
{
	static const char *const malformed[] = { "\x80",
						 "\xbf",
						 "\xc0\x80",
						 "\xc1\xbf",
						 "\xe0\x9f\xbf",
						 "\xf0\x8f\xbf\xbf",
						 "\xf5\x80\x80\x80",
						 "\xff",
						 "\xc3\x28",
						 "\xe2\x82\x28",
						 "\xf0\x9f\x98\x28" };

	for (size_t i = 0; i < sizeof malformed / sizeof *malformed; i++)
		cr_expect_eq(hm_utf8_next(malformed[i], strlen(malformed[i])), 0, "case %zu", i);
}

Test(text, a_span_ends_at_the_first_wrong_byte_wherever_it_is)
{
	char text[40];

	for (size_t size = 0; size <= sizeof text; size++) {
		memset(text, 'a', sizeof text);
		cr_expect_eq(hm_utf8_span(text, size), size);
		for (size_t at = 0; at < size; at++) {
			text[at] = '\0';
			cr_expect_eq(hm_utf8_span(text, size), at);
			text[at] = (char)0x80;
			cr_expect_eq(hm_utf8_span(text, size), at);
			text[at] = 'a';
		}
	}
	cr_expect_eq(hm_utf8_span("aöb€c😀d", 13), 13);
	cr_expect_eq(hm_utf8_span("aöb€c😀d", 11), 8);
}

Test(text, characters_are_counted_not_bytes)
{
	cr_expect_eq(hm_utf8_count("", 0), 0);
	cr_expect_eq(hm_utf8_count("aö€😀", 10), 4);
}

Test(text, json_escapes_what_it_must_and_replaces_what_is_no_text)
{
	static const struct {
		const char *text;
		size_t size;
		const char *json;
	} cases[] = {
		{ "", 0, "\"\"" },
		{ "plain ö 😀", 13, "\"plain ö 😀\"" },
		{ "\"\\/\b\f\n\r\t", 8, "\"\\\"\\\\/\\b\\f\\n\\r\\t\"" },
		{ "\0\x1f\x7f", 3, "\"\\u0000\\u001f\\u007f\"" },
		{ "a\xff\xc3", 3, "\"a\xef\xbf\xbd\xef\xbf\xbd\"" },
	};
	struct hm_buffer buffer = { 0 };

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hm_buffer_reset(&buffer);
		hm_json_write_text(&buffer, cases[i].text, cases[i].size);
		cr_expect_str_eq(buffer.data, cases[i].json);
	}
	hm_buffer_fini(&buffer);
}

Test(text, json_steers_no_terminal)
{
	static const char steering[] = "\033[2J\x7f\xc2\x85\xc2\x9b\u00a0é";
	struct hm_buffer buffer = { 0 };

	hm_json_write_text(&buffer, steering, sizeof steering - 1);
	cr_expect_str_eq(buffer.data, "\"\\u001b[2J\\u007f\\u0085\\u009b\u00a0é\"");
	hm_buffer_fini(&buffer);
}

Test(text, distance_counts_edits_and_no_case)
{
	cr_expect_eq(hm_text_distance("", ""), 0);
	cr_expect_eq(hm_text_distance("followerID", "followerId"), 0);
	cr_expect_eq(hm_text_distance("kitten", "sitting"), 3);
	cr_expect_eq(hm_text_distance("", "abc"), 3);
	cr_expect_eq(hm_text_distance("abc", ""), 3);
	cr_expect_gt(hm_text_distance("1234567890123456789012345678901234567890123456789012345678901234", "1"), 64);
}
