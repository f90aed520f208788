/* Tests of the arena. */
#include "base/arena.h"

#include <criterion/criterion.h>
#include <stdalign.h>
#include <stdint.h>
#include <string.h>

static struct hm_arena arena;

static void clean_up(void)
{
	hm_arena_fini(&arena);
}

TestSuite(arena, .fini = clean_up);

Test(arena, what_it_gives_is_aligned_and_does_not_overlap)
{
	enum { N = 2000 };
	static unsigned char *parts[N];

	for (size_t i = 0; i < N; i++) {
		parts[i] = hm_arena_alloc(&arena, i % 200);
		cr_assert_eq((uintptr_t)parts[i] % alignof(max_align_t), 0);
		memset(parts[i], (int)(i % 251), i % 200);
	}
	for (size_t i = 0; i < N; i++)
		for (size_t j = 0; j < i % 200; j++)
			cr_assert_eq(parts[i][j], i % 251);
}

Test(arena, nothing_at_all_is_still_somewhere)
{
	cr_expect_not_null(hm_arena_alloc(&arena, 0));
	cr_expect_str_eq(hm_arena_dup(&arena, NULL, 0), "");
	cr_expect_null(hm_arena_strdup(&arena, NULL));
}

Test(arena, a_reset_arena_gives_the_same_memory_again)
{
	char *first = hm_arena_alloc(&arena, 100);

	hm_arena_reset(&arena);
	cr_expect_eq(hm_arena_alloc(&arena, 100), first);
}

Test(arena, a_reset_keeps_one_block_however_many_there_were)
{
	void *again;

	for (int i = 0; i < 1000; i++)
		hm_arena_alloc(&arena, 1000);
	hm_arena_reset(&arena);
	again = arena.block;
	cr_assert_not_null(again);
	hm_arena_alloc(&arena, 1000);
	cr_expect_eq(arena.block, again, "the kept block serves the next use");
}

Test(arena, a_huge_block_is_not_kept)
{
	memset(hm_arena_alloc(&arena, 10 << 20), 1, 10 << 20);
	hm_arena_reset(&arena);
	cr_expect_null(arena.block);
	cr_expect_not_null(hm_arena_alloc(&arena, 1));
}

Test(arena, cleared_memory_is_cleared_where_other_was_before)
{
	static const char zeros[64];

	memset(hm_arena_alloc(&arena, 64), 0xff, 64);
	hm_arena_reset(&arena);
	cr_expect_arr_eq(hm_arena_zalloc(&arena, 64), zeros, 64);
}

Test(arena, nothing_is_left_to_read_of_what_was_wiped)
{
	static const char zeros[5000];
	char *first = hm_arena_strdup(&arena, "secret"), *second = hm_arena_alloc(&arena, 5000);

	memset(second, 's', 5000);
	hm_arena_wipe(&arena);
	cr_expect_arr_eq(first, zeros, 7);
	cr_expect_arr_eq(second, zeros, 5000);
}

Test(arena, text_is_copied_and_formatted)
{
	char *long_text;

	cr_expect_str_eq(hm_arena_strdup(&arena, "text"), "text");
	cr_expect_arr_eq(hm_arena_dup(&arena, "a\0b", 3), "a\0b", 4);
	cr_expect_str_eq(hm_arena_printf(&arena, "%s %d", "seven", 7), "seven 7");
	long_text = hm_arena_printf(&arena, "%070000d", 7);
	cr_expect_eq(strlen(long_text), 70000);
}
