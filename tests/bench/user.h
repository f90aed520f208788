/* User: on whose behalf calls are made. */
#pragma once
#include "base/arena.h"
#include "base/status.h"

/* user_sign makes a token of a brand's user who may read and write notes, with the keys in the folder. */
hm_status user_sign(const char *folder, const char *brand, struct hm_arena *arena, char **ret_token);

/* user_sign_operator makes a token of an operator who may do anything. */
hm_status user_sign_operator(const char *folder, struct hm_arena *arena, char **ret_token);
