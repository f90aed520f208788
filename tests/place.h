/*
 * Place: where a test run has its cluster. The keys are always beside the test program; the cluster is in memory if there is room.
 */
#pragma once
#include <stdbool.h>

#include "store/cluster.h"

enum { PLACE_BYTES = 512 };

/* place_root is the folder beside the test program, made if it is missing: each variant has its own. */
void place_root(char ret_root[PLACE_BYTES]);

/* place_of_cluster is in memory (true), if there is room or a run that was killed has left it there; or else in the root. */
bool place_of_cluster(const char *root, char ret_path[PLACE_BYTES]);

/* place_remove removes a folder and all that is in it. */
void place_remove(const char *folder);

/* place_remove_cluster stops a cluster and removes it, wherever it is, unless another run that joined it goes on with it. */
void place_remove_cluster(struct hm_cluster *cluster);
