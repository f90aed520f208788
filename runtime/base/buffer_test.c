/* Tests of the buffer. */
#include "base/buffer.h"

#include <criterion/criterion.h>
#include <string.h>

static struct hm_buffer buffer;

static void clean_up(void)
{
	hm_buffer_fini(&buffer);
}

TestSuite(buffer, .fini = clean_up);

Test(buffer, bytes_are_added_at_the_end_and_a_nul_stands_behind_them)
{
	hm_buffer_add(&buffer, "a\0b", 3);
	hm_buffer_add_text(&buffer, "cd");
	hm_buffer_printf(&buffer, "%d-%s", 5, "e");
	cr_expect_eq(buffer.size, 8);
	cr_expect_arr_eq(buffer.data, "a\0bcd5-e", 9);
}

Test(buffer, it_grows_to_what_is_added)
{
	for (int i = 0; i < 10000; i++)
		hm_buffer_printf(&buffer, "%04d", i);
	cr_assert_eq(buffer.size, 40000);
	cr_expect_arr_eq(buffer.data + 4 * 1234, "1234", 4);
	cr_expect_arr_eq(buffer.data + 39996, "9999", 5);
	cr_expect_lt(buffer.capacity, 3 * 40000);
}

Test(buffer, what_was_reserved_counts_once_it_is_written)
{
	memcpy(hm_buffer_reserve(&buffer, 100), "abc", 3);
	cr_expect_eq(buffer.size, 0);
	hm_buffer_advance(&buffer, 3);
	cr_expect_str_eq(buffer.data, "abc");
}

Test(buffer, a_reset_keeps_the_memory)
{
	const char *data;

	hm_buffer_add_text(&buffer, "text");
	data = buffer.data;
	hm_buffer_reset(&buffer);
	cr_expect_eq(buffer.size, 0);
	cr_expect_str_eq(buffer.data, "");
	hm_buffer_add_text(&buffer, "more");
	cr_expect_eq(buffer.data, data);
}

Test(buffer, bytes_are_dropped_from_the_front)
{
	hm_buffer_add_text(&buffer, "abcdef");
	hm_buffer_drop(&buffer, 2);
	cr_expect_str_eq(buffer.data, "cdef");
	hm_buffer_drop(&buffer, 4);
	cr_expect_eq(buffer.size, 0);
	cr_expect_str_eq(buffer.data, "");
}

Test(buffer, an_empty_one_takes_nothing_and_gives_nothing)
{
	hm_buffer_reset(&buffer);
	hm_buffer_add(&buffer, NULL, 0);
	cr_expect_eq(buffer.size, 0);
	hm_buffer_fini(&buffer);
	cr_expect_null(buffer.data);
}
