/*
 * Stage: what the demo plays on: a PostgreSQL of its own with an empty database, and `hallmark up` beside it.
 *
 *     stage_open → … stage_sql … → stage_close
 *
 * Everything is under one folder. The demo starts the cluster, so that it can begin with a new database each time and look into
 * it as the superuser afterwards; `hallmark up` finds it running and joins. Nothing is left running, however the demo ends.
 */
#pragma once
#include <stdint.h>
#include <sys/types.h>

#include "base/scoped.h"
#include "base/status.h"

struct stage {
	const char *folder; /* as --var has it */
	char program[512]; /* hallmark */
	struct hm_cluster *cluster;
	pid_t up; /* 0: not running */
	int up_out, lock;
};

/* stage_open begins with nothing but keys: FAILED_PRECONDITION if another demo has the folder. It returns when every service
 * answers. */
hm_status stage_open(const char *folder, struct stage *ret_stage);

/* stage_close ends the program and the cluster. A stage half open, or {0} with lock and up_out -1, is fine. Returns the
 * program's exit status, -1 if it did not run. */
int stage_close(struct stage *stage);
