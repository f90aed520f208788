/* Who may connect over ipc: the process's own user and root, and those who are listed. Needs root, to be somebody else. */
#include <criterion/criterion.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "net/port.h"
#include "tests/rpc_world.h"

enum { NOBODY = 65534, SOMEBODY = 65533, PATIENCE_MS = 10000 };

enum ending { GREETED, HUNG_UP, NOT_CONNECTED, NEITHER };

/* In a process of its own, as another user, with nothing but system calls: what became of a connection. */
static enum ending knock(const char *path, uid_t user)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	struct pollfd ready = { .fd = socket(AF_UNIX, SOCK_STREAM, 0), .events = POLLIN };
	char byte;

	memcpy(address.sun_path, path, strlen(path) + 1);
	if (setresuid(user, user, user) || connect(ready.fd, (struct sockaddr *)&address, sizeof address))
		return NOT_CONNECTED;
	if (poll(&ready, 1, PATIENCE_MS) != 1)
		return NEITHER;
	return read(ready.fd, &byte, 1) == 1 ? GREETED : HUNG_UP;
}

static enum ending knock_as(const struct rpc_world *world, uid_t user)
{
	pid_t child = fork();
	int status = 0;

	if (!child)
		_exit(knock(world->url + strlen("ipc://"), user));
	cr_assert_eq(waitpid(child, &status, 0), child);
	cr_assert(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void open_for(struct rpc_world *world, const uid_t *users, size_t n_users)
{
	const struct hm_port_limits limits = { .users = users, .n_users = n_users };

	rpc_world_open_with(world, "ipc", &(struct hm_server_config){ .limits = &limits });
	cr_assert_eq(chmod(world->folder, 0711), 0);
}

Test(ipc, other_users_cannot_even_open_the_socket, .timeout = 60)
{
	struct rpc_world world;

	if (geteuid() != 0)
		cr_skip("needs root");
	open_for(&world, NULL, 0);
	cr_expect_eq(knock_as(&world, 0), GREETED);
	cr_expect_eq(knock_as(&world, NOBODY), NOT_CONNECTED);
	cr_assert_eq(chmod(world.url + strlen("ipc://"), 0666), 0);
	cr_expect_eq(knock_as(&world, NOBODY), HUNG_UP, "and if the mode were wrong, they would be turned away");
	rpc_world_close(&world);
}

Test(ipc, a_listed_user_is_let_in_and_no_other, .timeout = 60)
{
	static const uid_t users[] = { NOBODY };
	struct rpc_world world;

	if (geteuid() != 0)
		cr_skip("needs root");
	open_for(&world, users, 1);
	cr_expect_eq(knock_as(&world, 0), GREETED);
	cr_expect_eq(knock_as(&world, NOBODY), GREETED);
	cr_expect_eq(knock_as(&world, SOMEBODY), HUNG_UP);
	rpc_world_close(&world);
}
