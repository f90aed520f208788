/*
 * TLS: what this process shows and believes where packets leave the host (tls+tcp://HOST:PORT). One configuration a process, for
 * all that it dials and all that listens in it:
 *
 *     ca.pem     the authorities whose certificates are believed; nothing else is
 *     cert.pem   this process's own certificate, with those between it and the authority behind it
 *     key.pem    its private key, unencrypted, mode 0600
 *
 * Both ends verify: a server takes nobody without a certificate of its authorities, a client besides wants the URL's host among the
 * names of the server's. A certificate says who may connect. Which service speaks is proven on top of it, by rpc/identity.h.
 */
#pragma once
#include "base/status.h"

struct hm_tls_files {
	const char *ca, *certificate, *key; /* paths */
};

/* hm_tls_configure reads and checks the three files, for all links and ports opened from then on; NULL: none, and tls+tcp is refused.
 * On an error nothing has changed. NOT_FOUND, FAILED_PRECONDITION (which file, what is wrong with it, what to do). Thread-safe. */
hm_status hm_tls_configure(const struct hm_tls_files *files);

/* hm_tls_configure_folder takes ca.pem, cert.pem and key.pem of a folder (tools/make-certificates makes such). */
hm_status hm_tls_configure_folder(const char *folder);
