/*
 * Scratch: a throw-away PostgreSQL cluster for checks that need one, in a folder of its own that goes with it. A signal (Ctrl-C) ends it in
 * order, too. One a process; from the main thread.
 */
#pragma once
#include "base/status.h"

enum { SCRATCH_PATH_BYTES = 256 };

/* scratch_open starts it; errors are hm_cluster_start's. scratch_close stops it and removes its folder. */
hm_status scratch_open(void);
void scratch_close(void);

/* scratch_dsn is its conninfo without user, scratch_admin_dsn the superuser's. scratch_folder is where files may be put. */
const char *scratch_dsn(void);
const char *scratch_admin_dsn(void);
const char *scratch_folder(void);

/* scratch_admit lets the process log in as a service's roles, and makes them and the schema. scratch_migrate also applies a folder of
 * migrations; errors are hm_migrate's. */
hm_status scratch_admit(const char *service);
hm_status scratch_migrate(const char *service, const char *folder);
