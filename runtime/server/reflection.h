/*
 * Reflection: what every server answers about what it serves, so that a program without the contracts can list, describe and call it
 * (proto/hallmark/reflection.proto; hallmark ls URL). It needs no token and shows what the contracts say, no data of any brand;
 * struct hm_server_config's hides_contracts switches it off. (server's own header, but for the methods)
 */
#pragma once
#include "hallmark/reflection.pb-c.h"
#include "server/server.h"

/* hallmark.reflection.Reflection/ListServices and /GetContract. NOT_FOUND: no such service here. */
enum { HM_REFLECTION_LIST_SERVICES, HM_REFLECTION_GET_CONTRACT };
extern const struct hm_method hm_reflection_methods[];

/* The service, which a server has beside its own. */
extern const struct hm_service hm_reflection_service;
