/* Quota: what --quota says. */
#pragma once
#include "command.h"

/* quota_read takes BRAND=RATE or BRAND=RATE/IN_FLIGHT, which it cuts into pieces, into the options. INVALID_ARGUMENT says what is wrong. */
hm_status quota_read(char *text, struct options *options);
