/*
 * Cluster init: what makes a cluster before its first start, initdb and two files that say who may log in.
 *
 *     pg_hba.conf     local all all peer map=hallmark        the socket alone, and only accounts the map knows
 *     pg_ident.conf   hallmark <OS account> <role>           one line for each pair; PostgreSQL 15 has no wildcard here
 */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "store/cluster_internal.h"

enum { LOG_TAIL_BYTES = 350, MAP_MAX_BYTES = 1 << 20 };

static const char hba[] = "# Written by Hallmark: the unix socket alone, peer authentication, never trust.\n"
			  "local all all peer map=hallmark\n";
static const char map_title[] = "# Written by Hallmark: which OS account may be which role.\n";

static int remove_entry(const char *path, const struct stat *info, int type, struct FTW *walk)
{
	(void)info, (void)type, (void)walk;
	return remove(path);
}

/* A file's new content is there whole or not at all: the postmaster may read it at any time. */
static hm_status replace_file(const struct hm_cluster *cluster, const char *path, const char *text, size_t size)
{
	char part[4200];
	int fd;
	bool written;

	if ((size_t)snprintf(part, sizeof part, "%s.part", path) >= sizeof part)
		return hm_raise(FAILED_PRECONDITION, "the path is too long: %s", path);
	TRY(cluster_open(cluster, part, O_WRONLY | O_TRUNC, &fd));
	written = write(fd, text, size) == (ssize_t)size;
	if (close(fd) || !written || rename(part, path))
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", path);
	return HM_OK;
}

static hm_status read_file(const char *path, size_t max, struct hm_buffer *ret_text)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n = -1;

	if (fd >= 0)
		while (ret_text->size < max && (n = read(fd, hm_buffer_reserve(ret_text, 4096), 4096)) > 0)
			hm_buffer_advance(ret_text, (size_t)n);
	if (fd >= 0)
		close(fd);
	hm_buffer_add_text(ret_text, "");
	return n ? hm_raise_errno(UNAVAILABLE, "cannot read %s", path) : HM_OK;
}

/* The last lines since log_start; the first of them whole. */
hm_status cluster_raise_log(const struct hm_cluster *cluster, const char *what)
{
	char tail[LOG_TAIL_BYTES + 1], *text = tail;
	int fd = open(cluster->log, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END), from = end - LOG_TAIL_BYTES;
	ssize_t n;

	if (from < cluster->log_start)
		from = cluster->log_start;
	n = fd < 0 ? 0 : pread(fd, tail, LOG_TAIL_BYTES, from);
	if (fd >= 0)
		close(fd);
	tail[n > 0 ? n : 0] = 0;
	if (from > cluster->log_start && strchr(tail, '\n'))
		text = strchr(tail, '\n') + 1;
	return hm_raise(UNAVAILABLE, "%s; %s ends with:\n%s", what, cluster->log, text);
}

static hm_status run_initdb(struct hm_cluster *cluster, const char *data, bool durable)
{
	struct hm_arena *arena = &cluster->arena;
	char superuser[] = "--username=postgres", method[] = "--auth=peer", encoding[] = "--encoding=UTF8",
	     locale[] = "--locale=C.UTF-8", quiet[] = "--no-instructions", no_sync[] = "--no-sync";
	char *const argv[] = { hm_arena_printf(arena, "%s/initdb", cluster->programs),
			       hm_arena_printf(arena, "--pgdata=%s", data),
			       superuser,
			       method,
			       encoding,
			       locale,
			       quiet,
			       durable ? NULL : no_sync,
			       NULL };
	int exit_code;

	TRY(cluster_run(cluster, argv, &exit_code));
	return exit_code ? cluster_raise_log(cluster, "initdb failed") : HM_OK;
}

static hm_status make_data(struct hm_cluster *cluster, bool durable)
{
	const char *data = hm_arena_printf(&cluster->arena, "%s.new", cluster->data);

	if (access(data, F_OK) == 0 && nftw(data, remove_entry, 16, FTW_DEPTH | FTW_PHYS))
		return hm_raise_errno(UNAVAILABLE, "cannot remove the unfinished %s", data);
	TRY(run_initdb(cluster, data, durable));
	TRY(replace_file(cluster, hm_arena_printf(&cluster->arena, "%s/pg_hba.conf", data), hba, sizeof hba - 1));
	TRY(replace_file(cluster, hm_arena_printf(&cluster->arena, "%s/pg_ident.conf", data), map_title,
			 sizeof map_title - 1));
	if (rename(data, cluster->data))
		return hm_raise_errno(UNAVAILABLE, "cannot rename %s to %s", data, cluster->data);
	return HM_OK;
}

hm_status cluster_init(struct hm_cluster *cluster, bool durable)
{
	bool changed;

	if (access(cluster->data, F_OK))
		TRY(make_data(cluster, durable));
	return cluster_map_role(cluster, "postgres", &changed);
}

/* Every line has one before it (the title), so a line is found whole by the newlines around it. */
static void map_account(struct hm_buffer *map, const char *account, const char *role, bool *changed)
{
	struct hm_buffer line = { 0 };

	hm_buffer_printf(&line, "\nhallmark \"%s\" %s\n", account, role);
	if (!strstr(map->data, line.data)) {
		hm_buffer_add_text(map, line.data + 1);
		*changed = true;
	}
	hm_buffer_fini(&line);
}

hm_status cluster_map_role(const struct hm_cluster *cluster, const char *role, bool *ret_changed)
{
	struct hm_buffer path = { 0 }, map = { 0 };
	bool changed = false;
	hm_status status;

	hm_buffer_printf(&path, "%s/pg_ident.conf", cluster->data);
	status = read_file(path.data, MAP_MAX_BYTES, &map);
	if (status == HM_OK) {
		map_account(&map, cluster->caller, role, &changed);
		map_account(&map, cluster->account.name, role, &changed);
	}
	if (status == HM_OK && changed)
		status = replace_file(cluster, path.data, map.data, map.size);
	hm_buffer_fini(&path);
	hm_buffer_fini(&map);
	if (status == HM_OK && changed)
		*ret_changed = true;
	return status;
}
