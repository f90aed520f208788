/*
 * Buffer: bytes that grow at the end. {0} is an empty one. Running out of memory aborts, as in an arena.
 * Always NUL-terminated behind `size` once anything was added, so text can be read in place.
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

struct hm_buffer {
	char *data;
	size_t size, capacity;
};

void hm_buffer_fini(struct hm_buffer *buffer);

/* hm_buffer_reset empties the buffer and keeps its memory. */
void hm_buffer_reset(struct hm_buffer *buffer);

/* hm_buffer_reserve makes room for `more` bytes and returns where they go; hm_buffer_advance counts those written. */
char *hm_buffer_reserve(struct hm_buffer *buffer, size_t more);
void hm_buffer_advance(struct hm_buffer *buffer, size_t written);

void hm_buffer_add(struct hm_buffer *buffer, const void *bytes, size_t size);
void hm_buffer_add_text(struct hm_buffer *buffer, const char *text);
void hm_buffer_printf(struct hm_buffer *buffer, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* hm_buffer_drop removes size bytes from the front. */
void hm_buffer_drop(struct hm_buffer *buffer, size_t size);
