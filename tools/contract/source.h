/*
 * Source: where something stands in a contract, and what is written above it. Things are known by their path, as
 * google/protobuf/descriptor.proto has it: 6, 0, 2, 3 is method 3 of service 0; a further 4, 50001 its
 * (hallmark.method).
 */
#pragma once
#include <google/protobuf/descriptor.pb-c.h>

#include "base/arena.h"
#include "tools/contract/options.h"

#define SOURCE_ALLOW "hallmark:allow " /* a comment that lets a finding pass: hallmark:allow RULE because … */

enum { PATH_STEPS_MAX = 96 };

struct path {
	int32_t steps[PATH_STEPS_MAX];
	size_t n_steps;
};

struct position {
	int line, column; /* from 1 */
};

/* path_join is the path of something inside parent: member `field` of its descriptor, element `index`. */
struct path path_join(const struct path *parent, int32_t field, int32_t index);

/* source_position finds where the thing stands, or else the nearest thing around it that has a position. */
struct position source_position(const Google__Protobuf__FileDescriptorProto *file, const struct path *path);

/* source_find returns what protoc says of the thing, or NULL. */
const Google__Protobuf__SourceCodeInfo__Location *source_find(const Google__Protobuf__FileDescriptorProto *file,
							      const struct path *path);

/* source_comment returns the comment above the thing, one space of indentation and trailing white space removed, without the lines
 * that speak to `hallmark check` ("hallmark:allow …"); else "". */
const char *source_comment(struct hm_arena *arena, const Google__Protobuf__FileDescriptorProto *file,
			   const struct path *path);

/* comment_errors lists the status names that stand in a comment ("NOT_FOUND: no such user"), each once, in order. */
struct texts comment_errors(struct hm_arena *arena, const char *comment);
