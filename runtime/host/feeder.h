/*
 * Feeder: keeps a process's lease fed from the services that publish news (struct hm_service's feed_lease and watch_lease): by a
 * stream where there is one, and every half second while there is none, with the process's own service token.
 * (host's own header)
 */
#pragma once
#include "base/scoped.h"
#include "crypto/key.h"
#include "guard/lease.h"
#include "rpc/method.h"

struct hm_feeder;
struct hm_identity;

/* hm_feeder_open starts a thread for each. name: the service whose key this is; identity: what its connections prove. */
hm_status hm_feeder_open(const struct hm_service *const *known, struct hm_lease *lease, const struct hm_secret_key *key,
			 const char *name, const struct hm_identity *identity, struct hm_feeder **ret_feeder);
void hm_feeder_close(struct hm_feeder *feeder);
HM_SCOPED(hm_feeder, hm_feeder_close)

/* hm_feeder_wait returns when every source has been heard once. */
hm_status hm_feeder_wait(struct hm_feeder *feeder, uint32_t timeout_ms);
