/* Place: rename under a lock. A socket's inode lives as long as who listens at it, so its number says whose it is. */
#include "net/place.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { LOCK_TRIES = 100, LOCK_PAUSE_NS = 5000000 };

bool hm_place_init(struct hm_place *place, const char *path)
{
	static _Atomic unsigned count;
	const char *name = strrchr(path, '/');
	int folder_bytes = name ? (int)(name - path) + 1 : 0;
	int bytes = snprintf(place->own, sizeof place->own, "%.*s.%x.%x", folder_bytes, path, (unsigned)getpid(),
			     atomic_fetch_add(&count, 1));

	place->inode = 0;
	return bytes < HM_PLACE_BYTES && snprintf(place->path, sizeof place->path, "%s", path) < HM_PLACE_BYTES;
}

/* -1: the folder cannot be locked, in good time: whoever may read it could hold the lock for ever. */
static int lock_folder(const struct hm_place *place)
{
	const struct timespec pause = { .tv_nsec = LOCK_PAUSE_NS };
	char folder[HM_PLACE_BYTES];
	int file;

	memcpy(folder, place->path, sizeof folder);
	if (strrchr(folder, '/'))
		strrchr(folder, '/')[1] = '\0';
	file = open(strrchr(folder, '/') ? folder : ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; file >= 0 && i < LOCK_TRIES; i++) {
		if (!flock(file, LOCK_EX | LOCK_NB))
			return file;
		nanosleep(&pause, NULL);
	}
	if (file >= 0)
		close(file);
	return -1;
}

static void unlock_folder(int file)
{
	if (file >= 0)
		close(file);
}

static bool somebody_listens(const char *path)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int file = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	bool is_refused;

	memcpy(address.sun_path, path, HM_PLACE_BYTES);
	is_refused = file >= 0 && connect(file, (const struct sockaddr *)&address, sizeof address) &&
		     (errno == ECONNREFUSED || errno == ENOENT);
	if (file >= 0)
		close(file);
	return !is_refused;
}

static bool is_free(const struct hm_place *place, bool takes_over)
{
	struct stat info;

	if (lstat(place->path, &info))
		return errno == ENOENT;
	return S_ISSOCK(info.st_mode) && (takes_over || !somebody_listens(place->path));
}

int hm_place_take(struct hm_place *place, bool takes_over)
{
	int lock = lock_folder(place), number = 0;
	struct stat info;

	if (lstat(place->own, &info))
		number = errno;
	else if (!is_free(place, takes_over))
		number = EADDRINUSE;
	else if (rename(place->own, place->path))
		number = errno;
	unlock_folder(lock);
	if (!number) {
		place->device = info.st_dev;
		place->inode = info.st_ino;
	}
	return number;
}

/* Without the lock another might come between the look and the step: then the socket stays, and refuses who connects. */
void hm_place_leave(struct hm_place *place)
{
	int lock = place->inode ? lock_folder(place) : -1;
	struct stat info;

	if (lock >= 0 && !lstat(place->path, &info) && info.st_dev == place->device && info.st_ino == place->inode)
		unlink(place->path);
	place->inode = 0;
	unlock_folder(lock);
}
