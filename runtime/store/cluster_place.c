/*
 * Cluster place: where a cluster's files are and whose they are. Directories below /tmp and /var/tmp can be made by
 * anybody beforehand, so what is found is used only if it is a real directory that belongs to the server's account.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/cluster_internal.h"

/* sun_path holds 107 bytes and a NUL; the longest name postgres puts there is its lock file's. */
enum { SOCKET_PATH_MAX = 107 - (int)sizeof "/.s.PGSQL.5432" };

static const char safe_characters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789/._-";

static hm_status make_parents(char *path)
{
	for (char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		if (mkdir(path, 0755) && errno != EEXIST)
			return hm_raise_errno(FAILED_PRECONDITION, "cannot make directory %s", path);
		*slash = '/';
	}
	return HM_OK;
}

static bool is_empty(const char *directory)
{
	DIR *entries = opendir(directory);
	const struct dirent *entry;
	bool empty = entries != NULL;

	while (empty && (entry = readdir(entries)))
		empty = !strcmp(entry->d_name, ".") || !strcmp(entry->d_name, "..");
	if (entries)
		closedir(entries);
	return empty;
}

static hm_status look_at_directory(const char *path, struct stat *ret_info)
{
	if (lstat(path, ret_info))
		return hm_raise_errno(FAILED_PRECONDITION, "cannot look at %s", path);
	if (!S_ISDIR(ret_info->st_mode))
		return hm_raise(FAILED_PRECONDITION, "%s is not a directory", path);
	return HM_OK;
}

/* A directory of the server's account: made, taken over if it is empty and ours to give, or refused. */
static hm_status own_directory(const struct cluster_account *account, const char *path)
{
	struct stat info;
	bool is_ours;

	if (mkdir(path, 0700) && errno != EEXIST)
		return hm_raise_errno(FAILED_PRECONDITION, "cannot make directory %s", path);
	TRY(look_at_directory(path, &info));
	if (info.st_uid == account->uid)
		return HM_OK;
	is_ours = info.st_uid == geteuid() && is_empty(path);
	if (!is_ours) /* another process may have given it away, and begun in it, since the look at it */
		TRY(look_at_directory(path, &info));
	if (info.st_uid == account->uid)
		return HM_OK;
	if (!is_ours)
		return hm_raise(FAILED_PRECONDITION,
				"%s belongs to uid %u, not to %s, and is not empty: choose another directory", path,
				(unsigned)info.st_uid, account->name);
	if (lchown(path, account->uid, account->gid))
		return hm_raise_errno(FAILED_PRECONDITION, "cannot give %s to %s", path, account->name);
	return HM_OK;
}

static hm_status set_account(struct hm_cluster *cluster, const struct passwd *entry)
{
	cluster->account = (struct cluster_account){ .name = hm_arena_strdup(&cluster->arena, entry->pw_name),
						     .uid = entry->pw_uid,
						     .gid = entry->pw_gid,
						     .is_other = entry->pw_uid != geteuid() };
	return HM_OK;
}

/* Data that somebody unprivileged made stays theirs when root starts it. */
static const struct passwd *owner_of_data(const char *directory)
{
	struct stat info;
	char data[PATH_MAX];

	snprintf(data, sizeof data, "%s/data", directory);
	return lstat(data, &info) == 0 && info.st_uid ? getpwuid(info.st_uid) : NULL;
}

static hm_status choose_account(struct hm_cluster *cluster, const char *directory)
{
	static const char *const unprivileged[] = { "postgres", "nobody" };
	const struct passwd *entry = getpwuid(geteuid());

	if (!entry)
		return hm_raise(FAILED_PRECONDITION,
				"uid %u has no name; peer authentication needs one: add it to /etc/passwd",
				(unsigned)geteuid());
	cluster->caller = hm_arena_strdup(&cluster->arena, entry->pw_name);
	if (geteuid())
		return set_account(cluster, entry);
	entry = owner_of_data(directory);
	for (size_t i = 0; !entry && i < sizeof unprivileged / sizeof *unprivileged; i++)
		entry = getpwnam(unprivileged[i]);
	if (!entry || !entry->pw_uid)
		return hm_raise(FAILED_PRECONDITION, "postgres refuses to run as root: add an account named postgres");
	return set_account(cluster, entry);
}

/* FNV-1a: the same name each time, so that a second start finds what the first made. */
static const char *name_of(struct hm_arena *arena, const char *absolute)
{
	uint64_t hash = 0xcbf29ce484222325;

	for (const char *c = absolute; *c; c++)
		hash = (hash ^ (unsigned char)*c) * 0x100000001b3;
	return hm_arena_printf(arena, "hallmark-%016llx", (unsigned long long)hash);
}

static void set_directory(struct hm_cluster *cluster, const char *absolute)
{
	struct hm_arena *arena = &cluster->arena;

	cluster->name = name_of(arena, absolute);
	cluster->directory = hm_arena_strdup(arena, absolute);
	cluster->data = hm_arena_printf(arena, "%s/data", absolute);
	cluster->log = hm_arena_printf(arena, "%s/log", absolute);
	cluster->lock = hm_arena_printf(arena, "%s/lock", absolute);
}

