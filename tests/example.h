/*
 * Page examples: the blocks of a rule's page (tools/check/rules), which are its tests. A block is one file, or several, each behind a line
 *
 *     -- file: services/example/migrations/0002_more.sql
 *
 * What cannot be read or written fails the test.
 */
#pragma once
#include <stdbool.h>

#include "base/buffer.h"

struct hm_buffer example_page(const char *path);

/* example_find is the n-th block of its kind (a fence with its newline) behind the heading and before the next; NULL: there is none. */
char *example_find(const char *page, const char *heading, const char *fence, unsigned n);

/* example_write writes a block's files below the root and returns what is to be checked, below it: the one file ("example.sql"), or of several
 * the last if it is traced, else their root ("."). To be freed. */
char *example_write(const char *root, const char *example, bool is_traced);
