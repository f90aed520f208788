/* Tests of statuses and the error slot. */
#include "base/status.h"
#include "base/text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>

static hm_status fail(void)
{
	return hm_raise(NOT_FOUND, "no account %s", "a1");
}

static hm_status pass_on(bool fails, bool *ret_reached_end)
{
	TRY(fails ? fail() : HM_OK);
	*ret_reached_end = true;
	return HM_OK;
}

Test(status, a_failure_is_passed_on_with_its_words_and_place)
{
	bool reached_end = false;

	cr_expect_eq(pass_on(true, &reached_end), HM_NOT_FOUND);
	cr_expect_not(reached_end);
	cr_expect_eq(hm_error_get()->code, HM_NOT_FOUND);
	cr_expect_str_eq(hm_error_get()->message, "no account a1");
	cr_expect(strstr(hm_error_get()->file, "status_test.c") != NULL);
	cr_expect_gt(hm_error_get()->line, 0);
	cr_expect_eq(pass_on(false, &reached_end), HM_OK);
	cr_expect(reached_end);
}

Test(status, a_new_failure_forgets_the_details_of_the_last)
{
	cr_expect_eq(fail(), HM_NOT_FOUND);
	hm_error_add_violation("name", "must be given");
	hm_error_set_reason("GONE");
	hm_error_set_retry(100);
	cr_expect_eq(hm_raise(ABORTED, "again"), HM_ABORTED);
	cr_expect_eq(hm_error_get()->n_violations, 0);
	cr_expect_str_eq(hm_error_get()->reason, "");
	cr_expect_eq(hm_error_get()->retry_after_ms, 0);
}

Test(status, a_failure_may_quote_the_one_before)
{
	cr_expect_eq(fail(), HM_NOT_FOUND);
	cr_expect_eq(hm_raise(INTERNAL, "opening: %s", hm_error_get()->message), HM_INTERNAL);
	cr_expect_str_eq(hm_error_get()->message, "opening: no account a1");
}

Test(status, errno_is_put_into_words)
{
	errno = ENOENT;
	cr_expect_eq(hm_raise_errno(UNAVAILABLE, "open %s", "/x"), HM_UNAVAILABLE);
	cr_expect_str_eq(hm_error_get()->message, "open /x: No such file or directory");
}

Test(status, long_words_are_cut_not_overrun)
{
	cr_expect_eq(hm_raise(INTERNAL, "%01000d", 7), HM_INTERNAL);
	cr_expect_eq(strlen(hm_error_get()->message), HM_MESSAGE_BYTES - 1);
	errno = ENOENT;
	cr_expect_eq(hm_raise_errno(INTERNAL, "%01000d", 7), HM_INTERNAL);
	cr_expect_eq(strlen(hm_error_get()->message), HM_MESSAGE_BYTES - 1);
	hm_error_add_violation("%n%s a field's name is taken as it is and may be longer than there is room for it",
			       "%0500d", 1);
	cr_expect_eq(strlen(hm_error_get()->violations[0].field), HM_FIELD_BYTES - 1);
	cr_expect_eq(strlen(hm_error_get()->violations[0].description), HM_DESCRIPTION_BYTES - 1);
}

Test(status, violations_beyond_the_last_place_are_dropped)
{
	cr_expect_eq(hm_raise(INVALID_ARGUMENT, "many"), HM_INVALID_ARGUMENT);
	for (int i = 0; i < 2 * HM_VIOLATIONS_MAX; i++)
		hm_error_add_violation("f", "%d", i);
	cr_expect_eq(hm_error_get()->n_violations, HM_VIOLATIONS_MAX);
	cr_expect_str_eq(hm_error_get()->violations[HM_VIOLATIONS_MAX - 1].description, "15");
}

Test(status, an_error_can_be_kept_over_cleanup_and_put_back)
{
	struct hm_error kept;

	cr_expect_eq(fail(), HM_NOT_FOUND);
	kept = *hm_error_get();
	cr_expect_eq(hm_raise(INTERNAL, "cleanup failed too"), HM_INTERNAL);
	cr_expect_eq(hm_error_set(&kept), HM_NOT_FOUND);
	cr_expect_str_eq(hm_error_get()->message, "no account a1");
	cr_expect_eq(hm_error_set(hm_error_get()), HM_NOT_FOUND);
}

static void *fail_elsewhere(void *unused)
{
	(void)unused;
	(void)hm_raise(DATA_LOSS, "elsewhere");
	return NULL;
}

Test(status, each_thread_has_its_own)
{
	pthread_t thread;

	cr_expect_eq(fail(), HM_NOT_FOUND);
	cr_assert_eq(pthread_create(&thread, NULL, fail_elsewhere, NULL), 0);
	pthread_join(thread, NULL);
	cr_expect_str_eq(hm_error_get()->message, "no account a1");
}

Test(status, every_code_has_a_name_that_finds_it)
{
	for (int code = 0; code < HM_STATUS_COUNT; code++)
		cr_expect_eq(hm_status_find(hm_status_name(code)), code);
	cr_expect_str_eq(hm_status_name(HM_NOT_FOUND), "NOT_FOUND");
	cr_expect_str_eq(hm_status_name(HM_STATUS_COUNT), "UNKNOWN");
	cr_expect_str_eq(hm_status_name(-1), "UNKNOWN");
	cr_expect_eq(hm_status_find("NO_SUCH_CODE"), -1);
}

/* Each of them one byte further on, so that the cut falls everywhere within a character. */
Test(status, a_text_is_cut_between_two_characters)
{
	static const char *const characters[] = { "é", "ち", "🜂" };
	char text[2 * HM_MESSAGE_BYTES] = "";

	for (size_t i = 0; i < 3; i++)
		for (size_t shift = 0; shift < 4; shift++) {
			const struct hm_error *error = hm_error_get();

			memset(text, 'x', shift);
			text[shift] = '\0';
			while (strlen(text) <= HM_MESSAGE_BYTES)
				strncat(text, characters[i], 5);
			(void)!hm_raise(INTERNAL, "%s", text);
			hm_error_add_violation(text, "%s", text);
			cr_assert_eq(hm_utf8_span(error->message, HM_MESSAGE_BYTES), strlen(error->message));
			cr_assert_gt(strlen(error->message), HM_MESSAGE_BYTES - 5);
			cr_assert_eq(hm_utf8_span(error->violations[0].field, HM_FIELD_BYTES),
				     strlen(error->violations[0].field));
			cr_assert_eq(hm_utf8_span(error->violations[0].description, HM_DESCRIPTION_BYTES),
				     strlen(error->violations[0].description));
		}
}
