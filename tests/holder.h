/* Holder: a process, as others see it, that has the key of one service: what its channels prove to be. */
#pragma once
#include "rpc/identity.h"

/* test_holder opens the run's key of a service; NULL: a process that has none. It lives until the test ends. */
const struct hm_identity *test_holder(const char *service);
