/*
 * Emit: C text from a checked model. emit_header makes <stem>.hm.h, emit_source <stem>.hm.c, emit_fake_… <stem>.fake.h and .c of a
 * contract with a service; all only append.
 * Any behaviour belongs into the runtime: what is emitted are tables, and wrappers that put types on generic
 * functions.
 */
#pragma once
#include "tools/contract/model.h"

void emit_header(const struct model *model, const struct file *file, struct hm_buffer *out);
void emit_source(const struct model *model, const struct file *file, struct hm_buffer *out);
void emit_fake_header(const struct model *model, const struct file *file, struct hm_buffer *out);
void emit_fake_source(const struct model *model, const struct file *file, struct hm_buffer *out);

/* emit_string appends text as a C string literal; lines of a long one go below each other, indented. NULL: NULL. */
void emit_string(struct hm_buffer *out, const char *text, const char *indent);

/* emit_comment appends text as a C comment, indented; nothing for "". A comment mark inside it is pulled apart. */
void emit_comment(struct hm_buffer *out, const char *text, const char *indent);

/* emit_comment_lines appends text as lines of a C comment that is already open. */
void emit_comment_lines(struct hm_buffer *out, const char *text, const char *indent);
