/*
 * Arena: memory that lives and dies together, one for each call and each context.
 *
 * Allocation is a pointer's step; nothing is freed alone. A reset keeps the first block, so a recycled arena
 * allocates nothing. An arena belongs to one thread at a time. Running out of memory aborts the process: no call can
 * be answered without memory, and a half-audited one must not be.
 */
#pragma once
#include <stdarg.h>
#include <stddef.h>

struct hm_arena_block;

struct hm_arena {
	struct hm_arena_block *block; /* the newest; older ones hang behind it */
	char *next, *end;
};

/* hm_arena_init makes an empty arena; it allocates nothing until first used. {0} is the same. */
void hm_arena_init(struct hm_arena *arena);

/* hm_arena_fini frees everything. */
void hm_arena_fini(struct hm_arena *arena);

/* hm_arena_reset forgets everything and keeps one block for the next use. */
void hm_arena_reset(struct hm_arena *arena);

/* hm_arena_wipe overwrites what is in the arena's memory now, used or not: before fini, where secrets passed through. What an
 * earlier reset gave back is not reached any more. */
void hm_arena_wipe(struct hm_arena *arena);

/* hm_arena_alloc returns size bytes, aligned for any type, not cleared. Never NULL, even for 0. */
void *hm_arena_alloc(struct hm_arena *arena, size_t size);

/* hm_arena_zalloc is hm_arena_alloc with the bytes cleared. */
void *hm_arena_zalloc(struct hm_arena *arena, size_t size);

/* hm_arena_dup copies size bytes and puts a NUL behind them. */
char *hm_arena_dup(struct hm_arena *arena, const void *bytes, size_t size);

/* hm_arena_strdup copies a string; NULL gives NULL. */
char *hm_arena_strdup(struct hm_arena *arena, const char *text);

/* hm_arena_printf formats into the arena. */
char *hm_arena_printf(struct hm_arena *arena, const char *format, ...) __attribute__((format(printf, 2, 3)));
char *hm_arena_vprintf(struct hm_arena *arena, const char *format, va_list arguments);
