/* The services that exist for tests alone, NULL-terminated: echo (no database) and notes (one of everything). */
#pragma once
#include "rpc/method.h"

extern const struct hm_service *const test_services[];
