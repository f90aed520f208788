/* Resolver, static: the URLs are the target. Whether they are any good is told by the calls, as for a single one. */
#include <string.h>

#include "client/resolver.h"

hm_status hm_static_resolve(const char *target, struct hm_endpoints *ret_endpoints)
{
	for (const char *url = target;; url++) {
		size_t bytes = strcspn(url, ",");

		TRY(hm_endpoints_add(ret_endpoints, url, bytes, 1));
		url += bytes;
		if (!*url)
			return HM_OK;
	}
}
