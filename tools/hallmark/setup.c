/* Setup: keys, cluster, migrations of a local platform. */
#include "setup.h"

#include <errno.h>
#include <pthread.h>
#include <sys/stat.h>

#include "crypto/key.h"
#include "host/services.h"
#include "store/migrate.h"

/* The folder may be passed through but not listed: under root the cluster's own account must reach var/pg. What is secret in it
 * (keys, tokens, sockets) lies in folders of mode 0700. */
static hm_status make_folder(const char *path)
{
	if (mkdir(path, 0711) && errno != EEXIST)
		return hm_raise_errno(UNAVAILABLE, "cannot make the folder %s", path);
	return HM_OK;
}

static hm_status make_key(const char *folder, const char *name)
{
	hm_status status = hm_key_generate(folder, name);

	return status == HM_ALREADY_EXISTS ? HM_OK : status;
}

hm_status setup_keys(const struct options *options)
{
	char folder[PATH_BYTES], name[HM_KEY_NAME_BYTES];

	TRY(make_folder(options->var));
	var_path(options, "keys", folder);
	TRY(make_key(folder, "operator"));
	TRY(make_key(folder, "identity"));
	for (const struct hm_service *const *service = hm_services; *service; service++) {
		snprintf(name, sizeof name, "service-%s", (*service)->table->short_name);
		TRY(make_key(folder, name));
	}
	return HM_OK;
}

hm_status setup_cluster(const struct options *options, struct hm_cluster **ret_cluster, const char **ret_dsn)
{
	char folder[PATH_BYTES];

	*ret_cluster = NULL;
	*ret_dsn = options->dsn;
	if (options->dsn)
		return HM_OK;
	TRY(make_folder(options->var));
	var_path(options, "pg", folder);
	step(options, "cluster", "PostgreSQL in %s", folder);
	TRY(hm_cluster_start(&(struct hm_cluster_config){ .directory = folder, .durable = true }, ret_cluster));
	*ret_dsn = hm_cluster_dsn(*ret_cluster);
	for (const struct hm_service *const *service = hm_services; *service; service++)
		TRY(hm_cluster_admit(*ret_cluster, (*service)->table->short_name));
	return HM_OK;
}

/* One service's migration, on a thread of its own. */
struct migration {
	struct hm_migrate_config config;
	char directory[PATH_BYTES];
	pthread_t thread;
	bool has_thread;
	hm_status status;
	struct hm_error error;
};

static void *migrate_one(void *user)
{
	struct migration *migration = user;

	migration->status = hm_migrate(&migration->config);
	if (migration->status != HM_OK)
		migration->error = *hm_error_get();
	return NULL;
}

static void on_step(void *user, const char *service, const char *what)
{
	step(user, "migrate", "%-12s %s", service, what);
}

static void start_migration(struct migration *migration, const struct hm_migrate_progress *progress,
			    const struct hm_service *service, const char *admin_dsn, const char *dsn)
{
	snprintf(migration->directory, sizeof migration->directory, "services/%s/migrations",
		 service->table->short_name);
	migration->config = (struct hm_migrate_config){
		.admin_dsn = admin_dsn,
		.dsn = dsn,
		.service = service->table->short_name,
		.directory = migration->directory,
		.progress = progress,
	};
	migration->has_thread = !pthread_create(&migration->thread, NULL, migrate_one, migration);
	if (!migration->has_thread)
		migrate_one(migration);
}

hm_status setup_migrate(const struct options *options, const struct hm_service *const *services, const char *admin_dsn,
			const char *dsn)
{
	struct options shown = *options;
	const struct hm_migrate_progress progress = { .user = &shown, .step = on_step };
	struct migration migrations[LIST_MAX] = { 0 };
	hm_status status = HM_OK;
	size_t n = 0;

	for (; services[n] && n < LIST_MAX; n++)
		if (services[n]->table->schema)
			start_migration(&migrations[n], &progress, services[n], admin_dsn, dsn);
	for (size_t i = 0; i < n; i++) {
		if (migrations[i].has_thread)
			pthread_join(migrations[i].thread, NULL);
		if (status == HM_OK && migrations[i].status != HM_OK)
			status = hm_error_set(&migrations[i].error);
	}
	return status;
}
