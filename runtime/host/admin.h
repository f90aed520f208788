/*
 * Admin: the service that each host adds to those it was given, so that its operators can see what it does (proto/hallmark/admin.proto).
 * It is served as any other, so the guard admits its callers; it has no endpoint of its own, but is there at all of the host's.
 */
#pragma once
#include "base/scoped.h"
#include "guard/guard.h"

struct hm_admin;

/* hm_admin_open makes the service; hm_admin_service is what to serve. */
hm_status hm_admin_open(struct hm_admin **ret_admin);
const struct hm_service *hm_admin_service(const struct hm_admin *admin);

/* hm_admin_watch says whose stores to show; before the first call. They must outlive the server. */
void hm_admin_watch(struct hm_admin *admin, const struct hm_guarded *services, size_t n_services);

void hm_admin_close(struct hm_admin *admin);
HM_SCOPED(hm_admin, hm_admin_close)
