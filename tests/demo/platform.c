/* Platform: a child that is waited for, commands in a pipe, one connection to the database. */
#include "platform.h"

#include <errno.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "host/services.h"
#include "store/cluster.h"

#define VAR "var/demo"

enum { ARGUMENTS_MAX = 32, CONTEXTS_MAX = 16, CHANNELS_MAX = 8, PATH_BYTES = 512 };

struct platform {
	char program[PATH_BYTES]; /* hallmark, beside this one */
	pid_t child;
	struct hm_cluster *cluster; /* joined: the child runs it */
	PGconn *database;
	struct hm_context *contexts[CONTEXTS_MAX];
	size_t n_contexts;
	struct hm_channel *channels[CHANNELS_MAX];
};

static void find_program(char ret_path[PATH_BYTES])
{
	ssize_t length = readlink("/proc/self/exe", ret_path, PATH_BYTES - sizeof "/hallmark");
	char *slash;

	ret_path[length < 0 ? 0 : length] = '\0';
	slash = strrchr(ret_path, '/');
	snprintf(slash ? slash : ret_path, sizeof "/hallmark", "/hallmark");
}

/* Starts a program with pipes for what it reads and writes; it ends when this process does. */
static pid_t spawn(const char *const *arguments, int *ret_input, int *ret_output)
{
	int in[2], out[2];
	pid_t parent = getpid(), child;

	if (pipe(in) || pipe(out))
		return -1;
	child = fork();
	if (child) {
		close(in[0]);
		close(out[1]);
		*ret_input = in[1];
		*ret_output = out[0];
		return child;
	}
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	dup2(in[0], STDIN_FILENO);
	dup2(out[1], STDOUT_FILENO);
	close(in[1]);
	close(out[0]);
	if (getppid() == parent)
		execv(arguments[0], (char *const *)(uintptr_t)arguments);
	_exit(127);
}

static void read_all(int file, struct hm_buffer *ret_text)
{
	char part[4096];
	ssize_t size;

	while ((size = read(file, part, sizeof part)) > 0 || (size < 0 && errno == EINTR))
		if (size > 0)
			hm_buffer_add(ret_text, part, (size_t)size);
}

/* Runs a program to its end. */
static int run(const char *const *arguments, const char *input, struct hm_buffer *ret_output)
{
	int in, out, status;
	pid_t child = spawn(arguments, &in, &out);

	if (child < 0)
		return -1;
	if (input && write(in, input, strlen(input)) < 0)
		perror("demo: write");
	close(in);
	read_all(out, ret_output);
	close(out);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR)
		;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static hm_status remove_last(void)
{
	static const char *const rm[] = { "/bin/rm", "-rf", VAR, NULL };
	struct hm_buffer output = { 0 };
	int status = run(rm, NULL, &output);

	hm_buffer_fini(&output);
	if (status)
		return hm_raise(UNAVAILABLE, "cannot remove the last demo's folder " VAR);
	if (mkdir("var", 0711) && errno != EEXIST)
		return hm_raise_errno(UNAVAILABLE, "cannot make the folder var");
	return HM_OK;
}

/* `hallmark up --json` says {"ready":true} once it serves; if it ends before, its own words are on stderr. */
static hm_status start_child(struct platform *platform)
{
	const char *const up[] = { platform->program, "up", "--json", "--var", VAR, NULL };
	int in, out;
	char line[64] = "";
	FILE *output;

	platform->child = spawn(up, &in, &out);
	if (platform->child < 0)
		return hm_raise_errno(UNAVAILABLE, "cannot start %s", platform->program);
	close(in);
	output = fdopen(out, "r");
	if (!output || !fgets(line, sizeof line, output) || !strstr(line, "\"ready\":true"))
		return hm_raise(UNAVAILABLE, "the platform did not start: see above");
	fclose(output);
	return HM_OK;
}

static hm_status open_database(struct platform *platform)
{
	TRY(hm_cluster_start(&(struct hm_cluster_config){ .directory = VAR "/pg", .durable = true },
			     &platform->cluster));
	platform->database = PQconnectdb(hm_cluster_admin_dsn(platform->cluster));
	if (PQstatus(platform->database) != CONNECTION_OK)
		return hm_raise(UNAVAILABLE, "%s", PQerrorMessage(platform->database));
	return HM_OK;
}

