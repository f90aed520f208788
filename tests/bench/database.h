/* Database: the cluster with the schemas of the services that are called, and the rows that audited calls and pgbench both work on. */
#pragma once
#include "base/id.h"
#include "base/status.h"
#include "store/cluster.h"

enum { DATABASE_NOTES = 10000, DATABASE_PATH_BYTES = 256 };

#define DATABASE_NOTE_TITLE "A note of ordinary length"
#define DATABASE_NOTE_BODY "What is written here matters to nobody but the one who wrote it."

struct database {
	struct hm_cluster *cluster;
	char directory[DATABASE_PATH_BYTES]; /* where the cluster is, to be removed */
};

/* database_start makes a durable cluster in the folder, migrates notes, platform and identity, and puts DATABASE_NOTES notes in. */
hm_status database_start(const char *folder, struct database *ret_database);

/* database_stop ends the cluster and removes its files; a database that never started is fine. */
void database_stop(struct database *database);

/* database_note_id writes the id of one of the first notes, from 1: pgbench, which knows numbers alone, makes the same. */
void database_note_id(unsigned number, char ret_id[HM_ID_TEXT_BYTES]);
