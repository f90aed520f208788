/* Stage: the cluster, the database, the program. */
#include "tests/demo/stage.h"

#include <errno.h>
#include <fcntl.h>
#include <libpq-fe.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/clock.h"
#include "store/cluster.h"
#include "tests/child.h"

enum { READY_LIMIT_MS = 30000, END_LIMIT_MS = 10000, PATH_BYTES = 512 };

/* build/bin/hallmark-demo has its hallmark beside it. */
static hm_status find_program(char ret_program[PATH_BYTES])
{
	ssize_t length = readlink("/proc/self/exe", ret_program, PATH_BYTES - 1);
	char *slash;

	if (length < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot find this program");
	ret_program[length] = '\0';
	slash = strrchr(ret_program, '/');
	if (slash - ret_program + sizeof "/hallmark" > PATH_BYTES)
		return hm_raise(FAILED_PRECONDITION, "%s: the path is too long", ret_program);
	memcpy(slash, "/hallmark", sizeof "/hallmark");
	return HM_OK;
}

/* The last may be passed through, not listed: under root the cluster's own account must reach its pg, or its data goes to /var/tmp and stays
 * there when the folder is removed. */
static hm_status make_folders(const char *path)
{
	char part[PATH_BYTES];

	snprintf(part, sizeof part, "%s", path);
	for (char *slash = strchr(part + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		if (mkdir(part, 0755) && errno != EEXIST)
			return hm_raise_errno(FAILED_PRECONDITION, "cannot make %s", part);
		*slash = '/';
	}
	if (mkdir(part, 0711) && errno != EEXIST)
		return hm_raise_errno(FAILED_PRECONDITION, "cannot make %s", part);
	return HM_OK;
}

/* Held while the demo lives: two in one folder would end each other's database. */
static hm_status lock_folder(struct stage *stage)
{
	char path[PATH_BYTES];

	TRY(make_folders(stage->folder));
	snprintf(path, sizeof path, "%s/lock", stage->folder);
	stage->lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (stage->lock < 0)
		return hm_raise_errno(FAILED_PRECONDITION, "cannot write %s", path);
	if (flock(stage->lock, LOCK_EX | LOCK_NB))
		return hm_raise(FAILED_PRECONDITION, "another demo runs in %s; choose another with --var",
				stage->folder);
	return HM_OK;
}

/* The last run's database goes; `hallmark up` makes a new one. */
static hm_status drop_database(const struct stage *stage)
{
	char conninfo[PATH_BYTES];
	hm_status status = HM_OK;
	PGconn *connection;
	PGresult *result;

	snprintf(conninfo, sizeof conninfo, "%s dbname=postgres", hm_cluster_admin_dsn(stage->cluster));
	connection = PQconnectdb(conninfo);
	result = PQexec(connection, "DROP DATABASE IF EXISTS hallmark WITH (FORCE)");
	if (PQresultStatus(result) != PGRES_COMMAND_OK)
		status = hm_raise(UNAVAILABLE, "%s", PQerrorMessage(connection));
	PQclear(result);
	PQfinish(connection);
	return status;
}

static hm_status open_cluster(struct stage *stage)
{
	char folder[PATH_BYTES];

	snprintf(folder, sizeof folder, "%s/pg", stage->folder);
	TRY(hm_cluster_start(&(struct hm_cluster_config){ .directory = folder, .durable = true }, &stage->cluster));
	return drop_database(stage);
}

/* What the program said before it ended. */
static hm_status raise_log(const struct stage *stage)
{
	char path[PATH_BYTES], text[300] = "";
	FILE *file;

	snprintf(path, sizeof path, "%s/up.log", stage->folder);
	file = fopen(path, "r");
	if (file) {
		if (fseek(file, -(long)sizeof text + 1, SEEK_END))
			rewind(file);
		text[fread(text, 1, sizeof text - 1, file)] = '\0';
		fclose(file);
	}
	return hm_raise(UNAVAILABLE, "hallmark up did not get ready: …%s", text);
}

/* Reads what the program prints until it is ready. */
static hm_status await_ready(const struct stage *stage)
{
	int64_t limit_us = hm_clock_mono_us() + (int64_t)READY_LIMIT_MS * HM_US_PER_MS;
	struct pollfd file = { .fd = stage->up_out, .events = POLLIN };
	char text[1024] = "";
	size_t size = 0;

	while (!strstr(text, "\"ready\":true")) {
		int64_t left_us = limit_us - hm_clock_mono_us();
		ssize_t got;

		if (child_stop)
			return hm_raise(CANCELLED, "interrupted");
		if (left_us <= 0 || size == sizeof text - 1)
			return raise_log(stage);
		if (poll(&file, 1, (int)(left_us / HM_US_PER_MS) + 1) <= 0)
			continue;
		got = read(file.fd, text + size, sizeof text - 1 - size);
		if (got <= 0)
			return raise_log(stage);
		size += (size_t)got;
		text[size] = '\0';
	}
	return HM_OK;
}

static hm_status start_program(struct stage *stage)
{
	const char *const argv[] = { stage->program, "up", "--var", stage->folder, "--json", NULL };
	char log[PATH_BYTES];

	snprintf(log, sizeof log, "%s/up.log", stage->folder);
	TRY(child_start(argv, log, &stage->up, &stage->up_out));
	return await_ready(stage);
}

hm_status stage_open(const char *folder, struct stage *stage)
{
	*stage = (struct stage){ .folder = folder, .up_out = -1, .lock = -1 };
	if (strlen(folder) > PATH_BYTES / 2)
		return hm_raise(FAILED_PRECONDITION, "%s: the path is too long", folder);
	TRY(find_program(stage->program));
	TRY(lock_folder(stage));
	TRY(open_cluster(stage));
	return start_program(stage);
}

int stage_close(struct stage *stage)
{
	int exit_code = stage->up ? child_end(stage->up, END_LIMIT_MS) : -1;

	if (stage->up_out >= 0)
		close(stage->up_out);
	hm_cluster_stop(stage->cluster);
	if (stage->lock >= 0)
		close(stage->lock);
	*stage = (struct stage){ .up_out = -1, .lock = -1 };
	return exit_code;
}
