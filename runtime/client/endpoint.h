/* Endpoint: from a service's name to a target. (client's own header; hm_endpoint_set and hm_endpoint_get are in channel.h) */
#pragma once
#include "base/status.h"

enum { HM_TARGET_BYTES = 4096 };

/* hm_endpoint_resolve gives what was set, else ipc://<run folder>/<service>.sock; the run folder is $HALLMARK_RUN or var/run.
 * INVALID_ARGUMENT: the path is too long. */
hm_status hm_endpoint_resolve(const char *service, char ret_target[HM_TARGET_BYTES]);
