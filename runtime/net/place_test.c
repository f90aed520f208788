/* Place: who has an ipc socket's path, when one comes while another is there. */
#include <criterion/criterion.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "net/port.h"

enum { PACKET_BYTES = 1 << 16 };

static char folder[] = "/tmp/hallmark-place-XXXXXX", url[80], path[64];

static void *turn_away(void *user, struct hm_pipe *pipe, const char *name)
{
	(void)user;
	(void)pipe;
	(void)name;
	return NULL;
}

static struct hm_port *open_port(void)
{
	static const struct hm_port_handler handler = { .connected = turn_away };

	return hm_port_open(&(struct hm_port_limits){ .packet_bytes_max = PACKET_BYTES }, &handler, NULL);
}

static void make_folder(void)
{
	cr_assert(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/a.sock", folder);
	snprintf(url, sizeof url, "ipc://%s", path);
}

static ino_t inode(void)
{
	struct stat info;

	return lstat(path, &info) ? 0 : info.st_ino;
}

static void is_empty(void)
{
	cr_expect_eq(rmdir(folder), 0, "something was left behind");
}

Test(place, one_that_is_listened_at_is_refused_or_taken_over_and_stays_with_its_last_owner, .timeout = 30)
{
	struct hm_port *old = open_port(), *new = open_port();
	ino_t first;

	make_folder();
	cr_assert_eq(hm_port_listen(old, url, NULL), HM_OK);
	first = inode();
	cr_expect_eq(hm_port_listen(new, url, NULL), HM_ALREADY_EXISTS);
	cr_expect_eq(inode(), first);
	cr_assert_eq(hm_port_take_over(new, url), HM_OK);
	cr_expect(inode() && inode() != first);
	hm_port_close(old);
	cr_expect(inode(), "who was taken over does not take the new one's socket away");
	hm_port_close(new);
	cr_expect(!inode());
	is_empty();
}

Test(place, what_is_no_socket_is_not_replaced, .timeout = 30)
{
	struct hm_port *port = open_port();
	int file;

	make_folder();
	file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
	cr_assert_geq(file, 0);
	close(file);
	cr_expect_eq(hm_port_listen(port, url, NULL), HM_ALREADY_EXISTS);
	cr_expect_eq(hm_port_take_over(port, url), HM_ALREADY_EXISTS);
	cr_assert_eq(unlink(path), 0);
	cr_assert_eq(hm_port_take_over(port, url), HM_OK, "where nobody is, it listens");
	cr_expect_eq(hm_port_take_over(port, "tcp://127.0.0.1:0"), HM_INVALID_ARGUMENT);
	hm_port_close(port);
	is_empty();
}
