/*
 * Health: what every server answers by itself when asked whether it serves: gRPC's health.v1 (proto/hallmark/health.proto). The name ""
 * asks for the server as a whole. It needs no token, takes no worker, touches no data and leaves no entry.
 *
 * SERVING unless hm_server_set_health says otherwise; NOT_SERVING once the server is being drained. (rpc's own header)
 */
#pragma once
#include "hallmark/health.pb-c.h"
#include "rpc/server.h"

/* grpc.health.v1.Health/Check. NOT_FOUND: no such service here. */
extern const struct hm_method hm_health_check;

/* The service, which every server has beside its own. */
extern const struct hm_service hm_health_service;
