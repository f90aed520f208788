/* Binding: whom the calls of a slot are from, asked once for all of them. (server's own header) */
#pragma once
#include "server/tenant.h"
#include "wire/engine.h"

struct hm_interceptor;
struct hm_peer;
struct hm_server;

/* What a slot means: a principal, or why there is none. Calls keep it. */
struct hm_binding {
	_Atomic uint32_t references;
	const struct hm_interceptor *interceptor;
	void *principal;
	struct hm_tenant *tenant; /* whose queue and quotas its calls use */
	hm_status status;
	struct hm_error *error; /* status is not OK */
	char brand[HM_BRAND_BYTES];
	char token[]; /* empty: none */
};

/* hm_binding_open asks the interceptor; brand and token need no NUL. */
struct hm_binding *hm_binding_open(const struct hm_peer *peer, const struct hm_event *event);
struct hm_binding *hm_binding_hold(struct hm_binding *binding);
struct hm_tenant *hm_binding_tenant(const struct hm_server *server,
				    const struct hm_binding *binding); /* NULL: nobody's */
void hm_binding_close(struct hm_binding *binding);
