/* Error: nng's numbers as statuses. (net's own header) */
#pragma once
#include <stdbool.h>

#include "base/status.h"

/* hm_from_nng raises what nng's number means: peer, phase ("connect", "listen", …), nng's reason, and whether the call may have
 * been processed. number is not 0. */
hm_status hm_from_nng(int number, const char *peer, const char *phase, bool maybe_processed);
