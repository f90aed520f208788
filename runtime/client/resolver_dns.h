/* Resolver, dns: where names are looked up. A test may put a function of its own in getaddrinfo's place; freeaddrinfo frees what
 * it gives. (client's own header) */
#pragma once
#include <netdb.h>
#include <stdatomic.h>

#include "client/resolver.h"

enum { HM_DNS_NAME_BYTES = 254 };

typedef int hm_lookup_fn(const char *name, const char *port, const struct addrinfo *hints,
			 struct addrinfo **ret_addresses);
extern _Atomic(hm_lookup_fn *) hm_dns_lookup;
