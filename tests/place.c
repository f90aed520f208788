/*
 * Place: a database is some hundred files, and a run makes hundreds of databases. A file system in memory makes and removes a file in
 * a fraction of the time of one on a disk, which looks for places that are not of a file removed lately.
 */
#include "tests/place.h"

#include <ftw.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static const char memory[] = "/dev/shm";

/* Databases go as their tests end; what remains is the write-ahead log (max_wal_size is 1 GB) and a few databases. */
static const uint64_t room_bytes = (uint64_t)2 << 30;

void place_root(char ret_root[PLACE_BYTES])
{
	ssize_t length = readlink("/proc/self/exe", ret_root, 200);

	ret_root[length < 0 ? 0 : length] = '\0';
	*strrchr(ret_root, '/') = '\0';
	strcat(ret_root, "/data");
	mkdir(ret_root, 0755);
}

static bool has_room(void)
{
	struct statvfs info;

	return !access(memory, W_OK | X_OK) && !statvfs(memory, &info) &&
	       (uint64_t)info.f_bavail * info.f_frsize >= room_bytes;
}

bool place_of_cluster(const char *root, char ret_path[PLACE_BYTES])
{
	int start = snprintf(ret_path, PLACE_BYTES, "%s/", memory);
	snprintf(ret_path + start, PLACE_BYTES - (size_t)start, "hallmark-%u%s", (unsigned)getuid(), root);
	for (char *slash = ret_path + start; (slash = strchr(slash, '/')); slash++)
		*slash = '-';
	if (!access(ret_path, F_OK) || has_room()) /* what a killed run has left is gone on with, and goes at the end */
		return true;
	snprintf(ret_path, PLACE_BYTES, "%s/pg", root);
	return false;
}

static int remove_one(const char *path, const struct stat *info, int type, struct FTW *where)
{
	(void)info, (void)type, (void)where;
	return remove(path);
}

void place_remove(const char *folder)
{
	(void)nftw(folder, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

void place_remove_cluster(struct hm_cluster *cluster)
{
	char folder[PLACE_BYTES], pid_file[PLACE_BYTES + 32];

	snprintf(folder, sizeof folder, "%s", hm_cluster_directory(cluster));
	snprintf(pid_file, sizeof pid_file, "%s/data/postmaster.pid", folder);
	hm_cluster_stop(cluster);
	if (access(pid_file, F_OK))
		place_remove(folder);
}
