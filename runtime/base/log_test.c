/* Log: the line's two forms, and that it arrives whole. */
#include "base/log.h"

#include <criterion/criterion.h>
#include <criterion/redirect.h>
#include <string.h>

static const char *const pairs[] = { "peer",           "127.0.0.1:4000", "nothing", NULL, "why",
				     "no \"token\"\n", "empty",          "",        NULL };

static void formats(bool for_terminal, const char *expected)
{
	struct hm_buffer line = { 0 };

	hm_log_format(&line, for_terminal, 1500000, HM_LOG_WARNING, "a peer was refused", pairs);
	cr_expect_str_eq(line.data, expected);
	hm_buffer_fini(&line);
}

Test(log, a_line_is_one_json_object)
{
	formats(false, "{\"time\":\"1970-01-01T00:00:01.500Z\",\"level\":\"warning\",\"what\":\"a peer was refused\","
		       "\"peer\":\"127.0.0.1:4000\",\"why\":\"no \\\"token\\\"\\n\",\"empty\":\"\"}\n");
}

Test(log, a_terminal_gets_a_line_for_people_that_stays_one_line)
{
	formats(true,
		"00:00:01 warning  a peer was refused  peer=127.0.0.1:4000  why=\"no \\\"token\\\"\\n\"  empty=\"\"\n");
}

static int evaluated;

static const char *value(void)
{
	evaluated++;
	return "value";
}

Test(log, a_level_that_is_off_costs_nothing_and_says_nothing, .init = cr_redirect_stderr)
{
	hm_log_set_level(HM_LOG_ERROR);
	hm_log(HM_LOG_WARNING, "not said", "key", value(), NULL);
	cr_expect_eq(evaluated, 0);
	hm_log(HM_LOG_ERROR, "said", "key", value(), NULL);
	cr_expect_eq(evaluated, 1);
	hm_log_set_level(HM_LOG_OFF);
	cr_expect_not(hm_log_is_on(HM_LOG_ERROR));
}

Test(log, the_environment_says_from_which_level_on)
{
	setenv("HALLMARK_LOG", "warning", 1);
	cr_expect_not(hm_log_is_on(HM_LOG_INFO));
	cr_expect(hm_log_is_on(HM_LOG_WARNING));
}

Test(log, a_word_that_is_no_level_is_as_none)
{
	setenv("HALLMARK_LOG", "quiet", 1);
	cr_expect(hm_log_is_on(HM_LOG_INFO));
	cr_expect_not(hm_log_is_on(HM_LOG_DEBUG));
}

Test(log, a_line_goes_to_standard_error, .init = cr_redirect_stderr)
{
	static char line[256];
	FILE *captured;

	hm_log_set_level(HM_LOG_INFO);
	hm_log(HM_LOG_INFO, "up", NULL);
	captured = cr_get_redirected_stderr();
	cr_assert_not_null(fgets(line, sizeof line, captured));
	cr_expect(strstr(line, "\"level\":\"info\",\"what\":\"up\"}\n") != NULL, "%s", line);
}
