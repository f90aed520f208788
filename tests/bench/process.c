/* Process: fork, exec, pipes with time-outs. */
#include "tests/bench/process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

enum { GREETING_MS = 20000, END_MS = 10000, POLL_MS = 10 };

/* What a child begins with. */
struct birth {
	const char *const *arguments;
	int input, output;
	bool with_errors; /* its standard error goes to output too */
	cpu_set_t cpus;
	pid_t parent;
};

static void choose_cpus(enum cpus part, cpu_set_t *ret_cpus)
{
	cpu_set_t all;
	int n, seen = 0;

	CPU_ZERO(&all);
	sched_getaffinity(0, sizeof all, &all);
	n = CPU_COUNT(&all);
	*ret_cpus = all;
	if (part == CPUS_ALL || n < 2)
		return;
	for (int cpu = 0; cpu < CPU_SETSIZE; cpu++)
		if (CPU_ISSET(cpu, &all) && (seen++ < n / 2) != (part == CPUS_FIRST_HALF))
			CPU_CLR(cpu, ret_cpus);
}

static cpu_set_t all_cpus;

void cpus_keep_to(enum cpus part)
{
	cpu_set_t cpus;

	sched_getaffinity(0, sizeof all_cpus, &all_cpus);
	choose_cpus(part, &cpus);
	sched_setaffinity(0, sizeof cpus, &cpus);
}

void cpus_free(void)
{
	sched_setaffinity(0, sizeof all_cpus, &all_cpus);
}

/* In the child, between fork and exec: nothing but system calls. Linux shares CPUs out by session (sched(7), autogroup): in one with its
 * server, a client would have on its own CPU what the server's many threads leave it of both. */
static void become(const struct birth *birth)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	setsid();
	sched_setaffinity(0, sizeof birth->cpus, &birth->cpus);
	if (getppid() != birth->parent || dup2(birth->input, STDIN_FILENO) < 0 ||
	    dup2(birth->output, STDOUT_FILENO) < 0 || (birth->with_errors && dup2(birth->output, STDERR_FILENO) < 0))
		_exit(126);
	execv(birth->arguments[0], (char *const *)(uintptr_t)birth->arguments);
	_exit(127);
}

static hm_status spawn(struct birth *birth, pid_t *ret_pid)
{
	pid_t pid;

	birth->parent = getpid();
	pid = fork();
	if (pid < 0)
		return hm_raise_errno(UNAVAILABLE, "fork");
	if (pid == 0)
		become(birth);
	*ret_pid = pid;
	return HM_OK;
}

/* Reads up to the next newline, which is cut off; the other end never sends more than it was asked for. */
static hm_status read_line(int fd, int timeout_ms, char ret_line[LINE_BYTES])
{
	int64_t until_us = hm_clock_mono_us() + (int64_t)timeout_ms * HM_US_PER_MS;
	size_t size = 0;

	do {
		struct pollfd poller = { .fd = fd, .events = POLLIN };
		int left_ms = (int)((until_us - hm_clock_mono_us()) / HM_US_PER_MS);
		int ready = poll(&poller, 1, left_ms > 0 ? left_ms : 0);
		ssize_t part;

		if (ready < 0)
			return hm_raise_errno(CANCELLED, "waiting for a child");
		if (ready == 0)
			return hm_raise(DEADLINE_EXCEEDED, "a child has not answered within %d ms", timeout_ms);
		part = read(fd, ret_line + size, LINE_BYTES - 1 - size);
		if (part <= 0)
			return hm_raise(UNAVAILABLE, "a child has ended early");
		size += (size_t)part;
	} while (ret_line[size - 1] != '\n' && size < LINE_BYTES - 1);
	ret_line[size - 1] = '\0';
	return HM_OK;
}

static void close_both(const int pipe_fds[2])
{
	close(pipe_fds[0]);
	close(pipe_fds[1]);
}

