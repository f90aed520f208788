/* PEM: the files TLS is configured by, read with suspicion and checked as far as one end alone can. (net's own header) */
#pragma once
#include <stddef.h>

#include "net/tls.h"

/* The texts of the three files, each ended by a NUL. */
struct hm_pem {
	char *ca, *certificate, *key;
};

/* hm_pem_read reads and checks: every file is this user's or root's and nobody else's to change (or, the key, to read); certificates
 * can be parsed and are valid today; the key is the certificate's. */
hm_status hm_pem_read(const struct hm_tls_files *files, struct hm_pem *ret_pem);

/* hm_pem_fini wipes and frees. */
void hm_pem_fini(struct hm_pem *pem);
