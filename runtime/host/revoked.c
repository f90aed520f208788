/* Revoked: one file, one thread. What was once read stays revoked as long as the process lives, whatever becomes of the file. */
#include "host/revoked.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "base/sleep.h"

enum { PERIOD_MS = 500, PATH_BYTES = 4096, ID_BYTES_MAX = 128, FILE_BYTES_MAX = 1 << 20, LINE_BYTES = 256 };

struct hm_revoked {
	char path[PATH_BYTES];
	struct hm_lease *lease;
	struct stat seen; /* of the file as it was last read */
	bool is_bad; /* and said so */
	pthread_t thread;
	bool has_thread, is_closing;
	pthread_mutex_t lock;
	pthread_cond_t changed;
};

static hm_status make_path(const char *keys, char ret_path[PATH_BYTES])
{
	if (snprintf(ret_path, PATH_BYTES, "%s/revoked", keys) >= PATH_BYTES)
		return hm_raise(INVALID_ARGUMENT, "the keys folder's path is too long");
	return HM_OK;
}

/* What tokens call themselves: printable, and no blank in it. */
static size_t id_span(const char *text)
{
	size_t n = 0;

	while (text[n] > ' ' && text[n] < 0x7f)
		n++;
	return n;
}

static hm_status put_line(struct hm_revoked *revoked, char *line, unsigned number)
{
	size_t size = id_span(line);

	if (!size || size > ID_BYTES_MAX || (line[size] != ' ' && line[size] != '\n' && line[size] != '\0'))
		return hm_raise(DATA_LOSS, "%s:%u: no token id", revoked->path, number);
	line[size] = '\0';
	hm_lease_put_revocation(revoked->lease, NULL, line, INT64_MAX, INT64_MAX);
	return HM_OK;
}

static hm_status check_file(const struct hm_revoked *revoked, const struct stat *info)
{
	if (!S_ISREG(info->st_mode) || (info->st_uid != geteuid() && info->st_uid != 0) || info->st_mode & 022)
		return hm_raise(FAILED_PRECONDITION, "%s: others may write it, or it is no file: chmod 644",
				revoked->path);
	if (info->st_size > FILE_BYTES_MAX)
		return hm_raise(FAILED_PRECONDITION, "%s: more than %d bytes: take out what has expired", revoked->path,
				FILE_BYTES_MAX);
	return HM_OK;
}

static bool is_as_seen(const struct stat *seen, const struct stat *info)
{
	return seen->st_ino == info->st_ino && seen->st_size == info->st_size && seen->st_mode == info->st_mode &&
	       seen->st_mtim.tv_sec == info->st_mtim.tv_sec && seen->st_mtim.tv_nsec == info->st_mtim.tv_nsec;
}

static hm_status read_lines(struct hm_revoked *revoked, FILE *file)
{
	char line[LINE_BYTES];

	for (unsigned number = 1; fgets(line, sizeof line, file); number++)
		TRY(put_line(revoked, line, number));
	return ferror(file) ? hm_raise_errno(UNAVAILABLE, "cannot read %s", revoked->path) : HM_OK;
}

static hm_status read_file(struct hm_revoked *revoked, FILE *file)
{
	struct stat info;

	if (fstat(fileno(file), &info))
		return hm_raise_errno(UNAVAILABLE, "%s", revoked->path);
	if (is_as_seen(&revoked->seen, &info))
		return HM_OK;
	TRY(check_file(revoked, &info));
	TRY(read_lines(revoked, file));
	revoked->seen = info;
	return HM_OK;
}

