/*
 * Against: which migrations differ from what git has at a revision, where they count as applied. One git for each folder of migrations;
 * a file that git does not have there is a new one.
 */
#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buffer.h"
#include "check.h"

extern char **environ;

static bool is_migration(const char *name)
{
	size_t size = strlen(name);

	return size > 4 && !strcmp(name + size - 4, ".sql") && !strchr(name, '/') && strcmp(name, "queries.sql") != 0;
}

static void note_edited(const struct group *group, const char *name)
{
	for (struct file *file = group->files; file; file = file->next)
		if (!strcmp(file->name, name))
			file->is_edited = true;
}

static void note_gone(struct check *check, struct group *group, const char *name)
{
	size_t n = 0;
	const char **names;

	while (group->gone && group->gone[n])
		n++;
	names = hm_arena_zalloc(&check->arena, (n + 2) * sizeof *names);
	if (n)
		memcpy(names, group->gone, n * sizeof *names);
	names[n] = hm_arena_strdup(&check->arena, name);
	group->gone = names;
}

/* "M", a NUL, the name, a NUL, … */
static void read_changes(struct check *check, struct group *group, const struct hm_buffer *out)
{
	const char *at = out->data, *end = out->data + out->size;

	while (at && at < end) {
		const char *state = at, *name = at + strlen(at) + 1;

		if (name >= end)
			return;
		at = name + strlen(name) + 1;
		if (!is_migration(name))
			continue;
		if (*state == 'D')
			note_gone(check, group, name);
		else
			note_edited(group, name);
	}
}

static hm_status read_all(int fd, struct hm_buffer *out)
{
	ssize_t n;

	while ((n = read(fd, hm_buffer_reserve(out, 4096), 4096)) != 0) {
		if (n < 0 && errno != EINTR)
			return hm_raise_errno(UNAVAILABLE, "git's answer breaks off");
		hm_buffer_advance(out, n < 0 ? 0 : (size_t)n);
	}
	hm_buffer_add(out, "", 1); /* a NUL behind all of it */
	return HM_OK;
}

/* What git says goes to `out`, its complaints to ours. */
static hm_status start_git(const struct check *check, const struct group *group, int write_end, pid_t *ret_pid)
{
	const char *const arguments[] = { "git",
					  "--no-optional-locks",
					  "-C",
					  group->folder,
					  "diff",
					  "--no-ext-diff",
					  "--no-renames",
					  "--relative",
					  "--name-status",
					  "-z",
					  "--diff-filter=MDT",
					  "--end-of-options",
					  check->against,
					  "--",
					  ".",
					  NULL };
	posix_spawn_file_actions_t actions;
	char *copy[sizeof arguments / sizeof *arguments];
	int error;

	memcpy(copy, arguments, sizeof copy);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, write_end, STDOUT_FILENO);
	error = posix_spawnp(ret_pid, "git", &actions, NULL, copy, environ);
	posix_spawn_file_actions_destroy(&actions);
	if (error) {
		errno = error;
		return hm_raise_errno(UNAVAILABLE, "--against needs git, which cannot be started");
	}
	return HM_OK;
}

static hm_status ask_git(const struct check *check, const struct group *group, struct hm_buffer *out)
{
	int ends[2], ended = 0;
	hm_status status;
	pid_t pid;

	if (pipe(ends))
		return hm_raise_errno(UNAVAILABLE, "no pipe to git");
	status = start_git(check, group, ends[1], &pid);
	close(ends[1]);
	if (status == HM_OK) {
		status = read_all(ends[0], out);
		while (waitpid(pid, &ended, 0) < 0 && errno == EINTR)
			;
	}
	close(ends[0]);
	if (status == HM_OK && ended)
		return hm_raise(INVALID_ARGUMENT, "git cannot compare %s with %s", group->folder, check->against);
	return status;
}

hm_status against_read(struct check *check)
{
	for (struct group *group = check->groups; group && check->against; group = group->next) {
		struct hm_buffer out = { 0 };
		hm_status status = group->folder ? ask_git(check, group, &out) : HM_OK;

		if (status == HM_OK && out.size)
			read_changes(check, group, &out);
		hm_buffer_fini(&out);
		TRY(status);
	}
	return HM_OK;
}
