/* Clock: the text of a time, both ways. */
#include "base/clock.h"

#include <criterion/criterion.h>
#include <string.h>

static bool parses(const char *text, int64_t *ret_us)
{
	return hm_time_parse(text, strlen(text), ret_us);
}

Test(clock, writes_the_fewest_fraction_digits)
{
	static const struct {
		int64_t us;
		const char *text;
	} cases[] = {
		{ 0, "1970-01-01T00:00:00Z" },
		{ 1500000, "1970-01-01T00:00:01.500Z" },
		{ 1000001, "1970-01-01T00:00:01.000001Z" },
		{ -1, "1969-12-31T23:59:59.999999Z" },
		{ -62135596800000000, "0001-01-01T00:00:00Z" },
	};
	char text[HM_TIME_BYTES];
	int64_t us;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		hm_time_format(cases[i].us, text);
		cr_expect_str_eq(text, cases[i].text);
		cr_expect(parses(text, &us) && us == cases[i].us, "%s", text);
	}
}

Test(clock, reads_offsets_and_long_fractions)
{
	int64_t us;

	cr_assert(parses("2022-01-01T00:00:00+00:00", &us));
	cr_expect_eq(us, INT64_C(1640995200) * HM_US_PER_S);
	cr_assert(parses("2022-01-01T01:30:00.1234567+01:30", &us));
	cr_expect_eq(us, INT64_C(1640995200) * HM_US_PER_S + 123456);
	cr_assert(parses("2024-02-29T12:00:00-05:00", &us));
	cr_expect_eq(us, INT64_C(1709226000) * HM_US_PER_S);
	cr_expect(parses("9999-12-31T23:59:59.999999999Z", &us));
	cr_expect(parses("0001-01-01T00:00:00Z", &us));
}

Test(clock, refuses_what_is_not_a_time)
{
	static const char *const wrong[] = {
		"",
		"2022",
		"2022-01-01",
		"2022-01-01T00:00:00",
		"2022-01-01 00:00:00Z",
		"2022-01-01t00:00:00Z",
		"2022-01-01T00:00:00z",
		"2022-01-01T00:00:00.Z",
		"2022-01-01T00:00:00.1234567890Z",
		"2022-01-01T00:00:00ZZ",
		"2022-01-01T00:00:00+0100",
		"2022-01-01T00:00:00+24:00",
		"2022-01-01T00:00:00+1:000",
		"2022-13-01T00:00:00Z",
		"2022-00-01T00:00:00Z",
		"2022-02-29T00:00:00Z",
		"1900-02-29T00:00:00Z",
		"2022-04-31T00:00:00Z",
		"2022-01-01T24:00:00Z",
		"2022-01-01T00:60:00Z",
		"2022-01-01T00:00:60Z",
		"0000-01-01T00:00:00Z",
		"-022-01-01T00:00:00Z",
		"+022-01-01T00:00:00Z",
		" 2022-01-01T00:00:00Z",
		"2022-01-01T00:00:00Z ",
	};
	int64_t us = 42;

	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
		cr_expect(!parses(wrong[i], &us), "%s", wrong[i]);
	cr_expect_eq(us, 42, "nothing may be written for a refused text");
}
