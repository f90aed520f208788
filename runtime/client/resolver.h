/*
 * Resolver: from a channel's target to its endpoints, again and again. A target is a URL, or several separated by commas, which
 * never change; or one of the schemes of the table in resolver.c, which are resolved on a thread of the resolver's own:
 *
 *     file:///etc/hallmark/follows     one URL a line, and behind it, if you like, a weight (1 … 100); # begins a comment
 *     dns+tcp://name:port              every address of the name; dns+tls+tcp://name:port
 *
 * They are resolved anew after a period with jitter, and soon after a nudge (a connection that failed), but never more often
 * than the scheme allows. A resolution that fails leaves the last good list in force and is tried again with back-off.
 * (client's own header)
 */
#pragma once
#include <stddef.h>
#include <stdint.h>

#include "base/status.h"
#include "client/picker.h"
#include "net/port.h"

struct hm_endpoint {
	char url[HM_URL_BYTES];
	uint8_t weight; /* 1 … HM_WEIGHT_MAX */
};

/* A list without duplicates. Of a longer one the rest is left out: a channel has no more places. */
struct hm_endpoints {
	size_t count;
	struct hm_endpoint list[HM_PLACES];
};

/* hm_endpoints_add: INVALID_ARGUMENT: the URL is too long. A second entry of a URL changes its weight. */
hm_status hm_endpoints_add(struct hm_endpoints *endpoints, const char *url, size_t url_bytes, uint8_t weight);

/* What a target becomes, told when it is known and whenever it has changed. status not OK: it could not be resolved
 * (hm_error_get() says why), and has never been: later failures are not told. */
typedef void hm_resolved_fn(void *user, hm_status status, const struct hm_endpoints *endpoints);

struct hm_resolver;

/* hm_resolver_open begins to resolve. A list that cannot change is told before it returns, and *ret_resolver is NULL then.
 * INVALID_ARGUMENT: no such target. */
hm_status hm_resolver_open(const char *target, hm_resolved_fn *resolved, void *user, struct hm_resolver **ret_resolver);

/* hm_resolver_nudge: the list may be out of date. Never waits; NULL is fine. */
void hm_resolver_nudge(struct hm_resolver *resolver);

/* hm_resolver_failures is how many resolutions have failed since the last good one. */
unsigned hm_resolver_failures(const struct hm_resolver *resolver);

/* hm_resolver_close: when it returns, `resolved` does not run and will not. A name that is being looked up is not waited for.
 * NULL is fine. */
void hm_resolver_close(struct hm_resolver *resolver);

/* One way of resolving; target is what is behind the prefix. */
struct hm_scheme {
	const char *prefix;
	hm_status (*check)(const char *target);
	hm_status (*resolve)(const char *target, struct hm_endpoints *ret_endpoints);
	uint32_t period_ms; /* between resolutions, ± a fifth */
	uint32_t least_ms; /* between resolutions, whatever happens */
};

/* resolver_static.c, resolver_file.c, resolver_dns.c. */
hm_status hm_static_resolve(const char *target, struct hm_endpoints *ret_endpoints);
hm_status hm_file_check(const char *target);
hm_status hm_file_resolve(const char *target, struct hm_endpoints *ret_endpoints);
/* hm_file_parse takes the file's text, which it writes into; path is for the message. */
hm_status hm_file_parse(const char *path, char *text, struct hm_endpoints *ret_endpoints);
hm_status hm_dns_check(const char *target);
hm_status hm_dns_resolve_tcp(const char *target, struct hm_endpoints *ret_endpoints);
hm_status hm_dns_resolve_tls(const char *target, struct hm_endpoints *ret_endpoints);
