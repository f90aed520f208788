/*
 * Cluster: an embedded PostgreSQL of one's own, for development, demos and tests: initdb, unix socket only, peer
 * authentication, never a TCP port, never the system's cluster. initdb and postgres refuse root: under root they run as
 * an unprivileged account (postgres, else nobody), data outside the checkout if that account cannot reach it.
 *
 *     start → admit each service → (hm_migrate, hm_store_open …) → stop
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

/* hm_cluster_start makes (if need be) and starts the cluster, or joins the one that runs in this directory. Database
 * "hallmark" exists afterwards, and the superuser may log in.
 *
 * The postmaster ends with the thread that started it, even if that is killed: call it from a thread that lives as long
 * as the cluster should, the main one. A joined cluster ends when its starter ends it. Thread-safe.
 * Errors: FAILED_PRECONDITION (no PostgreSQL, a foreign directory, no account: what to do), UNAVAILABLE (initdb or
 * postgres failed; the message ends with the log's last lines). */
hm_status hm_cluster_start(const struct hm_cluster_config *config, struct hm_cluster **ret_cluster);

/* hm_cluster_admit lets the OS accounts of the caller and of the server log in as a service's roles (<svc>_migrator, _app,
 * _system), whether these exist yet or not. Peer authentication maps names one by one, so each service is admitted once;
 * again costs one file read. In force when it returns. Thread-safe, also between processes.
 * Errors: INVALID_ARGUMENT (no schema could have that name), UNAVAILABLE. */
hm_status hm_cluster_admit(const struct hm_cluster *cluster, const char *service);

/* hm_cluster_dsn: conninfo without user, e.g. "host=/tmp/hm-x1 dbname=hallmark". hm_cluster_admin_dsn has the superuser. */
const char *hm_cluster_dsn(const struct hm_cluster *cluster);
const char *hm_cluster_admin_dsn(const struct hm_cluster *cluster);

/* hm_cluster_directory: absolute; where data/ and log are. Not the configured one if the server's account cannot go there. */
const char *hm_cluster_directory(const struct hm_cluster *cluster);

/* hm_cluster_stop stops it if this process started it (fast shutdown, waits), and frees. Keeps the thread's error. */
void hm_cluster_stop(struct hm_cluster *cluster);
HM_SCOPED(hm_cluster, hm_cluster_stop)
