/* Tests of text files. */
#include "base/text_file.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char path[] = "/tmp/hallmark-text-XXXXXX";
static struct hm_buffer text;

static void make_file(void)
{
	int file = mkstemp(path);

	cr_assert_geq(file, 0);
	close(file);
}

static void clean_up(void)
{
	unlink(path);
	hm_buffer_fini(&text);
}

TestSuite(text_file, .init = make_file, .fini = clean_up);

static void write_file(const char *bytes, size_t size)
{
	FILE *file = fopen(path, "w");

	cr_assert(file);
	cr_assert_eq(fwrite(bytes, 1, size, file), size);
	cr_assert_eq(fclose(file), 0);
}

static hm_status read_of_size(size_t size)
{
	char *bytes = malloc(size);

	cr_assert(bytes);
	memset(bytes, 'x', size);
	write_file(bytes, size);
	free(bytes);
	return hm_text_file_read(path, &text);
}

Test(text_file, what_is_in_it_stands_behind_what_the_buffer_had)
{
	hm_buffer_add_text(&text, "one\n");
	write_file("two\n", 4);
	cr_assert_eq(hm_text_file_read(path, &text), HM_OK);
	cr_expect_str_eq(text.data, "one\ntwo\n");
	cr_expect_eq(text.size, 8);
}

Test(text_file, an_empty_one_is_an_empty_text)
{
	cr_assert_eq(hm_text_file_read(path, &text), HM_OK);
	cr_expect_str_eq(text.data, "");
}

Test(text_file, the_largest_is_read_whole)
{
	cr_assert_eq(read_of_size(HM_TEXT_FILE_BYTES_MAX), HM_OK);
	cr_expect_eq(text.size, HM_TEXT_FILE_BYTES_MAX);
	cr_expect_eq(strlen(text.data), HM_TEXT_FILE_BYTES_MAX);
}

Test(text_file, one_byte_more_is_refused_and_not_cut)
{
	cr_assert_eq(read_of_size(HM_TEXT_FILE_BYTES_MAX + 1), HM_INVALID_ARGUMENT);
	cr_expect(strstr(hm_error_get()->message, path));
	cr_expect_eq(text.size, 0);
}

Test(text_file, a_zero_byte_is_refused_wherever_it_stands)
{
	static const char *const files[] = { "\0ab", "a\0b", "ab\0" };

	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		write_file(files[i], 3);
		cr_expect_eq(hm_text_file_read(path, &text), HM_INVALID_ARGUMENT, "%zu", i);
		cr_expect(strstr(hm_error_get()->message, "zero byte"));
	}
	cr_expect_eq(text.size, 0);
}

Test(text_file, what_cannot_be_opened_or_read_is_unavailable_and_named)
{
	cr_expect_eq(hm_text_file_read("/nowhere/at/all", &text), HM_UNAVAILABLE);
	cr_expect(strstr(hm_error_get()->message, "/nowhere/at/all"));
	cr_expect_eq(hm_text_file_read("/tmp", &text), HM_UNAVAILABLE);
	cr_expect(strstr(hm_error_get()->message, "/tmp"));
}
