/* Setup: keys, cluster, migrations of a local platform. */
#include "setup.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/key.h"
#include "host/services.h"
#include "migrations.h"

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

hm_status setup_alone(const struct options *options)
{
	int folder;

	TRY(make_folder(options->var));
	folder = open(options->var, O_RDONLY | O_DIRECTORY | O_CLOEXEC); /* closed with the process */
	if (folder < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot open the folder %s", options->var);
	if (!flock(folder, LOCK_EX | LOCK_NB))
		return HM_OK;
	close(folder);
	return hm_raise(
		FAILED_PRECONDITION,
		"another hallmark up runs in %s: end it first, or give this one a folder of its own (--var DIR)",
		options->var);
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

int64_t setup_contract_gap_s(const struct options *options)
{
	return options->dsn ? HM_CONTRACT_GAP_S : HM_CONTRACT_GAP_NONE;
}

hm_status setup_migrate(const struct options *options, const struct hm_service *const *services, const char *admin_dsn,
			const char *dsn)
{
	struct migrations migrations;
	hm_status status;

	migrations_init(&migrations, options, services, admin_dsn, dsn, setup_contract_gap_s(options));
	status = migrations_run(&migrations, migrations_apply);
	migrations_fini(&migrations);
	return status;
}