hm_status child_start(const char *role, const char *folder, const char *address, enum cpus cpus,
		      struct child *ret_child)
{
	const char *const arguments[] = { "/proc/self/exe", "--role", role, folder, address, NULL };
	struct birth birth = { .arguments = arguments };
	struct child child = { 0 };
	int to_child[2], from_child[2];
	hm_status status;

	if (pipe2(to_child, O_CLOEXEC))
		return hm_raise_errno(UNAVAILABLE, "pipe");
	if (pipe2(from_child, O_CLOEXEC)) {
		close_both(to_child);
		return hm_raise_errno(UNAVAILABLE, "pipe");
	}
	birth.input = to_child[0];
	birth.output = from_child[1];
	choose_cpus(cpus, &birth.cpus);
	status = spawn(&birth, &child.pid);
	if (status != HM_OK) {
		close_both(to_child);
		close_both(from_child);
		return status;
	}
	close(to_child[0]);
	close(from_child[1]);
	child.input = to_child[1];
	child.output = from_child[0];
	status = read_line(child.output, GREETING_MS, child.greeting);
	if (status != HM_OK)
		child_end(&child);
	*ret_child = child;
	return status;
}

hm_status child_tell(const struct child *child, const char *line)
{
	if (dprintf(child->input, "%s\n", line) < 0)
		return hm_raise_errno(UNAVAILABLE, "a child takes no orders");
	return HM_OK;
}

hm_status child_hear(const struct child *child, int timeout_ms, char ret_line[LINE_BYTES])
{
	return read_line(child->output, timeout_ms, ret_line);
}

/* Polled: a signal handler for one wait would cost more than it saves. */
static bool wait_for(pid_t pid, int timeout_ms)
{
	for (int waited_ms = 0; waited_ms < timeout_ms; waited_ms += POLL_MS) {
		if (waitpid(pid, NULL, WNOHANG) == pid)
			return true;
		poll(NULL, 0, POLL_MS);
	}
	return false;
}

void child_end(struct child *child)
{
	if (!child->pid)
		return;
	close(child->input);
	if (!wait_for(child->pid, END_MS)) {
		fprintf(stderr, "hallmark-bench: process %ld hangs, it is killed\n", (long)child->pid);
		kill(child->pid, SIGKILL);
		waitpid(child->pid, NULL, 0);
	}
	close(child->output);
	*child = (struct child){ 0 };
}

/* Reads to the end, whatever fits. */
static void read_all(int fd, char *ret_text, size_t size)
{
	char rest[LINE_BYTES];
	size_t length = 0;
	ssize_t part;

	while ((part = read(fd, ret_text + length, size - 1 - length)) > 0 || (part < 0 && errno == EINTR)) {
		length += part > 0 ? (size_t)part : 0;
		if (length == size - 1)
			break;
	}
	while (length == size - 1 && read(fd, rest, sizeof rest) > 0)
		;
	ret_text[length] = '\0';
}

hm_status child_output(const char *const *arguments, char *ret_text, size_t size)
{
	struct birth birth = { .arguments = arguments, .with_errors = true };
	int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC), output[2], result = 0;
	hm_status status;
	pid_t pid = 0;

	if (nothing < 0 || pipe2(output, O_CLOEXEC)) {
		close(nothing);
		return hm_raise_errno(UNAVAILABLE, "pipe");
	}
	birth.input = nothing;
	birth.output = output[1];
	choose_cpus(CPUS_ALL, &birth.cpus);
	status = spawn(&birth, &pid);
	close(nothing);
	close(output[1]);
	if (status == HM_OK) {
		read_all(output[0], ret_text, size);
		while (waitpid(pid, &result, 0) < 0 && errno == EINTR)
			;
		if (result)
			status = hm_raise(FAILED_PRECONDITION, "%s: %s", arguments[0],
					  *ret_text ? ret_text : "cannot be run");
	}
	close(output[0]);
	return status;
}
