/* Fleet: a folder for each place, and the process that serves there now. */
#include "tests/fleet.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "crypto/crypto.h"
#include "tests/child.h"
#include "tests/cli.h"

enum { END_MS = 20000 };

static const char *const served[FLEET_PLACES][2] = { { "platform", "identity" },
						     { "accounting", NULL },
						     { "accounting", NULL } };

static struct fleet_member {
	char var[80], ipc[200], tcp[60], errors[100];
	pid_t pid;
} members[FLEET_PLACES];

static char folder[64], dsn[TEST_DSN_BYTES], connect_to[2][120];

static void remove_folder(void)
{
	char command[100];

	snprintf(command, sizeof command, "rm -rf %s", folder);
	if (system(command))
		fprintf(stderr, "tests: %s is left behind\n", folder);
}

/* A port that was free a moment ago. */
static unsigned free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof address;
	int file = socket(AF_INET, SOCK_STREAM, 0);

	cr_assert_eq(bind(file, (struct sockaddr *)&address, size), 0);
	cr_assert_eq(getsockname(file, (struct sockaddr *)&address, &size), 0);
	close(file);
	return ntohs(address.sin_port);
}

static void make_member(enum fleet_place place, bool has_tcp)
{
	struct fleet_member *member = &members[place];
	char keys[100];

	cr_assert_lt(place, FLEET_PLACES);
	snprintf(member->var, sizeof member->var, "%s/%d", folder, (int)place);
	snprintf(member->ipc, sizeof member->ipc, "ipc://%.60s/%d/run/%s.sock", folder, (int)place, served[place][0]);
	snprintf(member->errors, sizeof member->errors, "%.60s/%d/errors", folder, (int)place);
	if (has_tcp && place != FLEET_PLATFORM)
		snprintf(member->tcp, sizeof member->tcp, "tcp://127.0.0.1:%u", free_port());
	cr_assert_eq(mkdir(member->var, 0700), 0);
	snprintf(keys, sizeof keys, "%.70s/keys", member->var);
	cr_assert_eq(symlink(test_keys_folder(), keys), 0);
}

static void read_line(int out)
{
	char byte = 0;

	while (byte != '\n')
		cr_assert_eq(read(out, &byte, 1), 1, "the process ended before it was ready");
}

/* Returns when it is ready: its first line says so. */
static pid_t start(enum fleet_place place)
{
	struct fleet_member *member = &members[place];
	const char *argv[16] = { cli_program(), "serve" };
	size_t n = 2;
	pid_t pid;
	int out;

	for (size_t i = 0; i < 2 && served[place][i]; i++)
		argv[n++] = served[place][i];
	for (size_t i = 0; i < 2 && place != FLEET_PLATFORM; i++) {
		argv[n++] = "--connect";
		argv[n++] = connect_to[i];
	}
	argv[n++] = "--dsn";
	argv[n++] = dsn;
	argv[n++] = "--var";
	argv[n++] = member->var;
	argv[n++] = "--json";
	if (*member->tcp) {
		argv[n++] = "--listen";
		argv[n++] = member->tcp;
	}
	must(child_start(argv, member->errors, &pid, &out));
	read_line(out);
	close(out);
	return pid;
}

static void end(pid_t pid)
{
	cr_assert_eq(child_end(pid, END_MS), 0);
}

void fleet_begin(const char *database, bool has_tcp)
{
	must(hm_crypto_init());
	snprintf(folder, sizeof folder, "/tmp/hallmark-fleet-XXXXXX");
	cr_assert(mkdtemp(folder));
	atexit(remove_folder);
	snprintf(dsn, sizeof dsn, "%s", database);
	for (size_t i = 0; i < 2; i++)
		snprintf(connect_to[i], sizeof connect_to[i], "%s=ipc://%s/0/run/%s.sock", served[FLEET_PLATFORM][i],
			 folder, served[FLEET_PLATFORM][i]);
	for (enum fleet_place place = 0; place < FLEET_PLACES; place++) {
		make_member(place, has_tcp);
		members[place].pid = start(place);
	}
}

const char *fleet_ipc(enum fleet_place place)
{
	return members[place].ipc;
}

const char *fleet_tcp(enum fleet_place place)
{
	return members[place].tcp;
}

void fleet_take_over(enum fleet_place place)
{
	pid_t former = members[place].pid;

	members[place].pid = start(place);
	end(former);
}

void fleet_restart(enum fleet_place place)
{
	end(members[place].pid);
	members[place].pid = start(place);
}

void fleet_end(void)
{
	for (enum fleet_place place = FLEET_PLACES; place-- > 0;)
		end(members[place].pid);
}
