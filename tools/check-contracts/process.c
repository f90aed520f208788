/* Process: posix_spawnp; output goes through a file in the folder, so that nobody waits for a full pipe. */
#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 1 << 16, FOLDERS_OPEN_MAX = 16, PATH_BYTES = 4096 };

hm_status folder_make(char ret_folder[FOLDER_BYTES])
{
	const char *place = getenv("TMPDIR");
	int size =
		snprintf(ret_folder, FOLDER_BYTES, "%s/hallmark-check-XXXXXX", place && *place == '/' ? place : "/tmp");

	if (size < 0 || size >= FOLDER_BYTES)
		return hm_raise(INVALID_ARGUMENT, "TMPDIR is too long: %s", place);
	if (!mkdtemp(ret_folder))
		return hm_raise_errno(UNAVAILABLE, "no temporary folder %s", ret_folder);
	return HM_OK;
}

static int remove_one(const char *path, const struct stat *stat, int kind, struct FTW *place)
{
	(void)stat, (void)kind, (void)place;
	remove(path);
	return 0;
}

void folder_remove(const char *folder)
{
	nftw(folder, remove_one, FOLDERS_OPEN_MAX, FTW_DEPTH | FTW_PHYS);
}

hm_status file_read(const char *path, struct hm_buffer *bytes)
{
	int file = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t got;

	if (file < 0)
		return hm_raise_errno(NOT_FOUND, "cannot open %s", path);
	do {
		got = read(file, hm_buffer_reserve(bytes, READ_BYTES), READ_BYTES);
		if (got > 0)
			hm_buffer_advance(bytes, (size_t)got);
	} while (got > 0);
	close(file);
	hm_buffer_add_text(bytes, "");
	return got < 0 ? hm_raise_errno(INTERNAL, "cannot read %s", path) : HM_OK;
}

static int spawn(const char *const *argv, const char *output, pid_t *ret_pid)
{
	posix_spawn_file_actions_t files;
	int error;

	posix_spawn_file_actions_init(&files);
	posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&files, 1, output, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND, 0600);
	posix_spawn_file_actions_adddup2(&files, 1, 2);
	error = posix_spawnp(ret_pid, argv[0], &files, NULL, (char *const *)(uintptr_t)argv, environ);
	posix_spawn_file_actions_destroy(&files);
	return error;
}

hm_status process_run(const char *const *argv, const char *folder, struct hm_buffer *words, int *ret_exit)
{
	char output[PATH_BYTES];
	int how = 0;
	pid_t pid;

	snprintf(output, sizeof(output), "%s/output", folder);
	errno = spawn(argv, output, &pid);
	if (errno)
		return hm_raise_errno(UNAVAILABLE, "cannot run %s", argv[0]);
	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	if (!WIFEXITED(how))
		return hm_raise(UNAVAILABLE, "%s ended by signal %d", argv[0], WTERMSIG(how));
	*ret_exit = WEXITSTATUS(how);
	return file_read(output, words);
}
