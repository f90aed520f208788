/*
 * Arena: a chain of blocks, filled from the front.
 *
 *     block -> [header | used ....... next | free ....... end]
 *       older -> [header | used ................... | waste ]
 */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK_BYTES = 4096, KEPT_BLOCK_BYTES = 65536 };

struct hm_arena_block {
	struct hm_arena_block *older;
	size_t capacity;
	alignas(max_align_t) char bytes[];
};

void hm_arena_init(struct hm_arena *arena)
{
	*arena = (struct hm_arena){ 0 };
}

void hm_arena_fini(struct hm_arena *arena)
{
	while (arena->block) {
		struct hm_arena_block *older = arena->block->older;

		free(arena->block);
		arena->block = older;
	}
	hm_arena_init(arena);
}

void hm_arena_wipe(struct hm_arena *arena)
{
	for (struct hm_arena_block *block = arena->block; block; block = block->older)
		explicit_bzero(block->bytes, block->capacity);
}

/* The newest block is the largest, unless one huge request made it so; then nothing is worth keeping. */
void hm_arena_reset(struct hm_arena *arena)
{
	struct hm_arena_block *kept = arena->block;

	if (!kept)
		return;
	if (kept->capacity > KEPT_BLOCK_BYTES) {
		hm_arena_fini(arena);
		return;
	}
	arena->block = kept->older;
	hm_arena_fini(arena);
	kept->older = NULL;
	arena->block = kept;
	arena->next = kept->bytes;
	arena->end = kept->bytes + kept->capacity;
}

static void grow(struct hm_arena *arena, size_t size)
{
	size_t capacity = arena->block ? arena->block->capacity * 2 : FIRST_BLOCK_BYTES;
	struct hm_arena_block *block;

	if (capacity > KEPT_BLOCK_BYTES)
		capacity = KEPT_BLOCK_BYTES;
	if (capacity < size)
		capacity = size;
	block = malloc(sizeof *block + capacity);
	if (!block)
		abort();
	block->older = arena->block;
	block->capacity = capacity;
	arena->block = block;
	arena->next = block->bytes;
	arena->end = block->bytes + capacity;
}

void *hm_arena_alloc(struct hm_arena *arena, size_t size)
{
	char *start;

	if (size > PTRDIFF_MAX - alignof(max_align_t))
		abort();
	size = (size + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
	if (size > (size_t)(arena->end - arena->next) || !arena->next)
		grow(arena, size);
	start = arena->next;
	arena->next += size;
	return start;
}

void *hm_arena_zalloc(struct hm_arena *arena, size_t size)
{
	return memset(hm_arena_alloc(arena, size), 0, size);
}

char *hm_arena_dup(struct hm_arena *arena, const void *bytes, size_t size)
{
	char *copy = hm_arena_alloc(arena, size + 1);

	if (size)
		memcpy(copy, bytes, size);
	copy[size] = '\0';
	return copy;
}

char *hm_arena_strdup(struct hm_arena *arena, const char *text)
{
	return text ? hm_arena_dup(arena, text, strlen(text)) : NULL;
}

char *hm_arena_vprintf(struct hm_arena *arena, const char *format, va_list arguments)
{
	va_list again;
	char *text;
	int length;

	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		abort();
	text = hm_arena_alloc(arena, (size_t)length + 1);
	vsnprintf(text, (size_t)length + 1, format, arguments);
	return text;
}

char *hm_arena_printf(struct hm_arena *arena, const char *format, ...)
{
	va_list arguments;
	char *text;

	va_start(arguments, format);
	text = hm_arena_vprintf(arena, format, arguments);
	va_end(arguments);
	return text;
}
