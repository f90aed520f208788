/*
 * Wrappers: the functions that put a method's types on the runtime's generic ones: what a caller has of each kind of method, and
 * what a handler reads and writes a stream with. A table of text with places for the method's names:
 *
 *     @c  platform_watch_brands    @s  watch_brands    @q, @p  the request's and the reply's type    @i  the row's number
 *     @n  platform
 */
#pragma once
#include "tools/contract/model.h"

struct wrapper {
	unsigned kinds; /* 1 << enum hm_method_kind of each kind that has it */
	const char *suffix; /* behind the client's name; NULL: known within the source alone */
	const char *prototype; /* without an end; the whole declaration where there is no body */
	const char *body; /* NULL: declared alone */
};

/* wrappers_fill appends text with the places filled for a method, the index'th of its table. */
void wrappers_fill(const char *text, const struct method *method, size_t index, struct hm_buffer *out);

extern const struct wrapper wrappers[];
extern const size_t n_wrappers;

/* wrappers_declare and wrappers_define append what a method's kind has, for the header and for the source. */
void wrappers_declare(const struct method *method, struct hm_buffer *out);
void wrappers_define(const struct method *method, size_t index, struct hm_buffer *out);
