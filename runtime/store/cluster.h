/*
 * Cluster: an embedded PostgreSQL of one's own, for development, demos and tests: initdb, unix socket only, peer
 * authentication, never a TCP port, never the system's cluster. initdb and postgres refuse root: under root they run as
 * an unprivileged account (postgres, else nobody), data outside the checkout if that account cannot reach it.
 */
#pragma once
#include "base/scoped.h"
#include "base/status.h"

struct hm_cluster;

struct hm_cluster_config {
	const char *directory; /* e.g. var/pg; made if missing (initdb), reused otherwise */
	bool durable; /* fsync on; off only for throw-away test clusters */
	unsigned max_connections; /* 0: 200 */
};

/* hm_cluster_start makes (if need be) and starts the cluster, or joins the one that runs in this directory. Databases
 * "hallmark" exists afterwards. Roles authenticate by peer: the OS accounts of the caller and of postgres may be any role. */
hm_status hm_cluster_start(const struct hm_cluster_config *config, struct hm_cluster **ret_cluster);

/* hm_cluster_dsn: conninfo without user, e.g. "host=/tmp/hm-x1 dbname=hallmark". hm_cluster_admin_dsn has the superuser. */
const char *hm_cluster_dsn(const struct hm_cluster *cluster);
const char *hm_cluster_admin_dsn(const struct hm_cluster *cluster);

/* hm_cluster_stop stops it if this process started it (fast shutdown, waits), and frees. */
void hm_cluster_stop(struct hm_cluster *cluster);
HM_SCOPED(hm_cluster, hm_cluster_stop)
