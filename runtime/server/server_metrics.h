/*
 * Server, what it publishes of itself: calls by method and outcome, under way, waiting, refused and why; limits; connections.
 * (server's own header, but for hm_server_collect of server.h)
 */
#pragma once
#include "server/server.h"
#include "server/tenant.h"

enum { HM_REFUSED_REASONS = 4, HM_REFUSED = HM_REFUSED_REASONS + HM_STATUS_COUNT };

/* hm_server_count_refused counts a call that was refused before it ran, by the thread's error: its reason if that is one of the
 * server's own, else its status, so that no foreign text becomes a label. The tenant is whose call it was. Thread-safe. */
void hm_server_count_refused(struct hm_server *server, struct hm_tenant *tenant);
