/*
 * Cluster, inside: what its parts share. Nothing outside runtime/store/cluster*.c includes this.
 *
 *     cluster.c         the life cycle: start, join, stop; the only one of them that talks to the server
 *     cluster_place.c   the directory, its owner, the socket directory
 *     cluster_init.c    initdb, pg_hba.conf, pg_ident.conf
 *     cluster_process.c programs run under another account, and waiting for them
 */
#pragma once
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/arena.h"
#include "store/cluster.h"

/* The OS account initdb and postgres run under; the caller's own unless that is root. */
struct cluster_account {
	const char *name;
	uid_t uid;
	gid_t gid;
	bool is_other; /* not the caller's: root becomes it */
};

/*
 *     directory/        the server account's
 *       lock            held while somebody starts or admits
 *       log             of initdb and postgres
 *       data/           PGDATA; data.new until initdb is done with it
 *       s/              the sockets' directory, 0700; a symbolic link into /tmp where the path would be too long
 */
struct hm_cluster {
	struct hm_arena arena; /* all strings */
	struct cluster_account account;
	const char *caller; /* OS account */
	const char *programs; /* where initdb and postgres are */
	const char *directory, *data, *log, *lock, *sockets;
	const char *name; /* cluster_name: "hallmark-" and a hash of the directory */
	const char *dsn, *admin_dsn;
	off_t log_start; /* the log's size before this start: what follows explains a failure */
	pid_t starter; /* the process that may stop it; 0: joined */
	pid_t postmaster;
	int postmaster_fd; /* a pidfd, readable once the postmaster has ended; -1: joined */
};

/* cluster_place fills account, caller, directory and what is below it, but for the sockets. */
hm_status cluster_place(struct hm_cluster *cluster, const char *directory);

/* cluster_place_sockets makes or finds the sockets' directory. Under the lock. */
hm_status cluster_place_sockets(struct hm_cluster *cluster);

/* cluster_leave_sockets removes that directory if it is in /tmp and empty. */
void cluster_leave_sockets(const struct hm_cluster *cluster);

/* cluster_open opens a file of the server's account, made if missing, never through a symbolic link. */
hm_status cluster_open(const struct hm_cluster *cluster, const char *path, int flags, int *ret_fd);

/* cluster_lock takes the directory's lock, waiting for whoever has it. Closing *ret_fd gives it back. */
hm_status cluster_lock(const struct hm_cluster *cluster, int *ret_fd);

/* cluster_init runs initdb unless data/ is there, and lets caller and account be superuser. */
hm_status cluster_init(struct hm_cluster *cluster, bool durable);

/* cluster_map_role adds "the OS accounts of caller and server may be `role`" to pg_ident.conf. Under the lock. */
hm_status cluster_map_role(const struct hm_cluster *cluster, const char *role, bool *ret_changed);

/* cluster_raise_log raises UNAVAILABLE with the log's last lines behind `what`. */
hm_status cluster_raise_log(const struct hm_cluster *cluster, const char *what);

/* cluster_spawn runs argv[0] as the server's account, output to the log. It ends (SIGINT) with the calling thread. */
hm_status cluster_spawn(const struct hm_cluster *cluster, char *const argv[], pid_t *ret_pid);

/* cluster_run spawns, waits and returns the exit code (128 + signal if killed). */
hm_status cluster_run(const struct hm_cluster *cluster, char *const argv[], int *ret_exit_code);

/* cluster_is_served says whether any process of this cluster lives, postmaster or orphaned backend. */
bool cluster_is_served(const struct hm_cluster *cluster);

/* cluster_pause waits for the postmaster's end (true) or *pause_ms, which grows for the next time. */
bool cluster_pause(int postmaster_fd, int *pause_ms);
