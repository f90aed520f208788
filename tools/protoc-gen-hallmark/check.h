/*
 * Check: what a contract must hold to beyond protobuf's grammar. All of it is found before anything is generated, and
 * said as compilers do, file:line:column: message, so that editors can go there.
 */
#pragma once
#include "tools/contract/model.h"

struct problems {
	struct hm_buffer text; /* one line each */
	size_t count;
};

/* problem_add appends one problem; path says where it is and may be of something deeper than has a position. */
void problem_add(struct problems *problems, const struct file *file, const struct path *path, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

/* check_file checks one contract. */
void check_file(const struct model *model, const struct file *file, struct problems *problems);

/* check_fields checks the field options of a message. Part of check_file. */
void check_fields(const struct message *message, struct problems *problems);

/* check_calls checks who calls whom over all contracts of the model: a name nobody has, and cycles. */
void check_calls(const struct model *model, struct problems *problems);
