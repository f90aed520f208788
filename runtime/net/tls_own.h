/* TLS, inside: from the process's files to nng's configurations. (net's own header) */
#pragma once
#include <nng/nng.h>
#include <stdbool.h>

#include "net/tls.h"

/* hm_tls_is_url: begins with tls+tcp. hm_tls_check: FAILED_PRECONDITION while nothing is configured. */
bool hm_tls_is_url(const char *url);
hm_status hm_tls_check(const char *url);

/* What was configured at some time, counted. hm_tls_hold gives what is now; NULL: nothing. hm_tls_release: NULL is fine. */
struct hm_tls;
struct hm_tls *hm_tls_hold(void);
void hm_tls_release(struct hm_tls *tls);

/* hm_tls_dress_dialer gives a dialer what it shows and believes; 0, or nng's number. hm_tls_dress_listener the same for the connections a
 * listener accepts from then on. Each gets a copy of its own: mbedTLS's keys are not made for several threads. */
int hm_tls_dress_dialer(nng_stream_dialer *dialer, const char *url);
int hm_tls_dress_listener(nng_stream_listener *listener, const struct hm_tls *tls);

/* hm_tls_explain says what nng's number means in a TLS handshake, from one end or the other; NULL: nothing of TLS's. */
const char *hm_tls_explain(int number);
