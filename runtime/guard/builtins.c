/* Builtins: their names alone, for whoever checks queries without running any. */
#include <stddef.h>

#include "guard/session.h"

const char *const hm_session_builtins[] = { "new_id", "caller_id", "call_request_id", "page_size", NULL };
