/* Setup: what a local platform stands on: the folders under --var, the keys, the embedded cluster, the migrations. */
#pragma once
#include "command.h"
#include "store/cluster.h"

/* setup_alone: FAILED_PRECONDITION while another process of this --var called it; until this one ends. An embedded cluster ends with the
 * process that started it, and would be missed by one that took its sockets over. */
hm_status setup_alone(const struct options *options);

/* setup_keys makes the keys that are missing: operator, identity, and one for each service. */
hm_status setup_keys(const struct options *options);

/* setup_cluster starts (or joins) the embedded cluster under var/pg, unless --dsn names a database; then *ret_cluster is NULL.
 * *ret_dsn lives as long as the options or the cluster. */
hm_status setup_cluster(const struct options *options, struct hm_cluster **ret_cluster, const char **ret_dsn);

/* setup_migrate brings the schemas of the services up to date, side by side. admin_dsn NULL: roles must exist. */
hm_status setup_migrate(const struct options *options, const struct hm_service *const *services, const char *admin_dsn,
			const char *dsn);

/* setup_contract_gap_s is how long a contract waits, if nothing else is said: not at all on the embedded cluster, where what runs
 * is one's own. */
int64_t setup_contract_gap_s(const struct options *options);
