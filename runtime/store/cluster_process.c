/*
 * Cluster processes: initdb and postgres as children under an unprivileged account. Between fork and exec only
 * async-signal-safe calls: the caller may be full of threads. The child keeps nothing of the caller's: no descriptors,
 * no environment (PGDATA, PGPORT … would be obeyed), no signal mask, no terminal whose Ctrl-C would reach it first.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/cluster_internal.h"

enum { EXIT_BECOME = 126, EXIT_EXEC = 127, PAUSE_MAX_MS = 50 };

static const int reset_signals[] = { SIGINT, SIGTERM, SIGQUIT, SIGHUP, SIGPIPE, SIGCHLD, SIGUSR1, SIGUSR2 };

static void reset_signal_state(void)
{
	sigset_t none;

	for (size_t i = 0; i < sizeof reset_signals / sizeof *reset_signals; i++)
		signal(reset_signals[i], SIG_DFL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static bool set_up_descriptors(int log_fd)
{
	int null_fd = open("/dev/null", O_RDONLY);

	return null_fd >= 0 && dup2(null_fd, 0) == 0 && dup2(log_fd, 1) == 1 && dup2(log_fd, 2) == 2 &&
	       close_range(3, ~0U, 0) == 0;
}

static bool become_account(const struct cluster_account *account)
{
	if (!account->is_other)
		return true;
	return setgroups(1, &account->gid) == 0 && setgid(account->gid) == 0 && setuid(account->uid) == 0;
}

/* In the child. The death signal is set after setuid, which clears it; the parent may have died before that. */
static _Noreturn void become(const struct cluster_account *account, int log_fd, pid_t parent, char *const argv[])
{
	static char path[] = "PATH=/usr/bin:/bin", locale[] = "LC_ALL=C.UTF-8", zone[] = "TZ=UTC";
	static char *const environment[] = { path, locale, zone, NULL };

	reset_signal_state();
	setsid();
	umask(077);
	if (!set_up_descriptors(log_fd) || !become_account(account) || chdir("/"))
		_exit(EXIT_BECOME);
	if (prctl(PR_SET_PDEATHSIG, SIGINT) || getppid() != parent)
		_exit(EXIT_BECOME);
	execve(argv[0], argv, environment);
	_exit(EXIT_EXEC);
}

hm_status cluster_spawn(const struct hm_cluster *cluster, char *const argv[], pid_t *ret_pid)
{
	pid_t parent = getpid(), child;
	int log_fd;

	TRY(cluster_open(cluster, cluster->log, O_WRONLY | O_APPEND, &log_fd));
	child = fork();
	if (child == 0)
		become(&cluster->account, log_fd, parent, argv);
	close(log_fd);
	if (child < 0)
		return hm_raise_errno(RESOURCE_EXHAUSTED, "cannot start %s", argv[0]);
	*ret_pid = child;
	return HM_OK;
}

hm_status cluster_run(const struct hm_cluster *cluster, char *const argv[], int *ret_exit_code)
{
	pid_t child;
	int wait_status;

	TRY(cluster_spawn(cluster, argv, &child));
	while (waitpid(child, &wait_status, 0) < 0)
		if (errno != EINTR)
			return hm_raise_errno(INTERNAL, "cannot wait for %s", argv[0]);
	*ret_exit_code = WIFEXITED(wait_status) ? WEXITSTATUS(wait_status) : 128 + WTERMSIG(wait_status);
	return HM_OK;
}

/* A small file of /proc as text; NULs, which stand between arguments, become spaces. */
static void read_proc(const char *pid, const char *name, char *ret_text, size_t size)
{
	char path[64];
	ssize_t n = -1;
	int fd;

	snprintf(path, sizeof path, "/proc/%.16s/%s", pid, name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0) {
		n = read(fd, ret_text, size - 1);
		close(fd);
	}
	ret_text[n > 0 ? n : 0] = 0;
	for (ssize_t i = 0; i < n; i++)
		if (!ret_text[i])
			ret_text[i] = ' ';
}

static bool serves(const char *pid, const char *cluster_name)
{
	char text[4096];

	read_proc(pid, "comm", text, sizeof text);
	if (strcmp(text, "postgres\n"))
		return false;
	read_proc(pid, "cmdline", text, sizeof text);
	return strstr(text, cluster_name);
}

/* Every process of the cluster shows its cluster_name to everybody. postmaster.pid alone would name a stranger once its
 * number has been given out again, and misses backends that outlived a killed postmaster; /proc/N/cwd is closed to a
 * container's root. */
bool cluster_is_served(const struct hm_cluster *cluster)
{
	DIR *processes = opendir("/proc");
	const struct dirent *entry;
	bool found = false;

	while (processes && !found && (entry = readdir(processes)))
		found = entry->d_name[0] >= '1' && entry->d_name[0] <= '9' && serves(entry->d_name, cluster->name);
	if (processes)
		closedir(processes);
	return found;
}

bool cluster_pause(int postmaster_fd, int *pause_ms)
{
	struct pollfd end = { .fd = postmaster_fd, .events = POLLIN };
	int n = poll(&end, 1, *pause_ms);

	*pause_ms = *pause_ms * 2 > PAUSE_MAX_MS ? PAUSE_MAX_MS : *pause_ms * 2;
	return n > 0;
}
