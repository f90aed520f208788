/*
 * Names: from the contract's spelling to C's. The first two agree with protoc-c 1.4.1 letter for letter, for they
 * name what it makes; dotted names are those of messages, the package already replaced by c_package.
 */
#pragma once
#include <stdbool.h>

#include "base/arena.h"

/* name_type("follows.Follow_request.Kind") is "Follows__FollowRequest__Kind": a message's type. */
char *name_type(struct hm_arena *arena, const char *dotted);

/* name_lower("follows.FollowRequest") is "follows__follow_request": the stem of a message's functions and objects. */
char *name_lower(struct hm_arena *arena, const char *dotted);

/* name_snake("ListFollowers") is "list_followers": a method's slot, and the tail of its client functions. */
char *name_snake(struct hm_arena *arena, const char *camel);

/* name_macro("follows__follow_request") is "FOLLOWS_FOLLOW_REQUEST". */
char *name_macro(struct hm_arena *arena, const char *lower);

/* name_is_keyword says whether C (or protobuf-c's generated code) already owns the word. */
bool name_is_keyword(const char *word);
