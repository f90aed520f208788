/* Carrier: a walk over the graph of calls, which has no cycle (the build refuses them); the depth is bounded all the same. */
#include "guard/carrier.h"

#include <stdlib.h>
#include <string.h>

enum { DEPTH_MAX = 16 };

static const struct hm_service_table *find(const struct hm_service_table *const *known, const char *service)
{
	for (; known && *known; known++)
		if (!strcmp((*known)->short_name, service))
			return *known;
	return NULL;
}

static bool reaches(const struct hm_service_table *const *known, const char *from, const char *to, unsigned depth)
{
	const struct hm_service_table *table;

	if (!strcmp(from, to))
		return true;
	table = depth ? find(known, from) : NULL;
	for (const char *const *next = table ? table->calls : NULL; next && *next; next++)
		if (reaches(known, *next, to, depth - 1))
			return true;
	return false;
}

bool hm_may_carry(const struct hm_service_table *const *known, const char *delegate, const char *service)
{
	return reaches(known, delegate, service, DEPTH_MAX);
}

hm_status hm_carrier_list(const struct hm_guard_config *config, const struct hm_service_table ***ret_known)
{
	const struct hm_service_table **tables;
	size_t n = config->n_services, used = 0;

	for (const struct hm_service *const *one = config->known; one && *one; one++)
		n++;
	tables = calloc(n + 1, sizeof *tables);
	if (!tables)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory for %zu services", n);
	for (size_t i = 0; i < config->n_services; i++)
		tables[used++] = config->services[i].service->table;
	for (const struct hm_service *const *one = config->known; one && *one; one++)
		tables[used++] = (*one)->table;
	*ret_known = tables;
	return HM_OK;
}