static hm_status open_channels(struct platform *platform)
{
	char url[PATH_BYTES];

	for (size_t i = 0; hm_services[i] && i < CHANNELS_MAX; i++) {
		snprintf(url, sizeof url, "ipc://" VAR "/run/%s.sock", hm_services[i]->table->short_name);
		TRY(hm_channel_open_url(url, &platform->channels[i]));
	}
	return HM_OK;
}

hm_status platform_start(struct platform **ret_platform)
{
	SCOPED(platform) platform = calloc(1, sizeof *platform);

	if (!platform)
		return hm_raise(RESOURCE_EXHAUSTED, "no memory");
	signal(SIGPIPE, SIG_IGN);
	find_program(platform->program);
	TRY(hm_crypto_init());
	TRY(remove_last());
	TRY(start_child(platform));
	TRY(open_database(platform));
	TRY(open_channels(platform));
	*ret_platform = take(&platform);
	return HM_OK;
}

void platform_stop(struct platform *platform)
{
	if (!platform)
		return;
	for (size_t i = 0; i < platform->n_contexts; i++)
		hm_context_close(platform->contexts[i]);
	for (size_t i = 0; i < CHANNELS_MAX; i++)
		hm_channel_close(platform->channels[i]);
	PQfinish(platform->database);
	hm_cluster_stop(platform->cluster);
	if (platform->child > 0) {
		kill(platform->child, SIGTERM);
		while (waitpid(platform->child, NULL, 0) < 0 && errno == EINTR)
			;
	}
	free(platform);
}

/* As a user would type it: what has blanks or quotes in quotes, without the demo's own folder. */
static void show_command(const char *const *arguments)
{
	printf("    $ hallmark");
	for (; *arguments; arguments++)
		printf(strpbrk(*arguments, " {\"") ? " '%s'" : " %s", *arguments);
	putchar('\n');
}

static void show_output(const struct hm_buffer *output)
{
	const char *at = output->data;

	while (at && *at) {
		size_t length = strcspn(at, "\n");

		printf("      %.*s\n", (int)length, at);
		at += length + (at[length] == '\n');
	}
	fflush(stdout);
}

int platform_run(struct platform *platform, bool shown, const char *input, struct hm_buffer *ret_output, ...)
{
	const char *arguments[ARGUMENTS_MAX + 4] = { platform->program };
	size_t n = 1;
	va_list list;
	int status;

	va_start(list, ret_output);
	while (n < ARGUMENTS_MAX && (arguments[n] = va_arg(list, const char *)))
		n++;
	va_end(list);
	arguments[n] = NULL;
	if (shown)
		show_command(arguments + 1);
	fflush(stdout);
	arguments[n++] = "--var";
	arguments[n++] = VAR;
	arguments[n] = NULL;
	status = run(arguments, input, ret_output);
	if (shown)
		show_output(ret_output);
	return status;
}

hm_status platform_context(struct platform *platform, const char *brand, const char *as,
			   struct hm_context **ret_context)
{
	struct hm_buffer token = { 0 };
	int exit_status = platform_run(platform, false, NULL, &token, "token", "--brand", brand, "--as", as, NULL);
	hm_status status;

	if (exit_status || !token.size || platform->n_contexts == CONTEXTS_MAX)
		status = hm_raise(UNAUTHENTICATED, "no token for %s@%s", as, brand);
	else {
		token.data[strcspn(token.data, "\n")] = '\0';
		status = hm_context_open(brand, token.data, ret_context);
	}
	if (status == HM_OK)
		platform->contexts[platform->n_contexts++] = *ret_context;
	if (token.data)
		explicit_bzero(token.data, token.size);
	hm_buffer_fini(&token);
	return status;
}

struct hm_channel *platform_channel(struct platform *platform, const char *service)
{
	for (size_t i = 0; hm_services[i] && i < CHANNELS_MAX; i++)
		if (!strcmp(hm_services[i]->table->short_name, service))
			return platform->channels[i];
	abort(); /* the demo knows what it calls */
}

int64_t platform_sql(struct platform *platform, const char *sql)
{
	PGresult *result = PQexec(platform->database, sql);
	int64_t value = 0;

	if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result))
		value = strtoll(PQgetvalue(result, 0, 0), NULL, 10);
	else if (PQresultStatus(result) != PGRES_COMMAND_OK && PQresultStatus(result) != PGRES_TUPLES_OK) {
		fprintf(stderr, "demo: %s", PQerrorMessage(platform->database));
		value = -1;
	}
	PQclear(result);
	return value;
}
