/* Binding: counted, because calls go on under a principal whose slot has been bound anew. */
#include "server/binding.h"

#include <stdlib.h>
#include <string.h>

#include "server/peer.h"
#include "server/server_own.h"

static void keep_error(struct hm_binding *binding)
{
	binding->error = malloc(sizeof *binding->error);
	if (!binding->error)
		abort();
	*binding->error = *hm_error_get();
}

/* Without an interceptor to prove it, the brand is the one that was asked for. */
static struct hm_tenant *find_tenant(struct hm_server *server, const struct hm_binding *binding)
{
	const struct hm_interceptor *interceptor = binding->interceptor;
	const char *brand = binding->brand;

	if (binding->status != HM_OK)
		brand = NULL;
	else if (interceptor->brand)
		brand = interceptor->brand(interceptor->user, binding->principal);
	return hm_tenants_get(server->tenants, brand);
}

struct hm_binding *hm_binding_open(const struct hm_peer *peer, const struct hm_event *event)
{
	struct hm_server *server = peer->server;
	const struct hm_origin origin = { .peer = peer->name, .services = (const char *const *)peer->proven };
	const struct hm_interceptor *interceptor = server->config.interceptor;
	struct hm_binding *binding = calloc(1, sizeof *binding + event->body_bytes + 1);

	if (!binding)
		abort();
	binding->references = 1;
	binding->interceptor = interceptor;
	memcpy(binding->brand, event->brand, event->brand_bytes); /* the engine has checked: below HM_BRAND_BYTES */
	if (event->body_bytes)
		memcpy(binding->token, event->body, event->body_bytes);
	if (strlen(binding->brand) != event->brand_bytes || strlen(binding->token) != event->body_bytes)
		binding->status = hm_raise(INVALID_ARGUMENT, "a zero byte in a brand or token");
	else if (interceptor->bind)
		binding->status =
			interceptor->bind(interceptor->user, binding->brand, *binding->token ? binding->token : NULL,
					  &origin, &binding->principal);
	if (binding->status != HM_OK)
		keep_error(binding);
	binding->tenant = find_tenant(server, binding);
	return binding;
}

struct hm_tenant *hm_binding_tenant(const struct hm_server *server, const struct hm_binding *binding)
{
	return binding ? binding->tenant : hm_tenants_get(server->tenants, NULL);
}

struct hm_binding *hm_binding_hold(struct hm_binding *binding)
{
	if (binding)
		atomic_fetch_add_explicit(&binding->references, 1, memory_order_relaxed);
	return binding;
}

void hm_binding_close(struct hm_binding *binding)
{
	if (!binding || atomic_fetch_sub(&binding->references, 1) != 1)
		return;
	if (binding->principal && binding->interceptor->unbind)
		binding->interceptor->unbind(binding->interceptor->user, binding->principal);
	explicit_bzero(binding->token, strlen(binding->token));
	free(binding->error);
	free(binding);
}
