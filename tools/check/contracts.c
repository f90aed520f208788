/*
 * Contracts: the other half of the check, a program of its own beside this one (tools/check-contracts): it unpacks protoc's descriptors, and
 * libpg_query brings a protobuf-c that must not meet the one they are made for. It prints a finding a line, as JSON.
 */
#include "contracts.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATH_BYTES = 512, ARGUMENTS_MAX = 1024 };

static const char program[] = "hallmark-check-contracts";

struct child {
	pid_t pid;
	FILE *output;
};

static hm_status find_program(char ret_path[PATH_BYTES])
{
	ssize_t size = readlink("/proc/self/exe", ret_path, PATH_BYTES);
	char *name = size > 0 ? memrchr(ret_path, '/', (size_t)size) : NULL;

	if (!name || (size_t)(name + 1 - ret_path) + sizeof program > PATH_BYTES)
		return hm_raise(INTERNAL, "cannot tell where this program is, beside which %s belongs", program);
	memcpy(name + 1, program, sizeof program);
	return access(ret_path, X_OK) ? hm_raise_errno(NOT_FOUND, "%s cannot be started", ret_path) : HM_OK;
}

/* Its errors go where ours go. */
static hm_status start(const char *path, const char **arguments, struct child *ret_child)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, 0))
		return hm_raise_errno(UNAVAILABLE, "no pipe for %s", program);
	pid = fork();
	if (pid == 0) {
		dup2(ends[1], STDOUT_FILENO);
		close(ends[0]);
		close(ends[1]);
		execv(path, (char *const *)(uintptr_t)arguments);
		_exit(127);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return hm_raise_errno(UNAVAILABLE, "%s cannot be started", path);
	}
	*ret_child = (struct child){ pid, fdopen(ends[0], "r") };
	return HM_OK;
}

static hm_status end(const struct child *child)
{
	int status;

	fclose(child->output);
	while (waitpid(child->pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0)
		return HM_OK;
	return hm_raise(UNAVAILABLE, "the contracts could not be checked: %s ended with %d", program,
			WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

/* Each line is an object; what is none ends the reading. */
static hm_status each_line(const struct child *child, void (*take)(void *user, const json_t *line), void *user)
{
	char *line = NULL;
	size_t capacity = 0;
	hm_status status = HM_OK;

	while (status == HM_OK && getline(&line, &capacity, child->output) > 0) {
		json_t *object = json_loads(line, 0, NULL);

		if (json_is_object(object))
			take(user, object);
		else
			status = hm_raise(INTERNAL, "%s printed what is no finding: %.80s", program, line);
		json_decref(object);
	}
	free(line);
	return status;
}

static hm_status run(const char **arguments, void (*take)(void *user, const json_t *line), void *user)
{
	char path[PATH_BYTES];
	struct child child = { 0 };
	hm_status status, ended;

	TRY(find_program(path));
	arguments[0] = program;
	TRY(start(path, arguments, &child));
	status = each_line(&child, take, user);
	ended = end(&child);
	return status == HM_OK ? ended : status;
}

static const char *text(struct check *check, const json_t *object, const char *key)
{
	const char *value = json_string_value(json_object_get(object, key));

	return hm_arena_strdup(&check->arena, value ? value : "");
}

static void take_finding(void *user, const json_t *line)
{
	struct check *check = user;

	finding_add_at(check, text(check, line, "rule"), text(check, line, "file"),
		       (unsigned)json_integer_value(json_object_get(line, "line")),
		       (unsigned)json_integer_value(json_object_get(line, "column")), text(check, line, "message"));
}

hm_status contracts_check(struct check *check)
{
	const char *arguments[ARGUMENTS_MAX + 8] = { NULL };
	size_t n = 1;

	if (!check->contract_root && !check->contracts)
		return HM_OK;
	if (check->contract_root) {
		arguments[n++] = "--root";
		arguments[n++] = check->contract_root;
	}
	if (check->against) {
		arguments[n++] = "--against";
		arguments[n++] = check->against;
	}
	for (const struct contract *one = check->contracts; one; one = one->next) {
		if (n == ARGUMENTS_MAX)
			return hm_raise(INVALID_ARGUMENT, "more than %d contracts at once; name their folder",
					ARGUMENTS_MAX);
		arguments[n++] = one->path;
	}
	return run(arguments, take_finding, check);
}

static void take_rule(void *user, const json_t *line)
{
	struct contract_rules *rules = user;
	struct contract_rule *rule = hm_arena_zalloc(&rules->check->arena, sizeof *rule), **tail = &rules->first;

	while (*tail)
		tail = &(*tail)->next;
	*tail = rule;
	rule->name = text(rules->check, line, "rule");
	rule->category = text(rules->check, line, "category");
	rule->summary = text(rules->check, line, "summary");
}

hm_status contracts_rules(struct check *check, const struct contract_rule **ret_first)
{
	const char *arguments[] = { NULL, "--rules", NULL };
	struct contract_rules rules = { .check = check };

	TRY(run(arguments, take_rule, &rules));
	*ret_first = rules.first;
	return HM_OK;
}
