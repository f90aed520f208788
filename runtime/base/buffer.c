/* Buffer: doubles as it grows, so adding is linear in the bytes added. */
#include "base/buffer.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BYTES = 256 };

void hm_buffer_fini(struct hm_buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct hm_buffer){ 0 };
}

void hm_buffer_reset(struct hm_buffer *buffer)
{
	buffer->size = 0;
	if (buffer->data)
		buffer->data[0] = '\0';
}

char *hm_buffer_reserve(struct hm_buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : FIRST_BYTES;

	if (more >= PTRDIFF_MAX - buffer->size)
		abort();
	while (capacity < buffer->size + more + 1)
		capacity *= 2;
	if (capacity != buffer->capacity) {
		buffer->data = realloc(buffer->data, capacity);
		if (!buffer->data)
			abort();
		buffer->capacity = capacity;
	}
	return buffer->data + buffer->size;
}

void hm_buffer_advance(struct hm_buffer *buffer, size_t written)
{
	buffer->size += written;
	buffer->data[buffer->size] = '\0';
}

void hm_buffer_add(struct hm_buffer *buffer, const void *bytes, size_t size)
{
	char *end = hm_buffer_reserve(buffer, size);

	if (size)
		memcpy(end, bytes, size);
	hm_buffer_advance(buffer, size);
}

void hm_buffer_add_text(struct hm_buffer *buffer, const char *text)
{
	hm_buffer_add(buffer, text, strlen(text));
}

void hm_buffer_printf(struct hm_buffer *buffer, const char *format, ...)
{
	va_list arguments, again;
	int length;

	va_start(arguments, format);
	va_copy(again, arguments);
	length = vsnprintf(NULL, 0, format, again);
	va_end(again);
	if (length < 0)
		abort();
	vsnprintf(hm_buffer_reserve(buffer, (size_t)length), (size_t)length + 1, format, arguments);
	va_end(arguments);
	hm_buffer_advance(buffer, (size_t)length);
}

void hm_buffer_drop(struct hm_buffer *buffer, size_t size)
{
	memmove(buffer->data, buffer->data + size, buffer->size - size + 1);
	buffer->size -= size;
}
