/*
 * Migrations: the schemas of several services side by side, a few at a time, for each has a connection.
 */
#pragma once
#include "command.h"
#include "store/migrate.h"

/* One service's. Texts of its state live in its arena. */
struct migrations_job {
	const struct options *options;
	struct hm_migrate_config config;
	struct hm_migrate_progress progress;
	char directory[PATH_BYTES];
	hm_status status;
	struct hm_error error; /* of a status that is not OK */
	struct hm_arena arena;
	struct hm_migrate_state state;
	unsigned tenths; /* of a backfill, already told */
};

struct migrations {
	struct migrations_job jobs[LIST_MAX];
	size_t n;
};

/* What is done for a service. */
typedef hm_status migrations_action(struct migrations_job *job);
migrations_action migrations_apply, migrations_bootstrap, migrations_inspect, migrations_try;

/* migrations_init lists those of the services (NULL-terminated) that have a schema. admin_dsn NULL: roles must exist. The gap is
 * that of the options, if they say one. Texts are borrowed. migrations_fini frees what was found out. */
void migrations_init(struct migrations *migrations, const struct options *options,
		     const struct hm_service *const *services, const char *admin_dsn, const char *dsn,
		     int64_t contract_gap_s);
void migrations_fini(struct migrations *migrations);

/* migrations_run does it for each; the first failure in their order, after all have ended. */
hm_status migrations_run(struct migrations *migrations, migrations_action *action);
