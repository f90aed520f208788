/*
 * Server status, the parts that have a file of their own. (the server's own header)
 */
#pragma once
#include "server/server_status.h"
#include "server/tenant.h"

/* hm_tenant_brand returns what is shown as a tenant's brand; NULL: nobody's. */
static inline const char *hm_tenant_brand(const struct hm_tenant *tenant)
{
	return *tenant->brand ? tenant->brand : NULL;
}

/* server_status_pools.c: services with their workers, and what brands may take. */
void hm_server_put_pools(struct hm_server *server, size_t limit, struct hm_arena *arena, Admin__StatusReply *reply);

/* server_channels.c: the ways by which handlers reach other services. */
void hm_server_put_channels(struct hm_server *server, struct hm_arena *arena, Admin__StatusReply *reply);
