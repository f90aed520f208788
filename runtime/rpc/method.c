/* Method tables: looking rows up. The tables themselves are generated; see method.h. */
#include "rpc/method.h"

#include <string.h>

static const uint64_t FNV_BASIS = 0xcbf29ce484222325, FNV_PRIME = 0x100000001b3;

uint64_t hm_method_id(const char *name)
{
	uint64_t hash = FNV_BASIS;

	for (; *name; name++)
		hash = (hash ^ (unsigned char)*name) * FNV_PRIME;
	return hash;
}

const struct hm_method *hm_method_find(const struct hm_service_table *table, const char *name)
{
	for (size_t i = 0; i < table->n_methods; i++) {
		const char *full = table->methods[i].name;

		if (!strcmp(full, name) || !strcmp(strrchr(full, '/') + 1, name))
			return &table->methods[i];
	}
	return NULL;
}

bool hm_method_has_handler(const struct hm_service *service, const struct hm_method *method)
{
	void (*handler)(void);

	if (!service->handlers)
		return false;
	/* Copied out by bytes: the slot has its own function type, and all of them have one size. */
	memcpy(&handler, (const char *)service->handlers + method->handler_offset, sizeof(handler));
	return handler;
}
