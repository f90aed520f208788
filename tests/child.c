/* Child: fork, exec, pipes. Both pipes are read as they fill, so that neither side ever waits for the other. */
#include "tests/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { READ_BYTES = 65536, NOT_STARTED = 127 };

volatile sig_atomic_t child_stop;

/* In the child: the given files as 0, 1, 2 (-1: as inherited), no blocked signals, a group that Ctrl-C does not reach. */
__attribute__((noreturn)) static void become(const char *const *argv, const int files[3], pid_t parent)
{
	sigset_t none;

	for (int i = 0; i < 3; i++)
		if (files[i] >= 0 && dup2(files[i], i) < 0)
			_exit(NOT_STARTED);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() == parent)
		execv(argv[0], (char *const *)(uintptr_t)argv);
	_exit(NOT_STARTED);
}

static hm_status start(const char *const *argv, const int files[3], pid_t *ret_pid)
{
	pid_t parent = getpid(), pid;

	if (access(argv[0], X_OK))
		return hm_raise_errno(UNAVAILABLE, "cannot run %s", argv[0]);
	pid = fork();
	if (pid < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot start %s", argv[0]);
	if (!pid)
		become(argv, files, parent);
	*ret_pid = pid;
	return HM_OK;
}

static int exit_code_of(int how)
{
	return WIFSIGNALED(how) ? 128 + WTERMSIG(how) : WEXITSTATUS(how);
}

static int wait_for(pid_t pid)
{
	int how = 0;

	while (waitpid(pid, &how, 0) < 0 && errno == EINTR)
		;
	return exit_code_of(how);
}

/* Takes what is there; false at the end. */
static bool read_some(int file, struct hm_buffer *buffer)
{
	ssize_t got = read(file, hm_buffer_reserve(buffer, READ_BYTES), READ_BYTES);

	if (got > 0)
		hm_buffer_advance(buffer, (size_t)got);
	return got > 0 || (got < 0 && (errno == EINTR || errno == EAGAIN));
}

static hm_status read_both(int out, int err, struct child_result *result)
{
	struct pollfd files[] = { { .fd = out, .events = POLLIN }, { .fd = err, .events = POLLIN } };
	struct hm_buffer *const buffers[] = { &result->out, &result->err };

	while (files[0].fd >= 0 || files[1].fd >= 0) {
		if (child_stop)
			return hm_raise(CANCELLED, "interrupted");
		if (poll(files, 2, -1) < 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (files[i].fd >= 0 && files[i].revents && !read_some(files[i].fd, buffers[i]))
				files[i].fd = -1;
	}
	return HM_OK;
}

/* What a child is given is less than a pipe holds, so nobody waits for it to be read. */
static hm_status give(int file, const char *input)
{
	size_t size = input ? strlen(input) : 0;

	if (size && write(file, input, size) != (ssize_t)size)
		return hm_raise_errno(UNAVAILABLE, "cannot write to a child");
	return HM_OK;
}

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

static void close_one(int *file)
{
	close(*file);
	*file = -1;
}

static hm_status run_over(const char *const *argv, const char *input, int in[2], int out[2], int err[2],
			  struct child_result *result)
{
	hm_status status;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) || pipe2(err, O_CLOEXEC))
		return hm_raise_errno(UNAVAILABLE, "no pipes for %s", argv[0]);
	TRY(give(in[1], input));
	TRY(start(argv, (const int[]){ in[0], out[1], err[1] }, &pid));
	close_one(&in[1]);
	close_one(&out[1]);
	close_one(&err[1]);
	status = read_both(out[0], err[0], result);
	if (status != HM_OK)
		kill(pid, SIGTERM);
	result->exit_code = wait_for(pid);
	return status;
}

hm_status child_run(const char *const *argv, const char *input, struct child_result *ret_result)
{
	int in[2] = { -1, -1 }, out[2] = { -1, -1 }, err[2] = { -1, -1 };
	struct child_result result = { 0 };
	hm_status status = run_over(argv, input, in, out, err, &result);

	close_pair(in);
	close_pair(out);
	close_pair(err);
	hm_buffer_add_text(&result.out, ""); /* so that both are texts */
	hm_buffer_add_text(&result.err, "");
	*ret_result = result;
	return status;
}

void child_fini(struct child_result *result)
{
	hm_buffer_fini(&result->out);
	hm_buffer_fini(&result->err);
}

hm_status child_start(const char *const *argv, const char *error_path, pid_t *ret_pid, int *ret_out)
{
	int out[2], err = -1;
	hm_status status;

	if (error_path && (err = open(error_path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600)) < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot write %s", error_path);
	if (pipe2(out, O_CLOEXEC)) {
		if (err >= 0)
			close(err);
		return hm_raise_errno(UNAVAILABLE, "no pipe for %s", argv[0]);
	}
	status = start(argv, (const int[]){ -1, out[1], err }, ret_pid);
	close(out[1]);
	if (err >= 0)
		close(err);
	if (status == HM_OK)
		*ret_out = out[0];
	else
		close(out[0]);
	return status;
}

int child_end(pid_t pid, int limit_ms)
{
	struct pollfd file = { .fd = pidfd_open(pid, 0), .events = POLLIN };

	kill(pid, SIGTERM);
	if (file.fd < 0 || poll(&file, 1, limit_ms) <= 0)
		kill(pid, SIGKILL);
	if (file.fd >= 0)
		close(file.fd);
	return wait_for(pid);
}
