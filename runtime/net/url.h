/*
 * URL: where packets may travel. Tokens are among them, so what is not encrypted never leaves the host: ipc and inproc, and tcp by
 * way of the loopback addresses. tls+tcp goes anywhere; tls+tcp://ADDRESS:PORT#NAME wants NAME in the server's certificate.
 * (net's own header)
 */
#pragma once
#include "base/status.h"

/* hm_url_check: INVALID_ARGUMENT for whatever would carry packets off this host unencrypted, and for schemes nobody knows. */
hm_status hm_url_check(const char *url);