static hm_status look(struct hm_revoked *revoked)
{
	int64_t asked_us = hm_clock_mono_us();
	int descriptor = open(revoked->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold us up */
	FILE *file = descriptor < 0 ? NULL : fdopen(descriptor, "r");
	hm_status status = HM_OK;

	if (file)
		status = read_file(revoked, file);
	else if (errno != ENOENT)
		status = hm_raise_errno(UNAVAILABLE, "cannot open %s", revoked->path);
	if (file)
		fclose(file);
	if (status == HM_OK)
		hm_lease_renew(revoked->lease, HM_LEASE_TOKENS, asked_us);
	return status;
}

/* A file gone bad, or good again, is said once. */
static void note(struct hm_revoked *revoked, hm_status status)
{
	bool is_bad = status != HM_OK;

	if (is_bad != revoked->is_bad)
		hm_log(is_bad ? HM_LOG_ERROR : HM_LOG_INFO,
		       is_bad ? "revoked tokens cannot be read: operators and services are refused until they can"
			      : "revoked tokens can be read again",
		       "error", is_bad ? hm_error_get()->message : NULL, NULL);
	revoked->is_bad = is_bad;
}

/* Waits for the next look; false: it is closing. */
static bool rest(struct hm_revoked *revoked)
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)PERIOD_MS * HM_US_PER_MS;
	bool goes_on;

	pthread_mutex_lock(&revoked->lock);
	while (!revoked->is_closing && hm_clock_mono_us() < until_us)
		hm_sleep_on(&revoked->changed, &revoked->lock, until_us);
	goes_on = !revoked->is_closing;
	pthread_mutex_unlock(&revoked->lock);
	return goes_on;
}

static void *watch(void *user)
{
	struct hm_revoked *revoked = user;

	while (rest(revoked))
		note(revoked, look(revoked));
	return NULL;
}

hm_status hm_revoked_open(const char *keys, struct hm_lease *lease, struct hm_revoked **ret_revoked)
{
	SCOPED(hm_revoked) revoked = calloc(1, sizeof *revoked);

	if (!revoked)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory to watch revoked tokens");
	pthread_mutex_init(&revoked->lock, NULL);
	pthread_cond_init(&revoked->changed, NULL);
	revoked->lease = lease;
	TRY(make_path(keys, revoked->path));
	TRY(look(revoked));
	if (pthread_create(&revoked->thread, NULL, watch, revoked))
		return hm_raise(RESOURCE_EXHAUSTED, "no thread to watch revoked tokens");
	revoked->has_thread = true;
	*ret_revoked = take(&revoked);
	return HM_OK;
}

void hm_revoked_close(struct hm_revoked *revoked)
{
	if (!revoked)
		return;
	pthread_mutex_lock(&revoked->lock);
	revoked->is_closing = true;
	pthread_cond_broadcast(&revoked->changed);
	pthread_mutex_unlock(&revoked->lock);
	if (revoked->has_thread)
		pthread_join(revoked->thread, NULL);
	pthread_cond_destroy(&revoked->changed);
	pthread_mutex_destroy(&revoked->lock);
	free(revoked);
}

/* A last line without its end, by hand or by a full disk, would make one id of its own and ours: neither were void then. */
static bool ends_in_line(int descriptor, off_t size)
{
	char last;

	return !size || (pread(descriptor, &last, 1, size - 1) == 1 && last == '\n');
}

static bool add_line(int descriptor, const char *id)
{
	char time[HM_TIME_BYTES], line[LINE_BYTES];
	struct stat info;
	int length;

	if (flock(descriptor, LOCK_EX) || fstat(descriptor, &info)) /* else two at once might both end the last line */
		return false;
	hm_time_format(hm_clock_wall_us(), time);
	length = snprintf(line, sizeof line, "%s%s %s\n", ends_in_line(descriptor, info.st_size) ? "" : "\n", id, time);
	return write(descriptor, line, (size_t)length) == length && !fsync(descriptor);
}

hm_status hm_revoked_add(const char *keys, const char *id)
{
	char path[PATH_BYTES];
	size_t size = id_span(id);
	bool is_written;
	int descriptor;

	if (!size || size > ID_BYTES_MAX || id[size] || !strncmp(id, "v4.", 3))
		return hm_raise(INVALID_ARGUMENT,
				"not a token's id (its jti; the log's entries say it, not the token)");
	TRY(make_path(keys, path));
	descriptor = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (descriptor < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	is_written = add_line(descriptor, id);
	if (close(descriptor) || !is_written)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	return HM_OK;
}
