/* The services built into this program (gen/services.c), NULL-terminated. */
#pragma once
#include "rpc/method.h"

extern const struct hm_service *const hm_services[];
