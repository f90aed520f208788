/*
 * URL: where packets may travel. They are not encrypted, and tokens are among them, so they never leave the host: ipc and
 * inproc, and tcp by way of the loopback addresses. (net's own header)
 */
#pragma once
#include "base/status.h"

/* hm_url_check: INVALID_ARGUMENT for whatever would carry packets off this host, and for schemes nobody knows. */
hm_status hm_url_check(const char *url);
