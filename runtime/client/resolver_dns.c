/*
 * Resolver, dns: getaddrinfo, with whatever the host asks: its hosts file, DNS. Every address is an endpoint, sorted, so that an
 * answer in another order is no change. With TLS the server has to be the name's, whatever the address (net/url.h).
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/resolver_dns.h"

enum { PORT_MAX = 65535 };

_Atomic(hm_lookup_fn *) hm_dns_lookup = getaddrinfo;

/* NAME:PORT, split at the last colon. */
static hm_status split(const char *target, char ret_name[HM_DNS_NAME_BYTES], const char **ret_port)
{
	const char *colon = strrchr(target, ':');
	size_t bytes = colon ? (size_t)(colon - target) : 0;
	unsigned long port = colon && colon[1] >= '0' && colon[1] <= '9' ? strtoul(colon + 1, NULL, 10) : 0;

	if (!bytes || bytes >= HM_DNS_NAME_BYTES || memchr(target, ':', bytes) || !port || port > PORT_MAX ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1))
		return hm_raise(INVALID_ARGUMENT, "%s: write dns+tcp://NAME:PORT or dns+tls+tcp://NAME:PORT", target);
	memcpy(ret_name, target, bytes);
	ret_name[bytes] = '\0';
	*ret_port = colon + 1;
	return HM_OK;
}

hm_status hm_dns_check(const char *target)
{
	char name[HM_DNS_NAME_BYTES];
	const char *port;

	return split(target, name, &port);
}

static hm_status add_address(const char *scheme, const struct addrinfo *address, const char *name, const char *port,
			     struct hm_endpoints *endpoints)
{
	bool is_v6 = address->ai_family == AF_INET6, is_named = !strcmp(scheme, "tls+tcp");
	char host[INET6_ADDRSTRLEN], url[HM_URL_BYTES];
	int length;

	if (getnameinfo(address->ai_addr, address->ai_addrlen, host, sizeof host, NULL, 0, NI_NUMERICHOST))
		return HM_OK; /* an address of a family that has no numbers */
	length = snprintf(url, sizeof url, "%s://%s%s%s:%s%s%s", scheme, is_v6 ? "[" : "", host, is_v6 ? "]" : "", port,
			  is_named ? "#" : "", is_named ? name : "");
	return hm_endpoints_add(endpoints, url, (size_t)length, 1);
}

static int by_url(const void *a, const void *b)
{
	return strcmp(((const struct hm_endpoint *)a)->url, ((const struct hm_endpoint *)b)->url);
}

static hm_status resolve(const char *scheme, const char *target, struct hm_endpoints *ret_endpoints)
{
	const struct addrinfo hints = { .ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM };
	char name[HM_DNS_NAME_BYTES];
	struct addrinfo *addresses;
	hm_status status = HM_OK;
	const char *port;
	int wrong;

	TRY(split(target, name, &port));
	wrong = atomic_load(&hm_dns_lookup)(name, port, &hints, &addresses);
	if (wrong)
		return hm_raise(UNAVAILABLE, "cannot resolve %s: %s", name, gai_strerror(wrong));
	for (const struct addrinfo *address = addresses; address && status == HM_OK; address = address->ai_next)
		status = add_address(scheme, address, name, port, ret_endpoints);
	freeaddrinfo(addresses);
	qsort(ret_endpoints->list, ret_endpoints->count, sizeof *ret_endpoints->list, by_url);
	return status;
}

hm_status hm_dns_resolve_tcp(const char *target, struct hm_endpoints *ret_endpoints)
{
	return resolve("tcp", target, ret_endpoints);
}

hm_status hm_dns_resolve_tls(const char *target, struct hm_endpoints *ret_endpoints)
{
	return resolve("tls+tcp", target, ret_endpoints);
}
