/*
 * Carrier: which services a delegated token may come from. The one it was issued to begins calls with it; those that it calls pass the
 * token on with their own calls, as the contracts' `calls` say, directly or over others. Nobody else has an honest way to it.
 * (guard's own header)
 */
#pragma once
#include <stdbool.h>

#include "guard/guard.h"

/* hm_may_carry says whether a token that was delegated to a service may come from a service. known: NULL-terminated; of a
 * service that is not in it nobody knows whom it calls. */
bool hm_may_carry(const struct hm_service_table *const *known, const char *delegate, const char *service);

/* hm_carrier_list lists the tables of a guard's services and of the others it knows, for hm_may_carry; malloc'ed. */
hm_status hm_carrier_list(const struct hm_guard_config *config, const struct hm_service_table ***ret_known);
