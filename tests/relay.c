/* Relay: one thread a connection; each copies both ways until an end is closed. */
#include "tests/relay.h"

#include <criterion/criterion.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

enum { CHUNK_BYTES = 65536 };

struct relay {
	char folder[64];
	struct sockaddr_un here, there;
	int listener;
	atomic_bool cut;
	pthread_t acceptor;
	struct link *links; /* the acceptor's, while it runs */
};

/* One relayed connection. */
struct link {
	struct link *next;
	struct relay *relay;
	int client, server;
	pthread_t thread;
};

static bool copy(int from, int to)
{
	char chunk[CHUNK_BYTES];
	ssize_t size = read(from, chunk, sizeof chunk);

	return size > 0 && send(to, chunk, (size_t)size, MSG_NOSIGNAL) == size;
}

static bool carry(struct link *link)
{
	struct pollfd ends[] = { { .fd = link->client, .events = POLLIN }, { .fd = link->server, .events = POLLIN } };
	char answer[CHUNK_BYTES];

	if (poll(ends, 2, -1) < 0)
		return false;
	if (ends[1].revents)
		return copy(link->server, link->client);
	if (!copy(link->client, link->server))
		return false;
	if (!atomic_exchange(&link->relay->cut, false))
		return true;
	return read(link->server, answer, sizeof answer) < 0; /* arrived, and goes no further */
}

static void break_link(const struct link *link)
{
	shutdown(link->client, SHUT_RDWR);
	shutdown(link->server, SHUT_RDWR);
}

static void *run_link(void *argument)
{
	struct link *link = argument;

	while (carry(link))
		;
	break_link(link);
	return NULL;
}

static void close_link(struct link *link)
{
	break_link(link);
	pthread_join(link->thread, NULL);
	close(link->client);
	close(link->server);
	free(link);
}

static void *accept_all(void *argument)
{
	struct relay *relay = argument;
	int client;

	while ((client = accept(relay->listener, NULL, NULL)) >= 0) {
		struct link *link = calloc(1, sizeof *link);

		*link = (struct link){ relay->links, relay, client, socket(AF_UNIX, SOCK_STREAM, 0), 0 };
		relay->links = link;
		cr_assert_eq(connect(link->server, (const struct sockaddr *)&relay->there, sizeof relay->there), 0);
		cr_assert_eq(pthread_create(&link->thread, NULL, run_link, link), 0);
	}
	return NULL;
}

/* The socket of a conninfo "host=/folder …". */
static void find_socket(const char *dsn, struct sockaddr_un *ret_address)
{
	const char *host = strstr(dsn, "host=") + strlen("host=");

	ret_address->sun_family = AF_UNIX;
	snprintf(ret_address->sun_path, sizeof ret_address->sun_path, "%.*s/.s.PGSQL.5432", (int)strcspn(host, " "),
		 host);
}

struct relay *relay_open(const char *dsn, char ret_dsn[TEST_DSN_BYTES])
{
	struct relay *relay = calloc(1, sizeof *relay);

	snprintf(relay->folder, sizeof relay->folder, "/tmp/hm-relay-XXXXXX");
	cr_assert(mkdtemp(relay->folder));
	snprintf(ret_dsn, TEST_DSN_BYTES, "%s host=%s", dsn, relay->folder);
	find_socket(dsn, &relay->there);
	find_socket(ret_dsn + strlen(dsn), &relay->here);
	relay->listener = socket(AF_UNIX, SOCK_STREAM, 0);
	cr_assert_eq(bind(relay->listener, (const struct sockaddr *)&relay->here, sizeof relay->here), 0);
	cr_assert_eq(listen(relay->listener, 8), 0);
	cr_assert_eq(pthread_create(&relay->acceptor, NULL, accept_all, relay), 0);
	return relay;
}

void relay_cut_next(struct relay *relay)
{
	atomic_store(&relay->cut, true);
}

void relay_close(struct relay *relay)
{
	shutdown(relay->listener, SHUT_RDWR);
	pthread_join(relay->acceptor, NULL);
	while (relay->links) {
		struct link *link = relay->links;

		relay->links = link->next;
		close_link(link);
	}
	close(relay->listener);
	unlink(relay->here.sun_path);
	rmdir(relay->folder);
	free(relay);
}
