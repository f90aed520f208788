/*
 * Scratch: the cluster, and the thread that waits for signals: libpq goes on waiting through them, so nobody else could end in order.
 */
#include "scratch.h"

#include <ftw.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/cluster.h"
#include "store/migrate.h"

static struct {
	struct hm_cluster *cluster;
	char folder[SCRATCH_PATH_BYTES];
	pthread_mutex_t closing;
} scratch = { .closing = PTHREAD_MUTEX_INITIALIZER };

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type, (void)where;
	(void)remove(path);
	return 0;
}

static void remove_folder(const char *path)
{
	enum { DESCRIPTORS = 16 };

	(void)nftw(path, remove_one, DESCRIPTORS, FTW_DEPTH | FTW_PHYS);
}

/* Data is elsewhere where the server's account could not reach the folder. */
void scratch_close(void)
{
	char data[SCRATCH_PATH_BYTES];

	pthread_mutex_lock(&scratch.closing);
	if (scratch.cluster) {
		snprintf(data, sizeof data, "%s", hm_cluster_directory(scratch.cluster));
		hm_cluster_stop(scratch.cluster);
		scratch.cluster = NULL;
		remove_folder(data);
	}
	if (*scratch.folder)
		remove_folder(scratch.folder);
	*scratch.folder = '\0';
	pthread_mutex_unlock(&scratch.closing);
}

/* What ends a program from outside: Ctrl-C, kill, a terminal that is closed. */
static sigset_t ending(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGHUP);
	return signals;
}

static void *wait_for_signal(void *unused)
{
	const sigset_t signals = ending();
	int signal;

	(void)unused;
	sigwait(&signals, &signal);
	scratch_close();
	_exit(128 + signal);
}

static hm_status watch_signals(void)
{
	const sigset_t signals = ending();
	pthread_t thread;

	pthread_sigmask(SIG_BLOCK, &signals, NULL);
	if (pthread_create(&thread, NULL, wait_for_signal, NULL))
		return hm_raise(RESOURCE_EXHAUSTED, "no thread to wait for signals");
	pthread_detach(thread);
	return HM_OK;
}

hm_status scratch_open(void)
{
	const char *temporary = getenv("TMPDIR");
	char directory[SCRATCH_PATH_BYTES];
	hm_status status;

	snprintf(scratch.folder, sizeof scratch.folder, "%s/hallmark-check-XXXXXX", temporary ? temporary : "/tmp");
	if (strlen(scratch.folder) + 16 > sizeof directory || !mkdtemp(scratch.folder)) {
		*scratch.folder = '\0';
		return hm_raise_errno(UNAVAILABLE, "no folder for the scratch cluster (TMPDIR)");
	}
	snprintf(directory, sizeof directory, "%.*s/pg", (int)(sizeof directory - 4), scratch.folder);
	TRY(watch_signals());
	status = hm_cluster_start(&(struct hm_cluster_config){ .directory = directory }, &scratch.cluster);
	if (status != HM_OK)
		scratch_close();
	return status;
}

const char *scratch_dsn(void)
{
	return hm_cluster_dsn(scratch.cluster);
}

const char *scratch_admin_dsn(void)
{
	return hm_cluster_admin_dsn(scratch.cluster);
}

const char *scratch_folder(void)
{
	return scratch.folder;
}

static struct hm_migrate_config config(const char *service, const char *folder)
{
	return (struct hm_migrate_config){
		.admin_dsn = scratch_admin_dsn(), .dsn = scratch_dsn(), .service = service, .directory = folder
	};
}

hm_status scratch_admit(const char *service)
{
	struct hm_migrate_config bootstrap = config(service, NULL);

	TRY(hm_cluster_admit(scratch.cluster, service));
	return hm_migrate_bootstrap(&bootstrap);
}

hm_status scratch_migrate(const char *service, const char *folder)
{
	struct hm_migrate_config migrate = config(service, folder);

	TRY(hm_cluster_admit(scratch.cluster, service));
	return hm_migrate(&migrate);
}