/* Asked as the account itself: only the kernel knows every way a path can be closed. */
static hm_status can_reach(const struct hm_cluster *cluster, bool *ret_reachable)
{
	struct hm_arena arena = { 0 };
	char test[] = "/usr/bin/test", writable[] = "-w", both[] = "-a", searchable[] = "-x";
	char *path = hm_arena_strdup(&arena, cluster->directory);
	char *const argv[] = { test, writable, path, both, searchable, path, NULL };
	int exit_code = 0;
	hm_status status = HM_OK;

	if (cluster->account.is_other)
		status = cluster_run(cluster, argv, &exit_code);
	*ret_reachable = exit_code == 0;
	hm_arena_fini(&arena);
	return status;
}

/* Who removed the configured directory meant to be rid of the cluster, wherever its data had to go. */
static hm_status remove_former(const struct hm_cluster *cluster)
{
	struct hm_arena arena = { 0 };
	char rm[] = "/bin/rm", flags[] = "-rf", *data = hm_arena_strdup(&arena, cluster->data);
	char *const argv[] = { rm, flags, data, NULL };
	int exit_code;
	hm_status status = cluster_run(cluster, argv, &exit_code);

	hm_arena_fini(&arena);
	return status;
}

static hm_status move_outside(struct hm_cluster *cluster)
{
	const char *outside = hm_arena_printf(&cluster->arena, "/var/tmp/%s", cluster->name);
	bool is_new;
	int log_fd;

	TRY(cluster_open(cluster, cluster->log, O_WRONLY | O_APPEND, &log_fd));
	is_new = lseek(log_fd, 0, SEEK_END) == 0;
	if (is_new)
		dprintf(log_fd, "hallmark: account %s cannot reach %s; the cluster and its log are in %s\n",
			cluster->account.name, cluster->directory, outside);
	close(log_fd);
	TRY(own_directory(&cluster->account, outside));
	set_directory(cluster, outside);
	return is_new ? remove_former(cluster) : HM_OK;
}

static bool fits_socket(const char *path)
{
	size_t length = strlen(path);

	return length <= SOCKET_PATH_MAX && strspn(path, safe_characters) == length;
}

/* Reads the link to a socket directory in /tmp; false if there is none, or what it names is no longer the account's. */
static bool find_linked_sockets(struct hm_cluster *cluster, const char *link)
{
	char target[SOCKET_PATH_MAX + 1];
	ssize_t length = readlink(link, target, sizeof target);
	struct stat info;

	if (length <= 0 || (size_t)length == sizeof target)
		return false;
	target[length] = 0;
	if (lstat(target, &info) || !S_ISDIR(info.st_mode) || info.st_uid != cluster->account.uid ||
	    (info.st_mode & 077))
		return false;
	cluster->sockets = hm_arena_strdup(&cluster->arena, target);
	return true;
}

hm_status cluster_place_sockets(struct hm_cluster *cluster)
{
	const char *inside = hm_arena_printf(&cluster->arena, "%s/s", cluster->directory);
	char elsewhere[] = "/tmp/hallmark-XXXXXX";

	if (fits_socket(inside)) {
		cluster->sockets = inside;
		return own_directory(&cluster->account, inside);
	}
	if (find_linked_sockets(cluster, inside))
		return HM_OK;
	if (!mkdtemp(elsewhere) || lchown(elsewhere, cluster->account.uid, cluster->account.gid))
		return hm_raise_errno(UNAVAILABLE, "cannot make a directory for sockets in /tmp");
	if ((unlink(inside) && errno != ENOENT) || symlink(elsewhere, inside))
		return hm_raise_errno(UNAVAILABLE, "cannot remember %s as %s", elsewhere, inside);
	cluster->sockets = hm_arena_strdup(&cluster->arena, elsewhere);
	return HM_OK;
}

void cluster_leave_sockets(const struct hm_cluster *cluster)
{
	if (cluster->sockets && strncmp(cluster->sockets, cluster->directory, strlen(cluster->directory)))
		rmdir(cluster->sockets);
}

static hm_status find_directory(struct hm_cluster *cluster, const char *directory)
{
	char absolute[PATH_MAX];

	TRY(make_parents(hm_arena_strdup(&cluster->arena, directory)));
	TRY(choose_account(cluster, directory));
	TRY(own_directory(&cluster->account, directory));
	if (!realpath(directory, absolute))
		return hm_raise_errno(FAILED_PRECONDITION, "cannot find %s", directory);
	set_directory(cluster, absolute);
	return HM_OK;
}

hm_status cluster_place(struct hm_cluster *cluster, const char *directory)
{
	bool reachable;

	if (!*directory)
		return hm_raise(INVALID_ARGUMENT, "a cluster needs a directory");
	TRY(find_directory(cluster, directory));
	TRY(can_reach(cluster, &reachable));
	if (!reachable)
		TRY(move_outside(cluster));
	return HM_OK;
}

hm_status cluster_open(const struct hm_cluster *cluster, const char *path, int flags, int *ret_fd)
{
	int fd = open(path, flags | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot open %s", path);
	if (cluster->account.is_other && fchown(fd, cluster->account.uid, cluster->account.gid)) {
		hm_status status = hm_raise_errno(UNAVAILABLE, "cannot give %s to %s", path, cluster->account.name);

		close(fd);
		return status;
	}
	*ret_fd = fd;
	return HM_OK;
}

hm_status cluster_lock(const struct hm_cluster *cluster, int *ret_fd)
{
	int fd, result;

	TRY(cluster_open(cluster, cluster->lock, O_RDWR, &fd));
	while ((result = flock(fd, LOCK_EX)) && errno == EINTR)
		;
	if (result) {
		hm_status status = hm_raise_errno(UNAVAILABLE, "cannot lock %s", cluster->lock);

		close(fd);
		return status;
	}
	*ret_fd = fd;
	return HM_OK;
}
