/*
 * Health: what every server answers by itself when asked whether it serves: gRPC's health.v1 (proto/hallmark/health.proto). The name ""
 * asks for the server as a whole. It needs no token, takes no worker, touches no data and leaves no entry.
 *
 * SERVING unless hm_server_set_health says otherwise; NOT_SERVING once the server is being drained. (client's and server's own header)
 */
#pragma once
#include "hallmark/health.pb-c.h"
#include "rpc/method.h"

/* grpc.health.v1.Health/Check, NOT_FOUND: no such service here; and Watch, which says SERVICE_UNKNOWN of such a one, tells of each
 * change, and has a thread of the server while it lasts (64 of them, and 16 more for connections that have none; beyond:
 * RESOURCE_EXHAUSTED). */
extern const struct hm_method hm_health_methods[];
#define hm_health_check (hm_health_methods[0])
#define hm_health_watch (hm_health_methods[1])

/* The service, which every server has beside its own. */
extern const struct hm_service hm_health_service;
